"""A report's tables and charts as CSV files."""

from __future__ import annotations

import csv
import math
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from fovea.plugin import Cell, Chart, Report, Table
from fovea.report.axes import at
from fovea.report.markup import clean
from fovea.report.tables import unit_of

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_LONGEST = 60


def to_csv(report: Report, folder: Path) -> tuple[Path, ...]:
    """Write one CSV file for each table and chart, in the order of the report.

    The files are UTF-8 with a byte order mark, without which Excel misreads every accent. Numbers and shares are
    written in full, times in ISO 8601, a missing value as nothing. A text that a spreadsheet would take for a
    formula gets a leading apostrophe.

    Args:
        report: what a domain reports.
        folder: where the files go; made where it does not exist. Files of the same name are written over.

    Returns:
        The files, named like ``02-findings-by-field.csv``.

    Raises:
        OSError: if the folder cannot be written to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    blocks = [block for block in report.blocks if isinstance(block, Table | Chart)]
    for number, block in enumerate(blocks, 1):
        path = folder / f"{number:02d}-{safe_name(block.title)}.csv"
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            csv.writer(file).writerows([_guarded(cell) for cell in row] for row in _rows(block))
        written.append(path)
    return tuple(written)


def safe_name(title: str) -> str:
    """A title as a file name that every system takes: lower-case ASCII letters, digits and hyphens."""
    plain = unicodedata.normalize("NFKD", clean(title)).encode("ascii", "ignore").decode("ascii").lower()
    return re.sub("[^a-z0-9]+", "-", plain)[:_LONGEST].strip("-") or "untitled"


def _rows(block: Table | Chart) -> Iterator[Sequence[Cell]]:
    if isinstance(block, Table):
        yield [unit_of(column) for column in block.columns] + (["level"] if block.levels else [])
        for index, row in enumerate(block.rows):
            padded = (*row, *(None for _ in block.columns))[: len(block.columns)]
            yield [*padded, *_level(block, index)]
        return
    unit = f" ({block.unit})" if block.unit and not block.share else ""
    yield ["category", *(f"{series.name}{unit}" for series in block.series)]
    for index, category in enumerate(block.categories):
        yield [category, *(at(series.values, index) for series in block.series)]


def _level(table: Table, index: int) -> Iterable[Cell]:
    if not table.levels:
        return ()
    return table.levels[index : index + 1] or ("normal",)


def _guarded(cell: Cell) -> Cell:
    if isinstance(cell, datetime):
        return cell.isoformat()
    if isinstance(cell, float) and not math.isfinite(cell):
        return None
    if isinstance(cell, float) and cell.is_integer():
        return int(cell)  # 4 pictures, not 4.0
    if not isinstance(cell, str):
        return cell
    text = clean(cell)
    return f"'{text}" if text.startswith(_FORMULA) else text
