"""Figures with the interval in which they lie: groups are drawn anew, since pictures of one are not independent."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fovea.engine.judging.curves import Curve, Floats, Reliability, Scattered

DRAWS = 1000
_CHUNK = 100
_MOST_NUMBERS = 20_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What one kind of task counts.

    Args:
        figures: the headlines; one that cannot be told of these pictures is left out.
        baselines: figures of saying always the same.
        classes: one a label or value, in the bundle's order.
        confusion: pictures by (true label, said label); empty but for ``classify``.
        curves: of each label that some pictures have and some lack; empty for ``regress``.
        reliability: of the probabilities; None for ``regress``.
        values: told values beside true ones; empty but for ``regress``.
        spread: every figure's resamplings, in the order of :func:`resamplings`: of the same groups and the same seed,
            those of two judgements are paired.
    """

    figures: Mapping[str, Interval]
    baselines: Mapping[str, float]
    classes: tuple[object, ...]
    confusion: tuple[tuple[int, ...], ...] = ()
    curves: tuple[Curve, ...] = ()
    reliability: Reliability | None = None
    values: tuple[Scattered, ...] = ()
    spread: Mapping[str, Floats] = field(default_factory=dict, compare=False)


def numbered(groups: Sequence[str]) -> tuple[NDArray[np.intp], int]:
    """A number for each picture's group, (n,), and how many groups there are."""
    names, number = np.unique([group.encode("utf-8", "surrogatepass") for group in groups], return_inverse=True)
    return number, len(names)


def resamplings(groups: int, seed: int, width: int = 1, draws: int = DRAWS) -> Iterator[Floats]:
    """How often each group is drawn, (some draws, groups) at a time, ``draws`` in all; ``width``: numbers of one."""
    random = np.random.default_rng(seed)
    even = np.full(groups, 1 / groups)
    chunk = max(1, min(_CHUNK, _MOST_NUMBERS // max(width, 1)))
    for start in range(0, draws, chunk):
        yield random.multinomial(groups, even, min(chunk, draws - start)).astype(float)


def interval(value: float, spread: Floats, *, centred: bool = False) -> Interval:
    """Percentiles of the resampled figures; a resampling of which the figure cannot be told does not count.

    ``centred`` moves them onto the figure first, not below 0: a calibration error sums absolute values, so that every
    resampling raises it, and its plain percentiles may leave the figure itself out.
    """
    told = spread[np.isfinite(spread)]
    if not len(told):
        told = np.array([value])
    moved = np.maximum(told - (told.mean() - value), 0) if centred else told
    low, high = np.percentile(moved, [2.5, 97.5])
    return Interval(value=float(value), low=float(low), high=float(high))


def intervals(values: Mapping[str, float], spread: Mapping[str, Floats]) -> dict[str, Interval]:
    """One interval a figure; those that are no number are left out."""
    return {
        name: interval(value, spread[name], centred=name.startswith("ece"))
        for name, value in values.items()
        if math.isfinite(value)
    }


def told(value: float) -> float | None:
    """The figure, or None where it is no number, since JSON knows none such."""
    return float(value) if math.isfinite(value) else None
