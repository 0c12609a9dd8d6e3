"""Scatter charts: a dot a category, the first series across and the others up, and the line where both agree."""

from __future__ import annotations

from fovea.plugin import Chart
from fovea.report.axes import COLOURS, Plot, at, axis_room, said, tick_texts
from fovea.report.markup import Markup, element, join
from fovea.report.scale import Scale, Ticks, value_ticks
from fovea.report.svg import NARROW, SIZE, label, smooth
from fovea.report.wording import finite

_TOP, _LINE, _RADIUS, _GAP = 30.0, 16.0, 3.4, 8.0
_TALL = {True: 420.0, False: 250.0}
_WIDEST = 620.0


def draw_scatter(chart: Chart, width: float) -> tuple[Markup, float]:
    """The dots of a chart with at least two series and one value, and the drawing's height."""
    across, *others = chart.series
    along = _ticks(chart, across.values)
    up = _ticks(chart, [value for series in others for value in series.values])
    texts = tick_texts(chart, up)
    left = axis_room(texts)
    bottom = _TOP + _TALL[width > NARROW]
    plot = Plot(left=left, top=_TOP, right=min(width - _GAP, left + _WIDEST), bottom=bottom)
    x = Scale(low=along.low, high=along.high, start=plot.left, end=plot.right)
    y = Scale(low=up.low, high=up.high, start=plot.bottom, end=plot.top)
    drawn = join(
        [
            label(0.5, SIZE - 2, ", ".join(series.name for series in others), "tick"),
            _grid(chart, plot, x, y, along, up),
            label(plot.right, bottom + 2.3 * _LINE, across.name, "tick", anchor="end"),
            _agreeing(x, y),
            *(_dots(chart, number, x, y) for number in range(1, len(chart.series))),
        ]
    )
    return drawn, bottom + 3 * _LINE


def _ticks(chart: Chart, values: object) -> Ticks:
    return value_ticks(finite(values) or [0.0], from_zero=False, share=chart.share)  # type: ignore[arg-type]


def _grid(chart: Chart, plot: Plot, x: Scale, y: Scale, along: Ticks, up: Ticks) -> Markup:
    parts = []
    for value, text in zip(up.values, tick_texts(chart, up), strict=True):
        high = smooth(y.at(value))
        parts.append(element("line", x1=plot.left, x2=plot.right, y1=high, y2=high, class_="grid"))
        parts.append(label(plot.left - _GAP, high + SIZE / 3, text, "tick", anchor="end"))
    for value, text in zip(along.values, tick_texts(chart, along), strict=True):
        wide = smooth(x.at(value))
        parts.append(element("line", x1=wide, x2=wide, y1=plot.top, y2=plot.bottom, class_="grid"))
        parts.append(label(wide, plot.bottom + _LINE, text, "tick", anchor="middle"))
    return join(parts)


def _agreeing(x: Scale, y: Scale) -> Markup | None:
    """The line on which both axes say the same."""
    low, high = max(x.low, y.low), min(x.high, y.high)
    if low >= high:
        return None
    ends = {"x1": x.at(low), "y1": y.at(low), "x2": x.at(high), "y2": y.at(high)}
    return element("line", **ends, class_="zero")


def _dots(chart: Chart, number: int, x: Scale, y: Scale) -> Markup:
    across, series = chart.series[0], chart.series[number]
    dots = []
    for index, category in enumerate(chart.categories):
        one, other = at(across.values, index), at(series.values, index)
        if one is not None and other is not None:
            hint = f"{category}: {across.name} {said(chart, one)}, {series.name} {said(chart, other)}"
            title, colour = element("title", hint), f"s{(number - 1) % COLOURS} loose"
            dots.append(element("circle", title, cx=x.at(one), cy=y.at(other), r=_RADIUS, class_=colour))
    return element("g", *dots)
