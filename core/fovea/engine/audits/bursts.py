"""Pictures taken one after the other, as their times or the counters in their names tell."""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from fovea.engine.pictures.survey import Row

STEPS = 3
"""Largest difference of two counters that are still one after the other."""

SECONDS = 10.0
"""Longest time between two pictures of a burst."""

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}_*", re.IGNORECASE)
_NUMBER = re.compile(r"(?P<number>\d{1,9})\D*$")


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


def neighbours(rows: Sequence[Row]) -> set[tuple[int, int]]:
    """Pairs of places of different pictures taken within STEPS of a counter, or SECONDS of each other by one camera."""
    runs: defaultdict[tuple[str, str], list[tuple[float, int]]] = defaultdict(list)
    clocks: defaultdict[str, list[tuple[float, int]]] = defaultdict(list)
    for place, row in enumerate(rows):
        counted = counter_of(row)
        if counted:
            runs[counted[0], row.region].append((counted[1], place))
        if row.time is not None:
            clocks[str(row.attributes.get("camera", ""))].append((row.time, place))
    found: set[tuple[int, int]] = set()
    for line in runs.values():
        found.update(_close(sorted(line), STEPS))
    for line in clocks.values():
        found.update(_close(sorted(line), SECONDS))
    return {(a, b) for a, b in found if rows[a].name[:2] != rows[b].name[:2]}


def _close(line: Sequence[tuple[float, int]], reach: float) -> Iterator[tuple[int, int]]:
    """Each with the next few within reach."""
    for index, (at, place) in enumerate(line):
        for later, other in line[index + 1 : index + 1 + STEPS]:
            if later - at <= reach:
                yield min(place, other), max(place, other)
