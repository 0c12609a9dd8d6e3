"""Figures of a ``regress`` bundle: how far its values are off, how well they rank, and what its intervals hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fovea.engine.judging.curves import Floats, Scattered, Span
from fovea.engine.judging.resampling import Judgement, intervals, resamplings, told
from fovea.serving.bundle import Bundle

_LEAST_SPREAD = 1e-12
_FIFTHS, _MOST_POINTS = 5, 400


@dataclass(frozen=True, slots=True, kw_only=True)
class OfValue:
    """How one value was told, in its own unit; None where it cannot be said.

    Args:
        label: its name.
        mae: mean absolute error.
        rmse: root of the mean square error.
        r2: share of the variance explained; 0 is saying these pictures' mean.
        spearman: rank correlation, in [-1, 1].
        coverage: share of the pictures whose true value lies in the interval told.
        width: of that interval.
        support: pictures judged.
    """

    label: str
    mae: float
    rmse: float
    r2: float | None
    spearman: float | None
    coverage: float | None
    width: float | None
    support: int


def judge_values(
    bundle: Bundle, truth: Floats, said: Floats, group: NDArray[np.intp], groups: int, seed: int
) -> Judgement:
    """Count every figure; of several values, each is the mean over them.

    Args:
        bundle: for names, half widths and the mean that the baseline says.
        truth: true values, (n, values).
        said: told ones, (n, values).
        group: number of each picture's group, (n,).
        groups: how many there are.
        seed: of the resamplings.
    """
    from sklearn.metrics import mean_absolute_error, root_mean_squared_error

    half = np.array(bundle.scale.half_widths if bundle.scale else (), np.float64)
    mean = np.broadcast_to(np.array(bundle.scale.means if bundle.scale else 0.0), truth.shape)
    drawn = [_figures(truth, said, half, times[:, group]) for times in resamplings(groups, seed, 4 * truth.size)]
    spread = {name: np.concatenate([draw[name] for draw in drawn]) for name in drawn[0]}
    table = _by_value(bundle, truth, said, half)
    return Judgement(
        figures=intervals(_headlines(table), spread),
        baselines={
            "mean_mae": float(mean_absolute_error(truth, mean)),
            "mean_rmse": float(root_mean_squared_error(truth, mean)),
        },
        classes=table,
        values=tuple(map(_scattered, bundle.labels, truth.T, said.T, _width(bundle))),
        spread=spread,
    )


def _width(bundle: Bundle) -> Sequence[float | None]:
    """Half the width of each value's interval; None where none is told."""
    return (bundle.scale.half_widths if bundle.scale else ()) or (None,) * len(bundle.labels)


def _scattered(label: str, true: Floats, said: Floats, half: float | None) -> Scattered:
    order = np.argsort(true, kind="stable")
    shown = order[np.unique(np.linspace(0, len(order) - 1, min(len(order), _MOST_POINTS)).astype(np.intp))]
    edges = np.unique(np.quantile(true, np.arange(1, _FIFTHS) / _FIFTHS))
    place = np.searchsorted(edges, true, side="right")
    return Scattered(
        label=label,
        points=tuple((float(true[one]), float(said[one])) for one in shown.tolist()),
        spans=tuple(_span(true[place == one], said[place == one], half) for one in np.unique(place).tolist()),
    )


def _span(true: Floats, said: Floats, half: float | None) -> Span:
    off = said - true
    return Span(
        low=float(true.min()),
        high=float(true.max()),
        pictures=len(true),
        mae=float(np.abs(off).mean()),
        bias=float(off.mean()),
        coverage=None if half is None else float((np.abs(off) <= half).mean()),
    )


def _headlines(table: tuple[OfValue, ...]) -> dict[str, float]:
    names = ("mae", "rmse", "r2", "spearman", "coverage", "width")
    columns = {name: [getattr(one, name) for one in table] for name in names}
    return {name: float("nan") if None in column else float(np.mean(column)) for name, column in columns.items()}


def _by_value(bundle: Bundle, truth: Floats, said: Floats, half: Floats) -> tuple[OfValue, ...]:
    from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

    table: list[OfValue] = []
    for place, (name, true, one) in enumerate(zip(bundle.labels, truth.T, said.T, strict=True)):
        varies = bool(np.ptp(true) > _LEAST_SPREAD)
        table.append(
            OfValue(
                label=name,
                mae=float(mean_absolute_error(true, one)),
                rmse=float(root_mean_squared_error(true, one)),
                r2=float(r2_score(true, one)) if varies else None,
                spearman=told(spearman(true, one)),
                coverage=float((np.abs(true - one) <= half[place]).mean()) if len(half) else None,
                width=float(2 * half[place]) if len(half) else None,
                support=len(true),
            )
        )
    return tuple(table)


def _figures(truth: Floats, said: Floats, half: Floats, often: Floats) -> dict[str, Floats]:
    """Every figure where picture p is counted ``often[:, p]`` times: (draws,) each."""
    number = often.sum(axis=1)[:, None]
    off = np.abs(truth - said)
    centred = truth - truth.mean(axis=0)
    square = often @ off**2
    variance = often @ centred**2 - (often @ centred) ** 2 / number
    with np.errstate(invalid="ignore", divide="ignore"):
        r2 = np.where(variance > _LEAST_SPREAD, 1 - square / variance, np.nan)
    covered = often @ (off <= half) / number if len(half) else np.full((len(often), 1), np.nan)
    return {
        "mae": (often @ off / number).mean(axis=1),
        "rmse": np.sqrt(square / number).mean(axis=1),
        "r2": r2.mean(axis=1),
        "spearman": np.array([_mean_spearman(truth, said, row) for row in often]),
        "coverage": covered.mean(axis=1),
        "width": np.full(len(often), 2 * half.mean() if len(half) else np.nan),
    }


def _mean_spearman(truth: Floats, said: Floats, often: Floats) -> float:
    drawn = np.repeat(np.arange(len(often)), often.astype(int))
    return float(np.mean([spearman(true, one) for true, one in zip(truth[drawn].T, said[drawn].T, strict=True)]))


def spearman(one: Floats, other: Floats) -> float:
    """Rank correlation of two rows of numbers, ties at their mean rank; not a number where one of them is constant."""
    ranks = np.stack([_ranks(one), _ranks(other)])
    ranks -= ranks.mean(axis=1, keepdims=True)
    spread = np.sqrt((ranks**2).sum(axis=1).prod())
    return float((ranks[0] * ranks[1]).sum() / spread) if spread > 0 else float("nan")


def _ranks(values: Floats) -> Floats:
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[place], np.float64)
