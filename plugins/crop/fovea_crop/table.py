"""One line a picture as CSV (RFC 4180), for a spreadsheet or a statistics program."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from fovea.plugin import Result, SiteView
from fovea_crop.judging import clean, day_of, said
from fovea_crop.settings import CropPolicy

MEASURES = ("sharpness", "brightness_share", "clipped_share", "green_share", "brown_share")
NUMBERS = ("latitude", "longitude", "probability", *MEASURES)
COLUMNS = (
    "source", "part", "field", "plant", "date", "time", "camera", "latitude", "longitude", "standing", "label",
    "probability", *MEASURES,
)  # fmt: skip


def write(site: SiteView, target: Path, policy: CropPolicy) -> None:
    """Write one line for each result, in one pass."""
    with open(target, "w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file)
        lines.writerow(COLUMNS)
        lines.writerows(_line(result, policy) for result in site.results())


def _line(result: Result, policy: CropPolicy) -> list[str]:
    sample, one = result.sample, said(result, policy)
    place, measures = sample.place, result.measures.values
    texts = {
        "source": clean(sample.source),
        "part": sample.part,
        "field": sample.of_unit,
        "plant": str(sample.attributes.get("plant", "")),
        "date": day_of(sample),
        "time": sample.time.isoformat() if sample.time else "",
        "camera": str(sample.attributes.get("camera", "")),
        "standing": one.standing,
        "label": one.label,
    }
    numbers: dict[str, float | None] = {
        "latitude": place.latitude if place else None,
        "longitude": place.longitude if place else None,
        "probability": one.probability if one.label else None,
        **{name: measures.get(name) for name in MEASURES},
    }
    cells = {name: inert(text) for name, text in texts.items()}
    cells |= {name: "" if number is None else repr(float(number)) for name, number in numbers.items()}
    return [cells[name] for name in COLUMNS]


def inert(text: str) -> str:
    """Text that no spreadsheet takes for a formula: one that begins like it gets an apostrophe before it (OWASP).

    >>> inert("=1+1"), inert("north")
    ("'=1+1", 'north')
    """
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text


def check(path: Path) -> Sequence[str]:
    """Faults of a written file: columns, numbers, pictures that come twice."""
    try:
        with open(path, newline="", encoding="utf-8") as file:
            return list(_faults(csv.reader(file, strict=True)))
    except (OSError, ValueError, csv.Error) as error:
        return [f"it is no CSV: {error}"]


def _faults(rows: Iterator[list[str]]) -> Iterator[str]:
    if tuple(next(rows, [])) != COLUMNS:
        yield "its first row does not name the columns"
        return
    seen: set[tuple[str, str]] = set()
    for number, row in enumerate(rows, start=1):
        if len(row) != len(COLUMNS):
            yield f"row {number} has {len(row)} cells, not {len(COLUMNS)}"
            continue
        cells = dict(zip(COLUMNS, row, strict=True))
        yield from (f"row {number}: {name} is no number" for name in NUMBERS if not _is_number(cells[name]))
        if (cells["source"], cells["part"]) in seen:
            yield f"row {number}: the picture {cells['source']} comes twice"
        seen.add((cells["source"], cells["part"]))


def _is_number(text: str) -> bool:
    try:
        return not text or math.isfinite(float(text))
    except ValueError:
        return False
