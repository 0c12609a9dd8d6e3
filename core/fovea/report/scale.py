"""Linear scales and their ticks."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

_STEPS = (1.0, 2.0, 5.0, 10.0)
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Maps values in [low, high] to pixels in [start, end]; ``end`` may lie before ``start``."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """The pixel of a value."""
        if self.high == self.low:
            return (self.start + self.end) / 2
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticks:
    """Round values that enclose the data, and the decimals they are written with."""

    values: tuple[float, ...]
    places: int

    @property
    def low(self) -> float:
        """The first tick."""
        return self.values[0]

    @property
    def high(self) -> float:
        """The last tick."""
        return self.values[-1]


def nice_step(rough: float) -> float:
    """The smallest of 1, 2, 5 times a power of ten that is not below ``rough`` (> 0)."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(step for step in _STEPS if step * power >= rough * (1 - _ROUNDING)) * power


def nice_below(rough: float) -> float:
    """The largest of 1, 2, 5 times a power of ten that is not above ``rough`` (> 0)."""
    power = 10.0 ** math.floor(math.log10(rough))
    return max(step for step in _STEPS if step * power <= rough * (1 + _ROUNDING)) * power


def nice_ticks(low: float, high: float, *, count: int = 5, whole: bool = False) -> Ticks:
    """About ``count`` round ticks that enclose [low, high].

    Args:
        low: smallest value.
        high: largest value, not below ``low``.
        count: how many steps are wanted; the answer has no more.
        whole: True where only whole numbers make sense (counts).
    """
    if high <= low:
        low, high = min(low, 0.0), max(high, 0.0)
    if high <= low:
        high = 1.0
    step = nice_step((high - low) / count)
    step = max(step, 1.0) if whole else step
    first, last = math.floor(low / step + _ROUNDING), math.ceil(high / step - _ROUNDING)
    decimals = max(0, -math.floor(math.log10(step) + _ROUNDING))
    values = tuple(round(index * step, decimals) for index in range(first, max(last, first + 1) + 1))
    return Ticks(values=values, places=decimals)


def value_ticks(values: Iterable[float], *, from_zero: bool, share: bool, count: int = 5) -> Ticks:
    """Ticks for a chart's value axis.

    Args:
        values: the finite values drawn; at least one.
        from_zero: True for bars, whose length must mean the value. Lines keep zero too unless the data stay far
            above it.
        share: True for values in [0, 1]: the axis then never runs past 1.
        count: how many steps are wanted.
    """
    numbers = list(values)
    low, high = min(numbers), max(numbers)
    if from_zero or low <= 0 or low < high / 2:
        low, high = min(low, 0.0), max(high, 0.0)
    whole = not share and all(float(number).is_integer() for number in numbers)
    ticks = nice_ticks(low, high, count=count, whole=whole)
    if share and high <= 1 < ticks.high:
        return Ticks(values=(*(value for value in ticks.values if value < 1), 1.0), places=ticks.places)
    return ticks


def every(total: int, most: int) -> int:
    """Show each n-th of ``total`` labels so that no more than ``most`` are shown."""
    return max(1, math.ceil(total / max(1, most)))
