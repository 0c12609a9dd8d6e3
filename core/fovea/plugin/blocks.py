"""The blocks a report is made of. A plugin says *what*; the core renders it to HTML, JSON, CSV and the terminal.

Levels colour things, texts are plain (never HTML), numbers stay numbers so that JSON and CSV can carry them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias

from fovea.plugin.decisions import Level
from fovea.plugin.values import _empty

Cell: TypeAlias = str | int | float | datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A heading with paragraphs below it."""

    title: str = ""
    body: tuple[str, ...] = ()
    level: Level = "normal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One key figure: ``Figure(name="pictures", value=102)``. ``share`` marks a value in [0, 1] shown in per cent."""

    name: str
    value: Cell
    note: str = ""
    level: Level = "normal"
    share: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """A row of key figures: what a reader takes in first."""

    title: str = ""
    figures: tuple[Figure, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table: its name, and how its numbers read (``share`` is a value in [0, 1])."""

    name: str
    form: Literal["text", "number", "share", "time", "level"] = "text"
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows under named columns; ``levels`` colours rows where given, one a row."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    levels: tuple[Level, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One line, or one colour of a stacked bar; as many values as the chart has categories."""

    name: str
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Numbers by category: bars side by side, stacked bars, lines, or dots.

    Args:
        kind: ``bar``, ``stacked``, ``line``, or ``scatter``: a dot a category, the first series across, the others up.
        categories: what stands along the first axis.
        series: the values, one a category.
        share: True where the values are in [0, 1] and read as per cent.
        unit: unit of the values otherwise.
    """

    title: str
    kind: Literal["bar", "stacked", "line", "scatter"]
    categories: tuple[str, ...]
    series: tuple[Series, ...]
    share: bool = False
    unit: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One picture of a gallery; the core makes the thumbnail, by way of ``load_images`` and ``prepare``."""

    source: str
    part: str = ""
    caption: str = ""
    badge: str = ""
    level: Level = "normal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gallery:
    """Pictures worth looking at, the most telling first."""

    title: str
    pictures: tuple[Picture, ...]
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A place on a map: degrees of WGS 84; ``size`` is relative, 1.0 is usual."""

    latitude: float
    longitude: float
    name: str
    level: Level = "normal"
    size: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceMap:
    """Points drawn to scale on an empty ground with a scale bar (no tiles: a report works offline)."""

    title: str
    points: tuple[Point, ...]
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Something that lasted from ``start`` to ``end`` on the lane ``lane``; a moment where both are equal."""

    lane: str
    start: datetime
    end: datetime
    name: str
    level: Level = "normal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Spans on lanes over one axis of time."""

    title: str
    spans: tuple[Span, ...]
    note: str = ""


Block: TypeAlias = Text | Figures | Table | Chart | Gallery | PlaceMap | Timeline


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A run put into the words, tables and pictures of the domain.

    Args:
        title: the report's heading.
        summary: two or three sentences that a reader in a hurry can act on.
        blocks: in order.
        facts: what produced it (bundle, settings), by name, shown small at the end.
    """

    title: str
    summary: str = ""
    blocks: tuple[Block, ...] = ()
    facts: Mapping[str, str] = field(default_factory=_empty)
