from __future__ import annotations

import math
from xml.etree import ElementTree as ET

import pytest

from fovea.plugin import PlaceMap, Point
from fovea.report.ground import Rectangle, beside, place_label, to_metres
from fovea.report.placemap import distance, draw_map, lay_out
from fovea.report.svg import NARROW, WIDE

BOTH = pytest.mark.parametrize("width", [WIDE, NARROW])


def point(latitude, longitude, name="p", **further):
    return Point(latitude=latitude, longitude=longitude, name=name, **further)


def drawn(points, width=WIDE):
    return ET.fromstring(draw_map(PlaceMap(title="Map", points=tuple(points)), width, "id").text)


def test_a_degree_of_latitude_is_about_111_km():
    (_, south), (_, north) = to_metres([point(50, 8), point(51, 8)])

    assert north - south == pytest.approx(111_195, rel=1e-4)


def test_a_degree_of_longitude_shrinks_towards_the_pole():
    (west, _), (east, _) = to_metres([point(60, 8), point(60, 9)])

    assert east - west == pytest.approx(111_195 / 2, rel=1e-4)


def test_points_on_both_sides_of_the_180th_meridian_stay_together():
    (west, _), (east, _) = to_metres([point(0, 179.9), point(0, -179.9)])

    assert east - west == pytest.approx(0.2 * 111_195, rel=1e-4)


@BOTH
def test_the_map_is_drawn_to_scale_in_both_directions(width):
    ground, spots = lay_out([point(0, 0, "a"), point(0.01, 0, "b"), point(0, 0.01, "c")], width)
    a, b, c = sorted(spots, key=lambda spot: spot.point.name)

    assert a.y - b.y == pytest.approx(1111.95 * ground.pixels_per_metre, rel=1e-3)
    assert c.x - a.x == pytest.approx(1111.95 * ground.pixels_per_metre, rel=1e-3)


@BOTH
@pytest.mark.parametrize("span", [1e-7, 0.001, 1.0, 60.0])
def test_every_point_lies_on_the_ground_shown(width, span):
    ground, spots = lay_out([point(-span, -span), point(span, 3 * span), point(0, 0)], width)

    assert all(spot.box.inside(ground.frame) for spot in spots)


@BOTH
@pytest.mark.parametrize("count", [1, 2, 50])
def test_one_point_and_identical_points_are_drawn_in_the_middle(count, width):
    ground, spots = lay_out([point(49, 8)] * count, width)

    assert {(spot.x, spot.y) for spot in spots} == {(width / 2, (ground.frame.top + ground.frame.bottom) / 2)}


def test_graver_points_are_drawn_above_milder_ones():
    _, spots = lay_out([point(0, 0, level="alarm"), point(0, 1), point(1, 0, level="notice")], WIDE)

    assert [spot.point.level for spot in spots] == ["normal", "notice", "alarm"]


def test_a_larger_size_is_a_larger_area():
    _, spots = lay_out([point(0, 0), point(0, 1, size=4.0)], WIDE)

    assert spots[1].radius == pytest.approx(2 * spots[0].radius)


def test_a_strange_size_does_no_harm():
    _, spots = lay_out([point(0, 0, size=math.nan), point(0, 1, size=-3.0), point(1, 1, size=1e9)], WIDE)

    assert all(2 <= spot.radius <= 16 for spot in spots)


def test_each_level_has_its_own_shape():
    levels = ("normal", "notice", "warning", "alarm")
    svg = drawn(point(0, n, level=level) for n, level in enumerate(levels))
    shapes = {
        path.get("class"): path.get("d").count("L") for path in svg.iter("path") if path.get("class", "")[:2] == "l-"
    }

    assert set(shapes) == {f"l-{level}" for level in levels}


def test_a_name_that_many_points_share_is_written_once():
    svg = drawn(point(n / 1000, n / 1000, "River strip") for n in range(12))

    assert [text.text for text in svg.iter("text")].count("River strip") == 1


def test_labels_keep_out_of_each_others_way():
    frame = Rectangle(left=0, top=0, right=400, bottom=400)
    spot = Rectangle(left=195, top=195, right=205, bottom=205)
    taken = [spot]
    while box := place_label(beside(spot, 50, 16), 50, 16, frame=frame, taken=taken):
        taken.append(box)

    assert len(taken) > 2
    assert not any(a.overlaps(b) for n, a in enumerate(taken) for b in taken[:n])


def test_no_label_is_written_where_there_is_no_room():
    full = Rectangle(left=0, top=0, right=400, bottom=400)

    assert place_label([(0, 0)], 50, 16, frame=full, taken=[full]) is None


def test_the_scale_bar_is_as_long_as_it_says():
    points = [point(0, 0), point(0, 0.01)]
    ground, _ = lay_out(points, WIDE)
    svg = drawn(points)
    ruler = next(path.get("d") for path in svg.iter("path") if path.get("class") == "ruler")
    pixels = float(ruler.split("H")[1].split("M")[0]) - 0.5

    assert pixels == pytest.approx(200 * ground.pixels_per_metre, abs=0.1)
    assert any((text.text or "").startswith("200\u202fm") for text in svg.iter("text"))


def test_long_distances_are_said_in_kilometres():
    assert (distance(500), distance(2000)) == ("500\u202fm", "2\u202fkm")
