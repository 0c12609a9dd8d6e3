"""How a network's outputs are read: the values that travel in ``bundle.json`` for it, by kind, and their check."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fovea.serving.bundle import Bundle


_NORMAL_OR_NOT = 2
"""Labels of an ``anomaly`` bundle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """How a ``multilabel`` network's logits are read: one of each a label, fitted on pictures kept for that.

    Args:
        slopes: calibrated logit = slope * logit + offset (Platt, 1999); above 0.
        offsets: see ``slopes``.
        points: probability from which a label is said, in [0, 1].
        aim: what ``points`` were chosen for, in words.
    """

    slopes: tuple[float, ...]
    offsets: tuple[float, ...]
    points: tuple[float, ...]
    aim: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How a ``regress`` network's outputs are read: one of each a value, in the target's own unit.

    Args:
        means: value = mean + deviation * output; of the pictures learned from.
        deviations: see ``means``; above 0.
        half_widths: the true value is within so much of the one told, in ``coverage`` of cases; empty where too few
            groups were kept to say so.
        coverage: share of the cases, in (0, 1).
    """

    means: tuple[float, ...]
    deviations: tuple[float, ...]
    half_widths: tuple[float, ...] = ()
    coverage: float = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Tail:
    """How an ``anomaly`` network's distance from normal is read, counted on pictures kept for that.

    Args:
        threshold: a picture farther than that is called an anomaly.
        false_alarms: share of the normal pictures of new groups that are, at most; in (0, 1).
        distances: of normal pictures, ascending.
        shares: of the normal pictures of new groups, those that are no farther than each of ``distances``; ascending.
        slope: log odds of an anomaly = slope * distance + offset (Platt, 1999); above 0. None where too few anomalies
            were kept: then the probability of an anomaly is the share of normal pictures that are no farther.
        offset: see ``slope``.
    """

    threshold: float
    false_alarms: float
    distances: tuple[float, ...]
    shares: tuple[float, ...]
    slope: float | None = None
    offset: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Readout:
    """Where a probe reads its backbone, so that its network can be made again.

    Args:
        stages: names of the modules that are read, shallow to deep.
        channels: of each stage's map.
        pools: what is kept of each map: ``mean``, ``std``, ``max``.
    """

    stages: tuple[str, ...]
    channels: tuple[int, ...]
    pools: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sets:
    """From which probability on a label cannot be ruled out.

    Args:
        points: one a label, in [0, 1].
        coverage: share of the pictures of new groups whose true label is not ruled out, in (0, 1).
        pooled: labels of too few groups, whose point was counted on the pictures of all labels together.
    """

    points: tuple[float, ...]
    coverage: float
    pooled: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """Which pictures a person should look at.

    Args:
        sure: those whose label has a lower probability.
        share: of the pictures that a person can look at, in (0, 1).
        error: share of the others whose label was wrong, on the pictures kept for calibration.
    """

    sure: float
    share: float
    error: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Familiar:
    """Which pictures are like those it learned from.

    Args:
        most: the others are stranger to it: see :mod:`fovea.engine.learning.strangeness`; at least 0.
        kept: share of the pictures of new groups that are not stranger, in (0, 1).
    """

    most: float
    kept: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """When a ``classify`` bundle says a label that raises an alarm.

    Args:
        labels: those that do.
        point: they are said where the sum of their probabilities reaches it; it may lie above 1, out of reach.
        aim: what ``point`` was chosen for, in words.
    """

    labels: tuple[str, ...]
    point: float
    aim: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Certainty:
    """What a bundle says of its own answers, counted on pictures kept for calibration; None is not told.

    Args:
        sets: of labels that cannot be ruled out.
        review: what a person should look at (``classify``).
        familiar: what is like the pictures learned from.
        alarm: its operating point (``classify``).
        lacking: a sentence for each of them that was asked for and could not be had.
    """

    sets: Sets | None = None
    review: Review | None = None
    familiar: Familiar | None = None
    alarm: Alarm | None = None
    lacking: tuple[str, ...] = ()


def is_readable(bundle: Bundle) -> bool:
    """Whether there is one finite number of each sort an output, within its range."""
    levels, scale, count = bundle.levels, bundle.scale, len(bundle.labels)
    if bundle.fusion is not None and not bundle.fusion.is_sound(1 if bundle.kind == "anomaly" else count):
        return False
    if bundle.kind == "multilabel" and levels is not None:
        return (
            len(levels.slopes) == len(levels.offsets) == len(levels.points) == count
            and all(0 < slope < math.inf for slope in levels.slopes)
            and all(map(math.isfinite, levels.offsets))
            and all(0 <= point <= 1 for point in levels.points)
        )
    if bundle.kind == "regress" and scale is not None:
        return (
            len(scale.means) == len(scale.deviations) == count
            and all(map(math.isfinite, scale.means))
            and all(0 < deviation < math.inf for deviation in scale.deviations)
            and len(scale.half_widths) in (0, count)
            and all(0 <= width < math.inf for width in scale.half_widths)
        )
    if bundle.kind == "anomaly" and bundle.tail is not None:
        return count == _NORMAL_OR_NOT and _is_tail(bundle.tail)
    return bundle.kind not in ("multilabel", "regress", "anomaly")


def _is_tail(tail: Tail) -> bool:
    return (
        0 <= tail.threshold < math.inf
        and 0 < tail.false_alarms < 1
        and 0 < len(tail.distances) == len(tail.shares)
        and all(math.isfinite(distance) for distance in tail.distances)
        and all(0 < share < 1 for share in tail.shares)
        and sorted(tail.distances) == list(tail.distances)
        and sorted(tail.shares) == list(tail.shares)
        and (tail.slope is None or 0 < tail.slope < math.inf)
        and math.isfinite(tail.offset)
    )


def is_certain(bundle: Bundle) -> bool:
    """Whether what the bundle says of its own answers makes sense."""
    of = bundle.certainty
    if of is None:
        return True
    sets, review, familiar, alarm = of.sets, of.review, of.familiar, of.alarm
    if bundle.kind != "classify" and (review or alarm):
        return False
    return (
        (sets is None or _are_sets(sets, bundle.labels))
        and (review is None or (0 <= review.sure <= 1 and 0 < review.share < 1 and 0 <= review.error <= 1))
        and (familiar is None or (0 <= familiar.most < math.inf and 0 < familiar.kept < 1))
        and (alarm is None or (0 <= alarm.point < math.inf and 0 < len(set(alarm.labels)) < len(bundle.labels)))
        and (alarm is None or set(alarm.labels) <= set(bundle.labels))
    )


def _are_sets(sets: Sets, labels: tuple[str, ...]) -> bool:
    return (
        len(sets.points) == len(labels)
        and all(0 <= point <= 1 for point in sets.points)
        and 0 < sets.coverage < 1
        and set(sets.pooled) <= set(labels)
    )
