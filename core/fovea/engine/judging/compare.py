"""Two bundles on the same pictures: before and after fine-tuning, side by side, with the interval of the difference.

Both are judged on the same drawn groups, so that what is hard about some groups cancels out: the interval of the
difference is much narrower than the intervals of the two figures would suggest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fovea.engine.judging.answered import how_said
from fovea.engine.judging.curves import Floats
from fovea.engine.judging.evaluate import Seen, judge, promised, refuse
from fovea.engine.judging.resampling import Interval, intervals
from fovea.engine.pictures.survey import Row
from fovea.engine.pictures.targets import strata
from fovea.errors import DataError, UsageError
from fovea.plugin import Kind
from fovea.serving.bundle import Bundle

_LESS = frozenset(
    {"ece", "log_loss", "mae", "rmse", "share_mae", "fpr95", "false_alarms", "brier", "error_of_rest"}
    | {"aurc", "false_alarms_per_100"}
)
"""Figures of which less is better."""

_NEITHER = frozenset({"ece_before", "coverage", "width", "set_coverage", "set_size", "reviewed", "unknown"})
"""Figures of which neither is: what was asked for, what goes with that, and errors of what is never told."""

_OF_ALARMS = frozenset({"sensitivity", "specificity", "ppv", "false_alarms_per_100"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A figure before and after, and the difference, each with its 95 % interval by group.

    Args:
        before: of the first bundle.
        after: of the second.
        difference: after less before.
        verdict: ``better``, ``worse``, or ``unsure`` where the difference's interval holds 0; empty for a figure of
            which neither more nor less is better.
    """

    before: Interval
    after: Interval
    difference: Interval
    verdict: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """Two bundles on the same pictures, none of which either has learned from.

    Args:
        changes: by figure.
        kind: of the task.
        pictures: number judged.
        groups: number of groups they are of.
        learned: pictures left out because one of the two learned from their group.
        strange: pictures left out because one of the two does not know their label.
        unreadable: pictures that one of the two could not be shown.
        said: what was counted as an answer of each, in words: see :func:`fovea.engine.judging.answered.how_said`.
    """

    changes: Mapping[str, Change]
    kind: Kind
    pictures: int
    groups: int
    learned: int
    strange: int
    unreadable: int
    said: tuple[str, str]


def compare(before: Seen, after: Seen, seed: int = 0) -> Compared:
    """Compare two bundles on what both have seen and neither has learned from.

    Raises:
        UsageError: they are of different domains, roles or kinds, or tell different labels or values.
        DataError: no picture is left to compare on.
    """
    _refuse_others(before.bundle, after.bundle)
    places = _common(before, after)
    fresh = [place for place in places if before.fresh[place[0]] and after.fresh[place[1]]]
    known = [place for place in fresh if _is_known(before.bundle, after.bundle, before.rows[place[0]])]
    if places and not fresh:
        raise DataError("each of the pictures, or another of its group, was learned from by one of the two models")
    if fresh and not known:
        raise DataError("there is no picture with a label that both models know")
    sides = [(seen, np.array([place[side] for place in known], int)) for side, seen in enumerate((before, after))]
    for seen, rows in sides:
        refuse(seen.bundle, seen.rows, [seen.rows[row] for row in rows])
    return Compared(
        changes=_changes(sides, seed),
        kind=before.bundle.kind,
        pictures=len(known),
        groups=len({before.rows[place].group for place, _ in known}),
        learned=len(places) - len(fresh),
        strange=len(fresh) - len(known),
        unreadable=len({(fault.source, fault.part) for fault in (*before.unreadable, *after.unreadable)}),
        said=(how_said(before.bundle), how_said(after.bundle)),
    )


def _common(before: Seen, after: Seen) -> list[tuple[int, int]]:
    where = {row.name: place for place, row in enumerate(after.rows)}
    return [(place, where[row.name]) for place, row in enumerate(before.rows) if row.name in where]


def _changes(sides: Sequence[tuple[Seen, NDArray[np.intp]]], seed: int) -> dict[str, Change]:
    named = [sides[0][0].rows[row] for row in sides[0][1]]  # the same pictures, so the same groups, for both
    (first, of_first), (second, of_second) = (_judged(seen, rows, named, seed) for seen, rows in sides)
    alarms = [seen.bundle.certainty.alarm if seen.bundle.certainty else None for seen, _ in sides]
    alike = len({None if one is None else frozenset(one.labels) for one in alarms}) == 1
    return {
        name: _change(name, first[name], second[name], of_second[name] - of_first[name])
        for name in first
        if name in second and (alike or name not in _OF_ALARMS)
    }


def _judged(
    seen: Seen, rows: NDArray[np.intp], named: Sequence[Row], seed: int
) -> tuple[Mapping[str, Interval], Mapping[str, Floats]]:
    """Every figure of one bundle, and its resamplings, by name."""
    logits = seen.logits[rows]
    judgement = judge(seen.bundle, named, logits, seed)
    strange = None if seen.strange is None else seen.strange[rows]
    marked = None if seen.marked is None else seen.marked.only(rows)
    values, spread, _ = promised(seen.bundle, named, logits, strange, seed, marked)
    return {**judgement.figures, **intervals(values, spread)}, {**judgement.spread, **spread}


def _change(name: str, before: Interval, after: Interval, spread: Floats) -> Change:
    value = after.value - before.value
    told = spread[np.isfinite(spread)]
    told = told if len(told) else np.array([value])
    if name.startswith("ece"):  # every resampling raises a calibration error, and not by the same in both
        told = told - (told.mean() - value)
    low, high = (float(end) for end in np.percentile(told, [2.5, 97.5]))
    return Change(
        before=before,
        after=after,
        difference=Interval(value=value, low=low, high=high),
        verdict=_verdict(name, low, high),
    )


def _verdict(name: str, low: float, high: float) -> str:
    if name in _NEITHER:
        return ""
    if low <= 0 <= high:
        return "unsure"
    return "worse" if (low > 0) == (name in _LESS) else "better"


def _is_known(before: Bundle, after: Bundle, row: Row) -> bool:
    if before.kind != "classify":
        return True
    return all(label in bundle.labels for bundle in (before, after) for (label,) in strata("classify", [row.target]))


def _refuse_others(before: Bundle, after: Bundle) -> None:
    kinds = [(bundle.domain, bundle.role, bundle.kind) for bundle in (before, after)]
    if kinds[0] != kinds[1]:
        told = " and ".join(f"{one.name} is for {one.domain} {one.role} ({one.kind})" for one in (before, after))
        raise UsageError(f"only models of one role can be compared: {told}")
    if before.kind != "classify" and sorted(before.labels) != sorted(after.labels):
        other = sorted({*before.labels} ^ {*after.labels})
        raise UsageError(f"the two models do not tell the same: only one of them knows {', '.join(other)}")
    if before.kind == "regress" and before.labels != after.labels:
        raise UsageError("the two models tell their values in another order, so that they cannot be compared")
