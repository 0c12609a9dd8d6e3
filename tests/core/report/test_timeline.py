from __future__ import annotations

from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pytest

from fovea.plugin import Span, Timeline
from fovea.report.scale import Scale
from fovea.report.svg import NARROW, WIDE
from fovea.report.timeline import draw_timeline, lay_lane, timeline_headings, timeline_rows
from fovea.report.timescale import time_ticks
from fovea.report.wording import instant

START = datetime(2026, 6, 1, 12, tzinfo=UTC)
SPANS = [timedelta(seconds=1), timedelta(seconds=40), timedelta(minutes=9), timedelta(hours=5), timedelta(days=2)]
SPANS += [timedelta(days=days) for days in (20, 100, 500, 4000, 60000)]


def span(start, end, name="x", lane="lane", level="normal"):
    times = (START + timedelta(seconds=seconds) for seconds in (start, end))
    return Span(lane=lane, start=next(times), end=next(times), name=name, level=level)


def drawn(spans, width=WIDE):
    return ET.fromstring(draw_timeline(Timeline(title="Times", spans=tuple(spans)), width, "id").text)


@pytest.mark.parametrize("length", SPANS)
def test_there_are_a_few_ticks_for_every_length_of_time(length):
    start = instant(START)
    ticks = time_ticks(start, start + length.total_seconds(), count=8)

    assert 1 <= len(ticks) <= 10
    assert all(start <= tick.at <= start + length.total_seconds() for tick in ticks)
    assert [tick.at for tick in ticks] == sorted({tick.at for tick in ticks})


def test_ticks_of_days_stand_at_midnight_of_the_zone():
    berlin = ZoneInfo("Europe/Berlin")
    ticks = time_ticks(instant(START), instant(START + timedelta(days=5)), count=6, zone=berlin)

    assert [tick.label for tick in ticks] == ["2 Jun", "3 Jun", "4 Jun", "5 Jun", "6 Jun"]
    assert datetime.fromtimestamp(ticks[0].at, berlin).hour == 0


def test_the_hour_that_spring_leaves_out_has_no_tick():
    berlin = ZoneInfo("Europe/Berlin")
    night = datetime(2026, 3, 29, tzinfo=berlin)
    ticks = time_ticks(instant(night), instant(night) + 4 * 3600, count=5, zone=berlin)

    assert [tick.label for tick in ticks] == ["29 Mar", "01:00", "03:00", "04:00", "05:00"]


def test_spans_that_overlap_lie_on_rows_of_their_own():
    scale = Scale(low=instant(START), high=instant(START) + 100, start=0, end=800)
    lane = lay_lane("lane", [span(0, 50), span(25, 75), span(50, 100)], scale)

    assert [placed.row for placed in lane.spans] == [0, 1, 0]
    assert lane.rows == 2


def test_the_length_of_a_span_is_in_proportion_to_its_time():
    svg = drawn([span(0, 3600), span(3600, 4 * 3600)])
    widths = [float(box.get("width")) for box in svg.iter("rect")]

    assert widths[1] / widths[0] == pytest.approx(3, rel=0.01)


def test_a_moment_is_a_mark_and_a_span_a_bar():
    svg = drawn([span(0, 0), span(100, 200)])

    assert len(list(svg.iter("rect"))) == 1
    assert [path.get("class") for path in svg.iter("path")] == ["l-normal"]


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_one_moment_alone_can_be_drawn(width):
    assert [text.text for text in drawn([span(0, 0, "door opened")], width).iter("text")].count("door opened") == 1


def test_every_lane_is_named():
    svg = drawn([span(0, 10, lane="gate"), span(5, 20, lane="yard")])

    assert {"gate", "yard"} <= {text.text for text in svg.iter("text")}


def test_a_span_given_backwards_is_turned():
    rows = timeline_rows(Timeline(title="t", spans=(span(3600, 0),)))

    assert rows == [["lane", "x", "normal", "2026-06-01 12:00", "2026-06-01 13:00"]]


def test_a_zone_that_all_share_is_said_once():
    assert timeline_headings(Timeline(title="t", spans=(span(0, 1),)))[3:] == ["from (UTC)", "to (UTC)"]


def test_times_with_and_without_a_zone_can_stand_together():
    naive = Span(lane="a", start=START.replace(tzinfo=None), end=START.replace(tzinfo=None), name="naive")

    assert len(list(drawn([naive, span(60, 120)]).iter("rect"))) == 1
