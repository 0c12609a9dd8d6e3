"""A report as text for a terminal."""

from __future__ import annotations

import io
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from types import MappingProxyType

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table as Grid
from rich.text import Text as Line

from fovea.plugin import (
    LEVELS,
    Block,
    Chart,
    Figures,
    Gallery,
    Level,
    PlaceMap,
    Report,
    Table,
    Text,
)
from fovea.report.axes import at, numbers
from fovea.report.charts import chart_headings, chart_rows
from fovea.report.markup import clean
from fovea.report.placemap import map_rows
from fovea.report.timeline import timeline_headings, timeline_rows
from fovea.report.wording import NOTHING, THIN, cell, column_cells, share_places

_STYLES: MappingProxyType[str, str] = MappingProxyType(
    {"normal": "", "notice": "blue", "warning": "yellow", "alarm": "bold red"}
)
_BAR, _FULL = 24, "\u2588"
_EIGHTHS = ("", "\u258f", "\u258e", "\u258d", "\u258c", "\u258b", "\u258a", "\u2589")
_NARROWEST = 20


def to_text(report: Report, *, width: int = 100, colour: bool = False) -> str:
    """The report as lines of at most ``width`` columns.

    Args:
        report: what a domain reports.
        width: columns of the terminal; 20 at least.
        colour: True adds the escape codes of the 16 colours every terminal has.
    """
    console = Console(
        file=io.StringIO(),
        record=True,
        width=max(width, _NARROWEST),
        color_system="standard" if colour else None,
        force_terminal=colour,
        legacy_windows=False,
        markup=False,
        emoji=False,
        highlight=False,
        _environ={},
    )
    console.print(_line(report.title, "bold"))
    if report.summary:
        console.print(_line(report.summary))
    for block in report.blocks:
        console.print()
        for part in _parts(block):
            console.print(part)
    if report.facts:
        console.print()
        console.print(_line("What produced this report", "bold"))
        console.print(_pairs([(_line(name, "dim"), _line(fact)) for name, fact in report.facts.items()]))
    lines = console.export_text(styles=colour).splitlines()
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _line(text: str, style: str = "") -> Line:
    return Line(clean(text).replace(THIN, " "), style=style)


def _level(level: Level, text: str = "") -> Line:
    return _line(text or level, _STYLES[level])


def _parts(block: Block) -> Iterator[RenderableType]:
    if block.title:
        yield _line(block.title, "bold")
    yield from _content(block)
    if not isinstance(block, Text | Figures) and block.note:
        yield _line(block.note, "dim")


def _content(block: Block) -> Iterator[RenderableType]:
    if isinstance(block, Text):
        yield from _paragraphs(block)
    elif isinstance(block, Figures):
        yield _figures(block)
    elif isinstance(block, Table):
        yield _table(block)
    elif isinstance(block, Chart):
        yield from _chart(block)
    elif isinstance(block, Gallery):
        yield _gallery(block)
    elif isinstance(block, PlaceMap):
        yield from _map(block)
    else:
        yield _grid(timeline_headings(block), timeline_rows(block), level_at=2)


def _paragraphs(block: Text) -> Iterator[RenderableType]:
    if block.level != "normal":
        yield _level(block.level)
    for paragraph in block.body:
        yield _line(paragraph)


def _pairs(rows: Sequence[tuple[Line, ...]]) -> Grid:
    grid = Grid.grid(padding=(0, 2, 0, 0))
    for row in rows:
        grid.add_row(*row)
    return grid


def _figures(block: Figures) -> Grid:
    grid = Grid.grid(padding=(0, 2, 0, 0))
    grid.add_column()
    grid.add_column(justify="right")
    grid.add_column()
    for figure in block.figures:
        decimals = share_places([figure.value]) if figure.share else None
        value = cell(figure.value, "share" if figure.share else "number", decimals=decimals)
        said = [figure.level] if figure.level != "normal" else []
        note = ", ".join([*said, *([figure.note] if figure.note else [])])
        grid.add_row(_line(figure.name), _line(value, "bold"), _line(note, _STYLES[figure.level] or "dim"))
    return grid


def _grid(
    names: Sequence[str], rows: Sequence[Sequence[str]], *, numbers_from: int | None = None, level_at: int | None = None
) -> Grid:
    """A table of texts; columns from ``numbers_from`` on stand at the right, ``level_at`` colours each row."""
    grid = Grid(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for index, name in enumerate(names):
        at_right = numbers_from is not None and index >= numbers_from
        grid.add_column(_line(name), justify="right" if at_right else "left", overflow="fold")
    for row in rows:
        style = _STYLES.get(row[level_at], "") if level_at is not None else ""
        grid.add_row(*(_line(text, style) for text in row))
    return grid


def _table(block: Table) -> Grid:
    grid = Grid(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in block.columns:
        name = f"{column.name} ({column.unit})" if column.unit else column.name
        grid.add_column(_line(name), justify="right" if column.form in ("number", "share") else "left", overflow="fold")
    if block.levels:
        grid.add_column("level")
    texts = [
        column_cells(column, [row[n] if n < len(row) else None for row in block.rows])
        for n, column in enumerate(block.columns)
    ]
    for index in range(len(block.rows)):
        level = block.levels[index] if index < len(block.levels) else "normal"
        cells = [_line(column[index], _STYLES[level]) for column in texts]
        grid.add_row(*cells, *([_level(level)] if block.levels else []))
    return grid


def _chart(block: Chart) -> Iterator[RenderableType]:
    if not numbers(block) or not block.categories:
        yield _line("There are no values to show.", "dim")
        return
    names = chart_headings(block)
    rows = chart_rows(block)
    if len(block.series) == 1 and min(numbers(block)) >= 0:
        largest = max(numbers(block)) or 1.0
        found = (at(block.series[0].values, index) for index in range(len(block.categories)))
        bars = [_bar((value or 0.0) / largest) for value in found]
        yield _grid([*names, ""], [[*row, bar] for row, bar in zip(rows, bars, strict=True)])
        return
    yield _grid(names, rows, numbers_from=1)


def _bar(part: float) -> str:
    """A bar of ``part`` (0 to 1) of its full length, in eighths of a column."""
    eighths = math.floor(part * _BAR * 8 + 0.5)
    return _FULL * (eighths // 8) + _EIGHTHS[eighths % 8]


def _gallery(block: Gallery) -> Grid:
    rows = []
    for picture in block.pictures:
        said = ", ".join(part for part in (picture.badge, picture.level) if part and part != "normal")
        source = f"{picture.source} {picture.part}".rstrip()
        rows.append((_level(picture.level, said or NOTHING), _line(picture.caption), _line(source, "dim")))
    return _pairs(rows)


def _map(block: PlaceMap) -> Iterator[RenderableType]:
    counts = Counter(point.level for point in block.points)
    yield _line(", ".join(f"{counts[level]} {level}" for level in LEVELS if counts[level]) or "No places are known.")
    telling = [row for row in map_rows(block) if row[1] != "normal"]
    if telling:
        yield _grid(["name", "level", "latitude", "longitude"], telling, numbers_from=2, level_at=1)
