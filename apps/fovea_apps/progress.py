"""Progress as plain lines, for log files and pipes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TextIO

SECONDS_BETWEEN = 5.0
_MINUTE, _HOUR = 60, 3600


class Lines:
    """A line at the start and the end of each piece of work, and one now and then between.

    Args:
        stream: where the lines go.
        clock: seconds that only grow.
    """

    def __init__(self, stream: TextIO, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._clock = stream, clock
        self._title, self._done = "", 0
        self._total: int | None = None
        self._began = self._said = 0.0
        self._figures: dict[str, float | str] = {}

    def start(self, title: str, total: int | None) -> None:
        """Begin a piece of work of ``total`` items, None where nobody knows."""
        self._title, self._total, self._done, self._figures = title, total, 0, {}
        self._began = self._said = self._clock()
        if total != 0:
            self._print(title if total is None else f"{title}: {total:,} to do")

    def advance(self, count: int = 1) -> None:
        """``count`` more items are done."""
        self._done += count
        if self._clock() - self._said >= SECONDS_BETWEEN:
            self._said = self._clock()
            self._print(self._state())

    def show(self, **figures: float | str) -> None:
        """Tell these figures in the next line."""
        self._figures.update(figures)

    def finish(self) -> None:
        """The piece of work is done."""
        if self._title and (self._total != 0 or self._done):
            self._print(f"{self._state()}, finished in {duration(self._clock() - self._began)}")
        self._title = ""

    def _state(self) -> str:
        seconds = self._clock() - self._began
        rate = self._done / seconds if seconds > 0 else 0.0
        parts = [f"{self._title}: {self._done:,}" + ("" if self._total is None else f" of {self._total:,}")]
        if rate:
            parts.append(f"{rate:.1f}/s")
        if rate and self._total is not None and self._total > self._done:
            parts.append(f"{duration((self._total - self._done) / rate)} left")
        if self._figures:
            parts.append(in_words(self._figures))
        return ", ".join(parts)

    def _print(self, text: str) -> None:
        self._stream.write(f"{text}\n")
        self._stream.flush()


def in_words(figures: Mapping[str, float | str], room: int | None = None) -> str:
    """Figures in one line: ``epoch 3, loss 0.412``; without ``rate``, which stands beside the count already.

    With ``room`` the line has at most so many characters: the first figures that fit.
    """
    told = {name: f"{one:.4g}" if isinstance(one, float) else one for name, one in figures.items() if name != "rate"}
    parts = [f"{name} {one}" for name, one in told.items()]
    while room is not None and parts and len(", ".join(parts)) > room:
        parts.pop()
    return ", ".join(parts)


def duration(seconds: float) -> str:
    """``12 s``, ``3 min 20 s``, ``2 h 05 min``."""
    whole = max(0, round(seconds))
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02d} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02d} min"
