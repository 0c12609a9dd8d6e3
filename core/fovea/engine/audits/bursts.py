"""Pictures taken one after the other, as their times, or the times or counters in their names, tell."""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import product

from fovea.engine.pictures.survey import Row

STEPS = 3
"""Largest difference of two counters that are still one after the other."""

SECONDS = 10.0
"""Longest time between two pictures of a burst."""

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}_*", re.IGNORECASE)
_NUMBER = re.compile(r"(?P<number>\d{1,9})\D*$")
_MOMENT = re.compile(
    r"(?<!\d)(?P<day>(19|20)\d\d[-_.]?[01]\d[-_.]?[0-3]\d)([-_ T.]|[-_ ]at[-_ ])?"
    r"(?P<time>[0-2]\d[-_.:h]?[0-5]\d[-_.:m]?[0-5]\d)(?P<thousandths>\d{3})?(?!\d)"
)
_ALL_REGIONS = 16


def counter_of(row: Row) -> tuple[str, int] | None:
    """(what comes before it with the folder, the last number in the picture's name); None where there is none.

    >>> row = Row(source="a/IMG_0041.JPG", part="", region="", target="x", group="", digest="")
    >>> counter_of(row)
    ('a/IMG_', 41)
    """
    folder, name = posixpath.split(row.source)
    stem = row.part or _ID.sub("", posixpath.splitext(name)[0])
    found = _NUMBER.search(stem)
    if found is None:
        return None
    before = stem[: found.start()]
    return f"{row.source}|{before}" if row.part else posixpath.join(folder, before), int(found["number"])


def moment_of(row: Row) -> tuple[str, float] | None:
    """(what comes before it without its numbers, the moment in a picture's name in seconds); None where there is none.

    >>> row = Row(source="a/IMG_20260512_101512.jpg", part="", region="", target="x", group="", digest="")
    >>> moment_of(row)
    ('IMG_', 1778580912.0)
    """
    name = posixpath.basename(row.source)
    found = _MOMENT.search(name)
    if found is None:
        return None
    digits = re.sub(r"\D", "", found["day"] + found["time"])
    try:
        moment = datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:  # a number that only looks like a moment
        return None
    moment += timedelta(milliseconds=int(found["thousandths"] or 0))
    return re.sub(r"\d+", "", name[: found.start()]), moment.timestamp()


def neighbours(rows: Sequence[Row]) -> set[tuple[int, int]]:
    """Pairs of places of different pictures taken within STEPS of a counter, or SECONDS of each other by one camera.

    A counter goes on from one folder to another: what was sorted by hand may have been taken in one burst.
    """
    pictures: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        pictures[row.name[:2]].append(place)
    firsts = [places[0] for places in pictures.values()]
    found: set[tuple[int, int]] = set()
    for reach, line in _lines(rows, firsts):
        found.update(_close(sorted(line), reach))
    return {pair for one, other in found for pair in _of_regions(rows, pictures, one, other)}


def _lines(rows: Sequence[Row], firsts: Sequence[int]) -> Iterator[tuple[float, list[tuple[float, int]]]]:
    """(how near is near, when each was taken) for each camera, counter and kind of name."""
    lines: defaultdict[tuple[str, str, float], list[tuple[float, int]]] = defaultdict(list)
    for place in firsts:
        row = rows[place]
        counted, moment = counter_of(row), moment_of(row)
        if counted:
            lines["folder", counted[0], STEPS].append((counted[1], place))
            if not row.part:
                lines["name", posixpath.basename(counted[0]), STEPS].append((counted[1], place))
        if moment and not row.part:
            lines["moment", moment[0], SECONDS].append((moment[1], place))
        if row.time is not None:
            lines["camera", str(row.attributes.get("camera", "")), SECONDS].append((row.time, place))
    return ((reach, line) for (_, _, reach), line in lines.items())


def _close(line: Sequence[tuple[float, int]], reach: float) -> Iterator[tuple[int, int]]:
    """Each with the next few within reach."""
    for index, (at, place) in enumerate(line):
        for later, other in line[index + 1 : index + 1 + STEPS]:
            if later - at <= reach:
                yield place, other


def _of_regions(
    rows: Sequence[Row], pictures: dict[tuple[str, str], list[int]], one: int, other: int
) -> Iterator[tuple[int, int]]:
    """Each region of a picture with each of another; with its namesake where they are many."""
    pairs = list(product(pictures[rows[one].name[:2]], pictures[rows[other].name[:2]]))
    for first, second in pairs:
        if len(pairs) <= _ALL_REGIONS or rows[first].region == rows[second].region:
            yield min(first, second), max(first, second)
