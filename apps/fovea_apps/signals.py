"""Ctrl-C and ``kill``: the first asks long work to stop after its current piece, the second breaks it off."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn, TypeAlias

from fovea_apps.output import tell

Handler: TypeAlias = Callable[[int, FrameType | None], None]
_WORD = "fovea: stopping after the current piece; once more breaks it off"


class StopFlag:
    """Whether a stop was asked for; called by long work between two pieces.

    Args:
        word: said when a stop is asked for; empty where the work stops at once and speaks for itself.
    """

    def __init__(self, word: str = _WORD) -> None:
        self._asked, self._word = False, word

    def __call__(self) -> bool:
        """Whether a stop was asked for."""
        return self._asked

    def ask(self, number: int, frame: FrameType | None) -> None:
        """Take a signal: note the first, break off at the second.

        Raises:
            KeyboardInterrupt: a stop was asked for before.
        """
        if self._asked:
            _break_off(number, frame)
        self._asked = True
        if self._word:
            tell(self._word)


@contextmanager
def stoppable(*, word: str = _WORD) -> Iterator[StopFlag]:
    """For the time of long work, a signal sets the flag that is handed out, and ``word`` is said."""
    flag = StopFlag(word)
    with _handling(flag.ask, signal.SIGINT, signal.SIGTERM):
        yield flag


@contextmanager
def terminable() -> Iterator[None]:
    """For the time of a command, ``kill`` ends it as Ctrl-C does: everything open is closed first."""
    with _handling(_break_off, signal.SIGTERM):
        yield


@contextmanager
def _handling(handler: Handler, *numbers: signal.Signals) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set handlers, and only it is told
        return
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old if old is not None else signal.SIG_DFL)


def _break_off(number: int, frame: FrameType | None) -> NoReturn:
    del number, frame
    raise KeyboardInterrupt
