"""Line charts: a line a series, broken where a value is missing."""

from __future__ import annotations

from collections.abc import Iterator

from fovea.plugin import Chart, Series
from fovea.report.axes import (
    Plot,
    at,
    axis_room,
    category_labels,
    category_lines,
    colour,
    full_places,
    numbers,
    said,
    tick_texts,
    upright_axis,
)
from fovea.report.markup import Markup, element, join
from fovea.report.scale import Scale, value_ticks
from fovea.report.svg import NARROW, SIZE, elide, label, text_width

_TOP, _LINE = 14.0, 16.0
_TALL = {True: 280.0, False: 210.0}
_MOST_MARKED = 40
_DIRECT = 6
_NAME_ROOM = 230.0
_RADIUS = 3.4


def draw_lines(chart: Chart, width: float) -> tuple[Markup, float]:
    """The lines of a chart with at least one category and one value, and the drawing's height."""
    ticks = value_ticks(numbers(chart), from_zero=False, share=chart.share)
    texts = tick_texts(chart, ticks)
    heading = _heading(chart)
    top = _TOP + (_LINE if heading else 0)
    bottom = top + _TALL[width > NARROW]
    direct = named_directly(chart, width)
    right = min(max(text_width(series.name) for series in chart.series) + 16, _NAME_ROOM) if direct else 8
    plot = Plot(left=axis_room(texts), top=top, right=width - right, bottom=bottom)
    scale = Scale(low=ticks.low, high=ticks.high, start=bottom, end=top)
    drawn = join(
        [
            label(0.5, SIZE - 2, heading, "tick") if heading else None,
            upright_axis(plot, scale, ticks, texts),
            category_labels(chart.categories, plot),
            *(_line(chart, index, plot, scale) for index in range(len(chart.series))),
            *(_end_names(chart, plot, scale) if direct else ()),
        ]
    )
    return drawn, bottom + _LINE * (category_lines(chart.categories, plot.width) + 0.6)


def named_directly(chart: Chart, width: float) -> bool:
    """True where the series' names stand at the ends of their lines."""
    return width > NARROW and 1 < len(chart.series) <= _DIRECT


def _heading(chart: Chart) -> str:
    parts = [chart.series[0].name if len(chart.series) == 1 else "", chart.unit]
    return ", ".join(part for part in parts if part)


def _x(plot: Plot, chart: Chart, index: int) -> float:
    return plot.left + plot.width / len(chart.categories) * (index + 0.5)


def _pieces(chart: Chart, series: Series, plot: Plot, scale: Scale) -> Iterator[list[tuple[float, float, int]]]:
    """Runs of neighbouring values, as (x, y, index)."""
    piece: list[tuple[float, float, int]] = []
    for index in range(len(chart.categories)):
        value = at(series.values, index)
        if value is not None:
            piece.append((_x(plot, chart, index), scale.at(value), index))
        elif piece:
            yield piece
            piece = []
    if piece:
        yield piece


def _line(chart: Chart, number: int, plot: Plot, scale: Scale) -> Markup:
    series = chart.series[number]
    decimals = full_places(chart)
    marked = len(chart.categories) <= _MOST_MARKED
    parts = []
    for piece in _pieces(chart, series, plot, scale):
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in piece)
        parts.append(element("polyline", points=points, class_=f"line {colour(number)}"))
        if marked or len(piece) == 1:
            for x, y, index in piece:
                hint = f"{chart.categories[index]}, {series.name}: {said(chart, series.values[index] or 0.0, decimals)}"
                parts.append(_dot(x, y, number, hint))
    return element("g", *parts)


def _dot(x: float, y: float, number: int, hint: str) -> Markup:
    return element("path", element("title", hint), d=dot_shape(x, y, number, _RADIUS), class_=f"dot {colour(number)}")


def dot_shape(x: float, y: float, number: int, r: float) -> str:
    """Circle, square, triangle, diamond in turn, so that lines are told apart without colours."""
    tall, wide = r * 1.3, r * 1.4
    shapes = (
        f"M{x - r:.1f} {y:.1f}a{r} {r} 0 1 0 {2 * r} 0a{r} {r} 0 1 0 {-2 * r} 0Z",
        f"M{x - r:.1f} {y - r:.1f}h{2 * r}v{2 * r}h{-2 * r}Z",
        f"M{x:.1f} {y - tall:.1f}L{x + tall:.1f} {y + r:.1f}H{x - tall:.1f}Z",
        f"M{x:.1f} {y - wide:.1f}l{wide:.1f} {wide:.1f}l{-wide:.1f} {wide:.1f}l{-wide:.1f} {-wide:.1f}Z",
    )
    return shapes[number % len(shapes)]


def _end_names(chart: Chart, plot: Plot, scale: Scale) -> Iterator[Markup]:
    """The series' names right of their last values, pushed apart where they would touch."""
    ends = []
    for number, series in enumerate(chart.series):
        last = next(
            (v for i in reversed(range(len(chart.categories))) if (v := at(series.values, i)) is not None), None
        )
        if last is not None:
            ends.append((scale.at(last), number))
    for y, number in _apart(sorted(ends), plot):
        name = elide(chart.series[number].name, _NAME_ROOM - 16)
        yield label(plot.right + 8, y + SIZE / 3, name, f"end t-{colour(number)}")


def _apart(ends: list[tuple[float, int]], plot: Plot) -> list[tuple[float, int]]:
    placed: list[tuple[float, int]] = []
    for y, number in ends:
        placed.append((max(y, placed[-1][0] + _LINE) if placed else y, number))
    over = max(0.0, placed[-1][0] - plot.bottom) if placed else 0.0
    limit = plot.bottom + 1
    for index in reversed(range(len(placed))):
        y, number = placed[index]
        y = min(y, limit) if over else y
        placed[index], limit = (y, number), y - _LINE
    return placed
