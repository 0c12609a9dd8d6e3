from __future__ import annotations

import numpy as np
import pytest

from fovea.errors import DataError
from fovea.serving.fusion import MOST, Column, Fusion, encode, fused

AGE = Column(name="age", mean=40.0, deviation=10.0)
WARD = Column(name="ward", values=("east", "west"))
COLUMNS = (AGE, WARD)


def test_a_number_is_counted_in_deviations_and_a_category_by_its_place():
    assert encode(COLUMNS, [{"age": 55.0, "ward": "west"}]).tolist() == [[1.5, 0, 0, 1, 0]]


def test_what_is_missing_is_said_to_be():
    said = [{}, {"age": " ", "ward": ""}, {"age": "N/A", "ward": "Unknown"}]
    assert encode(COLUMNS, said).tolist() == [[0, 1, 0, 0, 1]] * 3


def test_a_value_that_was_never_learned_from_is_as_good_as_missing():
    assert encode(COLUMNS, [{"age": 40, "ward": "north"}]).tolist() == [[0, 0, 0, 0, 1]]


def test_a_number_may_be_written_as_text():
    assert encode((AGE,), [{"age": " 50 "}]).tolist() == [[1, 0]]


def test_a_category_that_is_a_number_is_the_same_written_either_way():
    grade = Column(name="grade", values=("2", "a"))
    assert encode((grade,), [{"grade": 2.0}]).tolist() == encode((grade,), [{"grade": "2"}]).tolist()


def test_a_mistyped_number_does_not_decide_alone():
    assert encode((AGE,), [{"age": 4e9}, {"age": -4e9}])[:, 0].tolist() == [MOST, -MOST]


@pytest.mark.parametrize("text", ["old", "inf", "4,5"])
def test_a_text_that_is_no_finite_number_is_refused_by_name(text):
    with pytest.raises(DataError, match=f"the attribute age is '{text}', and the model learned it as a number"):
        encode((AGE,), [{"age": text}])


def test_no_pictures_have_no_numbers():
    assert encode(COLUMNS, []).shape == (0, 5)


FUSION = Fusion(columns=(WARD,), weights=((1.0, -1.0), (0.5, 0.0), (0.0, 0.25)))


@pytest.mark.parametrize("shape", [(2, 2), (2, 2, 3, 3)])
def test_weights_are_added_to_every_output_of_a_picture(shape):
    before = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    after = fused(FUSION, "segment" if len(shape) > 2 else "classify", before, [{"ward": "east"}, {}])
    added = np.array([[1.0, -1.0], [0.0, 0.25]]).reshape(2, 2, *[1] * (len(shape) - 2))
    assert np.allclose(after, before + added)
    assert after.dtype == np.float32


def test_a_distance_is_divided_by_what_is_usual():
    usual = Fusion(columns=(WARD,), weights=((np.log(2.0),), (0.0,), (0.0,)))
    distances = np.array([[4.0, 8.0], [4.0, 8.0]], np.float32)
    assert fused(usual, "anomaly", distances, [{"ward": "east"}, {"ward": "west"}]).tolist() == [[2, 4], [4, 8]]


@pytest.mark.parametrize(
    "weights, outputs",
    [(((1.0, 2.0),) * 2, 2), (((1.0, 2.0),) * 3, 3), (((1.0, float("nan")),) * 3, 2), ((), 0)],
)
def test_weights_that_do_not_fit_are_not_sound(weights, outputs):
    assert FUSION.is_sound(2)
    assert not Fusion(columns=(WARD,), weights=weights).is_sound(outputs)
