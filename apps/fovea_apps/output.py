"""Everything that goes to stdout: JSON documents, tables and lines, safe for any terminal."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

NOTHING = "-"


def print_json(document: Any) -> None:
    """Print one JSON document of values that ``fovea.workbench.plain`` made plain."""
    click.echo(json.dumps(document, indent=2, allow_nan=False))


def safe(value: object) -> str:
    """Text that no terminal stumbles over: control characters and bytes that are no UTF-8 as escapes."""
    text = NOTHING if value is None or value == "" else str(value)
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in text)


def moment(time: Any) -> str:
    """A time to the minute, or a dash."""
    return NOTHING if time is None else str(time.strftime("%Y-%m-%d %H:%M"))


def count(number: int, one: str, many: str = "") -> str:
    """``1 picture``, ``2 pictures``, ``12,000 pictures``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def line(text: object = "") -> None:
    """Print one line."""
    click.echo("" if text == "" else safe(text))


def title(text: object) -> None:
    """Print a heading: bold on a terminal."""
    from rich.text import Text

    _console().print(Text(safe(text), style="bold"))


def table(headings: Sequence[str], rows: Iterable[Sequence[object]], *, numbers: Sequence[str] = ()) -> None:
    """Print rows under headings; too long cells go on in the next line and nothing is cut off.

    Args:
        headings: one a column.
        rows: cells in the order of the headings.
        numbers: the headings of the columns that are set flush right.
    """
    from rich import box
    from rich.table import Table

    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for heading in headings:
        right = heading in numbers
        grid.add_column(heading, justify="right" if right else "left", no_wrap=right, overflow="fold")
    for row in rows:
        grid.add_row(*(_cell(one) for one in row))
    _console().print(grid)


def pairs(facts: Mapping[str, object]) -> None:
    """Print names with their values, one a line."""
    from rich.table import Table

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in facts.items():
        grid.add_row(_cell(name), _cell(value))
    _console().print(grid)


def _cell(value: object) -> RenderableType:
    from rich.text import Text

    return Text(safe(value))


def _console() -> Console:
    from rich.console import Console

    return Console(markup=False, emoji=False, highlight=False, legacy_windows=False)


def width() -> int:
    """Columns of the terminal; 80 where there is none."""
    return _console().width


def colour() -> bool:
    """Whether stdout takes colours: a terminal, and nobody asked for none (``NO_COLOR``)."""
    console = _console()
    return console.color_system is not None and not console.no_color
