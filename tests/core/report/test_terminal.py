from __future__ import annotations

from datetime import UTC, datetime

import pytest
from rich.cells import cell_len

from fovea.plugin import Chart, Column, Figure, Figures, Gallery, Picture, Report, Series, Span, Table, Text, Timeline
from fovea.report import to_text


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_no_line_is_wider_than_the_terminal(crop_report, width):
    assert max(cell_len(line) for line in to_text(crop_report, width=width).splitlines()) <= width


def test_every_block_is_there(crop_report):
    text = to_text(crop_report, width=120)

    assert crop_report.title in text
    assert all(block.title in text for block in crop_report.blocks)
    assert "treat from 12 % of plants" in text


def test_values_are_those_given():
    blocks = (
        Figures(figures=(Figure(name="Sick", value=0.125, share=True, level="warning"),)),
        Table(title="T", columns=(Column(name="n", form="number"),), rows=((1234567,),), levels=("alarm",)),
    )
    text = to_text(Report(title="r", blocks=blocks), width=80)

    assert "12.5 %  warning" in text
    assert "1 234 567   alarm" in text


def test_a_table_wider_than_the_terminal_is_told_row_by_row_with_whole_words():
    names = ("latest share", "diseases found", "uncertain or blurred", "mean confidence", "interval", "pictures")
    columns = (Column(name="field"), *(Column(name=name, form="number") for name in names))
    rows = (("north-slope", 0.5, 2, None, 7, 8, 9), ("river-strip", None, 1, 1, 1, 1, 1))
    report = Report(title="r", blocks=(Table(title="T", columns=columns, rows=rows, levels=("alarm", "normal")),))
    text = " ".join(to_text(report, width=60).split())

    assert "north-slope: latest share 0.5, diseases found 2, mean confidence 7, interval 8" in text
    assert "river-strip: diseases found 1, uncertain or blurred 1" in text
    assert "level alarm" in text


def test_long_words_are_broken_and_never_cut_off():
    path = "/".join(f"folder{number}" for number in range(30))
    table = Table(title="T", columns=(Column(name="file"),), rows=((path,),))
    gallery = Gallery(title="G", pictures=(Picture(source=path),))
    text = to_text(Report(title="r", blocks=(table, gallery)), width=60)

    assert "\u2026" not in text
    assert "".join(text.split()).count("folder") == 60


def test_a_bar_is_no_longer_than_there_is_room():
    chart = Chart(title="C", kind="bar", categories=("a" * 30,), series=(Series(name="n", values=(1,)),))
    text = to_text(Report(title="r", blocks=(chart,)), width=45)

    assert max(cell_len(line) for line in text.splitlines()) <= 45
    assert sum("\u2588" in line for line in text.splitlines()) == 1


def test_colours_are_escape_codes_only_where_asked_for():
    report = Report(title="r", blocks=(Text(title="Act", body=("Now.",), level="alarm"),))

    assert "\x1b[" not in to_text(report, width=80, colour=False)
    assert "\x1b[1;31malarm" in to_text(report, width=80, colour=True)


def test_escape_codes_and_markup_in_the_data_are_disarmed():
    report = Report(title="\x1b[2J[red]x[/red]", blocks=(Gallery(title="g", pictures=(Picture(source="\udcff.jpg"),)),))
    text = to_text(report, width=80)

    assert "\x1b" not in text
    assert "[red]x[/red]" in text
    assert "\\xff.jpg" in text
    text.encode("utf-8")


def test_one_series_is_drawn_with_bars():
    chart = Chart(title="C", kind="bar", categories=("a", "b"), series=(Series(name="n", values=(1, 2)),))
    lines = to_text(Report(title="r", blocks=(chart,)), width=80).splitlines()

    assert [line.count("\u2588") for line in lines[-2:]] == [12, 24]


def test_an_empty_chart_says_so():
    chart = Chart(title="C", kind="bar", categories=(), series=())

    assert "There are no values to show." in to_text(Report(title="r", blocks=(chart,)), width=80)


def test_the_environment_does_not_change_the_text(monkeypatch, crop_report):
    plain = to_text(crop_report, width=80)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "20")

    assert to_text(crop_report, width=80) == plain


def test_a_timeline_lists_its_spans_in_order_of_time():
    spans = tuple(
        Span(
            lane="gate",
            start=datetime(2026, 6, day, tzinfo=UTC),
            end=datetime(2026, 6, day, tzinfo=UTC),
            name=f"n{day}",
        )
        for day in (3, 1, 2)
    )
    text = to_text(Report(title="r", blocks=(Timeline(title="t", spans=spans),)), width=100)

    assert text.index("n1") < text.index("n2") < text.index("n3")
