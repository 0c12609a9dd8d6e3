from __future__ import annotations

import json
import math

from fovea.plugin import Chart as Bars
from fovea.plugin import Figure, Figures, Gallery, Picture, Report, Series
from fovea.report import to_json


def test_the_whole_report_comes_back(crop_report):
    data = json.loads(to_json(crop_report))
    table = next(block for block in data["blocks"] if block["title"] == "Fields")

    assert data["format"] == 1
    assert data["title"] == crop_report.title
    assert [block["block"] for block in data["blocks"]][:3] == ["figures", "text", "table"]
    assert {block["block"] for block in data["blocks"]} == {
        "figures",
        "text",
        "table",
        "chart",
        "gallery",
        "map",
        "timeline",
    }
    assert table["rows"][0] == ["River strip", 412, 0.1741, "late blight", 1234.5, "2026-06-26T00:00:00+02:00"]
    assert data["facts"] == dict(crop_report.facts)


def test_the_keys_always_stand_in_the_same_order(crop_report):
    data = json.loads(to_json(crop_report))

    assert list(data) == ["format", "title", "summary", "blocks", "facts"]
    assert list(data["blocks"][2]) == ["block", "title", "columns", "rows", "levels", "note"]
    assert to_json(crop_report) == to_json(crop_report)


def test_what_is_no_finite_number_is_null():
    series = Series(name="s", values=(math.nan, math.inf, 1.0, None))
    report = Report(
        title="r",
        blocks=(
            Figures(figures=(Figure(name="f", value=math.nan),)),
            Bars(title="c", kind="bar", categories=tuple("abcd"), series=(series,)),
        ),
    )
    figures, chart = json.loads(to_json(report))["blocks"]

    assert figures["figures"][0]["value"] is None
    assert chart["series"][0]["values"] == [None, None, 1.0, None]


def test_a_file_name_that_is_not_utf8_comes_back_byte_for_byte():
    name = "Bl\udce4tter/\u00e4.jpg"
    written = to_json(Report(title="r", blocks=(Gallery(title="g", pictures=(Picture(source=name),)),)))
    read = json.loads(written.encode("utf-8"))

    assert read["blocks"][0]["pictures"][0]["source"] == name
    assert "\u00e4.jpg" in written
