"""How streams are, while they are watched: a table that stays in place on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Group

    from fovea.workbench import SourceStatus

SECONDS_BETWEEN = 30.0
"""Seconds between two lines about a stream that is as it was."""

_DAY = 86_400
_STYLES = {"starting": "yellow", "live": "green", "lost": "bold red", "over": "dim"}


@contextmanager
def shown(*, quiet: bool) -> Iterator[Callable[[Sequence[SourceStatus]], None]]:
    """Something that shows how streams are, on stderr."""
    if quiet:
        yield lambda _: None
    elif sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        with _standing() as show:
            yield show
    else:
        yield StatusLines(sys.stderr)


@contextmanager
def _standing() -> Iterator[Callable[[Sequence[SourceStatus]], None]]:
    from rich.console import Console
    from rich.live import Live

    with Live(console=Console(stderr=True, emoji=False), auto_refresh=False) as live:
        yield lambda statuses: live.update(_table(statuses), refresh=True)


def _table(statuses: Sequence[SourceStatus]) -> Group:
    """A row a stream; what last went wrong stands below, where a sentence has room."""
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from fovea_apps.output import safe

    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for heading in ("stream", "state", "brought", "per s", "lag", "restarts", "decisions"):
        grid.add_column(heading, justify="left" if heading in {"stream", "state"} else "right")
    for one in statuses:
        state = Text(one.state, style=_STYLES[one.state])
        counts = (f"{one.arrived:,}", f"{one.rate:.1f}", lag(one), str(one.restarts or ""), str(one.findings or ""))
        grid.add_row(Text(safe(one.name)), state, *counts)
    faults = [Text(f"{safe(one.name)}: {safe(one.fault)}", style="dim") for one in statuses if one.fault]
    return Group(grid, *faults)


def lag(one: SourceStatus) -> str:
    """Age of the newest frame; empty for files, and where a recording is played whose frames are days old."""
    return "" if one.lag_s is None or abs(one.lag_s) > _DAY else f"{one.lag_s:.1f} s"


class StatusLines:
    """A line when a stream's state or fault changes, and one now and then between.

    Args:
        stream: where the lines go.
        clock: seconds that only grow.
    """

    def __init__(self, stream: TextIO, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._clock = stream, clock
        self._said: dict[str, tuple[str, str, float]] = {}

    def __call__(self, statuses: Sequence[SourceStatus]) -> None:
        """Tell what is new."""
        now = self._clock()
        for one in statuses:
            state, fault, since = self._said.get(one.name, ("", "", 0.0))
            if (one.state, one.fault) != (state, fault) or now - since >= SECONDS_BETWEEN:
                self._said[one.name] = (one.state, one.fault, now)
                self._print(one)

    def _print(self, one: SourceStatus) -> None:
        from fovea_apps.output import safe

        words = [f"{one.name}: {one.state}", f"{one.arrived:,} brought"]
        if one.rate:
            words.append(f"{one.rate:.1f}/s")
        if lag(one):
            words.append(f"{lag(one)} behind")
        if one.restarts:
            words.append(f"{one.restarts} restarts")
        if one.fault:
            words.append(one.fault)
        self._stream.write(f"{safe(', '.join(words))}\n")
        self._stream.flush()
