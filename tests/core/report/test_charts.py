from __future__ import annotations

import math
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest

from fovea.plugin import Chart, Series
from fovea.report.bars import bars
from fovea.report.charts import chart_rows, draw_chart
from fovea.report.svg import NARROW, WIDE, elide, text_width, wrap

BOTH = pytest.mark.parametrize("width", [WIDE, NARROW])
LONG = "A category with a very long name that nobody could ever put below a bar"


def chart(kind, categories, *values, **further):
    series = tuple(Series(name=f"series {number}", values=row) for number, row in enumerate(values))
    return Chart(title="Chart", kind=kind, categories=categories, series=series, **further)


def drawn(block, width=WIDE):
    return ET.fromstring(draw_chart(block, width, "id").text)


def boxes(svg):
    return [box for box in svg.iter("rect") if box.get("class", "").startswith("s")]


def hints(svg):
    return [group.find("title").text for group in svg.iter("g") if group.find("title") is not None]


def test_the_length_of_bars_is_in_proportion_to_their_values():
    heights = [float(box.get("height")) for box in boxes(drawn(chart("bar", ("a", "b"), (2, 8))))]

    assert heights[1] / heights[0] == pytest.approx(4, rel=0.001)


def test_negative_bars_hang_below_the_zero_line():
    up, down = boxes(drawn(chart("bar", ("a", "b"), (3, -3))))

    assert float(up.get("y")) + float(up.get("height")) == pytest.approx(float(down.get("y")), abs=0.02)


def test_a_stack_piles_up_to_the_sum():
    stack = list(bars(chart("stacked", ("a",), (1,), (2,), (None,), (4,))))

    assert [(bar.start, bar.end) for bar in stack] == [(0, 1), (1, 3), (3, 7)]


def test_negative_values_pile_down_beside_positive_ones():
    stack = list(bars(chart("stacked", ("a",), (1,), (-2,), (3,), (-4,))))

    assert [(bar.start, bar.end) for bar in stack] == [(0, 1), (0, -2), (1, 4), (-2, -6)]


def test_a_missing_value_draws_no_bar():
    assert len(boxes(drawn(chart("bar", ("a", "b", "c"), (1, None, math.nan))))) == 1


def test_every_bar_tells_its_category_series_and_value():
    svg = drawn(chart("bar", ("a", "b"), (1, 2), (3, 4), unit="kg"))

    assert "b, series 1: 4\u202fkg" in hints(svg)


def test_values_stand_on_the_bars():
    svg = drawn(chart("bar", ("a", "b"), (12, 31)))

    assert {"12", "31"} <= {text.text for text in svg.iter("text") if text.get("class") == "value"}


@BOTH
def test_long_category_names_turn_the_chart_and_keep_every_word(width):
    svg = drawn(chart("bar", (LONG, LONG + " two"), (1, 2)), width)
    words = " ".join(text.text for text in svg.iter("text") if "category" in text.get("class", ""))

    assert words.split() == f"{LONG} {LONG} two".split()


@BOTH
def test_many_dates_are_thinned_out(width):
    days = tuple(f"{1 + day % 28:02d} Jun" for day in range(90))
    labels = [
        t for t in drawn(chart("line", days, tuple(range(90))), width).iter("text") if t.get("class") == "category"
    ]

    assert 2 < len(labels) < width / 40


def test_a_line_breaks_where_a_value_is_missing():
    svg = drawn(chart("line", tuple("abcde"), (1, 2, None, 4, 5)))

    assert [len(line.get("points").split()) for line in svg.iter("polyline")] == [2, 2]


def test_a_lone_value_between_gaps_is_a_dot():
    categories = tuple(str(number) for number in range(100))
    values = tuple(5.0 if number == 50 else None for number in range(100))

    assert len(list(drawn(chart("line", categories, values)).iter("path"))) == 1


def test_the_names_at_the_ends_of_lines_do_not_cover_each_other():
    svg = drawn(chart("line", ("a", "b"), *((1.0, 5.0 + number / 1000) for number in range(6))))
    heights = sorted(float(text.get("y")) for text in svg.iter("text") if text.get("class", "").startswith("end"))

    assert len(heights) == 6
    assert min(b - a for a, b in pairwise(heights)) >= 15.9


def test_more_series_than_colours_can_still_be_told_apart():
    classes = [box.get("class") for box in boxes(drawn(chart("stacked", ("a",), *((n + 1,) for n in range(11)))))]

    assert len(set(classes)) == 11


@BOTH
@pytest.mark.parametrize("kind", ["bar", "stacked", "line"])
@pytest.mark.parametrize("value", [0.0, -7.0, 1e-9, 1e15, 0.5])
def test_one_value_alone_can_be_drawn(kind, value, width):
    assert "nan" not in ET.tostring(drawn(chart(kind, ("only",), (value,)), width), encoding="unicode")


def test_the_rows_behind_a_chart_hold_its_values():
    rows = chart_rows(chart("bar", ("a", "b"), (0.25, None), (0.5, 1.0), share=True))

    assert rows == [["a", "25\u202f%", "50\u202f%"], ["b", "\u2013", "100\u202f%"]]


def test_a_text_is_cut_to_its_room():
    cut = elide(LONG, 120)

    assert cut.endswith("\u2026")
    assert text_width(cut) <= 120


def test_a_text_is_wrapped_at_spaces():
    assert wrap("late blight", 60) == ["late", "blight"]


def dots(svg):
    return [(float(dot.get("cx")), float(dot.get("cy"))) for dot in svg.iter("circle")]


@BOTH
def test_the_dots_of_a_scatter_chart_lie_by_their_two_values(width):
    (low_x, low_y), (high_x, high_y) = dots(drawn(chart("scatter", ("a", "b"), (1, 3), (10, 20)), width))

    assert low_x < high_x <= width
    assert low_y > high_y  # more is higher up


def test_a_dot_needs_both_values():
    assert len(dots(drawn(chart("scatter", ("a", "b", "c"), (1, None, 3), (1, 2, None))))) == 1


def test_the_line_where_both_agree_passes_through_a_dot_that_does():
    svg = drawn(chart("scatter", ("a", "b", "c"), (0, 5, 10), (2, 5, 8)))
    (line,) = [one for one in svg.iter("line") if one.get("class") == "zero"]
    ends = {name: float(line.get(name)) for name in ("x1", "y1", "x2", "y2")}
    (x, y) = dots(svg)[1]

    along = (x - ends["x1"]) / (ends["x2"] - ends["x1"])
    assert y == pytest.approx(ends["y1"] + along * (ends["y2"] - ends["y1"]), abs=0.05)
