"""A frozen split as a file: exported from one run, imported by another, or published by others.

A CSV table with a header. Either a line a picture, with ``source``, and where wanted ``part`` (of the sample) and
``region``, and ``split``; or a line a group, with ``group`` and ``split`` (which may also be called ``part`` there).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fovea.engine.pictures.split import PARTS, Part
from fovea.engine.pictures.survey import Row
from fovea.errors import DataError

_ALSO: Mapping[str, Part] = {"val": "validation", "valid": "validation", "dev": "validation", "training": "train"}
_COLUMNS = ("source", "part", "region", "group", "split")
_SHOWN = 5

TABLE = "split.csv"
"""In a run's folder: its split."""

UNKNOWN = "split_unknown.txt"
"""In a run's folder: what an imported split names and is not there, a line each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a split's file says of the pictures at hand.

    Args:
        parts: by group; a group of which nothing is said is absent.
        unknown: names in the file that no picture here has.
    """

    parts: Mapping[str, Part]
    unknown: tuple[str, ...]


def write_split(rows: Sequence[Row], parts: Mapping[str, Part]) -> str:
    """The split as a table, a line a picture, in the order of their names.

    Args:
        rows: the pictures.
        parts: by group.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(_COLUMNS)
    for row in sorted(rows, key=lambda row: row.name):
        table.writerow((*row.name, row.group, parts[row.group]))
    return text.getvalue()


def read_split(path: Path, rows: Sequence[Row]) -> Given:
    """Read a split for these pictures.

    Raises:
        DataError: the file cannot be read or is no such table, it puts a group into two parts, or it names no picture
            or group that is here.
    """
    lines = list(_lines(path))
    by_group = lines and "source" not in lines[0][1]
    given: dict[str, tuple[Part, str]] = {}
    unknown: list[str] = []
    groups = _by_group(rows) if by_group else _by_name(rows)
    for number, line in lines:
        part = _part(path, number, line, "split" if "split" in line else "part")
        name = line["group"] if by_group else _name(line)
        found = groups.get(name, ())
        unknown += [] if found else [name.replace("\0", " ").rstrip()]
        for group in found:
            _put(given, path, group, part, name.replace("\0", " ").rstrip())
    if not given:
        told = ", ".join(unknown[:_SHOWN]) or "nothing"
        raise DataError(f"the split {path} names none of the pictures that are here; it names {told}")
    return Given(parts={group: part for group, (part, _) in given.items()}, unknown=tuple(unknown))


def imported(name: str, rows: Sequence[Row], beside: Path) -> dict[str, Part]:
    """The parts that the split called ``name`` gives; nothing where there is no name. Raises DataError.

    What it names and is not here is written to ``split_unknown.txt``, beside the run's own split.
    """
    if not name:
        return {}
    given = read_split(Path(name), rows)
    if given.unknown:
        lines = "".join(f"{one}\n" for one in given.unknown)
        beside.with_name(UNKNOWN).write_text(lines, encoding="utf-8", errors="surrogateescape")
    return dict(given.parts)


def keep_split(beside: Path, rows: Sequence[Row], parts: Mapping[str, Part]) -> None:
    """Write the split into a run's folder, as it can be imported again."""
    text = write_split(rows, parts)
    beside.with_name(TABLE).write_text(text, encoding="utf-8", errors="surrogateescape", newline="")


def _lines(path: Path) -> Iterator[tuple[int, Mapping[str, str]]]:
    try:
        text = path.read_text(encoding="utf-8-sig", errors="surrogateescape")
    except OSError as error:
        raise DataError(f"the split {path} cannot be read: {error.strerror or error}") from None
    table = csv.DictReader(io.StringIO(text, newline=""))
    columns = {*(table.fieldnames or ())}
    if not ({"source", "split"} <= columns or ("group" in columns and columns & {"split", "part"})):
        raise DataError(
            f"the split {path} has the columns {', '.join(sorted(columns)) or 'none'}: it needs source and split "
            "(and part, region where a source has several pictures), or group and split"
        )
    for line in table:
        yield table.line_num, {name: value or "" for name, value in line.items() if name}


def _part(path: Path, number: int, line: Mapping[str, str], column: str) -> Part:
    word = line[column].strip().lower()
    for part in PARTS:
        if word == part or _ALSO.get(word) == part:
            return part
    raise DataError(f"line {number} of the split {path} says '{line[column]}', want one of {', '.join(PARTS)}")


def _name(line: Mapping[str, str]) -> str:
    """What a line of a table of pictures names; without part or region it means all there are."""
    return "\0".join((line["source"], line.get("part", ""), line.get("region", ""))).rstrip("\0")


def _by_name(rows: Sequence[Row]) -> Mapping[str, tuple[str, ...]]:
    """The groups that a picture's name, or a name without region or part, leads to."""
    found: dict[str, dict[str, None]] = {}
    for row in rows:
        for end in (1, 2, 3):
            found.setdefault("\0".join(row.name[:end]).rstrip("\0"), {})[row.group] = None
    return {name: tuple(groups) for name, groups in found.items()}


def _by_group(rows: Sequence[Row]) -> Mapping[str, tuple[str, ...]]:
    return {row.group: (row.group,) for row in rows}


def _put(given: dict[str, tuple[Part, str]], path: Path, group: str, part: Part, name: str) -> None:
    before, elder = given.setdefault(group, (part, name))
    if before != part:
        raise DataError(
            f"the split {path} puts the group '{group}' into two parts: {elder} into {before} and {name} into {part}; "
            "what belongs together must not be both learned and judged on"
        )
