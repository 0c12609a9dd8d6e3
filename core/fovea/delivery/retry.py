"""How much patience listeners are given: every number of the delivery, in one frozen value."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from zlib import crc32


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """When an event is told again to a listener that failed, and when it is given up on.

    The waits double from half a minute, which a restart takes, to an hour, which a person takes to look. A day in all
    outlasts a night without a broker or a mail server; an alarm older than that is read in the report or in ``fovea
    events list --dead``, not on a telephone. With the defaults there are 30 waits, so the 31st failure is the last:

    >>> waits = [Retry(spread=0).wait("e1", failed) for failed in range(1, 31)]
    >>> str(waits[0]), str(waits[6]), str(waits[7]), str(sum(waits, timedelta()))
    ('0:00:30', '0:32:00', '1:00:00', '1 day, 0:03:30')
    >>> Retry().wait("e1", 31) is None
    True

    Args:
        first_s: wait after the first failure, in seconds; each further one is twice as long.
        longest_s: no wait is longer.
        spread: share of a wait by which it is drawn longer or shorter at most, so that what failed together does not
            come back together. Drawn from the event's id and the count of failures, the same each time; 0 fixes it.
        attempts: failures after which an event is a dead letter.
        patience_s: seconds a listener may take for one event; past them it counts as failed.
        claim_s: seconds for which an event that is being told is nobody else's; more than ``patience_s``. So long a
            killed process may delay an event.
        in_a_row: failures of one listener in a row after which it is left alone until the next pass.
        hanging: calls of one listener that may hang in this process before it is called no more; a thread cannot be
            ended from outside.
    """

    first_s: float = 30.0
    longest_s: float = 3600.0
    spread: float = 0.1
    attempts: int = 31
    patience_s: float = 20.0
    claim_s: float = 60.0
    in_a_row: int = 3
    hanging: int = 8

    def wait(self, event_id: str, failed: int) -> timedelta | None:
        """How long to wait after the ``failed``-th failure, None where it was the last."""
        if failed >= self.attempts:
            return None
        seconds = min(self.first_s * 2.0 ** min(failed - 1, 60), self.longest_s)
        drawn = crc32(f"{event_id} {failed}".encode("utf-8", "surrogatepass")) / 0xFFFFFFFF
        return timedelta(seconds=seconds * (1 + self.spread * (2 * drawn - 1)))
