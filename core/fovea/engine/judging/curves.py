"""Curves behind the figures, kept as few enough points to store and draw: ranking by label, and reliability."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Points: TypeAlias = tuple[tuple[float, float], ...]

BINS = 15
"""Bins of equal width that calibration is counted in."""

POINTS = 60
"""The most points that a curve is kept as."""

_DIGITS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """How a label's probability ranks the pictures, over all thresholds; of ``classify``, one label against the rest.

    Args:
        label: its name.
        auroc: area under ``roc``, counted before the points were thinned out; in [0, 1].
        average_precision: of ``precision_recall``, likewise.
        support: pictures that have the label.
        roc: (share of the pictures without the label that are called, share of those with it), from the highest
            threshold to the lowest; at most 60 points.
        precision_recall: (recall, precision), likewise.
    """

    label: str
    auroc: float
    average_precision: float
    support: int
    roc: Points
    precision_recall: Points


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Answers whose probability lies between ``low`` and ``high``: what they said on average, and how often it held."""

    low: float
    high: float
    said: float
    right: float
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reliability:
    """Whether probabilities hold, by bins of equal width; a bin without an answer is left out.

    Args:
        calibrated: as the bundle tells them.
        before: without its calibration.
    """

    calibrated: tuple[Bin, ...]
    before: tuple[Bin, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The pictures whose true value lies from ``low`` to ``high``.

    Args:
        low: the least of them.
        high: the greatest.
        pictures: how many.
        mae: mean absolute error there.
        bias: mean of told less true; above 0 it tells too much.
        coverage: share whose true value lies in the interval told; None where none is told.
    """

    low: float
    high: float
    pictures: int
    mae: float
    bias: float
    coverage: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scattered:
    """How one value was told, picture by picture.

    Args:
        label: its name.
        points: (true, told) of at most 400 pictures, spread evenly over the true values.
        spans: fifths of the pictures by their true value, or fewer where values repeat.
    """

    label: str
    points: Points
    spans: tuple[Span, ...]


def curves(labels: Sequence[str], truth: NDArray[np.bool_], said: Floats) -> tuple[Curve, ...]:
    """A curve for each label that some pictures have and some lack.

    Args:
        labels: in the order of the columns.
        truth: which picture has which label, (n, labels).
        said: probabilities, (n, labels).
    """
    return tuple(
        _curve(label, true, one)
        for label, true, one in zip(labels, truth.T, said.T, strict=True)
        if true.any() and not true.all()
    )


def _curve(label: str, true: NDArray[np.bool_], said: Floats) -> Curve:
    from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

    wrong, right, _ = roc_curve(true, said)
    precision, recall, _ = precision_recall_curve(true, said, drop_intermediate=True)
    return Curve(
        label=label,
        auroc=float(roc_auc_score(true, said)),
        average_precision=float(average_precision_score(true, said)),
        support=int(true.sum()),
        roc=thinned(wrong, right),
        precision_recall=thinned(recall[::-1], precision[::-1]),
    )


def thinned(along: Floats, up: Floats) -> Points:
    """At most ``POINTS`` points of a line, evenly far apart on it, both ends among them."""
    if len(along) > POINTS:
        steps = np.hypot(np.diff(along), np.diff(up))
        way = np.concatenate([[0.0], np.cumsum(steps)])
        places = np.unique(np.searchsorted(way, np.linspace(0, way[-1], POINTS - 1)).clip(0, len(along) - 1))
        places = np.union1d(places, [len(along) - 1])
        along, up = along[places], up[places]
    return tuple((round(float(x), _DIGITS), round(float(y), _DIGITS)) for x, y in zip(along, up, strict=True))


def reliability(held: NDArray[np.bool_], said: Floats, before_held: NDArray[np.bool_], before: Floats) -> Reliability:
    """Bins of answers by their probability.

    Args:
        held: whether each answer was right, any shape.
        said: its probability, same shape.
        before_held: the same without calibration.
        before: likewise.
    """
    return Reliability(calibrated=_bins(held, said), before=_bins(before_held, before))


def _bins(held: NDArray[np.bool_], said: Floats) -> tuple[Bin, ...]:
    held, said = held.ravel(), said.ravel()
    place = np.minimum((said * BINS).astype(int), BINS - 1)
    number, sure, right = (np.bincount(place, weights, BINS) for weights in (None, said, held.astype(float)))
    return tuple(
        Bin(
            low=round(one / BINS, _DIGITS),
            high=round((one + 1) / BINS, _DIGITS),
            said=round(float(sure[one] / number[one]), _DIGITS),
            right=round(float(right[one] / number[one]), _DIGITS),
            number=int(number[one]),
        )
        for one in range(BINS)
        if number[one]
    )
