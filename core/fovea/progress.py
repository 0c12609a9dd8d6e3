"""How long work tells how far it is. The core reports; an app draws."""

from __future__ import annotations

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
