"""Weather and soil tables found beside the pictures: ``weather.csv`` and ``soil.csv``, in any folder.

The first row names the columns, in any letter case. ``time`` (or ``date``) is required: ISO 8601; without an offset
it is read in the row's ``zone``, or else in the view's. ``field`` is the unit (empty: all fields), ``latitude`` and
``longitude`` the place, and ``station``, ``lab``, ``sample`` and ``depth_cm`` tell rows of one time apart. Every
other column is a value: put its unit, and for soil its extractant, into the name (``rain_mm``, ``p_olsen_mg_kg``).
"""

from __future__ import annotations

import csv
import errno
import math
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from fovea.plugin import Attribute, Place, Record, find_files
from fovea_crop.judging import clean
from fovea_crop.settings import CropView

if TYPE_CHECKING:
    from _csv import Reader as CsvReader

KINDS = {"weather.csv": "weather", "soil.csv": "soil"}
FAULT = "lines-not-read"
"""Kind of the record that tells how many lines of a table were left out, and why the first was."""

_MISSING = frozenset({"", ".", "-", "na", "n/a", "nan", "null", "none"})
_FACTS = frozenset({"time", "date", "zone", "field", "latitude", "longitude"})
_KEYS = ("station", "lab", "sample", "depth_cm")


def read_records(root: Path, view: CropView) -> Iterator[Record]:
    """The rows of every weather and soil table below ``root``.

    A line that cannot be read is left out and counted: each table with such lines, or that cannot be opened, yields
    one more record, of kind :data:`FAULT`, which the report shows.

    Raises:
        ValueError: where a table has no column ``time`` or ``date``, or is no text.
    """
    for source in find_files(root, frozenset({".csv"})):
        kind = KINDS.get(os.path.basename(source).lower())
        if kind is not None:
            yield from _table(root, source, kind, view)


@dataclass(slots=True)
class _Faults:
    lines: int = 0
    first: int = 0
    why: str = ""

    def add(self, line: int, why: str) -> None:
        if not self.lines:
            self.first, self.why = line, why
        self.lines += 1


def _table(root: Path, source: str, kind: str, view: CropView) -> Iterator[Record]:
    name, path, faults, changed = clean(source), os.path.join(root, source), _Faults(), 0.0
    try:
        changed = _checked(path, view)
        with open(path, newline="", encoding="utf-8-sig", errors="replace") as file:
            yield from _rows(csv.reader(file), kind, name, view.zone, faults)
    except OSError as error:
        faults.add(0, error.strerror or "it cannot be read")
    if faults.lines:
        yield Record(
            kind=FAULT,
            time=datetime.fromtimestamp(changed, UTC),
            key=name,
            source=source,
            values={"lines": float(faults.lines), "first_line": float(faults.first), "why": faults.why},
        )


def _checked(path: str, view: CropView) -> float:
    """When the file was last changed, in seconds of Unix time."""
    state = os.stat(path)
    if not stat.S_ISREG(state.st_mode) or state.st_size > view.max_megabytes * 1e6:
        raise OSError(errno.EFBIG, f"it is no file of at most {view.max_megabytes:g} MB")
    return state.st_mtime


def _rows(rows: CsvReader, kind: str, name: str, zone: str, faults: _Faults) -> Iterator[Record]:
    try:
        header = [column.strip().lower() for column in next(rows, [])]
    except csv.Error as error:
        raise ValueError(f"{name} is no table of text: {error}") from error
    if not {"time", "date"} & set(header):
        raise ValueError(f"{name} needs a first row that names its columns, one of them 'time' or 'date'")
    while True:
        try:
            cells = next(rows)
            if any(cell.strip() for cell in cells):
                yield _record(dict(zip(header, map(str.strip, cells), strict=True)), kind, name, zone)
        except StopIteration:
            return
        except (ValueError, csv.Error) as error:
            faults.add(rows.line_num, _why(error))


def _why(error: Exception) -> str:
    return "it has not as many cells as the first row" if "zip()" in str(error) else str(error)


def _record(row: Mapping[str, str], kind: str, source: str, zone: str) -> Record:
    values: dict[str, Attribute] = {}
    for column, text in row.items():
        if column and column not in _FACTS and text.lower() not in _MISSING:
            values[column] = _value(text)
    return Record(
        kind=kind,
        time=_time(row.get("time") or row.get("date", ""), row.get("zone") or zone),
        values=values,
        unit=row.get("field", ""),
        key="|".join(row[column] for column in _KEYS if row.get(column)),
        source=source,
        place=_place(row.get("latitude", ""), row.get("longitude", "")),
    )


def _time(text: str, zone: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
        return time if time.tzinfo else time.replace(tzinfo=ZoneInfo(zone))
    except (ValueError, KeyError, OSError) as error:
        raise ValueError(f"'{text}' in zone '{zone}' is no time such as 2026-05-01T06:00") from error


def _place(latitude: str, longitude: str) -> Place | None:
    if latitude.lower() in _MISSING or longitude.lower() in _MISSING:
        return None
    return Place(latitude=float(latitude), longitude=float(longitude))


def _value(text: str) -> Attribute:
    try:
        number = float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) else text
