from __future__ import annotations

import csv
import math
from datetime import UTC, datetime

import pytest

from fovea.plugin import Chart, Column, Report, Series, Table
from fovea.report import to_csv
from fovea.report.sheets import safe_name


def read(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def written(tmp_path, *rows, columns=(), levels=()):
    table = Table(title="T", columns=columns or (Column(name="a"),), rows=rows, levels=levels)
    return read(to_csv(Report(title="r", blocks=(table,)), tmp_path)[0])


def test_each_table_and_chart_becomes_a_file(crop_report, tmp_path):
    files = to_csv(crop_report, tmp_path / "new" / "folder")

    assert [path.name for path in files] == [
        "01-fields.csv",
        "02-diseases-by-field-and-date.csv",
        "03-plants-with-symptoms-over-time.csv",
        "04-hours-of-leaf-wetness-by-week.csv",
        "05-pictures-that-could-not-be-read.csv",
    ]
    assert all(path.is_file() for path in files)


def test_numbers_are_written_in_full_and_times_in_iso(tmp_path):
    columns = (Column(name="Share", form="share"), Column(name="Area", unit="ha"), Column(name="When", form="time"))
    rows = written(tmp_path, (1 / 3, 1234567.5, datetime(2026, 6, 1, tzinfo=UTC)), columns=columns)

    assert rows[0] == ["Share", "Area (ha)", "When"]
    assert float(rows[1][0]) == 1 / 3
    assert rows[1][1:] == ["1234567.5", "2026-06-01T00:00:00+00:00"]


def test_a_chart_has_a_row_for_each_category(tmp_path):
    series = (Series(name="x", values=(1, None)), Series(name="y", values=(2.5, math.nan)))
    chart = Chart(title="C", kind="bar", categories=("a", "b"), series=series, unit="kg")
    rows = read(to_csv(Report(title="r", blocks=(chart,)), tmp_path)[0])

    assert rows == [["category", "x (kg)", "y (kg)"], ["a", "1", "2.5"], ["b", "", ""]]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_text_that_looks_like_a_formula_is_defused(text, tmp_path):
    assert written(tmp_path, (text,))[1] == [f"'{text}"]


def test_a_negative_number_is_left_alone(tmp_path):
    assert written(tmp_path, (-1.5,))[1] == ["-1.5"]


def test_commas_quotes_and_lines_come_back(tmp_path):
    text = 'a, "b"\nc \u00e4'

    assert written(tmp_path, (text,))[1] == [text]


def test_a_name_that_is_not_utf8_can_be_written(tmp_path):
    assert written(tmp_path, ("Bl\udce4tter",))[1] == ["Bl\\xe4tter"]


def test_the_level_of_a_row_is_a_column(tmp_path):
    assert written(tmp_path, ("x",), ("y",), levels=("alarm",)) == [["a", "level"], ["x", "alarm"], ["y", "normal"]]


@pytest.mark.parametrize(
    "title, name",
    [
        ("../../etc/passwd", "etc-passwd"),
        ("Bl\u00e4tter \u00fcber 5 %", "blatter-uber-5"),
        ("\u75c5\u6c17", "untitled"),
        ("", "untitled"),
        ("CON: a|b?*\x00", "con-a-b"),
    ],
)
def test_a_title_becomes_a_safe_file_name(title, name):
    assert safe_name(title) == name


def test_a_long_title_is_cut():
    assert len(safe_name("long " * 100)) <= 60
