from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fovea.engine.judging.evaluate import assess
from fovea.engine.judging.masks import tally
from fovea.engine.judging.worst import SHOWN, worst
from fovea.engine.pictures.survey import Row
from fovea.plugin import Preprocess
from fovea.serving.bundle import Bundle
from fovea.serving.readings import Levels, Scale

LABELS = ("gall", "rust", "well")


@pytest.fixture
def bundle():
    return Bundle(
        name="b",
        domain="wheat",
        role="disease",
        kind="classify",
        labels=LABELS,
        preprocess=Preprocess(),
        preprocess_id="",
        temperature=1.0,
    )


def rows_of(targets):
    return [
        Row(source=f"{i}.png", part="", region="", target=one, group=str(i), digest=f"{i:016x}")
        for i, one in enumerate(targets)
    ]


def logits_of(shares):
    return np.log(np.array(shares, np.float32))


def test_the_surest_of_a_wrong_label_comes_first_and_what_is_right_never(bundle):
    rows = rows_of(["gall", "gall", "rust", "well"])
    said = logits_of([[0.30, 0.40, 0.30], [0.50, 0.25, 0.25], [0.90, 0.05, 0.05], [0.2, 0.2, 0.6]])

    first, second = worst(bundle, rows, said)

    assert (first.source, first.truth, first.said) == ("2.png", "rust", "gall (0.90)")
    assert (second.source, second.truth, second.said) == ("0.png", "gall", "rust (0.40)")
    assert first.cost == pytest.approx(-np.log(0.05), rel=1e-4)


def test_no_more_are_kept_than_a_person_looks_at(bundle):
    rows = rows_of(["gall"] * 40)
    said = logits_of([[0.1, 0.8, 0.1]] * 40)
    assert [one.source for one in worst(bundle, rows, said)] == [f"{i}.png" for i in range(SHOWN)]


def test_several_labels_are_told_at_their_operating_points(bundle):
    levels = Levels(slopes=(1.0,) * 3, offsets=(0.0,) * 3, points=(0.5, 0.2, 0.5), aim="")
    several = replace(bundle, kind="multilabel", levels=levels)
    rows = rows_of([("gall",), (), ("rust", "well")])
    sure = np.array([[0.9, 0.1, 0.1], [0.1, 0.3, 0.1], [0.4, 0.1, 0.1]])

    first, second = worst(several, rows, np.log(sure / (1 - sure)).astype(np.float32))

    assert (first.source, first.truth, first.said) == ("2.png", "rust, well", "nothing")
    assert (second.source, second.truth, second.said) == ("1.png", "nothing", "rust")


def test_values_are_measured_by_how_much_they_usually_vary(bundle):
    scale = Scale(means=(0.0, 0.0), deviations=(1.0, 100.0))
    values = replace(bundle, kind="regress", labels=("height", "weight"), scale=scale)
    rows = rows_of([(1.0, 100.0), (1.0, 100.0)])
    said = np.array([[1.0, 2.0], [3.0, 1.0]], np.float32)

    first, second = worst(values, rows, said)

    assert (first.source, first.truth, first.said) == ("1.png", "height 1, weight 100", "height 3, weight 100")
    assert (first.cost, second.cost) == (pytest.approx(1.0), pytest.approx(0.5))


def test_areas_are_measured_by_what_they_share_with_their_mask(bundle):
    areas = replace(bundle, kind="segment", labels=("background", "spot"))
    masks = np.zeros((3, 4, 4), np.uint8)
    masks[:2, :2] = 1
    masks[2] = 255
    logits = np.zeros((3, 2, 4, 4), np.float32)
    logits[:, 1] = np.where(np.arange(4)[:, None] < 2, 1.0, -1.0)
    logits[1, 1, :, :2] = -1.0

    (only,) = worst(areas, rows_of(["a", "b", "c"]), tally(areas, logits, masks))

    assert (only.source, only.truth, only.said) == ("1.png", "spot", "mean IoU 0.58")


def test_an_evaluation_holds_them_but_its_json_names_no_picture(bundle):
    rows = rows_of(["gall", "rust", "well"])
    done = assess(rows=rows, logits=logits_of([[0.1, 0.8, 0.1]] * 3), bundle=bundle)
    assert [one.source for one in done.worst] == ["0.png", "2.png"]
    assert "0.png" not in str(done.to_json())
