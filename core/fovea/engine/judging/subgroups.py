"""Whether a bundle is as good everywhere: its headline figure by each value of an attribute, and the gap to the rest.

What is compared counts what the bundle says at its operating point, and does not depend on how common a label is
somewhere: see :mod:`fovea.engine.judging.sides`. The gap is counted over the labels that both sides have, and its
interval by drawing groups anew. Many comparisons find something by luck, so each gap also has its p value (Student's t
with the bootstrap's standard error) adjusted after Holm, Scandinavian Journal of Statistics 6 (1979).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fovea.engine.judging.resampling import Interval, interval, numbered, resamplings
from fovea.engine.judging.sides import Bools, Cells, Measure, measure_of
from fovea.engine.pictures.survey import Row
from fovea.errors import UnknownName

LEAST_GROUPS = 5
"""Groups that a value needs on both sides to be compared."""

_MOST_VALUES, _MOST_ATTRIBUTES = 12, 12
_SURE, _DEVIATE = 0.05, 1.959964
_LEAST_SPREAD = 1e-9
_GROUP = "group."


@dataclass(frozen=True, slots=True, kw_only=True)
class Subgroup:
    """The pictures of one value of an attribute.

    Args:
        by: name of the attribute.
        value: as text; a range of a numeric attribute of many values.
        pictures: of this value.
        groups: of these.
        figure: here; None where this value or the rest has fewer than 5 groups.
        gap: the figure here less that of the rest, both over the labels that both have; None where it cannot be told.
        p: of the gap, adjusted for all comparisons of the evaluation.
        flagged: the gap's interval excludes 0.
        stands: it is flagged, and after the adjustment p is below 0.05.
    """

    by: str
    value: str
    pictures: int
    groups: int
    figure: Interval | None = None
    gap: Interval | None = None
    p: float | None = None
    flagged: bool = False
    stands: bool = False


def subgroups(rows: Sequence[Row], cells: Cells, by: Sequence[str] = (), seed: int = 0) -> tuple[Subgroup, ...]:
    """Judge every value of these attributes.

    Args:
        rows: the pictures judged.
        cells: what they come to, in the same order.
        by: names of attributes, or ``group.1``, ``group.2`` for a part of a group's name between slashes; empty takes
            the first twelve attributes that have 2 to 12 values or are numbers.
        seed: of the resamplings.

    Raises:
        UnknownName: no picture has such an attribute.
    """
    found: list[tuple[Subgroup, bytes]] = []
    group, groups = numbered([row.group for row in rows])
    known = _Known(cells, measure_of(cells, group, groups), group, groups, seed)
    for name in by or _usual(rows):
        values = values_of(rows, name)
        for value in sorted(set(values) - {None}, key=_order(values)):
            here = np.array([one == value for one in values], bool)
            test = min(here.tobytes(), (~here).tobytes())  # of two values, each is the other's rest
            found.append((_judged(name, str(value), here, known), test))
    return _adjusted(found)


@dataclass(frozen=True, slots=True)
class _Known:
    """What is the same for every value: the pictures' cells, what counts them, and their groups, (n,)."""

    cells: Cells
    measure: Measure
    group: NDArray[np.intp]
    groups: int
    seed: int


def _usual(rows: Sequence[Row]) -> list[str]:
    names = sorted({name for row in rows for name in row.attributes})
    usual = [name for name in names if 2 <= len(set(values_of(rows, name)) - {None}) <= _MOST_VALUES]  # noqa: PLR2004
    return usual[:_MOST_ATTRIBUTES]


def values_of(rows: Sequence[Row], name: str) -> list[str | None]:
    """The value of an attribute for each picture as text, None where it has none; numbers of many values by quarter.

    Raises:
        UnknownName: no picture has such an attribute.
    """
    told = [_told(row, name) for row in rows]
    if all(value is None for value in told):
        raise UnknownName("attribute of these pictures", name, sorted({one for row in rows for one in row.attributes}))
    numbers = [_number(value) for value in told]
    distinct = {number for number in numbers if number is not None}
    if len(distinct) > _MOST_VALUES and all(n is not None for n, v in zip(numbers, told, strict=True) if v is not None):
        return _quarters(numbers)
    return [None if value is None else f"{value:g}" if isinstance(value, float) else str(value) for value in told]


def _told(row: Row, name: str) -> str | float | None:
    if name.startswith(_GROUP) and name.removeprefix(_GROUP).isdecimal() and name not in row.attributes:
        parts, place = row.group.split("/"), int(name.removeprefix(_GROUP))
        return parts[place - 1] if 0 < place <= len(parts) else None
    value = row.attributes.get(name)
    return None if value == "" or (isinstance(value, float) and not math.isfinite(value)) else value


def _number(value: str | float | None) -> float | None:
    try:
        number = None if value is None else float(value)
    except ValueError:
        return None
    return number if number is not None and math.isfinite(number) else None


