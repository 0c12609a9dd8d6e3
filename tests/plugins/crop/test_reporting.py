from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from fovea.plugin import Chart, Figures, Fitted, Gallery, Place, PlaceMap, Quarantined, Record, Table, Timeline
from fovea_crop.deciding import decide
from fovea_crop.judging import said
from fovea_crop.reporting import report
from fovea_crop.settings import CropPolicy
from fovea_crop.surveying import CELLS, survey

POLICY = CropPolicy()


@pytest.fixture
def decisions(farm):
    return {
        unit: tuple(decide(entries=[r for r in farm if r.sample.unit == unit], policy=POLICY, fitted=Fitted()))
        for unit in ("north", "south")
    }


@pytest.fixture
def made(farm, site, decisions):
    return report(site=site(farm, decisions, quarantined=(BROKEN,)), policy=POLICY)


BROKEN = Quarantined(source="north/caf\udce9.jpg", part="", code="truncated", reason="the file ends too early")


def blocks(made, kind, title=""):
    return [block for block in made.blocks if isinstance(block, kind) and block.title.startswith(title)]


def test_the_figures_are_the_results_figures(made, farm):
    standings = Counter(said(result, POLICY).standing for result in farm)
    (key_figures,) = blocks(made, Figures)
    values = {figure.name: figure.value for figure in key_figures.figures}

    assert values["pictures"] == len(farm)
    assert values["diseased"] == standings["diseased"] / (standings["diseased"] + standings["healthy"])
    assert values["uncertain or blurred"] == standings["uncertain"] + standings["blurred"] == 2
    assert (values["fields"], values["fields to visit"], values["not read"]) == (2, 1, 1)


def test_the_table_says_of_each_field_what_its_decision_says(made, decisions):
    (table,) = blocks(made, Table, "Fields")
    names = [column.name for column in table.columns]
    rows = {row[0]: dict(zip(names, row, strict=True)) for row in table.rows}

    assert list(rows) == ["north", "south"]
    for unit, row in rows.items():
        field = next(d for d in decisions[unit] if d.key == "field")
        assert table.levels[list(rows).index(unit)] == field.level
        assert row["latest share"] == field.figures["latest_share"]
        assert row["share"] == field.figures["share"]
    assert rows["north"]["95 % interval"] == "24 to 76 %"


def test_the_summary_names_the_field_to_go_to(made):
    assert made.summary.startswith("1 of 2 fields to be visited; first north, where at the latest visit 5 of 10 sure")
    assert "2 pictures uncertain or blurred" in made.summary
    assert "1 file could not be read" in made.summary


def test_the_charts_add_up_to_the_pictures(made, farm):
    (chart,) = blocks(made, Chart, "Diseases by field")
    counts = {series.name: dict(zip(chart.categories, series.values, strict=True)) for series in chart.series}

    assert counts["rust"] == {"north": 5.0, "south": 0.0}
    assert sum(count for by_field in counts.values() for count in by_field.values()) == len(farm)


def test_diseased_and_uncertain_pictures_are_shown_apart(made):
    first, uncertain = blocks(made, Gallery)

    assert [picture.source for picture in first.pictures] == ["north/4.jpg", "north/3.jpg"]
    assert [picture.source for picture in uncertain.pictures] == ["south/unsure.jpg", "south/blurred.jpg"]


def test_places_visits_and_broken_files_are_told(made):
    assert len(blocks(made, PlaceMap)[0].points) == 10
    assert {span.lane for span in blocks(made, Timeline)[0].spans} == {"north", "south"}
    assert blocks(made, Table, "Files")[0].rows == (("north/caf\\xe9.jpg", "", "truncated", "the file ends too early"),)


def test_what_made_it_is_told(made):
    assert made.facts["model for disease"] == "beans-1"
    assert made.facts["warn_share"] == "0.1"


def test_a_course_is_drawn_from_the_second_day_on(site, result):
    day = datetime(2026, 5, 1, tzinfo=UTC)
    results = [result(f"{n}", "rust" if n == 3 else "healthy", time=day + timedelta(days=n // 2)) for n in range(4)]

    (chart,) = blocks(report(site=site(results), policy=POLICY), Chart, "Diseases by date")

    assert (chart.categories, chart.series[0].values) == (("2026-05-01", "2026-05-02"), (0.0, 0.5))


def test_a_site_without_pictures_and_one_without_a_model_still_report(site, result):
    empty = report(site=site([]), policy=POLICY)
    silent = report(site=site([result("a", None)]), policy=POLICY)

    assert empty.summary == "No picture has been worked on yet."
    assert "no model has looked at any yet" in silent.summary


def test_records_and_lines_not_read_are_told(site):
    day = datetime(2026, 5, 1, tzinfo=UTC)
    rain = [Record(kind="weather", time=day + timedelta(hours=n), values={"rain_mm": 1.0}) for n in range(3)]
    fault = Record(
        kind="lines-not-read", time=day, key="soil.csv", values={"lines": 2.0, "first_line": 7.0, "why": "no time"}
    )

    made = report(site=site([], records=(*rain, fault)), policy=POLICY)

    assert blocks(made, Table, "Weather")[0].rows == (("weather", "all", 3, day, day + timedelta(hours=2)),)
    assert blocks(made, Table, "Table lines")[0].rows == (("soil.csv", 2.0, 7.0, "no time"),)


def test_the_map_pools_places_and_loses_none(site, result):
    places = [Place(latitude=46 + n / 1e4, longitude=11 + n / 1e4) for n in range(3 * CELLS)]

    cells = survey(site([result(f"{n}", place=place) for n, place in enumerate(places)]), POLICY).cells

    assert len(cells.tallies) <= CELLS
    assert sum(tally.pictures for tally in cells.tallies.values()) == len(places)
