"""What is counted on pictures kept for it, through the served network: so that it is as sure as it is right."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fovea.serving.answers import answers
from fovea.serving.bundle import Bundle
from fovea.serving.readings import Levels

COVERAGE = 0.9

LEAST = 0.05
MOST = 20.0
_WONT = 0.5
"""Deviation of the logarithm of temperatures as they come: two of three lie between 0.6 and 1.6."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """The pictures kept for calibration, n of them.

    Args:
        logits: of the served network, (n, outputs).
        targets: as the task encodes them.
        groups: of each picture.
    """

    logits: NDArray[np.float32]
    targets: NDArray[Any]
    groups: Sequence[str]


def calibrated(
    draft: Bundle, kept: Kept, *, shares: Sequence[float], aim: float | Literal["f1"], coverage: float = COVERAGE
) -> Bundle:
    """The bundle with temperature, levels or half widths, as its kind has them.

    Args:
        draft: with its scale, where it has one.
        kept: pictures that nothing was learned from.
        shares: of the pictures learned from, those that have each label (``multilabel``).
        aim: of the operating points (``multilabel``).
        coverage: of the intervals (``regress``).
    """
    if draft.kind == "multilabel":
        return dataclasses.replace(draft, levels=_levels(draft, kept, shares, aim))
    if draft.kind == "regress" and draft.scale is not None:
        residuals = np.abs(kept.logits.astype(np.float64) - kept.targets) * draft.scale.deviations
        widths = [half_width(column, kept.groups, coverage) for column in residuals.T]
        known = tuple(width for width in widths if width is not None)
        return dataclasses.replace(draft, scale=dataclasses.replace(draft.scale, half_widths=known, coverage=coverage))
    return dataclasses.replace(draft, temperature=temperature(kept.logits, kept.targets))


def _levels(draft: Bundle, kept: Kept, shares: Sequence[float], aim: float | Literal["f1"]) -> Levels:
    columns = range(kept.targets.shape[1])
    lines = [line(kept.logits, kept.targets, column) for column in columns]
    slopes, offsets = zip(*lines, strict=True)
    told = "the greatest F1" if aim == "f1" else f"a recall of at least {aim:g}"
    levels = Levels(slopes=slopes, offsets=offsets, points=tuple(shares), aim=told)
    said = answers(dataclasses.replace(draft, levels=levels), kept.logits)
    points = (operating_point(said[:, c], kept.targets[:, c], aim, shares[c]) for c in columns)
    return dataclasses.replace(levels, points=tuple(points))


def line(logits: NDArray[np.float32], targets: NDArray[Any], column: int) -> tuple[float, float]:
    """Slope and offset that calibrate one label's logit (Platt, 1999), by logistic regression on softened targets.

    A label that all or none of the pictures have takes those of all labels together; without any picture that has a
    label the logits stay as they are.

    Args:
        logits: (n, labels).
        targets: 0 or 1, (n, labels).
        column: of the label.
    """
    one, truth = logits[:, column].astype(np.float64), targets[:, column] > 0
    if truth.all() or not truth.any():
        one, truth = logits.astype(np.float64).ravel(), (targets > 0).ravel()
    if truth.all() or not truth.any():
        return 1.0, 0.0
    have, lack = truth.sum(), (~truth).sum()
    soft = np.where(truth, (have + 1) / (have + 2), 1 / (lack + 2))
    return _platt(one, soft)


def _platt(logits: NDArray[np.float64], soft: NDArray[np.float64]) -> tuple[float, float]:
    from sklearn.linear_model import LogisticRegression

    both = np.concatenate([logits, logits])[:, None]
    which = np.repeat([1, 0], len(logits))
    fitted = LogisticRegression(C=1e3, max_iter=1000).fit(both, which, sample_weight=np.concatenate([soft, 1 - soft]))
    slope = float(fitted.coef_[0, 0])
    if 1 / MOST <= slope <= 1 / LEAST:
        return slope, float(fitted.intercept_[0])
    slope = min(max(slope, 1 / MOST), 1 / LEAST)
    return slope, _offset(slope * logits, float(soft.mean()))


def _offset(logits: NDArray[np.float64], share: float) -> float:
    """What makes the mean probability a share; the mean grows with it, so a bisection finds it."""
    low, high = -float(logits.max()) - 30, -float(logits.min()) + 30
    for _ in range(60):
        middle = (low + high) / 2
        mean = float((0.5 * (1 + np.tanh((logits + middle) / 2))).mean())
        low, high = (middle, high) if mean < share else (low, middle)
    return (low + high) / 2


def operating_point(said: NDArray[np.float32], truth: NDArray[Any], aim: float | Literal["f1"], share: float) -> float:
    """The probability from which a label is said.

    Args:
        said: calibrated probabilities, (n,).
        truth: 1 where the picture has the label, (n,).
        aim: ``f1`` takes the greatest F1; a number the highest point that keeps at least this recall.
        share: of the pictures learned from; the answer where no picture here has the label.
    """
    from sklearn.metrics import precision_recall_curve

    if not np.any(truth):
        return share
    precision, recall, points = precision_recall_curve(truth > 0, said.astype(np.float64))
    if aim == "f1":
        f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
        best = int(np.argmax(f1[:-1]))
    else:
        best = int(np.flatnonzero(recall[:-1] >= aim)[-1])
    return float(points[best] if best == 0 else (points[best - 1] + points[best]) / 2)


def half_width(residuals: NDArray[np.float64], groups: Sequence[str], coverage: float) -> float | None:
    """Half the width of the interval around a value that holds the true one, for a picture of a new group.

    Hierarchical conformal prediction (Lee, Barber, Willett, 2023, arXiv 2306.06342): every group counts alike, and the
    new one as a group of infinite residual; with one picture a group it is split conformal prediction.

    Args:
        residuals: absolute differences of the true value and the one told, (n,).
        groups: of each.
        coverage: wanted, in (0, 1).

    Returns:
        In the value's unit; None where there are fewer groups than such an interval needs (9 for 0.9).
    """
    names, place, counts = np.unique(
        [group.encode("utf-8", "surrogatepass") for group in groups], return_inverse=True, return_counts=True
    )
    if len(names) < math.ceil(coverage / (1 - coverage) - 1e-9):
        return None
    order = np.argsort(residuals, kind="stable")
    reached = np.cumsum(1 / counts[place[order]]) / (len(names) + 1)
    return float(residuals[order][np.searchsorted(reached, coverage - 1e-9)])


def temperature(logits: NDArray[np.float32], targets: NDArray[np.int64]) -> float:
    """The temperature with the least cross-entropy on pictures kept for it (Guo et al., ICML 2017).

    Targets are softened to (n + 1) / (n + 2), as Platt (1999) does, so that a few pictures that are all right do not
    ask for certainty; and its logarithm is held to 0 as by a normal prior of deviation :data:`_WONT`, so that a few
    that are wrong do not ask for none. Either counts as one picture or so, and is lost among many. A bisection of the
    slope by 1 / temperature finds the least.

    Args:
        logits: (n, k), of the served network.
        targets: int (n,).

    Returns:
        In [LEAST, MOST]; 1.0 where there is no picture.
    """
    count, labels = logits.shape
    if count == 0:
        return 1.0
    soft = np.full((count, labels), 1 / (count + 2) / (labels - 1))
    soft[np.arange(count), targets] = (count + 1) / (count + 2)
    wide = logits.astype(np.float64)
    low, high = 1 / MOST, 1 / LEAST
    for _ in range(60):
        middle = (low + high) / 2
        slope = _slope(wide, soft, middle) + math.log(middle) / (_WONT**2 * count * middle)
        low, high = (low, middle) if slope > 0 else (middle, high)
    return float(2 / (low + high))


def _slope(logits: NDArray[np.float64], soft: NDArray[np.float64], inverse: float) -> float:
    """Derivative of the mean cross-entropy by 1 / temperature."""
    raised = np.exp(inverse * (logits - logits.max(axis=1, keepdims=True)))
    said = raised / raised.sum(axis=1, keepdims=True)
    return float(((said - soft) * logits).sum(axis=1).mean())
