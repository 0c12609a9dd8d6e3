from __future__ import annotations

import csv
import json

import pytest

from fovea.plugin import Place
from fovea_crop import geojson, table
from fovea_crop.settings import CropPolicy

POLICY = CropPolicy()


@pytest.fixture
def written(farm, site, tmp_path):
    geojson.write(site=site(farm), target=tmp_path / "farm.geojson", policy=POLICY)
    return tmp_path / "farm.geojson"


@pytest.fixture
def spoiled(written):
    """Writes the collection again after a change, and answers with the faults found."""

    def spoil(change):
        collection = json.loads(written.read_text())
        change(collection)
        written.write_text(json.dumps(collection))
        return list(geojson.check(path=written))

    return spoil


def test_a_written_collection_has_no_fault(written):
    assert not geojson.check(path=written)


def test_a_field_is_the_hull_of_its_pictures_and_findings_are_points(written):
    features = {feature["id"]: feature for feature in json.loads(written.read_text())["features"]}

    north = features["field:north"]
    assert north["geometry"]["type"] == "Polygon"
    assert north["properties"]["diseased"] == 5
    assert features["field:south"]["geometry"] is None
    assert features["picture:north/4.jpg#"]["geometry"]["coordinates"] == [11.001, 46.004]
    assert sum(name.startswith("picture:") for name in features) == 5


def test_a_field_of_pictures_in_one_row_is_a_line(site, result, tmp_path):
    row = [result(f"{n}", place=Place(latitude=46.0, longitude=11 + n / 1000)) for n in range(3)]

    geojson.write(site=site(row), target=tmp_path / "row.geojson", policy=POLICY)

    features = json.loads((tmp_path / "row.geojson").read_text())["features"]
    assert features[0]["geometry"] == {"type": "LineString", "coordinates": [[11.0, 46.0], [11.002, 46.0]]}
    assert not geojson.check(path=tmp_path / "row.geojson")


def test_a_hull_of_many_places_is_kept_small_and_right(site, result, tmp_path):
    places = [(46 + (n % 40) / 1000, 11 + (n // 40) / 1000) for n in range(1600)]
    results = [result(f"{n}", "healthy", place=Place(latitude=y, longitude=x)) for n, (y, x) in enumerate(places)]

    geojson.write(site=site(results), target=tmp_path / "many.geojson", policy=POLICY)

    (field,) = json.loads((tmp_path / "many.geojson").read_text())["features"]
    assert sorted(field["geometry"]["coordinates"][0][:-1]) == [
        [11.0, 46.0],
        [11.0, 46.039],
        [11.039, 46.0],
        [11.039, 46.039],
    ]


def swap_latitude(collection):
    collection["features"][0]["geometry"]["coordinates"][0][1] = [46.0, 111.0]


def open_the_ring(collection):
    collection["features"][0]["geometry"]["coordinates"][0].pop()


def turn_the_ring(collection):
    collection["features"][0]["geometry"]["coordinates"][0].reverse()


def drop_a_picture(collection):
    collection["features"].pop()


def double_a_feature(collection):
    collection["features"].append(collection["features"][0])


def rename(collection):
    collection["type"] = "Features"


@pytest.mark.parametrize(
    "change, fault",
    [
        (swap_latitude, "a position is no longitude and latitude"),
        (open_the_ring, "its ring is not closed"),
        (turn_the_ring, "its ring is not counterclockwise"),
        (drop_a_picture, "field north counts 5.0 diseased pictures, 4 are drawn"),
        (double_a_feature, "the id field:north comes 2 times"),
        (rename, "it is no FeatureCollection"),
    ],
)
def test_a_fault_in_a_collection_is_found(spoiled, change, fault):
    assert any(fault in found for found in spoiled(change))


def test_a_collection_cut_short_is_found(written):
    written.write_bytes(written.read_bytes()[:-20])

    assert "it is no JSON" in geojson.check(path=written)[0]


def test_the_table_has_a_line_for_every_picture(farm, site, tmp_path):
    table.write(site=site(farm), target=tmp_path / "farm.csv", policy=POLICY)

    with open(tmp_path / "farm.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert not table.check(path=tmp_path / "farm.csv")
    assert [row["source"] for row in rows] == [result.sample.source for result in farm]
    assert (rows[0]["label"], rows[0]["standing"], float(rows[0]["latitude"])) == ("rust", "diseased", 46.0)


def test_names_that_look_like_formulas_or_are_not_utf8_do_no_harm(site, result, tmp_path):
    table.write(site=site([result("=cmd.jpg"), result("caf\udce9,\n.jpg")]), target=tmp_path / "t.csv", policy=POLICY)

    with open(tmp_path / "t.csv", newline="", encoding="utf-8") as file:
        assert [row["source"] for row in csv.DictReader(file)] == ["'=cmd.jpg", "caf\\xe9,\n.jpg"]
    assert not table.check(path=tmp_path / "t.csv")


@pytest.mark.parametrize(
    "before, after, fault",
    [
        ("probability", "certainty", "first row"),
        ("46.001", "north of here", "latitude is no number"),
        ("2.jpg", "1.jpg", "twice"),
    ],
)
def test_a_fault_in_a_table_is_found(farm, site, tmp_path, before, after, fault):
    table.write(site=site(farm), target=tmp_path / "farm.csv", policy=POLICY)
    text = (tmp_path / "farm.csv").read_text()

    (tmp_path / "farm.csv").write_text(text.replace(before, after))

    assert any(fault in found for found in table.check(path=tmp_path / "farm.csv"))
