"""The learning rate over a run: pure functions of the recipe, the step and the curves so far.

Nothing is remembered between steps, so a run that goes on from its checkpoint goes on at the very same rates.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from fovea.engine.recipe import Recipe

_FLOOR = 0.01
_FALL = 0.3
_CYCLE_RISE, _CYCLE_START, _CYCLE_END = 0.25, 1 / 25, 1e-5
_CYCLE_MOMENTA = (0.95, 0.85)


def share(recipe: Recipe, step: int, steps: int, curves: Sequence[Mapping[str, float]] = ()) -> float:
    """The rate at a step as a share of the recipe's ``lr``, in (0, 1].

    All but ``one_cycle`` rise in a line over the warm-up. ``cosine``: half a wave down to a hundredth. ``step``: a
    tenth after each third of the run. ``plateau``: times 0.3 whenever a quarter of the recipe's patience, at least two
    epochs, brought nothing better, down to a hundredth. ``one_cycle``: half a wave from 1/25 up over a quarter of the
    run and half a wave down to 1e-5 (Smith and Topin, 2018, arXiv 1708.07120; numbers of fastai's ``fit_one_cycle``).

    Args:
        recipe: resolved.
        step: batches done before, from 0.
        steps: batches an epoch.
        curves: figures of the epochs done.
    """
    whole = int(recipe.epochs) * steps
    if recipe.schedule == "one_cycle":
        return _one_cycle(step / whole, _CYCLE_START, 1.0, _CYCLE_END)
    rise = recipe.warmup * whole
    if step < rise:
        return (step + 1) / (rise + 1)
    if recipe.schedule == "step":
        return float(0.1 ** (3 * step // whole))
    if recipe.schedule == "plateau":
        return float(max(_FALL ** plateaus(recipe, curves), _FLOOR))
    if recipe.schedule == "constant":
        return 1.0
    return _FLOOR + (1 - _FLOOR) * (1 + math.cos(math.pi * (step - rise) / max(whole - rise, 1))) / 2


def momentum(recipe: Recipe, step: int, steps: int) -> float | None:
    """Momentum (of adam: beta 1) at a step of ``one_cycle``, which falls while the rate rises; None: as it is."""
    if recipe.schedule != "one_cycle":
        return None
    high, low = _CYCLE_MOMENTA
    return _one_cycle(step / (int(recipe.epochs) * steps), high, low, high)


def plateaus(recipe: Recipe, curves: Sequence[Mapping[str, float]]) -> int:
    """How often so far the figures stayed without a better one for long enough to lower the rate."""
    wait = max(2, recipe.patience // 4)
    best, since, found = -math.inf, 0, 0
    for figures in curves:
        now = merit(figures, recipe)
        best, since = (now, 0) if now > best else (best, since + 1)
        if since == wait:
            found, since = found + 1, 0
    return found


def merit(figures: Mapping[str, float], recipe: Recipe) -> float:
    """How good an epoch was by the recipe's ``monitor``; greater is better.

    Equal figures are told apart by the loss. Without validation pictures the loss on what is learned from decides.
    """
    if "loss" not in figures:
        return -figures["train_loss"]
    return -figures["loss"] if recipe.monitor == "loss" else figures[recipe.monitor] - 1e-6 * figures["loss"]


def _one_cycle(done: float, start: float, middle: float, end: float) -> float:
    if done < _CYCLE_RISE:
        return _wave(start, middle, done / _CYCLE_RISE)
    return _wave(middle, end, (done - _CYCLE_RISE) / (1 - _CYCLE_RISE))


def _wave(start: float, end: float, done: float) -> float:
    """Half a cosine from ``start`` (done 0) to ``end`` (done 1)."""
    return end + (start - end) * (1 + math.cos(math.pi * done)) / 2
