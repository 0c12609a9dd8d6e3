"""The learning rate range test: a short training at ever higher rates shows which of them a network learns at.

Smith, "Cyclical Learning Rates for Training Neural Networks" (2017, arXiv 1506.01186), section 3.3; the numbers, and
the steepest fall as what is suggested, are those of fastai's ``lr_find``.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from fovea.engine.learning import loop
from fovea.engine.recipe import Recipe, usual_rate
from fovea.errors import Stopped
from fovea.progress import Progress

STEPS = 100
LOWEST, HIGHEST = 1e-7, 10.0
_SMOOTH = 0.98
_WORSE = 4.0
_LEAST_FALL = 0.02
_SKIPPED = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeTest:
    """What a range test saw.

    Args:
        rates: from low to high; it ends early where the loss grew fourfold.
        losses: the running mean of the loss at each of them.
        rate: where the loss fell most steeply; the usual rate where it fell nowhere.
        usual: what ``lr=auto`` would have taken.
        fell: whether the loss fell anywhere.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    rate: float
    usual: float
    fell: bool


def range_test(
    course: loop.Course, *, recipe: Recipe, progress: Progress, stop: Callable[[], bool], steps: int = STEPS
) -> RangeTest:
    """Learn from ``steps`` batches at rates from 1e-7 to 10 on a copy of the network, which is thrown away.

    Args:
        course: what is to be trained; its network stays as it is.
        recipe: resolved, whatever its ``lr``.
        progress: told batch by batch.
        stop: asked before every batch.
        steps: how many rates, evenly far apart in their logarithm.

    Raises:
        Stopped: ``stop`` said so; nothing was kept.
    """
    trial = replace(course, network=copy.deepcopy(course.network))
    rates = np.geomspace(LOWEST, HIGHEST, steps).tolist()
    tried: list[float] = []
    losses: list[float] = []
    mean = 0.0
    progress.start("try learning rates", steps)
    for rate, loss in zip(rates, loop.losses_at(trial, recipe=recipe, rates=rates), strict=False):
        if stop():
            raise Stopped("the test of learning rates was stopped: run it again to begin anew")
        mean = _SMOOTH * mean + (1 - _SMOOTH) * loss
        now = mean / (1 - _SMOOTH ** (len(losses) + 1))
        if not math.isfinite(now) or (losses and now > _WORSE * min(losses)):
            break
        tried.append(rate)
        losses.append(now)
        progress.advance()
        progress.show(lr=rate, loss=round(now, 4))
    progress.finish()
    steepest = steepest_fall(tried, losses)
    usual = usual_rate(recipe)
    return RangeTest(
        rates=tuple(tried),
        losses=tuple(losses),
        rate=usual if steepest is None else steepest,
        usual=usual,
        fell=steepest is not None,
    )


def steepest_fall(rates: Sequence[float], losses: Sequence[float]) -> float | None:
    """The rate at which the loss falls most by the logarithm of the rate; None where it falls by less than 2 % in all.

    The first tenth of the rates is left out, since the running mean has not settled there.

    >>> steepest_fall([1e-4, 1e-3, 1e-2, 1e-1, 1], [2.0, 1.9, 1.2, 1.0, 3.0])
    0.01
    """
    first, last = int(_SKIPPED * len(losses)), int(np.argmin(losses)) if len(losses) else 0
    if last - first < 2 or losses[last] > (1 - _LEAST_FALL) * losses[first]:  # noqa: PLR2004 - a slope has two ends
        return None
    slopes = np.gradient(np.asarray(losses), np.log(rates))[first : last + 1]
    return float(rates[first + int(np.argmin(slopes))])
