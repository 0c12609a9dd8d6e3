"""A stream's ``open`` read in a thread of its own, so that its silence can be heard and a stop can be obeyed."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any, Final

from fovea.errors import FoveaError, PluginError
from fovea.plugin import DomainInfo
from fovea.registry import blamed

OVER: Final = object()
NOTHING: Final = object()


class Incoming:
    """What a stream brings, one thing at a time.

    The stream is asked for the next thing only when :meth:`taken` said that the last one is dealt with; ``ahead``
    many may wait, so that reading and working overlap.

    Args:
        stream: opens it.
        ahead: how many may wait.
        info: whose fault it is where it breaks.
        part: the function to mend then.
    """

    def __init__(self, stream: Callable[[], Iterator[Any]], *, ahead: int, info: DomainInfo, part: str) -> None:
        self._stream, self._info, self._part = stream, info, part
        self._waiting: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._room = threading.Semaphore(ahead)
        threading.Thread(target=self._read, name="stream", daemon=True).start()

    def next(self, seconds: float) -> Any:
        """The next thing; ``NOTHING`` where none came in time, ``OVER`` where the stream ended.

        Raises:
            FoveaError: the stream broke.
        """
        try:
            item = self._waiting.get(timeout=seconds)
        except queue.Empty:
            return NOTHING
        if isinstance(item, FoveaError):
            raise item
        return item

    def taken(self) -> None:
        """The thing is dealt with."""
        self._room.release()

    def left(self) -> Iterator[Any]:
        """What waits already, should nobody ask for more."""
        while not self._waiting.empty():
            item = self._waiting.get()
            if item is OVER or isinstance(item, FoveaError):
                return
            yield item

    def _read(self) -> None:
        try:
            with blamed(self._info, self._part):
                self._room.acquire()
                for item in self._stream():
                    self._waiting.put(item)
                    self._room.acquire()
        except FoveaError as error:
            self._waiting.put(error)
        except BaseException as error:  # noqa: BLE001 - the owner waits for an answer
            self._waiting.put(PluginError(self._info.name, self._part, f"raised {type(error).__name__}"))
        else:
            self._waiting.put(OVER)
