"""A stranger's domain of three roles, soil and weather: what each change of the world costs, and what it changes."""

from __future__ import annotations

import ast
import json
import sys
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import cv2
import fovea_field
import numpy as np
import pytest
from field_site import (
    FLIGHT,
    PICTURES,
    SAID,
    TILES,
    TURNING,
    draw_site,
    never,
    open_farm,
    orthophoto,
    plugin,
    write_bundles,
    write_weather,
)
from toy_networks import grey, write_bundle

from fovea.plugin import Record, Result, Sample, ViewSettings, load_pictures
from fovea.serving.bundle import open_bundle
from fovea.testing import check_plugin
from fovea.workbench import silent


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    return write_bundles(tmp_path_factory.mktemp("models"))


@pytest.fixture
def root(tmp_path):
    return draw_site(tmp_path / "farm")


@pytest.fixture
def farm(root, tmp_path, bundles):
    made = open_farm(root, tmp_path / "home", bundles)
    with made.bench:
        yield made


@pytest.fixture
def worked(farm):
    """The farm after its first batch."""
    farm.batch()
    farm.events()
    return farm


def test_the_orthophoto_is_a_tiled_tiff_that_every_reader_reads_alike(root):
    drawn, path = orthophoto(), root / "north" / "ortho.tif"
    by_opencv = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    (by_fovea,) = load_pictures(root, [Sample(source="north/ortho.tif")], ViewSettings(), None)
    sample = [one for one in read(root) if isinstance(one, Sample) and one.part == "r1c9"]
    (cut,) = fovea_field.load_images(root=root, samples=sample, view=fovea_field.View(), side=None)

    assert np.array_equal(by_opencv, drawn)
    assert np.array_equal(by_fovea.pixels, drawn)
    assert np.array_equal(cut.pixels, drawn[32:64, 288:310])


def read(root):
    return list(fovea_field.read_samples(root=root, view=fovea_field.View()))


def test_the_folder_holds_what_the_shape_says(root):
    found = read(root)
    counts = Counter(one.kind if isinstance(one, Record) else Path(one.source).suffix for one in found)
    assert counts == {".tif": TILES, ".jpg": 12, "soil": 2, "weather": 72}
    assert {one.unit for one in found if isinstance(one, Sample)} == {"north", "south"}
    assert {one.time for one in found if isinstance(one, Sample) and one.part} == {FLIGHT}


def test_the_plugin_imports_of_fovea_only_the_plugins_door():
    tree = ast.parse(Path(fovea_field.__file__).read_text())
    named = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    named |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert {one for one in named if one.split(".")[0] not in sys.stdlib_module_names} == {
        "fovea.plugin",
        "cv2",
        "numpy",
    }


def test_the_conformance_kit_finds_no_fault(root):
    tried = {step.name for step in check_plugin(fovea_field, root).require().steps}
    assert {"load_images", "measure", "pickling", "batch", "decide", "report", "export geojson"} <= tried


def test_three_roles_predict_each_on_what_it_is_for(farm):
    summary = farm.batch()

    looked_at = {
        (role, bool(result.sample.part), one.region.partition("-")[0])
        for result in farm.results()
        for role, said in result.predictions.items()
        for one in said
    }
    assert (summary.scored, summary.units, summary.faults) == (PICTURES, 2, ())
    assert farm.said() == SAID
    assert looked_at == {("cover", True, "tile"), ("disease", False, "leaf"), ("stage", False, "photo")}


def test_the_decisions_rest_on_all_roles_and_the_weather(worked):
    told = {place: (one.label, one.level) for place, one in worked.decisions().items()}
    infection = worked.decisions()["north", "infection"]

    assert told == {
        ("north", "infection"): ("watch", "notice"),
        ("north", "stand"): ("closed", "normal"),
        ("south", "infection"): ("none", "normal"),
    }
    assert infection.figures == {"rust_share": 0.25, "wet_hours": 5, "needed_hours": 6}
    assert worked.decisions()["north", "stand"].figures == {"bare_share": 0.2}
    assert worked.bench.cases() == ()


