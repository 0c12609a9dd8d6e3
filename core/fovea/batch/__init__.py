"""Batch: every picture of a site answered exactly once, whatever stops on the way.

:func:`run_batch` scans the site's folder, plans what is missing, lets worker processes lease chunks of it, and is
done when each picture has a result or a reason in quarantine and each unit its decisions. Workers are programs of
their own (``python -c``, not ``multiprocessing``): the caller's ``__main__`` is not imported a second time, their
environment (one thread each) is fixed before any library loads, and they end when the caller does.
"""

from fovea.batch.run import BatchSummary, Patience, run_batch

__all__ = ["BatchSummary", "Patience", "run_batch"]
