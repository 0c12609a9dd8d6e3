"""A stream's ``open`` read in a thread of its own, so that its silence can be heard and a stop can be obeyed."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import Any, Final

from fovea.errors import FoveaError, PluginError

OVER: Final = object()
NOTHING: Final = object()


class Incoming:
    """What a stream brings, one thing at a time.

    The stream is asked for the next thing only when :meth:`taken` said that the last one is dealt with; ``ahead``
    many may wait, so that reading and working overlap.
    """

    def __init__(self, stream: Iterator[Any], ahead: int) -> None:
        self._stream = stream
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

    def _read(self) -> None:
        try:
            self._room.acquire()
            for item in self._stream:
                self._waiting.put(item)
                self._room.acquire()
        except FoveaError as error:
            self._waiting.put(error)
        except Exception as error:  # noqa: BLE001 - the owner waits for an answer
            self._waiting.put(PluginError("fovea", "stream", f"{type(error).__name__}: {error}"))
        else:
            self._waiting.put(OVER)
