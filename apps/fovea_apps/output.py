"""Everything that is printed: documents, tables and lines on stdout, sentences on stderr; safe for any terminal."""

from __future__ import annotations

import json
import os
import shutil
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

NOTHING = "-"
_SHORTEST = 7
"""No word in a table is broken into pieces shorter than this, unless the terminal is too narrow for anything else."""


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
    """Print a line; what is longer than the terminal is wide goes on in the next."""
    from rich.text import Text

    _print(Text("" if text == "" else safe(text)), is_prose=True)


def prose(text: str) -> None:
    """Print a paragraph of Markdown: ``**bold**`` is bold on a terminal, marks of code are left away."""
    from rich.text import Text

    pieces = enumerate(safe(text).replace("`", "").split("**"))
    _print(Text.assemble(*((piece, "bold" if number % 2 else "") for number, piece in pieces)), is_prose=True)


def whole_line(text: object) -> None:
    """Print what is to be copied in one piece: it is not broken, however narrow the terminal is."""
    click.echo(safe(text))


def title(text: object) -> None:
    """Print a heading: bold on a terminal."""
    from rich.text import Text

    _print(Text(safe(text), style="bold"))


def table(headings: Sequence[str], rows: Iterable[Sequence[object]], *, numbers: Sequence[str] = ()) -> None:
    """Print rows under headings; too long cells go on in the next line, and nothing is cut off.

    Words are broken only where the longest words of the columns would not fit beside one another.

    Args:
        headings: one a column.
        rows: cells in the order of the headings.
        numbers: the headings of the columns that are set flush right.
    """
    from rich import box
    from rich.table import Table

    from fovea.workbench import column_widths

    told = [[safe(one) for one in row] for row in rows]
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    widths = column_widths([headings, *told], width(), shortest=_SHORTEST)
    for heading, wide in zip_longest(headings, widths):
        grid.add_column(
            _cell(heading or " "), justify="right" if heading in numbers else "left", overflow="fold", width=wide
        )
    for row in told:
        grid.add_row(*map(_cell, row))
    _print(grid)


def fits(rows: Sequence[Sequence[str]]) -> bool:
    """Whether a table of these cells fits the terminal without a broken word, but for very long ones."""
    from fovea.workbench import column_widths

    return bool(column_widths(rows, width()))


def typed(value: object) -> object:
    """A setting as it is typed on a command line: lists and switches in JSON."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (list, dict, bool)) else value


def pairs(facts: Mapping[str, object]) -> None:
    """Print names with their values, one a line."""
    from rich.table import Table

    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", overflow="fold")
    grid.add_column(overflow="fold")
    for name, value in facts.items():
        grid.add_row(_cell(name), _cell(value))
    _print(grid)


def _print(what: RenderableType, *, is_prose: bool = False) -> None:
    """Print without the blanks that fill tables up at their right; prose is broken for a known width only."""
    console = _console()
    is_whole = is_prose and not console.is_terminal and "COLUMNS" not in os.environ
    with console.capture() as got:
        console.print(what, overflow=None if is_whole else "fold", soft_wrap=is_whole)
    for one in got.get().splitlines():
        click.echo(one.rstrip())


def tell(sentence: str, indent: str = "") -> None:
    """Say something on stderr: on one line, or broken between words where a terminal shows it."""
    sentence = safe(" ".join(sentence.split()))
    if sys.stderr.isatty():
        columns = shutil.get_terminal_size().columns
        broken = textwrap.wrap(
            sentence,
            columns,
            initial_indent=indent,
            subsequent_indent=f"{indent}  ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        click.echo("\n".join(broken), err=True)
    else:
        click.echo(f"{indent}{sentence}", err=True)


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
