"""How long work tells how far it is. The core reports; an app draws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


class Progress(Protocol):
    """One piece of long work after the other; figures are the few numbers worth watching (loss, quarantined)."""

    def start(self, title: str, total: int | None) -> None:
        """Begin a piece of work of ``total`` items, None where nobody knows."""

    def advance(self, count: int = 1) -> None:
        """``count`` more items are done."""

    def show(self, **figures: float | str) -> None:
        """Show these figures beside the bar."""

    def finish(self) -> None:
        """The piece of work is done."""


class _Silent:
    def start(self, title: str, total: int | None) -> None: ...

    def advance(self, count: int = 1) -> None: ...

    def show(self, **figures: float | str) -> None: ...

    def finish(self) -> None: ...


def silent() -> Progress:
    """A progress that says nothing: for tests, and for callers who do not watch."""
    return _Silent()


@dataclass(frozen=True, slots=True)
class _Watched:
    progress: Progress
    look: Callable[[], None]

    def start(self, title: str, total: int | None) -> None:
        self.look()
        self.progress.start(title, total)

    def advance(self, count: int = 1) -> None:
        self.look()
        self.progress.advance(count)

    def show(self, **figures: float | str) -> None:
        self.progress.show(**figures)

    def finish(self) -> None:
        self.progress.finish()


def watched(progress: Progress, look: Callable[[], None]) -> Progress:
    """A progress that calls ``look`` before each item: work that is told to stop by what ``look`` raises."""
    return _Watched(progress, look)
