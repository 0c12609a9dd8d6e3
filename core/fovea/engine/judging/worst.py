"""Which pictures a bundle answered worst: the first that a person should look at.

Often it is the label that is wrong, or the picture shows something else; the rest tells what to collect more of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fovea.engine.judging.answered import truth_of
from fovea.engine.judging.curves import Floats
from fovea.engine.judging.masks import tables_of
from fovea.engine.pictures.survey import Row
from fovea.plugin import Kind
from fovea.serving.answers import answers, labels_said
from fovea.serving.bundle import Bundle
from fovea.serving.certainty import chosen

SHOWN = 12
"""Pictures kept."""

_LEAST = 1e-12

Told: TypeAlias = list[tuple[str, str]]
"""Of each picture: the truth and what was said, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worst:
    """One picture that was answered badly.

    Args:
        source: of the sample.
        part: of the sample.
        region: name of the region, empty for the whole picture.
        truth: what is known of it, in words; of ``segment`` the label that was told worst there.
        said: what the bundle said, in words.
        cost: of ``classify`` and ``multilabel`` the log loss; of ``regress`` the error by the target's standard
            deviation, the mean over values; of ``segment`` 1 less the mean IoU of the labels that are there.
    """

    source: str
    part: str
    region: str
    truth: str
    said: str
    cost: float


def worst(bundle: Bundle, rows: Sequence[Row], logits: NDArray[Any]) -> tuple[Worst, ...]:
    """The pictures answered worst, the worst first; of ``classify`` and ``multilabel`` only wrong ones.

    Args:
        bundle: that answered.
        rows: true targets, n of them.
        logits: (n, outputs); of ``segment`` the tallies of :func:`fovea.engine.judging.masks.tally`.
    """
    if not rows or bundle.kind == "anomaly":  # an anomaly's maps are shown instead
        return ()
    costs, told = _OF[bundle.kind](bundle, rows, logits)
    order = [place for place in np.argsort(-costs, kind="stable").tolist() if costs[place] > 0][:SHOWN]
    return tuple(
        Worst(
            source=rows[place].source,
            part=rows[place].part,
            region=rows[place].region,
            truth=told[place][0],
            said=told[place][1],
            cost=float(costs[place]),
        )
        for place in order
    )


def _classes(bundle: Bundle, rows: Sequence[Row], logits: NDArray[Any]) -> tuple[Floats, Told]:
    truth, sure = truth_of(bundle, rows), answers(bundle, logits).astype(np.float64)
    said, every = chosen(bundle, sure), np.arange(len(rows))
    costs = np.where(said != truth, -np.log(np.maximum(sure[every, truth], _LEAST)), 0)
    probable = sure[every, said]
    told = [
        (bundle.labels[true], f"{bundle.labels[one]} ({share:.2f})")
        for true, one, share in zip(truth.tolist(), said.tolist(), probable.tolist(), strict=True)
    ]
    return costs, told


def _labels(bundle: Bundle, rows: Sequence[Row], logits: NDArray[Any]) -> tuple[Floats, Told]:
    truth, sure = truth_of(bundle, rows) > 0, answers(bundle, logits).astype(np.float64)
    points = np.array(bundle.levels.points if bundle.levels else ())
    right = ((sure >= points) == truth).all(axis=1)
    of_truth = np.where(truth, sure, 1 - sure)
    costs = np.where(right, 0, -np.log(np.maximum(of_truth, _LEAST)).sum(axis=1))
    told = [
        (_listed(compress(bundle.labels, true)), _listed(labels_said(bundle, one)))
        for true, one in zip(truth.tolist(), sure.tolist(), strict=True)
    ]
    return costs, told


def _values(bundle: Bundle, rows: Sequence[Row], logits: NDArray[Any]) -> tuple[Floats, Told]:
    truth, said = truth_of(bundle, rows), answers(bundle, logits).astype(np.float64)
    usual = np.array(bundle.scale.deviations if bundle.scale else np.ones(truth.shape[1]))
    costs = (np.abs(said - truth) / np.maximum(usual, _LEAST)).mean(axis=1)
    told = [
        (_named(bundle.labels, true), _named(bundle.labels, one))
        for true, one in zip(truth.tolist(), said.tolist(), strict=True)
    ]
    return costs, told


def _areas(bundle: Bundle, rows: Sequence[Row], tallies: NDArray[Any]) -> tuple[Floats, Told]:
    tables = tables_of(bundle, tallies)
    both, true, said = np.einsum("nll->nl", tables), tables.sum(axis=2), tables.sum(axis=1)
    there = true > 0
    iou = np.where(there, both / np.maximum(true + said - both, 1), np.nan)
    known = there.any(axis=1)
    costs = np.zeros(len(rows))
    costs[known] = 1 - np.nanmean(iou[known], axis=1)
    lowest = np.where(there, iou, np.inf).argmin(axis=1)
    told = [
        (bundle.labels[label], f"mean IoU {1 - cost:.2f}")
        for label, cost in zip(lowest.tolist(), costs.tolist(), strict=True)
    ]
    return costs, told


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "nothing"


def _named(names: Sequence[str], values: Sequence[float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in zip(names, values, strict=True))


_OF: Mapping[Kind, Callable[[Bundle, Sequence[Row], NDArray[Any]], tuple[Floats, Told]]] = MappingProxyType(
    {"classify": _classes, "multilabel": _labels, "regress": _values, "segment": _areas}
)
