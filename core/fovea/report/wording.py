"""How numbers, shares and times read on a page and in a terminal."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from typing import Literal, TypeAlias

from fovea.plugin import Cell, Column
from fovea.report.markup import clean

Form: TypeAlias = Literal["text", "number", "share", "time", "level"]

NOTHING = "\u2013"
"""Stands where there is no value: an en dash."""

THIN = "\u202f"
"""Narrow no-break space, between thousands and before units (SI brochure, 5.4.3 and 5.4.4)."""

_PERCENT = re.compile(r"(?<=\d) %")
_MINUS = "\u2212"
_SIGNIFICANT = 3
_MOST_PLACES = 6
_TOO_LARGE = 1e15
_ALL = 100.0


def is_number(value: object) -> bool:
    """True for a finite int or float; a bool is no number here."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def finite(values: Iterable[object]) -> list[float]:
    """The numbers among the values."""
    return [float(value) for value in values if is_number(value)]  # type: ignore[arg-type]


def places(values: Iterable[object]) -> int:
    """Decimals with which these values stand well below one another.

    Three significant digits of the largest, and never more than the values need.
    """
    numbers = finite(values)
    largest = max(map(abs, numbers), default=0.0)
    if largest == 0:
        return 0
    wanted = _SIGNIFICANT - 1 - math.floor(math.log10(largest))
    needed = max(len(f"{number:.{_MOST_PLACES}f}".rstrip("0").partition(".")[2]) for number in numbers)
    return max(0, min(wanted, needed, _MOST_PLACES))


def number(value: float, decimals: int | None = None) -> str:
    """``12345.678`` as ``12 346``, with narrow spaces; what would wrongly read as zero keeps one digit."""
    if not is_number(value):
        return NOTHING
    decimals = places([value]) if decimals is None else decimals
    if abs(value) >= _TOO_LARGE:
        return f"{value:.3g}".replace("-", _MINUS)
    written = f"{abs(value):,.{decimals}f}".replace(",", THIN)
    if value and float(f"{abs(value):.{decimals}f}") == 0:
        return f"{value:.1g}".replace("-", _MINUS)
    return f"{_MINUS}{written}" if value < 0 else written


def share(value: float, decimals: int | None = None) -> str:
    """``0.1234`` as ``12.3 %``; what is not quite all of it never reads as 100 %."""
    if not is_number(value):
        return NOTHING
    percent = round(value * 100, 9)
    decimals = share_places([value]) if decimals is None else decimals
    while value < 1 and float(f"{percent:.{decimals}f}") >= _ALL and decimals < _MOST_PLACES:
        decimals += 1
    return f"{number(percent, decimals)}{THIN}%"


def share_places(values: Iterable[object]) -> int:
    """Decimals for a column of shares: one, or none where all are whole per cents."""
    return int(any(round(value * 100, 1) % 1 for value in finite(values)))


def quantity(value: float, unit: str = "", decimals: int | None = None) -> str:
    """A number with its unit behind it."""
    return f"{number(value, decimals)}{THIN}{unit}" if unit and is_number(value) else number(value, decimals)


def zone(moment_: datetime) -> str:
    """``+02:00``, ``UTC``, or nothing for a time without a zone."""
    offset = moment_.utcoffset()
    if offset is None:
        return ""
    if offset == timedelta():
        return "UTC"
    sign = "+" if offset > timedelta() else _MINUS
    minutes = int(abs(offset).total_seconds()) // 60
    return f"{sign}{minutes // 60:02d}:{minutes % 60:02d}"


def moment(value: datetime, *, date_only: bool = False) -> str:
    """``2026-05-14 09:30 +02:00``; seconds only where there are some."""
    if date_only:
        return value.date().isoformat()
    clock = value.strftime("%H:%M:%S" if value.second else "%H:%M")
    return f"{value.date().isoformat()} {clock} {zone(value)}".rstrip()


def prose(text: str) -> str:
    """A paragraph whose per cent signs stay on the line of their numbers."""
    return _PERCENT.sub(f"{THIN}%", text)


def is_midnight(value: object) -> bool:
    """True for a time that is a whole day's beginning."""
    return isinstance(value, datetime) and value.time() == time()


def period(start: datetime, end: datetime) -> str:
    """From when to when, said as shortly as it stays clear."""
    if start == end:
        return moment(start)
    if start.utcoffset() == end.utcoffset():
        first = moment(start).removesuffix(zone(start)).rstrip()
        same_day = start.date() == end.date()
        return f"{first} to {moment(end).partition(' ')[2] if same_day else moment(end)}"
    return f"{moment(start)} to {moment(end)}"


def instant(value: datetime) -> float:
    """Seconds since 1970; a time without a zone is taken as UTC, so that every machine draws it alike."""
    return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()


def column_cells(column: Column, cells: Iterable[Cell]) -> list[str]:
    """The cells of one table column as texts, with one number of decimals for all of them."""
    values = list(cells)
    present = [value for value in values if value is not None]
    date_only = bool(present) and all(map(is_midnight, present))
    decimals = share_places(values) if column.form == "share" else places(values)
    return [cell(value, column.form, decimals=decimals, date_only=date_only) for value in values]


def cell(value: Cell, form: Form = "number", *, decimals: int | None = None, date_only: bool = False) -> str:
    """One value as text; a number in a text column keeps its digits ungrouped (a year, an id)."""
    if value is None:
        return NOTHING
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, datetime):
        return moment(value, date_only=date_only)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if form == "share":
        return share(value, decimals)
    return str(value) if form == "text" and isinstance(value, int) else number(value, decimals)
