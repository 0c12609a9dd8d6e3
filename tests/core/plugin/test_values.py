from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from fovea.plugin import Place, Prediction, Preprocess, Region, Result, Sample


@pytest.mark.parametrize("latitude,longitude", [(91, 0), (-91, 0), (0, 181), (0, -181), (float("nan"), 0)])
def test_a_place_off_the_globe_is_refused(latitude, longitude):
    with pytest.raises(ValueError, match="is not on the globe"):
        Place(latitude=latitude, longitude=longitude)


def test_the_edges_of_the_globe_are_on_it():
    assert Place(latitude=-90, longitude=180).altitude is None


@pytest.mark.parametrize(
    "left,top,right,bottom",
    [(0.5, 0, 0.5, 1), (0, 0.6, 1, 0.5), (-0.1, 0, 1, 1), (0, 0, 1.1, 1), (0, 0, float("nan"), 1)],
)
def test_a_region_outside_the_picture_or_empty_is_refused(left, top, right, bottom):
    with pytest.raises(ValueError, match="region 'leaf' must lie inside the picture"):
        Region(name="leaf", left=left, top=top, right=right, bottom=bottom)


def test_a_region_without_a_name_is_refused():
    with pytest.raises(ValueError, match="a region needs a name"):
        Region(name="", left=0, top=0, right=1, bottom=1)


def test_a_sample_without_group_and_unit_is_its_own():
    sample = Sample(source="a.jpg", part="1")
    assert (sample.key, sample.of_group, sample.of_unit) == (("a.jpg", "1"), "a.jpg", "a.jpg")


def test_a_sample_with_group_and_unit_keeps_them():
    sample = Sample(source="a.jpg", group="p12", unit="north")
    assert (sample.of_group, sample.of_unit) == ("p12", "north")


def test_values_are_frozen():
    sample = Sample(source="a.jpg")
    with pytest.raises(FrozenInstanceError):
        sample.unit = "north"


def test_the_best_prediction_of_a_role_is_the_most_probable_over_its_regions():
    said = tuple(Prediction(role="rust", label=label, probability=p) for label, p in (("a", 0.2), ("b", 0.7)))
    result = Result(sample=Sample(source="a.jpg"), predictions={"rust": said})
    assert result.best("rust") == said[1]
    assert result.best("share") is None


def test_a_scaled_decode_never_falls_below_twice_the_networks_size():
    assert (Preprocess(size=224).side, Preprocess(size=224, decode="full").side) == (448, None)
