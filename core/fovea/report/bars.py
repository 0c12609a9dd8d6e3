"""Bar charts: side by side or stacked, upright where the category names fit, lying where they are long."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fovea.plugin import Chart
from fovea.report.axes import (
    Plot,
    at,
    axis_room,
    brief_places,
    category_labels,
    category_lines,
    colour,
    full_places,
    labels_fit,
    labels_thin,
    lying_axis,
    numbers,
    said,
    tick_texts,
    upright_axis,
    written,
)
from fovea.report.markup import Markup, element, join
from fovea.report.scale import Scale, Ticks, value_ticks
from fovea.report.svg import NARROW, SIZE, label, smooth, text_width, wrap

_TOP, _LINE, _SMALL = 14.0, 16.0, 12.0
_THICKEST, _LANE, _LANE_GAP = 56.0, 20.0, 2.0
_LANE_NARROWEST = 14.0
_TALL = {True: 300.0, False: 220.0}
_NAMES_SHARE, _FILLED = 0.42, 0.72


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar or one part of a stacked bar; ``lane`` counts the bars side by side in a category."""

    category: int
    series: int
    lane: int
    start: float
    end: float
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """Where a bar lies on the page: along the categories (``along``, ``thick``) and along the values."""

    along: float
    thick: float
    first: float
    last: float

    @property
    def length(self) -> float:
        """Px along the values."""
        return abs(self.last - self.first)


def draw_bars(chart: Chart, width: float) -> tuple[Markup, float]:
    """The bars of a chart with at least one category and one value, and the drawing's height."""
    slot = (width - 60) / len(chart.categories)
    upright = labels_fit(chart.categories, slot) or labels_thin(chart.categories, width)
    if len(chart.series) > 1 and chart.kind == "bar" and len(chart.series) * _LANE_NARROWEST > slot and width <= NARROW:
        upright = False
    return _upright(chart, width) if upright else _lying(chart, width)


def bars(chart: Chart) -> Iterator[Bar]:
    """Every bar; in a stack, values above zero pile up and those below pile down."""
    for category in range(len(chart.categories)):
        up = down = 0.0
        for index, series in enumerate(chart.series):
            value = at(series.values, category)
            if value is None:
                continue
            if chart.kind == "bar":
                yield Bar(category=category, series=index, lane=index, start=0.0, end=value, value=value)
                continue
            start = up if value >= 0 else down
            yield Bar(category=category, series=index, lane=0, start=start, end=start + value, value=value)
            up, down = (start + value, down) if value >= 0 else (up, start + value)


def _ticks(chart: Chart, count: int) -> Ticks:
    ends = [round(bar.end, 12) for bar in bars(chart)]
    return value_ticks(ends, from_zero=True, share=chart.share, count=count)


def _upright(chart: Chart, width: float) -> tuple[Markup, float]:
    ticks = _ticks(chart, 5)
    texts = tick_texts(chart, ticks)
    left = axis_room(texts)
    top = _TOP + (_LINE if _unit_line(chart) else 0)
    bottom = top + _TALL[width > NARROW]
    plot = Plot(left=left, top=top, right=width - 4, bottom=bottom)
    scale = Scale(low=ticks.low, high=ticks.high, start=bottom, end=top)
    drawn = join(
        [
            _unit(chart),
            upright_axis(plot, scale, ticks, texts),
            *_boxes(chart, plot.left, plot.width / len(chart.categories), scale, upright=True),
            category_labels(chart.categories, plot),
        ]
    )
    return drawn, bottom + _LINE * (category_lines(chart.categories, plot.width) + 0.6)


def _lying(chart: Chart, width: float) -> tuple[Markup, float]:
    lanes = len(chart.series) if chart.kind == "bar" else 1
    lane = _LANE_NARROWEST if lanes > 1 else _LANE
    long_names = _long_names(chart.categories, width)
    above = max(map(len, long_names), default=0) * _LINE
    slot = lanes * (lane + _LANE_GAP) + (10 if lanes > 1 else 8) + above
    ticks = _ticks(chart, 5 if width > NARROW else 3)
    texts = tick_texts(chart, ticks)
    left = text_width(texts[0]) / 2 if above else max(map(text_width, chart.categories)) + 12
    left += _end_room(chart) if min(numbers(chart)) < 0 and chart.kind == "bar" else 0
    room = max(_end_room(chart), text_width(texts[-1]) / 2) + 6
    top = _TOP + (6 if above else 0) if _unit_line(chart) else 2.0
    plot = Plot(left=left, top=top, right=width - room, bottom=top + slot * len(chart.categories))
    scale = Scale(low=ticks.low, high=ticks.high, start=plot.left, end=plot.right)
    drawn = join(
        [
            _unit(chart),
            lying_axis(plot, scale, ticks, texts),
            *(_names_above(chart, long_names, top, slot) if above else _names(chart.categories, plot, slot)),
            *_boxes(chart, plot.top, slot, scale, upright=False, taken=above),
        ]
    )
    return drawn, plot.bottom + _LINE * 1.6


