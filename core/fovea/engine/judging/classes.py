"""Figures of a ``classify`` bundle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fovea.engine.judging.curves import BINS, Curve, Floats, curves, reliability
from fovea.engine.judging.resampling import Judgement, intervals, resamplings


@dataclass(frozen=True, slots=True, kw_only=True)
class OfClass:
    """How one class was told: shares in [0, 1], and the number of its pictures.

    ``auroc`` and ``average_precision`` rank it against the rest by its probability; None where no picture or every
    picture is of the class.
    """

    label: str
    precision: float
    recall: float
    f1: float
    support: int
    auroc: float | None = None
    average_precision: float | None = None


def judge_classes(
    labels: Sequence[str],
    truth: NDArray[np.int64],
    said: Floats,
    raw: Floats,
    group: NDArray[np.intp],
    groups: int,
    seed: int,
    places: NDArray[np.intp] | None = None,
) -> Judgement:
    """Count every figure.

    Args:
        labels: in the order of the outputs.
        truth: place of each picture's label, (n,).
        said: calibrated probabilities, (n, labels).
        raw: probabilities before calibration, (n, labels).
        group: number of each picture's group, (n,).
        groups: how many there are.
        seed: of the resamplings.
        places: of the label said of each picture, (n,); None: the most probable one.
    """
    places = said.argmax(axis=1) if places is None else places
    sums = _Sums.of(truth, said, raw, group, groups, places)
    value = sums.figures(np.ones((1, groups)))
    drawn = [sums.figures(times) for times in resamplings(groups, seed, len(labels) ** 2)]
    spread = {name: np.concatenate([draw[name] for draw in drawn]) for name in drawn[0]}
    ranks = curves(labels, truth[:, None] == np.arange(len(labels)), said)
    return Judgement(
        figures=intervals({name: float(figure[0]) for name, figure in value.items()}, spread),
        baselines=_baselines(truth, len(labels)),
        classes=_classes(truth, places, labels, ranks),
        confusion=tuple(tuple(int(n) for n in row) for row in sums.confusion.sum(axis=0)),
        curves=ranks,
        reliability=reliability(
            said.argmax(axis=1) == truth, said.max(axis=1), raw.argmax(axis=1) == truth, raw.max(axis=1)
        ),
        spread=spread,
    )


@dataclass(frozen=True, slots=True)
class _Sums:
    """Sums by group, from which every figure of every resampling follows by one product.

    Args:
        confusion: (groups, labels, labels).
        likelihood: sum of the negative log likelihood, (groups,).
        bins: of the calibrated and the raw probabilities: (groups, BINS, 2): (hits - confidence), count.
    """

    confusion: Floats
    likelihood: Floats
    bins: Floats
    bins_before: Floats

    @classmethod
    def of(
        cls,
        truth: NDArray[np.int64],
        said: Floats,
        raw: Floats,
        group: NDArray[np.intp],
        groups: int,
        places: NDArray[np.intp],
    ) -> _Sums:
        count, labels = said.shape
        confusion = np.zeros((groups, labels, labels))
        np.add.at(confusion, (group, truth, places), 1)
        likelihood = np.zeros(groups)
        np.add.at(likelihood, group, -np.log(np.maximum(said[np.arange(count), truth], 1e-12)))
        return cls(confusion, likelihood, _bins(truth, said, group, groups), _bins(truth, raw, group, groups))

    def figures(self, times: Floats) -> dict[str, Floats]:
        """Every figure where group g is counted ``times[:, g]`` times: (draws,) each."""
        groups, labels, _ = self.confusion.shape
        table = (times @ self.confusion.reshape(groups, -1)).reshape(-1, labels, labels)
        right, true, claimed = np.einsum("dll->dl", table), table.sum(axis=2), table.sum(axis=1)
        there = true > 0
        recall = np.where(there, right / np.maximum(true, 1), 0)
        f1 = np.where(there, 2 * right / np.maximum(true + claimed, 1), 0)
        total, classes = true.sum(axis=1), there.sum(axis=1)
        return {
            "accuracy": right.sum(axis=1) / total,
            "balanced_accuracy": recall.sum(axis=1) / classes,
            "macro_f1": f1.sum(axis=1) / classes,
            "log_loss": times @ self.likelihood / total,
            "ece": _ece(times, self.bins),
            "ece_before": _ece(times, self.bins_before),
        }


def _bins(truth: NDArray[np.int64], said: Floats, group: NDArray[np.intp], groups: int) -> Floats:
    sure = said.max(axis=1)
    place = np.minimum((sure * BINS).astype(int), BINS - 1)
    sums = np.zeros((groups, BINS, 2))
    np.add.at(sums[..., 0], (group, place), (said.argmax(axis=1) == truth) - sure)
    np.add.at(sums[..., 1], (group, place), 1)
    return sums


def _ece(times: Floats, bins: Floats) -> Floats:
    """Expected calibration error over BINS bins of equal width (Naeini et al., AAAI 2015)."""
    summed = (times @ bins.reshape(len(bins), -1)).reshape(-1, BINS, 2)
    return np.asarray(np.abs(summed[..., 0]).sum(axis=1) / summed[..., 1].sum(axis=1))


def _baselines(truth: NDArray[np.int64], labels: int) -> dict[str, float]:
    counts = np.bincount(truth, minlength=labels)
    return {
        "majority_accuracy": float(counts.max() / counts.sum()),
        "majority_balanced_accuracy": float(1 / (counts > 0).sum()),
    }


def _classes(
    truth: NDArray[np.int64], said: NDArray[np.intp], labels: Sequence[str], ranks: Sequence[Curve]
) -> tuple[OfClass, ...]:
    from sklearn.metrics import precision_recall_fscore_support

    table = precision_recall_fscore_support(truth, said, labels=list(range(len(labels))), zero_division=0)
    ranked = {one.label: one for one in ranks}
    return tuple(
        OfClass(
            label=label,
            precision=float(p),
            recall=float(r),
            f1=float(f),
            support=int(n),
            auroc=ranked[label].auroc if label in ranked else None,
            average_precision=ranked[label].average_precision if label in ranked else None,
        )
        for label, p, r, f, n in zip(labels, *table, strict=True)
    )
