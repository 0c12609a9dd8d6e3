"""The value axis and the category labels that bar and line charts share."""

from __future__ import annotations

from dataclasses import dataclass

from fovea.plugin import Chart
from fovea.report.markup import Markup, element, join
from fovea.report.scale import Scale, Ticks, every
from fovea.report.svg import SIZE, label, smooth, text_width, wrap
from fovea.report.wording import finite, places, quantity, share, share_places

_LINE = 16.0
_GAP = 8.0
COLOURS = 8
"""How many colours a page has for series; further series repeat them, paler and dashed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """The rectangle that the data are drawn in, in px."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """From left to right."""
        return self.right - self.left


def numbers(chart: Chart) -> list[float]:
    """Every finite value of a chart."""
    return finite(value for series in chart.series for value in series.values)


def at(values: tuple[float | None, ...], index: int) -> float | None:
    """The value at ``index``; None where it is absent or no number."""
    found = finite(values[index : index + 1])
    return found[0] if found else None


def said(chart: Chart, value: float, decimals: int | None = None) -> str:
    """A value of the chart as people read it, with its unit."""
    return share(value, decimals) if chart.share else quantity(value, chart.unit, decimals)


def written(chart: Chart, value: float, decimals: int) -> str:
    """A value of the chart without its unit, which stands above the axis."""
    return share(value, decimals) if chart.share else quantity(value, "", decimals)


def brief_places(chart: Chart) -> int:
    """Decimals of the values written on bars: no more than three digits of the largest."""
    return min(places(value * (100 if chart.share else 1) for value in numbers(chart)), 1 if chart.share else 6)


def full_places(chart: Chart) -> int:
    """Decimals of the values in a list."""
    return share_places(numbers(chart)) if chart.share else places(numbers(chart))


def tick_texts(chart: Chart, ticks: Ticks) -> list[str]:
    """The ticks' labels; the unit stands above the axis, not at every tick."""
    decimals = max(0, ticks.places - 2) if chart.share else ticks.places
    return [written(chart, value, decimals) for value in ticks.values]


def axis_room(texts: list[str]) -> float:
    """Px that the tick labels of an upright axis need."""
    return max(map(text_width, texts)) + 2 * _GAP


def upright_axis(plot: Plot, scale: Scale, ticks: Ticks, texts: list[str]) -> Markup:
    """Horizontal hairlines with their labels at the left, and the zero line."""
    parts = []
    for value, text in zip(ticks.values, texts, strict=True):
        y = smooth(scale.at(value))
        line = element("line", x1=plot.left, x2=plot.right, y1=y, y2=y, class_="zero" if value == 0 else "grid")
        parts += [line, label(plot.left - _GAP, y + SIZE / 3, text, "tick", anchor="end")]
    return join(parts)


def lying_axis(plot: Plot, scale: Scale, ticks: Ticks, texts: list[str]) -> Markup:
    """Vertical hairlines with their labels below, and the zero line."""
    parts = []
    for value, text in zip(ticks.values, texts, strict=True):
        x = smooth(scale.at(value))
        line = element("line", x1=x, x2=x, y1=plot.top, y2=plot.bottom, class_="zero" if value == 0 else "grid")
        parts += [line, label(x, plot.bottom + _LINE, text, "tick", anchor="middle")]
    return join(parts)


def labels_fit(categories: tuple[str, ...], slot: float) -> bool:
    """True where every category can be written below its slot on at most two lines, uncut."""
    return all(
        len(lines) <= 2 and not any(line.endswith("\u2026") for line in lines)  # noqa: PLR2004
        for lines in (wrap(category, slot - _GAP) for category in categories)
    )


def labels_thin(categories: tuple[str, ...], width: float) -> bool:
    """True where the categories are many and short (dates), so that some of the labels may stay away."""
    widest = max(map(text_width, categories), default=0)
    return widest < width / 6 and len(categories) > width / 60


def category_labels(categories: tuple[str, ...], plot: Plot) -> Markup:
    """The categories below an upright chart; thinned out where there is no room for all."""
    slot = plot.width / len(categories)
    fits = labels_fit(categories, slot)
    widest = max(map(text_width, categories)) + 2 * _GAP
    step = 1 if fits else every(len(categories), int(plot.width // min(widest, plot.width / 2)))
    room = slot * step - _GAP
    return join(
        label(plot.left + slot * (index + 0.5), plot.bottom + _LINE * (row + 1.1), line, "category", anchor="middle")
        for index, category in enumerate(categories)
        if index % step == 0
        for row, line in enumerate(wrap(category, room))
    )


def category_lines(categories: tuple[str, ...], width: float) -> int:
    """How many lines the labels below an upright chart take."""
    slot = width / len(categories)
    if not labels_fit(categories, slot):
        return 1
    return max(len(wrap(category, slot - _GAP)) for category in categories)


def colour(index: int) -> str:
    """The class of the series at ``index``."""
    return f"s{index % COLOURS}" + (" again" if index >= COLOURS else "")
