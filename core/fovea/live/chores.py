"""What is done beside the streams, again and again: batches over what came in, telling listeners."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from fovea.errors import FoveaError, Stopped

_log = logging.getLogger("fovea.live")
_POLL_S = 0.1

TRIES = 5
"""Failures in a row after which a chore waits for something new: a watch over streams that ended must end too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chore:
    """Something to be done beside the streams.

    Args:
        name: for the log.
        run: given a function that is true once a stop was asked for; answers whether there is more to do, although
            nothing new arrives.
        every_s: seconds between two runs.
        on_arrival: True where it is to be done only when a stream brought something, or there is more to do.
    """

    name: str
    run: Callable[[Callable[[], bool]], bool]
    every_s: float
    on_arrival: bool


class Chores:
    """The chores, each in a thread of its own. One that fails is logged and tried again."""

    def __init__(self, chores: Sequence[Chore]) -> None:
        self._stop = threading.Event()
        self._threads = [_Thread(chore, self._stop) for chore in chores]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.begin()

    def something_arrived(self) -> None:
        """A stream brought something."""
        for thread in self._threads:
            thread.want()

    def are_done(self) -> bool:
        """True where those that wait for arrivals have nothing left to do."""
        return all(thread.is_done for thread in self._threads if thread.chore.on_arrival)

    def stop(self) -> None:
        """Let each finish what it has in hand."""
        self._stop.set()
        for thread in self._threads:
            thread.join()


@dataclass(slots=True)
class _Thread:
    chore: Chore
    stop: threading.Event
    wanted: threading.Event = field(default_factory=threading.Event)
    busy: bool = False
    _failed: int = 0
    _complaint: str = ""
    _thread: threading.Thread | None = None

    def begin(self) -> None:
        self.want()  # something may have been left from before
        self._thread = threading.Thread(target=self._loop, name=self.chore.name, daemon=True)
        self._thread.start()

    def want(self) -> None:
        self._failed = 0
        self.wanted.set()

    @property
    def is_done(self) -> bool:
        return not self.wanted.is_set() and not self.busy

    def join(self) -> None:
        if self._thread is not None:
            self._thread.join()

    def _loop(self) -> None:
        due = 0.0
        while not self.stop.is_set():
            if time.monotonic() >= due and (self.wanted.is_set() or not self.chore.on_arrival):
                self._do()
                due = time.monotonic() + self.chore.every_s
            self.stop.wait(_POLL_S)

    def _do(self) -> None:
        self.busy = True
        self.wanted.clear()
        try:
            again = self.chore.run(self.stop.is_set)
            self._failed, self._complaint = 0, ""
        except Stopped:
            again = True
        except BaseException as error:  # noqa: BLE001 - what fails beside the streams must not end them
            again = self._failure(error)
        if again:
            self.wanted.set()
        self.busy = False

    def _failure(self, error: BaseException) -> bool:
        """Log it, once for as long as it is so; True where it is worth another try before something new arrives."""
        self._failed += 1
        complaint = f"{type(error).__name__}: {error}"
        known, self._complaint = complaint == self._complaint, complaint
        if isinstance(error, FoveaError) and not known:
            _log.warning("%s: %s", self.chore.name, error)
        elif not known:
            _log.error("%s failed", self.chore.name, exc_info=error)
        return self._failed < TRIES
