from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone

import pytest

from fovea.plugin import Column
from fovea.report.wording import cell, column_cells, moment, number, period, prose, share

SUMMER = timezone(timedelta(hours=2))


@pytest.mark.parametrize(
    "value, text",
    [
        (1234, "1\u202f234"),
        (0.5, "0.5"),
        (12.345, "12.3"),
        (-3, "\u22123"),
        (0, "0"),
        (0.0004, "0.0004"),
        (1e20, "1e+20"),
        (math.nan, "\u2013"),
        (-math.inf, "\u2013"),
    ],
)
def test_a_number_reads_shortly(value, text):
    assert number(value) == text


def test_a_small_value_does_not_read_as_zero():
    assert number(-0.0004, 0) == "\u22120.0004"


@pytest.mark.parametrize(
    "value, text", [(0.1234, "12.3"), (1.0, "100"), (0.07, "7"), (0.9996, "99.96"), (0.0004, "0.04")]
)
def test_a_share_reads_in_per_cent(value, text):
    assert share(value) == f"{text}\u202f%"


def test_a_time_keeps_its_seconds_only_where_there_are_some():
    assert moment(datetime(2026, 5, 14, 9, 30, tzinfo=SUMMER)) == "2026-05-14 09:30 +02:00"
    assert moment(datetime(2026, 5, 14, 9, 30, 5, tzinfo=UTC)) == "2026-05-14 09:30:05 UTC"


def test_a_time_without_a_zone_claims_none():
    assert moment(datetime(2026, 5, 14, 9, 30)) == "2026-05-14 09:30"  # noqa: DTZ001


def test_a_period_inside_a_day_says_the_day_once():
    start = datetime(2026, 5, 14, 9, 30, tzinfo=SUMMER)

    assert period(start, start + timedelta(hours=1)) == "2026-05-14 09:30 to 10:30 +02:00"


def test_a_column_of_whole_days_shows_dates():
    days = [datetime(2026, 5, day, tzinfo=SUMMER) for day in (1, 2)]

    assert column_cells(Column(name="d", form="time"), days) == ["2026-05-01", "2026-05-02"]


def test_a_year_in_a_text_column_is_not_grouped():
    assert cell(2026, "text") == "2026"


def test_a_bool_is_yes_or_no():
    assert [cell(value) for value in (True, False)] == ["yes", "no"]


def test_a_per_cent_sign_stays_with_its_number():
    assert prose("12 % of all") == "12\u202f% of all"
