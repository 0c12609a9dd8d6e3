"""A chart as a drawing in two widths, with its legend and the numbers it shows."""

from __future__ import annotations

from fovea.plugin import Chart
from fovea.report.axes import at, colour, full_places, numbers, said, written
from fovea.report.bars import draw_bars
from fovea.report.lines import dot_shape, draw_lines, named_directly
from fovea.report.markup import Markup, element, join
from fovea.report.scatter import draw_scatter
from fovea.report.svg import NARROW, WIDE, drawing
from fovea.report.wording import NOTHING

_KINDS = {"bar": "Bar chart", "stacked": "Stacked bar chart", "line": "Line chart", "scatter": "Scatter chart"}
_DRAW = {"bar": draw_bars, "stacked": draw_bars, "line": draw_lines, "scatter": draw_scatter}


def chart_figure(chart: Chart, ident: str) -> Markup:
    """The chart for an HTML page; says so where there is nothing to draw."""
    if not numbers(chart) or not chart.categories or (chart.kind == "scatter" and len(chart.series) == 1):
        return element("p", "There are no values to show.", class_="empty")
    return join([_legend(chart), draw_chart(chart, WIDE, f"{ident}-w"), draw_chart(chart, NARROW, f"{ident}-n")])


def draw_chart(chart: Chart, width: float, ident: str) -> Markup:
    """One SVG of a chart that has values."""
    drawn, height = _DRAW[chart.kind](chart, width)
    return drawing(drawn, width=width, height=height, title=chart.title, description=describe(chart), ident=ident)


def describe(chart: Chart) -> str:
    """What a chart shows, in a sentence for somebody who does not see it."""
    values = numbers(chart)
    names = ", ".join(series.name for series in chart.series)
    return (
        f"{_KINDS[chart.kind]} of {names} over {len(chart.categories)} categories from {chart.categories[0]} to "
        f"{chart.categories[-1]}; values from {said(chart, min(values))} to {said(chart, max(values))}."
    )


def chart_rows(chart: Chart) -> list[list[str]]:
    """The numbers of a chart as texts, without their unit: a row a category, a column a series."""
    decimals = full_places(chart)
    rows = []
    for index, category in enumerate(chart.categories):
        found = [at(series.values, index) for series in chart.series]
        rows.append([category, *(NOTHING if value is None else written(chart, value, decimals) for value in found)])
    return rows


def chart_headings(chart: Chart) -> list[str]:
    """The headings above :func:`chart_rows`; the first one says the unit."""
    unit = f"in {chart.unit}" if chart.unit and not chart.share else ""
    return [unit, *(series.name for series in chart.series)]


def _legend(chart: Chart) -> Markup | None:
    shown = chart.series[1:] if chart.kind == "scatter" else chart.series
    if len(shown) < 2:  # noqa: PLR2004
        return None
    items = (element("li", _swatch(chart, index), series.name) for index, series in enumerate(shown))
    direct = chart.kind == "line" and named_directly(chart, WIDE)
    return element("ul", *items, class_="legend narrow" if direct else "legend")


def _swatch(chart: Chart, index: int) -> Markup:
    if chart.kind == "line":
        line = element("polyline", points="0,7 22,7", class_=f"line {colour(index)}")
        drawn = join([line, element("path", d=dot_shape(11, 7, index, 3.4), class_=f"dot {colour(index)}")])
    else:
        drawn = element("rect", x=5, y=1, width=12, height=12, class_=colour(index))
    return element("svg", drawn, viewBox="0 0 22 14", width=22, height=14, aria_hidden="true")
