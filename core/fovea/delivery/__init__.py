"""Delivery: events go from the outbox to each listener, at least once and in order by subject.

:func:`deliver` is one pass over what is due. It may be called at any moment and by several processes at once: each
event is claimed before it is told. A listener that fails or hangs holds up neither the caller nor the others.
"""

from fovea.delivery.passing import Delivered, deliver
from fovea.delivery.retry import Retry

__all__ = ["Delivered", "Retry", "deliver"]
