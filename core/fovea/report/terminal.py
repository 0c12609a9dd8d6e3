"""A report as text for a terminal."""

from __future__ import annotations

import io
import math
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from itertools import zip_longest
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
from fovea.report.widths import GAP, column_widths
from fovea.report.wording import NOTHING, THIN, cell, column_cells, share_places

_STYLES: MappingProxyType[str, str] = MappingProxyType(
    {"normal": "", "notice": "blue", "warning": "yellow", "alarm": "bold red"}
)
_BAR, _SHORTEST_BAR, _FULL = 24, 6, "\u2588"
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
        for part in _parts(block, console.width):
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


def _parts(block: Block, width: int) -> Iterator[RenderableType]:
    if block.title:
        yield _line(block.title, "bold")
    yield from _content(block, width)
    if not isinstance(block, Text | Figures) and block.note:
        yield _line(block.note, "dim")


def _content(block: Block, width: int) -> Iterator[RenderableType]:
    if isinstance(block, Text):
        yield from _paragraphs(block)
    elif isinstance(block, Figures):
        yield _figures(block)
    elif isinstance(block, Table):
        yield from _table(block, width)
    elif isinstance(block, Chart):
        yield from _chart(block, width)
    elif isinstance(block, Gallery):
        yield _gallery(block, width)
    elif isinstance(block, PlaceMap):
        yield from _map(block, width)
    else:
        yield from _grid(timeline_headings(block), timeline_rows(block), width, level_at=2)


def _paragraphs(block: Text) -> Iterator[RenderableType]:
    if block.level != "normal":
        yield _level(block.level)
    for paragraph in block.body:
        yield _line(paragraph)


def _pairs(rows: Sequence[tuple[Line, ...]], widths: Sequence[int] = ()) -> Grid:
    grid = Grid.grid(padding=(0, 2, 0, 0))
    for _, wide in zip_longest(rows[0] if rows else (), widths):
        grid.add_column(overflow="fold", width=wide)
    for row in rows:
        grid.add_row(*row)
    return grid


def _figures(block: Figures) -> Grid:
    grid = Grid.grid(padding=(0, 2, 0, 0))
    grid.add_column(overflow="fold")
    grid.add_column(justify="right", overflow="fold")
    grid.add_column(overflow="fold")
    for figure in block.figures:
        decimals = share_places([figure.value]) if figure.share else None
        value = cell(figure.value, "share" if figure.share else "number", decimals=decimals)
        said = [figure.level] if figure.level != "normal" else []
        note = ", ".join([*said, *([figure.note] if figure.note else [])])
        grid.add_row(_line(figure.name), _line(value, "bold"), _line(note, _STYLES[figure.level] or "dim"))
    return grid


def _grid(
    names: Sequence[str],
    rows: Sequence[Sequence[str]],
    width: int,
    *,
    right: Collection[int] = (),
    level_at: int | None = None,
) -> Iterator[RenderableType]:
    """A table of texts, or its rows one below the other where it would be wider than the terminal.

    The columns ``right`` stand at the right, and the level in column ``level_at`` colours its row.
    """
    names, rows = _plain(names), [_plain(row) for row in rows]
    styles = [_STYLES.get(row[level_at], "") if level_at is not None else "" for row in rows]
    widths = column_widths([names, *rows], width)
    if not widths:
        yield from (_stacked(names, row, style) for row, style in zip(rows, styles, strict=True))
        return
    grid = Grid(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for index, (name, wide) in enumerate(zip(names, widths, strict=True)):
        grid.add_column(Line(name), justify="right" if index in right else "left", overflow="fold", width=wide)
    for row, style in zip(rows, styles, strict=True):
        grid.add_row(*(Line(text, style) for text in row))
    yield grid


def _plain(texts: Sequence[str]) -> list[str]:
    return [clean(text).replace(THIN, " ") for text in texts]


def _stacked(names: Sequence[str], row: Sequence[str], style: str) -> RenderableType:
    """``long-acre: pictures 6, level notice``: a row without the values it has not."""
    told = [f"{name} {text}" for name, text in zip(names[1:], row[1:], strict=True) if text not in ("", NOTHING)]
    return Line.assemble((row[0], "bold"), (f": {', '.join(told)}" if told else "", style))


def _table(block: Table, width: int) -> Iterator[RenderableType]:
    columns = block.columns
    texts = [
        column_cells(column, [row[n] if n < len(row) else None for row in block.rows])
        for n, column in enumerate(columns)
    ]
    names = [f"{column.name} ({column.unit})" if column.unit else column.name for column in columns]
    if block.levels:
        names, level_at = [*names, "level"], len(columns)
        texts.append([block.levels[n] if n < len(block.levels) else "normal" for n in range(len(block.rows))])
    else:
        level_at = None
    rows = list(zip(*texts, strict=True)) if texts else []
    right = [n for n, column in enumerate(columns) if column.form in ("number", "share")]
    yield from _grid(names, rows, width, right=right, level_at=level_at)


def _chart(block: Chart, width: int) -> Iterator[RenderableType]:
    if not numbers(block) or not block.categories:
        yield _line("There are no values to show.", "dim")
        return
    names = chart_headings(block)
    rows = chart_rows(block)
    if len(block.series) == 1 and min(numbers(block)) >= 0:
        largest = max(numbers(block)) or 1.0
        found = (at(block.series[0].values, index) for index in range(len(block.categories)))
        taken = sum(column_widths([names, *rows], width - GAP - _SHORTEST_BAR)) + GAP * len(names)
        bars = [_bar((value or 0.0) / largest, min(_BAR, width - taken)) for value in found]
        yield from _grid([*names, ""], [[*row, bar] for row, bar in zip(rows, bars, strict=True)], width)
        return
    yield from _grid(names, rows, width, right=range(1, len(names)))


def _bar(part: float, length: int) -> str:
    """A bar of ``part`` (0 to 1) of a length in columns, to an eighth of a column."""
    eighths = math.floor(part * length * 8 + 0.5)
    return _FULL * (eighths // 8) + _EIGHTHS[eighths % 8]


def _gallery(block: Gallery, width: int) -> Grid:
    rows = []
    for picture in block.pictures:
        said = ", ".join(part for part in (picture.badge, picture.level) if part and part != "normal")
        source = f"{picture.source} {picture.part}".rstrip()
        rows.append((_level(picture.level, said or NOTHING), _line(picture.caption), _line(source, "dim")))
    return _pairs(rows, column_widths([[cell.plain for cell in row] for row in rows], width))


def _map(block: PlaceMap, width: int) -> Iterator[RenderableType]:
    counts = Counter(point.level for point in block.points)
    yield _line(", ".join(f"{counts[level]} {level}" for level in LEVELS if counts[level]) or "No places are known.")
    telling = [row for row in map_rows(block) if row[1] != "normal"]
    if telling:
        yield from _grid(["name", "level", "latitude", "longitude"], telling, width, right=(2, 3), level_at=1)
