from __future__ import annotations

import numpy as np
import pytest

from fovea.plugin import UNTOLD, Image, Preprocess, Region, paint_areas
from fovea.serving.areas import MOST_RUNS, believed, predict
from fovea.serving.bundle import Bundle
from fovea.serving.preprocess import PREPROCESS_ID

LABELS = ("background", "leaf", "rust")


def bundle(size=8, fit="squash", labels=LABELS):
    return Bundle(
        name="rust",
        domain="wheat",
        role="area",
        kind="segment",
        labels=labels,
        preprocess=Preprocess(size=size, fit=fit),
        preprocess_id=PREPROCESS_ID,
    )


def sure(places, sureness=0.8, labels=3):
    """Probabilities (labels, size, size) whose greatest is at ``places``."""
    rest = (1 - sureness) / (labels - 1)
    return np.moveaxis(np.where(np.eye(labels)[places] > 0, sureness, rest), -1, 0).astype(np.float32)


def blank(height=8, width=8, **facts):
    return Image(pixels=np.zeros((height, width, 3), np.uint8), **facts)


def halves(size=8):
    places = np.zeros((size, size), np.intp)
    places[:, size // 2 :] = 1
    places[0, -1] = 2
    return places


def test_shares_are_counted_and_the_label_is_what_covers_most_but_the_background():
    said = predict(bundle(), sure(halves()), blank())
    assert said.scores == {"background": 32 / 64, "leaf": 31 / 64, "rust": 1 / 64}
    assert (said.label, said.probability) == ("leaf", pytest.approx(0.8))


def test_a_picture_of_nothing_else_shows_the_background():
    said = predict(bundle(), sure(np.zeros((8, 8), np.intp)), blank())
    assert (said.label, said.scores["background"]) == ("background", 1.0)
    assert said.areas.runs == "0:64"


def test_bars_count_for_nothing_and_the_areas_lie_on_the_whole_picture():
    said = predict(bundle(fit="letterbox"), sure(halves()), blank(4, 8))
    assert sum(said.scores.values()) == pytest.approx(1)
    assert (said.areas.width, said.areas.height, said.areas.left, said.areas.right) == (8, 4, 0.0, 1.0)
    assert paint_areas(said.areas, width=8, height=4)[0].tolist() == [0, 0, 0, 0, 1, 1, 1, 1]


def test_the_middle_that_a_crop_shows_is_where_the_areas_lie():
    areas = predict(bundle(fit="crop"), sure(halves()), blank(8, 16)).areas
    painted = paint_areas(areas, width=16, height=8)
    assert (painted[:, :4] == UNTOLD).all()
    assert painted[1].tolist() == [UNTOLD] * 4 + [0] * 4 + [1] * 4 + [UNTOLD] * 4


def test_the_areas_of_a_region_lie_in_it():
    region = Region(name="leaf-1", left=0.5, top=0.5, right=1, bottom=1)
    said = predict(bundle(), sure(halves()), blank(16, 16), region)
    assert (said.region, said.areas.left, said.areas.top) == ("leaf-1", 0.5, 0.5)


def test_what_must_not_be_believed_is_not_told():
    valid = np.ones((8, 8), bool)
    valid[:, :4] = False
    said = predict(bundle(), sure(halves()), blank(valid=valid))
    assert said.scores["background"] == 0
    assert (paint_areas(said.areas, width=8, height=8)[:, :4] == UNTOLD).all()


def test_a_picture_that_must_not_be_believed_at_all_shows_nothing():
    said = predict(bundle(), sure(halves()), blank(valid=np.zeros((8, 8), bool)))
    assert (said.label, said.probability, set(said.scores.values())) == ("", 0.0, {0.0})


def test_a_ragged_map_is_told_on_a_coarser_grid():
    places = np.random.default_rng(0).integers(0, 3, (200, 200))
    places[:, :100] = 1
    areas = predict(bundle(size=200), sure(places), blank(200, 200)).areas
    assert len(areas.runs.split()) <= MOST_RUNS
    assert areas.width < 200
    assert (paint_areas(areas, width=200, height=200)[:, :90] == 1).all()


def test_without_a_background_the_label_is_what_covers_most():
    said = predict(bundle(labels=("sky", "soil", "weed")), sure(halves()), blank())
    assert said.label == "sky"


def test_all_of_a_squashed_picture_is_believed():
    assert believed(blank(3, 9), Preprocess(size=8, fit="squash")).all()