def test_decide_is_fed_results_and_records_mixed_in_one_order(root, tmp_path, bundles):
    fed = {}

    def listening(entries, policy, fitted):
        heard = list(entries)
        results = [entry for entry in heard if isinstance(entry, Result)]
        fed[results[0].sample.unit] = heard
        yield from fovea_field.decide(iter(heard), policy, fitted)

    module = plugin(replace(fovea_field.domain(), decide=listening))
    with open_farm(root, tmp_path / "home", bundles, module).bench as bench:
        bench.batch("farm", workers=0, progress=silent(), stop=never)
    north = fed["north"]
    times = [one.time if isinstance(one, Record) else one.sample.time for one in north]
    kinds = [one.kind if isinstance(one, Record) else Path(one.sample.source).suffix for one in north]
    tiles = [one.sample.part for one in north if isinstance(one, Result) and one.sample.part]

    assert all(one <= other for one, other in pairwise(times))
    assert Counter(kinds) == {"soil": 1, "weather": 72, ".tif": TILES, ".jpg": 8}
    assert Counter(type(one).__name__ for one in fed["south"]) == {"Record": 73, "Result": 4}
    assert kinds[:15] == ["soil", *["weather"] * 13, ".tif"]  # of one moment, the record comes first
    assert tiles == [f"r{row}c{column}" for row in range(8) for column in range(10)]


def test_the_tiff_is_opened_once_for_each_chunk_that_holds_tiles_of_it(farm, monkeypatch):
    opened = []

    def counting(root, samples, view, side):
        opened.extend(sample.source for sample in samples)
        return load_pictures(root=root, samples=samples, view=view, side=side)

    monkeypatch.setattr(fovea_field, "load_pictures", counting)
    farm.batch()

    chunks = farm.rows("SELECT pictures FROM work WHERE kind = 'score'")
    photos = [one.source for one in read(farm.root) if isinstance(one, Sample) and not one.part]
    assert chunks == [(16,)] * 5 + [(12,)]  # the first five are the tiles
    assert Counter(opened) == {"north/ortho.tif": 5, **dict.fromkeys(photos, 1)}


def test_one_more_hour_of_weather_changes_the_field_decision_with_no_new_prediction(worked):
    before, looks = worked.decisions(), worked.looks()
    write_weather(worked.root, hours=73)

    summary = worked.batch()

    after = worked.decisions()
    changed = {place for place in after if after[place] != before.get(place)}
    opened, finished = worked.events()
    (case,) = worked.bench.cases(site="farm")
    assert (summary.scored, summary.known, summary.new_quarantined) == (0, PICTURES, 0)
    assert (worked.said(), worked.looks()) == (SAID, looks)
    assert (summary.units, summary.decisions, summary.findings) == (2, 1, 1)
    assert changed == {("north", "infection")}
    assert (after["north", "infection"].label, after["north", "infection"].figures["wet_hours"]) == ("treat", 6)
    assert (case.unit, case.state, case.decision) == ("north", "new", after["north", "infection"])
    assert (opened.kind, opened.subject, opened.facts["case"]) == ("finding.opened", "farm/north/infection", 1)
    assert opened.facts["decision"]["label"] == "treat"
    assert (finished.kind, finished.facts["pictures"], finished.facts["decisions"]) == ("batch.finished", 0, 1)


def test_without_that_hour_again_the_decision_is_what_it_was(worked):
    before = worked.decisions()
    write_weather(worked.root, hours=73)
    worked.batch()
    worked.events()
    write_weather(worked.root, hours=72)

    summary = worked.batch()

    closed, _ = worked.events()
    history = worked.store.decision_history(site=worked.site.id, unit="north", key="infection")
    assert (summary.scored, summary.decisions, worked.said()) == (0, 1, SAID)
    assert worked.decisions() == before
    assert [one.decision.label for one in history] == ["watch", "treat", "watch"]
    assert (closed.kind, closed.facts["why"]) == ("finding.closed", "cleared")
    assert [case.state for case in worked.bench.cases()] == ["withdrawn"]


def test_another_value_of_the_soil_decides_that_field_only(worked):
    looks = worked.looks()
    (worked.root / "soil.csv").write_text("field,date,nitrate\nnorth,2026-04-20,80\nsouth,2026-04-20,30\n")

    summary = worked.batch()

    north = worked.decisions()["north", "infection"]
    assert (summary.scored, summary.units, summary.decisions) == (0, 1, 1)
    assert (worked.said(), worked.looks()) == (SAID, looks)
    assert (north.label, north.figures["needed_hours"]) == ("treat", 5)


def test_another_policy_only_decides_anew(worked):
    looks = worked.looks()
    worked.bench.change_settings("farm", ["policy.wet_hours=5"])

    summary = worked.batch()

    assert (summary.scored, summary.units, summary.decisions) == (0, 2, 1)
    assert (worked.said(), worked.looks()) == (SAID, looks)
    assert worked.decisions()["north", "infection"].label == "treat"


def test_another_view_looks_at_every_picture_anew(worked):
    worked.bench.change_settings("farm", ["view.leaf_saturation=90"])

    summary = worked.batch()

    assert (summary.scored, summary.known, summary.decisions) == (PICTURES, 0, 0)
    assert (worked.said(), worked.looks()) == ({role: 2 * count for role, count in SAID.items()}, 2 * PICTURES)


