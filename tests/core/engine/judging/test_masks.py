from __future__ import annotations

import numpy as np
import pytest

from fovea.engine.judging.masks import judge_masks, tally, width
from fovea.plugin import UNTOLD, Preprocess
from fovea.serving.bundle import Bundle
from fovea.serving.preprocess import PREPROCESS_ID

BUNDLE = Bundle(
    name="rust",
    domain="wheat",
    role="area",
    kind="segment",
    labels=("background", "leaf", "rust"),
    preprocess=Preprocess(size=4),
    preprocess_id=PREPROCESS_ID,
)


def logits_of(places, sureness=6.0):
    return sureness * np.moveaxis(np.eye(3, dtype=np.float32)[places], -1, 1)


def judged(said, truth, groups=None):
    group = np.arange(len(truth)) if groups is None else groups
    return judge_masks(BUNDLE, tally(BUNDLE, logits_of(said), truth), group, int(group.max()) + 1, 0)


@pytest.fixture
def truth():
    return np.random.default_rng(0).integers(0, 3, (6, 4, 4)).astype(np.uint8)


def test_a_perfect_answer_has_perfect_figures(truth):
    figures = judged(truth, truth).figures
    assert (figures["miou"].value, figures["mean_dice"].value, figures["share_mae"].value) == (1, 1, 0)
    assert figures["pixel_accuracy"].low == figures["pixel_accuracy"].high == 1


def test_figures_are_those_of_the_definitions(truth):
    said = np.random.default_rng(1).integers(0, 3, truth.shape).astype(np.uint8)
    judgement = judged(said, truth)
    both, either = ((said == 2) & (truth == 2)).sum(), ((said == 2) | (truth == 2)).sum()
    of_rust = judgement.classes[2]
    assert of_rust.iou == pytest.approx(both / either)
    assert of_rust.dice == pytest.approx(2 * both / ((said == 2).sum() + (truth == 2).sum()))
    assert judgement.figures["pixel_accuracy"].value == pytest.approx((said == truth).mean())
    off = [np.abs((said == label).mean(axis=(1, 2)) - (truth == label).mean(axis=(1, 2))).mean() for label in (1, 2)]
    assert judgement.figures["share_mae"].value == pytest.approx(np.mean(off))
    assert judgement.figures["miou"].low <= judgement.figures["miou"].value <= judgement.figures["miou"].high


def test_unlabelled_pixels_count_for_nothing(truth):
    half = truth.copy()
    half[:, :2] = UNTOLD
    said = truth.copy()
    said[:, :2] = 0
    assert judged(said, half).figures["miou"].value == 1


def test_saying_one_label_everywhere_is_the_baseline(truth):
    truth[:, :3] = 0
    judgement = judged(np.zeros_like(truth), truth)
    for name in ("miou", "pixel_accuracy", "share_mae"):
        assert judgement.figures[name].value == pytest.approx(judgement.baselines[f"majority_{name}"])


def test_a_label_that_no_picture_shows_has_no_figures():
    truth = np.tile(np.array([[0, 1], [1, 0]], np.uint8), (3, 1, 1))
    judgement = judged(truth, truth)
    assert (judgement.classes[2].iou, judgement.classes[2].support) == (None, 0)
    assert judgement.figures["miou"].value == 1


def test_being_sure_and_wrong_is_a_calibration_error(truth):
    figures = judged((truth + 1) % 3, truth).figures
    assert figures["ece"].value > 0.9
    assert tally(BUNDLE, logits_of(truth), truth).shape == (6, width(3))
