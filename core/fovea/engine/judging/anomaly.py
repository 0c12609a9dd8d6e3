"""Figures of an ``anomaly`` bundle: how well distances rank pictures, and what its threshold lets through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fovea.engine.judging.curves import Floats, curves
from fovea.engine.judging.labels import ranked
from fovea.engine.judging.resampling import Judgement, intervals, resamplings, told
from fovea.engine.pictures.targets import NORMAL
from fovea.serving.anomaly import ANOMALY
from fovea.serving.readings import Tail

Bools = NDArray[np.bool_]

RECALL = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class OfAnomaly:
    """How the pictures of one label were told; None where it cannot be said.

    Args:
        label: as in the data.
        auroc: its pictures against the normal ones, by distance.
        recall: share of its pictures called anomalies; of ``normal``, the share of false alarms.
        support: pictures judged.
    """

    label: str
    auroc: float | None
    recall: float | None
    support: int


def judge_anomaly(
    tail: Tail | None, targets: Sequence[str], said: Floats, group: NDArray[np.intp], groups: int, seed: int
) -> Judgement:
    """Count every figure.

    ``auroc``, ``average_precision``, ``fpr95`` (share of normal pictures called by a threshold that finds 95 % of the
    anomalies), ``recall`` and ``false_alarms`` at the bundle's threshold, and, where probabilities were calibrated,
    ``brier`` (their mean square error).

    Args:
        tail: how the bundle reads distances.
        targets: the label of each picture, n of them.
        said: probability of normal and of an anomaly, and the distance, (n, 3).
        group: number of each picture's group, (n,).
        groups: how many there are.
        seed: of the resamplings.
    """
    strange = np.array([target != NORMAL for target in targets], bool)
    distances, threshold = said[:, 2], np.float32(tail.threshold if tail else np.inf)
    called = distances > threshold
    square = (said[:, 1] - strange) ** 2 if tail and tail.slope is not None else None
    width = 6 * len(targets)
    drawn = [
        _figures(strange, distances, called, square, times[:, group]) for times in resamplings(groups, seed, width)
    ]
    spread = {name: np.concatenate([draw[name] for draw in drawn]) for name in drawn[0]}
    values = _figures(strange, distances, called, square, np.ones((1, len(targets))))
    return Judgement(
        figures=intervals({name: float(figure[0]) for name, figure in values.items()}, spread),
        baselines={"chance_average_precision": float(strange.mean())},
        classes=_by_label(targets, distances, called),
        curves=curves((ANOMALY,), strange[:, None], distances[:, None]),
        spread=spread,
    )


def _figures(
    strange: Bools, distances: Floats, called: Bools, square: Floats | None, often: Floats
) -> dict[str, Floats]:
    """Every figure where picture p is counted ``often[:, p]`` times: (draws,) each."""
    precision, area = ranked(strange, distances, often)
    have, lack = often[:, strange].sum(axis=1), often[:, ~strange].sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        figures = {
            "auroc": area,
            "average_precision": precision,
            "fpr95": _fpr(strange, distances, often),
            "recall": often[:, strange] @ called[strange] / have,
            "false_alarms": often[:, ~strange] @ called[~strange] / lack,
        }
        return figures if square is None else {**figures, "brier": often @ square / often.sum(axis=1)}


def _fpr(strange: Bools, distances: Floats, often: Floats) -> Floats:
    """Share of normal pictures that a threshold calls anomalies which finds RECALL of the anomalies, (draws,)."""
    order = np.argsort(-distances, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(distances[order])), len(distances) - 1)  # ties share one threshold
    found = np.cumsum(often[:, order] * strange[order], axis=1)[:, ends]
    false = np.cumsum(often[:, order] * ~strange[order], axis=1)[:, ends]
    enough = found >= RECALL * found[:, -1:] - 1e-9
    first = enough.argmax(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = false[np.arange(len(false)), first] / false[:, -1]
    return np.where(found[:, -1] > 0, share, np.nan)


def _by_label(targets: Sequence[str], distances: Floats, called: Bools) -> tuple[OfAnomaly, ...]:
    names = np.array(targets, object)
    normal = names == NORMAL
    table: list[OfAnomaly] = []
    for label in sorted(set(targets), key=lambda one: (one != NORMAL, one)):
        mine = names == label
        both = mine | normal
        _, area = ranked(mine[both], distances[both], np.ones((1, int(both.sum()))))
        table.append(
            OfAnomaly(
                label=label,
                auroc=None if label == NORMAL else told(float(area[0])),
                recall=float(called[mine].mean()),
                support=int(mine.sum()),
            )
        )
    return tuple(table)