def test_a_new_bundle_looks_at_every_picture_anew_and_adds_predictions_of_its_role_only(worked, bundles, tmp_path):
    surer = write_bundle(
        tmp_path / "models",
        domain="field",
        role="stage",
        labels=tuple(TURNING),
        rule=[grey(level) for level in TURNING.values()],
        softness=16,
    )
    worked.bench.use("farm", str(surer.path))

    summary = worked.batch()
    worked.bench.use("farm", str(bundles["stage"]))
    back = worked.batch()

    assert (summary.scored, summary.decisions) == (PICTURES, 0)
    assert worked.said() == {**SAID, "stage": 2 * SAID["stage"]}
    assert (back.scored, back.known, back.decisions) == (0, PICTURES, 0)


def test_a_torn_orthophoto_is_set_aside_and_the_field_decided_on_its_photos(farm):
    path = farm.root / "north" / "ortho.tif"
    path.write_bytes(path.read_bytes()[:200])

    summary = farm.batch()

    assert (summary.scored, summary.quarantined) == (12, {"truncated": 1})
    assert sorted(farm.decisions()) == [("north", "infection"), ("south", "infection")]


def test_the_figures_of_the_report_are_those_of_the_store(worked, tmp_path):
    write_weather(worked.root, hours=73)
    worked.batch()

    files = worked.bench.report("farm", folder=tmp_path / "report")

    blocks = {one["block"]: one for one in json.loads(files.json.read_text())["blocks"]}
    label = "json_extract(predictions.data, '$.label')"
    by_field = "FROM predictions JOIN samples ON samples.id = sample_id WHERE role = 'disease' GROUP BY 1, 2"
    leaves = {(unit.decode(), said): n for unit, said, n in worked.rows(f"SELECT unit, {label}, count(*) {by_field}")}
    chart = {
        (unit, series["name"]): value
        for series in blocks["chart"]["series"]
        for unit, value in zip(blocks["chart"]["categories"], series["values"], strict=True)
    }
    assert {one["name"]: one["value"] for one in blocks["figures"]["figures"]} == {
        "pictures": worked.looks(),
        "leaves": sum(leaves.values()),
        "leaves with rust": sum(count for (_, said), count in leaves.items() if said == "rust"),
        "hours of weather": worked.rows("SELECT count(*) FROM records WHERE kind = 'weather'")[0][0],
        "to treat": 1,
        "not read": 0,
    }
    assert chart == leaves
    assert [tuple(row[:3]) for row in blocks["table"]["rows"]] == [
        (unit, key, one.label) for (unit, key), one in sorted(worked.decisions().items())
    ]
    assert [span["end"] for span in blocks["timeline"]["spans"]] == [
        "2026-05-11T07:00:00+00:00",
        "2026-05-13T01:00:00+00:00",
    ]
    assert [point["name"] for point in blocks["map"]["points"]] == ["north", "south"]


def test_the_export_stands_its_check_and_the_check_sees_faults(worked, tmp_path):
    written = worked.bench.export("farm", "geojson", tmp_path / "farm.geojson")
    features = json.loads(written.path.read_text())["features"]
    torn, lost = tmp_path / "torn.geojson", tmp_path / "lost.geojson"
    torn.write_text(written.path.read_text()[:-9])
    lost.write_text(written.path.read_text().replace("[13.", "[913.").replace('"watch"', '""'))

    assert written.faults == ()
    assert {one["properties"]["field"]: one["properties"]["label"] for one in features} == {
        "north": "watch",
        "south": "none",
    }
    assert fovea_field.check_geojson(torn) == ["it is no collection of features: JSONDecodeError"]
    assert "field north has no label" in fovea_field.check_geojson(lost)
    assert "field south is not on the globe" in fovea_field.check_geojson(lost)


def test_a_toy_bundle_written_twice_is_the_same_bundle(bundles, tmp_path):
    again = write_bundles(tmp_path)
    assert {role: open_bundle(path).digest for role, path in again.items()} == {
        role: open_bundle(path).digest for role, path in bundles.items()
    }


def test_a_role_that_is_added_leaves_the_predictions_of_the_others_alone(tmp_path):
    bundles = write_bundles(tmp_path / "models")
    some = {role: path for role, path in bundles.items() if role != "stage"}
    farm = open_farm(draw_site(tmp_path / "farm"), tmp_path / "home", some)
    with farm.bench:
        farm.batch()
        farm.bench.use("farm", str(bundles["stage"]))
        farm.batch()
        assert farm.said() == SAID
