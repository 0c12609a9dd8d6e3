from __future__ import annotations

import numpy as np
import pytest

from fovea.engine.judging.newsite import Known, fit_head, new_site
from fovea.errors import DataError

CAMERAS = ("a", "b", "c")


def known(tied, kind="classify", pictures=180):
    """Two classes told by one feature; with ``tied``, a second tells them too, but for another sign at each camera."""
    random = np.random.default_rng(0)
    truth = random.integers(0, 2, pictures)
    camera = np.arange(pictures) % 3
    features = random.normal(0, 1, (pictures, 4)).astype(np.float32)
    features[:, 0] += 1.5 * truth
    if tied:  # what gives the answer away is read differently at every camera
        features[:, 1] = np.where(camera == 0, 4, -4) * (truth - 0.5) + random.normal(0, 0.3, pictures)
        features[:, 2] = 3 * (camera == 0)
        features[:, 3] = features[:, 1] * features[:, 2]
    targets = {
        "classify": truth,
        "multilabel": np.stack([truth, random.integers(0, 2, pictures)], axis=1).astype(bool),
        "regress": (3 * truth + random.normal(0, 0.1, pictures))[:, None],
    }
    labels = {"classify": ("rust", "well"), "multilabel": ("rust", "gall"), "regress": ("share",)}
    made = Known(
        kind=kind,
        labels=labels[kind],
        features=features,
        truth=targets[kind],
        groups=[f"plant{i // 2}" for i in range(pictures)],
    )
    return made, [CAMERAS[one] for one in camera]


def test_a_site_that_is_like_the_others_costs_nothing():
    done = new_site(*_split(known(tied=False)))
    assert [site.value for site in done.sites] == ["a", "b", "c"]
    assert abs(done.cost.value) < 0.05
    assert done.cost.low < 0 < done.cost.high
    assert all(site.figure.low < site.figure.value < site.figure.high for site in done.sites)


def test_what_holds_at_the_known_sites_only_shows_as_the_cost_of_a_new_one():
    done = new_site(*_split(known(tied=True)))
    first = done.sites[0]
    assert first.ordinary.value > 0.9
    assert first.figure.value < 0.5
    assert first.cost.high < 0
    assert done.spread > 0.1


def _split(made):
    table, cameras = made
    return table, "camera", cameras


def test_nothing_of_a_left_out_site_is_learned_from():
    table, cameras = known(tied=False)
    seen = []

    def fit(features, truth, groups):
        seen.append(set(groups))
        return lambda new: np.full((len(new), 2), 0.5)

    new_site(table, "camera", cameras, fit=fit)
    for camera, learned in zip(CAMERAS, seen, strict=False):
        there = {group for group, one in zip(table.groups, cameras, strict=True) if one == camera}
        assert not learned & there
    assert len(seen) == 3 + 3  # and as many folds


@pytest.mark.parametrize("kind,figure", [("multilabel", "macro_auroc"), ("regress", "mae")])
def test_labels_and_values_are_left_out_alike(kind, figure):
    done = new_site(*_split(known(tied=False, kind=kind)))
    assert done.figure == figure
    assert done.ordinary.low <= done.ordinary.value <= done.ordinary.high


def test_a_label_of_one_site_only_is_named():
    table, cameras = known(tied=False)
    cameras = ["d" if one else "ac"[place // 2 % 2] for place, one in enumerate(table.truth)]
    done = new_site(table, "camera", cameras)
    assert {site.value: site.strange for site in done.sites} == {"a": (), "c": (), "d": ("well",)}


def test_pictures_without_the_attribute_are_counted_and_left_out():
    table, cameras = known(tied=False)
    assert new_site(table, "camera", [None] * 6 + cameras[6:]).without == 6


def test_one_site_alone_is_refused():
    table, _ = known(tied=False)
    with pytest.raises(DataError, match="to leave out one camera there must be two, and there is a"):
        new_site(table, "camera", ["a"] * len(table.groups))


def test_a_head_is_held_back_as_much_as_new_groups_ask_for():
    random = np.random.default_rng(1)
    features = random.normal(0, 1, (80, 300)).astype(np.float32)
    truth = (features[:, 0] + random.normal(0, 2, 80) > 0).astype(int)
    said = fit_head("classify", 2, features, truth, [str(i) for i in range(80)])(features)
    assert 0.01 < said.min() < 0.45  # many features and little to tell: a strong penalty, no certainty
