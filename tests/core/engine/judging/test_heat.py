from __future__ import annotations

import cv2
import numpy as np
import pytest
from sklearn import metrics

from fovea.engine.judging.heat import hottest, judge_heat
from fovea.engine.judging.marked import ORDINARY, STRANGE, Marked, marked_of
from fovea.engine.pictures.survey import Row, Wanted
from fovea.plugin import UNTOLD, Domain, DomainInfo, Mask, Preprocess, Sample, TaskSpec, ViewSettings


def rows_of(labels):
    return [
        Row(source=f"{place}.png", part="", region="", target=label, group=str(place), digest="")
        for place, label in enumerate(labels)
    ]


@pytest.fixture
def pictures():
    """Twelve maps of 16 x 16 places, and marks of as many pixels, of which the maps know something."""
    random = np.random.default_rng(0)
    places = np.full((12, 16, 16), ORDINARY, np.uint8)
    for one in places[:6]:
        x, y = random.integers(0, 10, 2)
        one[y : y + 5, x : x + 3] = STRANGE
    maps = (random.random(places.shape) + 0.6 * (places == STRANGE)).astype(np.float32)
    places[random.random(places.shape) < 0.1] = UNTOLD
    return maps, Marked(places=places)


def judged(maps, marked):
    return judge_heat(maps, marked, np.arange(len(maps)), len(maps), 0)


def test_pixels_are_ranked_as_scikit_learn_ranks_them(pictures):
    maps, marked = pictures
    values, spread = judged(maps, marked)
    known = marked.places != UNTOLD
    expected = metrics.roc_auc_score(marked.places[known] == STRANGE, maps[known])
    assert values["pixel_auroc"] == pytest.approx(expected, abs=1e-3)
    assert np.percentile(spread["pixel_auroc"], 2.5) < expected < np.percentile(spread["pixel_auroc"], 97.5)


def test_a_small_area_that_is_missed_counts_as_much_as_a_large_one_that_is_found():
    places = np.zeros((1, 32, 32), np.uint8)
    places[0, :16, :16] = STRANGE  # 256 pixels, found
    places[0, 28:30, 28:30] = STRANGE  # 4 pixels, missed
    maps = np.zeros((1, 32, 32), np.float32)
    maps[0, :16, :16] = 9
    values, _ = judged(maps, Marked(places=places))
    assert values["pixel_auroc"] > 0.98
    assert values["aupro"] == pytest.approx((1 + 0.15) / 2, abs=0.01)  # the ordinary places and the missed are equal


def test_maps_that_know_nothing_reach_what_chance_does():
    random = np.random.default_rng(1)
    places = (random.random((40, 24, 24)) < 0.02).astype(np.uint8)
    values, _ = judged(random.random(places.shape).astype(np.float32), Marked(places=places))
    assert values["pixel_auroc"] == pytest.approx(0.5, abs=0.03)
    assert values["aupro"] == pytest.approx(0.15, abs=0.03)


def test_nothing_is_said_of_places_where_nothing_is_marked():
    assert judged(np.ones((3, 8, 8), np.float32), Marked(places=np.zeros((3, 8, 8), np.uint8))) == ({}, {})


def test_the_strangest_are_kept_and_the_misses_with_the_least_strange_first():
    labels = ["normal"] * 20 + ["torn"] * 20
    distances = np.arange(40.0)
    distances[20] = 0.5
    found = hottest(rows_of(labels), distances, np.zeros((40, 2, 2), np.float32), 25.0, None)
    assert [one.source for one in found[:8]] == [f"{place}.png" for place in range(39, 31, -1)]
    assert [one.distance for one in found if one.missed] == [0.5, 21, 22, 23, 24, 25]


def shown(root, mask, label="torn"):
    """What is known of one picture of 40 x 20 pixels whose left half was marked."""
    cv2.imwrite(str(root / "a.png"), np.zeros((20, 40, 3), np.uint8))
    marks = np.zeros((20, 40), np.uint8)
    marks[:, :20] = 1
    cv2.imwrite(str(root / "m.png"), marks)
    targets = {"normality": label} | ({"where": mask} if mask else {})
    spec = Preprocess(size=32, fit="letterbox", decode="full")
    info = DomainInfo(
        name="weave",
        title="Weave",
        intended_use="Finds faults in cloth.",
        limits="Not for ropes.",
        tasks={"normality": TaskSpec(kind="anomaly", mask="where", preprocess=spec)},
    )
    sample, normal = Sample(source="a.png", targets=targets), Sample(source="m.png", targets={"where": mask})
    domain = Domain(info=info, read_samples=lambda root, view: [sample, normal])
    wanted = Wanted(domain=domain, root=root, view=ViewSettings(), role="normality", spec=spec)
    return marked_of(wanted, [Row(source="a.png", part="", region="", target=label, group="a", digest="")])


def test_what_is_marked_is_laid_onto_the_square_and_its_bars_are_not_known(tmp_path):
    found = shown(tmp_path, Mask(source="m.png", classes={"0": "background", "1": "hole"}))
    assert np.unique(found.places[0, 8:24, :15]).tolist() == [STRANGE]
    assert np.unique(found.places[0, 8:24, 17:]).tolist() == [ORDINARY]
    assert np.unique(found.places[0, :7]).tolist() == [UNTOLD]


def test_a_mask_that_cannot_be_used_is_named_and_costs_only_its_marks(tmp_path):
    found = shown(tmp_path, Mask(source="gone.png", classes={"0": "background", "1": "hole"}))
    assert [fault.source for fault in found.faults] == ["a.png"]
    assert np.unique(found.places).tolist() == [UNTOLD]


def test_without_any_mask_there_is_nothing_to_judge_places_by(tmp_path):
    assert shown(tmp_path, None) is None