def _long_names(categories: tuple[str, ...], width: float) -> list[list[str]]:
    """The lines of names that stand above their bars; nothing where all are short enough to stand beside them."""
    if max(map(text_width, categories)) <= width * _NAMES_SHARE:
        return []
    return [wrap(category, width - 4) for category in categories]


def _names_above(chart: Chart, names: list[list[str]], top: float, slot: float) -> Iterator[Markup]:
    """Long names stand on lines of their own, so that none loses the end that tells it from the next."""
    most = max(map(len, names))
    for index, (category, lines) in enumerate(zip(chart.categories, names, strict=True)):
        first = top + slot * index + _LINE * (most - len(lines) + 1) - 2
        texts = (label(0.5, first + _LINE * row, line, "category name") for row, line in enumerate(lines))
        yield element("g", element("title", category), *texts)


def _names(categories: tuple[str, ...], plot: Plot, slot: float) -> Iterator[Markup]:
    for index, category in enumerate(categories):
        y = plot.top + slot * (index + 0.5) + SIZE / 3
        yield label(plot.left - 8, y, category, "category", anchor="end")


def _boxes(
    chart: Chart, origin: float, slot: float, scale: Scale, *, upright: bool, taken: float = 0.0
) -> Iterator[Markup]:
    lanes = len(chart.series) if chart.kind == "bar" else 1
    filled = (slot - taken) * (_FILLED if upright else 0.8)
    thick = min(_THICKEST, (filled - _LANE_GAP * (lanes - 1)) / lanes)
    whole = thick * lanes + _LANE_GAP * (lanes - 1)
    decimals, exact = brief_places(chart), full_places(chart)
    labelled = not upright or _all_fit(chart, thick, decimals)
    for bar in bars(chart):
        along = origin + taken / 2 + slot * (bar.category + 0.5) - whole / 2 + bar.lane * (thick + _LANE_GAP)
        box = Box(along=along, thick=thick, first=scale.at(bar.start), last=scale.at(bar.end))
        text = written(chart, bar.value, decimals)
        full = said(chart, bar.value, exact)
        hint = f"{chart.categories[bar.category]}, {chart.series[bar.series].name}: {full}"
        value = _value(chart, bar, box, text, upright=upright) if labelled else None
        yield element("g", element("title", hint), _rectangle(box, colour(bar.series), upright=upright), value)


def _all_fit(chart: Chart, thick: float, decimals: int) -> bool:
    """Values stand above upright bars only where all of them have the room: some with, some without would puzzle."""
    return all(text_width(written(chart, bar.value, decimals), _SMALL) <= thick + 8 for bar in bars(chart))


def _rectangle(box: Box, class_: str, *, upright: bool) -> Markup:
    low = min(box.first, box.last)
    if upright:
        return element("rect", x=box.along, y=low, width=box.thick, height=box.length, class_=class_)
    return element("rect", x=low, y=box.along, width=box.length, height=box.thick, class_=class_)


def _value(chart: Chart, bar: Bar, box: Box, text: str, *, upright: bool) -> Markup | None:
    middle = box.along + box.thick / 2
    wide = text_width(text, _SMALL)
    if chart.kind == "stacked":
        across, along = (_SMALL + 3, box.thick) if upright else (wide + 6, box.thick)
        if box.length < across or along < (wide if upright else _SMALL):
            return None
        centre = (box.first + box.last) / 2
        x, y = (middle, centre) if upright else (centre, middle)
        return label(x, y + _SMALL / 3, text, f"value on-{colour(bar.series)}", anchor="middle")
    beyond = bar.value >= 0
    if upright:
        return label(middle, box.last + (-5 if beyond else _SMALL + 3), text, "value", anchor="middle")
    x = box.last + (5 if beyond else -5)
    return label(x, middle + _SMALL / 3, text, "value", anchor="start" if beyond else "end")


def _end_room(chart: Chart) -> float:
    """Px right of the plot for the values behind lying bars."""
    if chart.kind == "stacked":
        return 8.0
    decimals = brief_places(chart)
    return max(text_width(written(chart, value, decimals), _SMALL) for value in numbers(chart)) + 8


def _unit_line(chart: Chart) -> str:
    one = chart.series[0].name if len(chart.series) == 1 else ""
    return f"{one}, {chart.unit}" if one and chart.unit else one or chart.unit


def _unit(chart: Chart) -> Markup | None:
    line = _unit_line(chart)
    return label(smooth(0), SIZE - 2, line, "tick") if line else None
