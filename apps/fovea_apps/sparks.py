"""Curves small enough for a table's cell."""

from __future__ import annotations

from collections.abc import Sequence

_BARS = "\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588"
_LONGEST = 12


def spark(values: Sequence[float | None]) -> str:
    """First and last value with the way between them, at most twelve bars; empty where there is none.

    >>> spark([1.0, 0.5, 0.0])
    '1 \u2588\u2585\u2581 0'
    """
    there = [value for value in values if value is not None]
    if not there:
        return ""
    count = min(len(there), _LONGEST)
    some = [there[round(place * (len(there) - 1) / max(count - 1, 1))] for place in range(count)]
    low, span = min(some), max(some) - min(some)
    bars = "".join(_BARS[round((value - low) / span * (len(_BARS) - 1)) if span else 0] for value in some)
    return f"{there[0]:.3g} {bars} {there[-1]:.3g}"
