"""The tasks, one file of one shape each: see :mod:`fovea.engine.tasks.shape`."""