def _quarters(numbers: Sequence[float | None]) -> list[str | None]:
    there = np.array([number for number in numbers if number is not None])
    edges = np.unique(np.quantile(there, [0, 0.25, 0.5, 0.75, 1]))

    def named(number: float) -> str:
        place = int(np.clip(np.searchsorted(edges, number, "right") - 1, 0, max(len(edges) - 2, 0)))
        return f"{edges[place]:.4g} to {edges[min(place + 1, len(edges) - 1)]:.4g}"

    return [None if number is None else named(number) for number in numbers]


def _order(values: Sequence[str | None]) -> Callable[[str | None], tuple[float, str]]:
    """By number where all begin with one, else by name."""
    heads = {value: _number(value.split(" to ")[0]) for value in values if value is not None}
    numeric = all(head is not None for head in heads.values())
    return lambda value: ((heads.get(value or "") or 0.0) if numeric else 0.0, value or "")


def _judged(name: str, value: str, here: Bools, known: _Known) -> Subgroup:
    inside, outside = (len(np.unique(known.group[side])) for side in (here, ~here))
    bare = Subgroup(by=name, value=value, pictures=int(here.sum()), groups=inside)
    if min(inside, outside) < LEAST_GROUPS:
        return bare
    alone, same, rest = (float(one[0]) for one in known.measure(here, np.ones((1, known.groups))))
    drawn = [known.measure(here, times) for times in resamplings(known.groups, known.seed, 6 * known.cells.of.shape[1])]
    spread, gaps = (
        np.concatenate(part) for part in zip(*((one, two - three) for one, two, three in drawn), strict=True)
    )
    if not math.isfinite(alone):
        return bare
    judged = replace(bare, figure=interval(alone, spread))
    if not math.isfinite(same - rest) or not np.isfinite(gaps).any():
        return judged
    told = gaps[np.isfinite(gaps)]
    tested = _tested(judged, same - rest, float(told.std()), _fewest(known, here))
    return replace(tested, gap=_within(tested.gap, known.cells.most))


def _within(gap: Interval | None, most: float) -> Interval | None:
    """No gap is greater than the figure can be."""
    return gap and replace(gap, low=max(gap.low, -most), high=min(gap.high, most))


def _fewest(known: _Known, here: Bools) -> int:
    """The groups that the least known cell has on either side, of the cells that both have."""
    counts = [[len(np.unique(known.group[side & one])) for side in (here, ~here)] for one in known.cells.there.T]
    return min((min(pair) for pair in counts if min(pair)), default=1)


def _tested(judged: Subgroup, gap: float, deviation: float, groups: int) -> Subgroup:
    """The gap with Student's interval and p value, from the bootstrap's standard error.

    Percentiles alone hold too little where a side has few groups: the bootstrap's variance is short by (n - 1) / n.
    """
    freedom = max(groups - 1, 1)
    error = deviation * math.sqrt((freedom + 1) / freedom)
    if error < _LEAST_SPREAD:
        is_gap = abs(gap) >= _LEAST_SPREAD
        return replace(judged, gap=Interval(value=gap, low=gap, high=gap), p=0.0 if is_gap else 1.0, flagged=is_gap)
    reach = _quantile(freedom) * error
    p = _p(gap / error, freedom)
    return replace(judged, gap=Interval(value=gap, low=gap - reach, high=gap + reach), p=p, flagged=p < _SURE)


def _p(t: float, freedom: int) -> float:
    """Two-sided p value of Student's t, by its normal deviate after Wallace, Ann. Math. Statist. 30 (1959)."""
    deviate = (8 * freedom + 1) / (8 * freedom + 3) * math.sqrt(freedom * math.log1p(t * t / freedom))
    return math.erfc(deviate / math.sqrt(2))


def _quantile(freedom: int) -> float:
    """The t of p 0.05: the same the other way round."""
    deviate = _DEVIATE * (8 * freedom + 3) / (8 * freedom + 1)
    return math.sqrt(freedom * math.expm1(deviate * deviate / freedom))


def _adjusted(found: Sequence[tuple[Subgroup, bytes]]) -> tuple[Subgroup, ...]:
    """Holm's p values; a gap that is another's mirror image is no comparison of its own."""
    tests = {test: one.p for one, test in found if one.p is not None}
    adjusted: dict[bytes, float] = {}
    highest = 0.0
    for rank, test in enumerate(sorted(tests, key=lambda test: tests[test] or 0.0)):
        highest = max(highest, min(1.0, (len(tests) - rank) * (tests[test] or 0.0)))
        adjusted[test] = highest
    return tuple(
        one if one.p is None else replace(one, p=adjusted[test], stands=one.flagged and adjusted[test] < _SURE)
        for one, test in found
    )
