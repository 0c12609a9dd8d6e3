"""How figures read on a page."""

from __future__ import annotations

from fovea.engine.cards import certainty as card_certainty
from fovea.engine.cards.skill import NAMES, SHARES
from fovea.engine.judging.resampling import Interval
from fovea.plugin import Cell

_IN_UNITS = frozenset({"mae", "rmse", "width", "mean_mae", "mean_rmse"})
_LONGEST = 32
_THIN, _MINUS, _TO = "\u202f", "\u2212", "\u00a0to\u00a0"
"""A narrow space, the sign of numbers below 0, and what joins two numbers: no line breaks inside a range."""


def named(name: str) -> str:
    """What a figure is called."""
    names = {**card_certainty.NAMES, **NAMES}
    return names.get(name, "calibration error before" if name == "ece_before" else name.replace("_", " "))


def said(name: str, value: float) -> str:
    """A figure as it is read."""
    if name in SHARES | card_certainty.SHARES or name.endswith("accuracy"):
        return share(value)
    return (f"{value:.4g}" if name in _IN_UNITS else f"{value:.3f}").replace("-", _MINUS)


def share(value: float, decimals: int = 1) -> str:
    """A share in per cent."""
    return f"{value:.{decimals}%}".replace("%", f"{_THIN}%").replace("-", _MINUS)


def gap(name: str, value: float) -> str:
    """A difference of a figure, with its sign."""
    return f"{'+' if value > 0 else ''}{said(name, value)}"


def gap_range(name: str, told: Interval) -> str:
    """The interval of a difference."""
    return f"{gap(name, told.low)}{_TO}{gap(name, told.high)}"


def plain_range(name: str, told: Interval) -> str:
    """The interval of a figure."""
    return f"{said(name, told.low)}{_TO}{said(name, told.high)}"


def triple(told: tuple[float, float, float] | None) -> str | None:
    """A share with its interval."""
    if told is None:
        return None
    value, low, high = map(share, told)
    return f"{value} ({low}{_TO}{high})"


def rounded(value: object) -> Cell:
    """A cell of a table."""
    return round(value, 6) if isinstance(value, float) else value if isinstance(value, str | int) else None


def whole(text: str) -> str:
    """A value whose range no line breaks inside."""
    return text.replace(" to ", _TO)


def short(label: str) -> str:
    """A label that fits a legend."""
    return label if len(label) <= _LONGEST else f"{label[: _LONGEST - 1]}\u2026"


def first(text: str) -> str:
    """A text that begins with a capital."""
    return text[:1].upper() + text[1:]


def count(number: int, one: str) -> str:
    """``1 picture``, ``2 pictures``."""
    return f"{number:,} {one if number == 1 else one + 's'}"
