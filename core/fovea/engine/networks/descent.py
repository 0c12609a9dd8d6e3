"""Down to where a smooth convex loss is least: L-BFGS in float32, for problems whose steps have been measured first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Point = NDArray[np.float32]

_KEPT = 8
_FLAT = 1e-5
"""A slope below this everywhere is none."""
_ROUNDING = 1e-7
_SHORTEST = 1e-4


@dataclass(frozen=True, slots=True)
class _Step:
    """How far a step went, how the slope changed on it, and the inverse of their product."""

    way: Point
    change: Point
    inverse: float


def least(loss: Callable[[Point], tuple[float, Point]], start: Point, *, gain: float, steps: int = 200) -> Point:
    """The point that L-BFGS (Nocedal, Wright, Numerical Optimization, 2006, algorithm 7.5) walks to.

    The coordinates should be such that the loss bends about alike, and by about 1, along each: then the first step of
    length 1 is a good one.

    Args:
        loss: its value and slope at a point, float32 (n,).
        start: where to begin.
        gain: a step that lowers the loss by less, as a share of the loss and at least of 1, is the last.
        steps: at most so many.
    """
    point, (value, slope) = start, loss(start)
    walked: list[_Step] = []
    for _ in range(steps):
        if float(np.abs(slope).max(initial=0)) <= _FLAT:
            break
        reached, lower, bent = _along(loss, point, value, slope, _direction(slope, walked))
        if lower >= value:
            break
        way, change = reached - point, bent - slope
        product = float(np.vdot(way, change))
        if product > _ROUNDING * float(np.vdot(change, change)):
            walked = [*walked[1 - _KEPT :], _Step(way, change, 1 / product)]
        is_last = value - lower <= gain * max(abs(value), abs(lower), 1.0)
        point, value, slope = reached, lower, bent
        if is_last:
            break
    return point


def _direction(slope: Point, walked: list[_Step]) -> Point:
    """Where the loss should be least by what the last steps told of its bend."""
    down, shares = -slope, []
    for step in reversed(walked):
        shares.append(np.float32(step.inverse * float(np.vdot(step.way, down))))
        down -= shares[-1] * step.change
    if walked:
        down *= np.float32(1 / (walked[-1].inverse * float(np.vdot(walked[-1].change, walked[-1].change))))
    for step, share in zip(walked, reversed(shares), strict=True):
        down += (share - np.float32(step.inverse * float(np.vdot(step.change, down)))) * step.way
    return down


def _along(
    loss: Callable[[Point], tuple[float, Point]], point: Point, value: float, slope: Point, down: Point
) -> tuple[Point, float, Point]:
    """A step, halved until it lowers the loss enough (Armijo)."""
    length, fall = 1.0, float(np.vdot(slope, down))
    while True:
        reached = point + np.float32(length) * down
        lower, bent = loss(reached)
        if lower <= value + _SHORTEST * length * fall or length <= _SHORTEST:
            return reached, lower, bent
        length /= 2
