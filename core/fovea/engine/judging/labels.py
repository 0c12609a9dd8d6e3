"""Figures of a ``multilabel`` bundle: how its labels rank the pictures, and how they are told at the operating points.

The figures are scikit-learn's. Their resamplings count each picture as often as its group was drawn, for all draws at
once; a test holds that both count alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fovea.engine.judging.curves import BINS, Floats, curves, reliability
from fovea.engine.judging.resampling import Judgement, intervals, resamplings
from fovea.serving.bundle import Bundle

Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class OfLabel:
    """How one label was told; None where no picture has it (``auroc``: or where every picture has).

    Args:
        label: its name.
        average_precision: over all thresholds, in [0, 1].
        auroc: area under the receiver operating characteristic, in [0, 1].
        precision: at the operating point; share of the pictures said to have it that have it.
        recall: at the operating point; share of the pictures that have it that are said to.
        f1: of the two.
        point: the operating point, a probability.
        support: pictures that have it.
    """

    label: str
    average_precision: float | None
    auroc: float | None
    precision: float | None
    recall: float | None
    f1: float | None
    point: float
    support: int


def judge_labels(
    bundle: Bundle, truth: Bools, said: Floats, raw: Floats, group: NDArray[np.intp], groups: int, seed: int
) -> Judgement:
    """Count every figure.

    Args:
        bundle: for labels and operating points.
        truth: which picture has which label, (n, labels).
        said: calibrated probabilities, (n, labels).
        raw: probabilities before calibration, (n, labels).
        group: number of each picture's group, (n,).
        groups: how many there are.
        seed: of the resamplings.
    """
    points = np.array(bundle.levels.points if bundle.levels else (), np.float64)
    sums = _Sums(truth, said, raw, said >= points, group, groups)
    drawn = [sums.figures(times) for times in resamplings(groups, seed, 3 * truth.size)]
    spread = {name: np.concatenate([draw[name] for draw in drawn]) for name in drawn[0]}
    there = truth.any(axis=0)
    chance = float(truth.mean(axis=0)[there].mean()) if there.any() else 0.0
    return Judgement(
        figures=intervals(_headlines(truth, said, raw, said >= points), spread),
        baselines={"chance_macro_average_precision": chance},
        classes=_by_label(bundle, truth, said, points),
        curves=curves(bundle.labels, truth, said),
        reliability=reliability(truth, said, truth, raw),
        spread=spread,
    )


def _headlines(truth: Bools, said: Floats, raw: Floats, at: Bools) -> dict[str, float]:
    from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

    there = truth.any(axis=0)
    both = there & ~truth.all(axis=0)
    nothing = float("nan")
    some = bool(there.any())
    return {
        "macro_average_precision": average_precision_score(truth[:, there], said[:, there]) if some else nothing,
        "micro_average_precision": average_precision_score(truth, said, average="micro") if some else nothing,
        "macro_auroc": roc_auc_score(truth[:, both], said[:, both]) if both.any() else nothing,
        "macro_f1": f1_score(truth[:, there], at[:, there], average="macro", zero_division=0) if some else nothing,
        "ece": _ece(_bins(truth, said).sum(axis=0, keepdims=True), len(truth))[0],
        "ece_before": _ece(_bins(truth, raw).sum(axis=0, keepdims=True), len(truth))[0],
    }


def _by_label(bundle: Bundle, truth: Bools, said: Floats, points: Floats) -> tuple[OfLabel, ...]:
    from sklearn.metrics import average_precision_score, precision_recall_fscore_support, roc_auc_score

    table: list[OfLabel] = []
    for label, true, one, point in zip(bundle.labels, truth.T, said.T, points, strict=True):
        some, all_have = bool(true.any()), bool(true.all())
        precision, recall, f1, _ = precision_recall_fscore_support(
            true, one >= point, average="binary", zero_division=0
        )
        table.append(
            OfLabel(
                label=label,
                average_precision=float(average_precision_score(true, one)) if some else None,
                auroc=float(roc_auc_score(true, one)) if some and not all_have else None,
                precision=float(precision) if some else None,
                recall=float(recall) if some else None,
                f1=float(f1) if some else None,
                point=float(point),
                support=int(true.sum()),
            )
        )
    return tuple(table)


class _Sums:
    """What every figure of every resampling follows from.

    Args:
        truth: (n, labels).
        said: calibrated probabilities, (n, labels).
        raw: probabilities before calibration, (n, labels).
        at: which labels are said, (n, labels).
        group: (n,).
        groups: how many.
    """

    def __init__(
        self, truth: Bools, said: Floats, raw: Floats, at: Bools, group: NDArray[np.intp], groups: int
    ) -> None:
        labels = truth.shape[1]
        self.truth, self.said, self.group = truth, said, group
        self.counts = np.zeros((groups, labels, 3))  # right, true, said
        np.add.at(self.counts, group, np.stack([truth & at, truth, at], axis=2))
        self.bins, self.bins_before = np.zeros((2, groups, labels, BINS))
        np.add.at(self.bins, group, _bins(truth, said))
        np.add.at(self.bins_before, group, _bins(truth, raw))

    def figures(self, times: Floats) -> dict[str, Floats]:
        """Every figure where group g is counted ``times[:, g]`` times: (draws,) each."""
        often = times[:, self.group]  # (draws, n)
        columns = [ranked(t, s, often) for t, s in zip(self.truth.T, self.said.T, strict=True)]
        precisions, areas = (np.stack(column) for column in zip(*columns, strict=True))
        micro, _ = ranked(self.truth.ravel(), self.said.ravel(), np.repeat(often, self.truth.shape[1], axis=1))
        right, true, said = np.moveaxis(np.tensordot(times, self.counts, 1), 2, 0)  # (draws, labels) each
        f1 = np.where(true > 0, 2 * right / np.maximum(true + said, 1), np.nan)
        number = often.sum(axis=1)[:, None]
        return {
            "macro_average_precision": _mean(precisions.T),
            "micro_average_precision": micro,
            "macro_auroc": _mean(areas.T),
            "macro_f1": _mean(f1),
            "ece": _ece(np.tensordot(times, self.bins, 1), number),
            "ece_before": _ece(np.tensordot(times, self.bins_before, 1), number),
        }


def ranked(truth: Bools, said: Floats, often: Floats) -> tuple[Floats, Floats]:
    """Average precision and area under the receiver operating characteristic, counting pictures several times.

    Args:
        truth: which picture has the label, (n,).
        said: what it is ranked by, (n,).
        often: how often each picture counts, (draws, n).

    Returns:
        (draws,) each, as scikit-learn counts them; not a number where all or none of what counts has the label.
    """
    order = np.argsort(-said, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(said[order])), len(said) - 1)  # ties share one threshold
    right = np.cumsum(often[:, order] * truth[order], axis=1)[:, ends]
    called = np.cumsum(often[:, order], axis=1)[:, ends]
    wrong = called - right
    have, lack = right[:, -1], wrong[:, -1]
    more_right, more_wrong = (np.diff(part, axis=1, prepend=0) for part in (right, wrong))
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = (more_right * right / np.maximum(called, 1)).sum(axis=1) / have
        area = (more_wrong * (right - more_right / 2)).sum(axis=1) / (have * lack)
    return precision, area


def _mean(figures: Floats) -> Floats:
    """The mean over the labels of which the figure can be told, (draws,)."""
    there = np.isfinite(figures)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(there, figures, 0).sum(axis=1) / there.sum(axis=1))


def _bins(truth: Bools, said: Floats) -> Floats:
    """How far each picture's truth is from its probability, in that probability's bin: (n, labels, BINS)."""
    place = np.minimum((said * BINS).astype(int), BINS - 1)
    return np.where(place[..., None] == np.arange(BINS), (truth - said)[..., None], 0)


def _ece(bins: Floats, number: Floats | int) -> Floats:
    """Calibration error of each label's probability over BINS bins of equal width, then their mean, (draws,).

    Class-wise expected calibration error: Kull et al., NeurIPS 2019.
    """
    return np.asarray((np.abs(bins).sum(axis=2) / number).mean(axis=1))
