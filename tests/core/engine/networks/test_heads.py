from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from fovea.engine.networks.heads import axes_of, fit_heads, ground_of, heads_on, likeness, picked, with_rows


def drawn(count=300, width=12, outputs=3, seed=0):
    """Features whose columns differ by a thousand times in size, and the class each row is of."""
    random = np.random.default_rng(seed)
    features = random.normal(size=(count, width)) * np.logspace(-1, 2, width) + 50
    scores = (features - 50) / np.logspace(-1, 2, width) @ random.normal(size=(width, outputs))
    return features.astype(np.float32), (scores + random.normal(size=scores.shape)).argmax(axis=1)


def only(features, targets, **options):
    (head,) = fit_heads(features, targets, strengths=(0.01,), **options)
    return head


def test_a_head_on_features_as_they_came_equals_the_library_on_standardised_ones():
    features, targets = drawn()
    head = only(features, targets, link="softmax", outputs=3)
    scaled = (features - features.mean(axis=0)) / features.std(axis=0)
    library = LogisticRegression(C=1 / (0.01 * 300), tol=1e-6, max_iter=2000).fit(scaled, targets)
    assert np.abs(head.logits(features) - library.decision_function(scaled)).max() < 0.05
    assert (head.logits(features).argmax(axis=1) == targets).mean() > 0.7


def test_a_stronger_penalty_makes_smaller_weights():
    features, targets = drawn()
    heads = list(fit_heads(features, targets, link="softmax", outputs=3, strengths=(10.0, 0.1, 0.001)))
    sizes = [np.abs(head.weights * features.std(axis=0)[:, None]).sum() for head in heads]
    assert sizes == sorted(sizes)


def test_two_labels_have_a_logit_each():
    features, targets = drawn(outputs=2)
    head = only(features, targets, link="softmax", outputs=2)
    assert head.weights.shape == (12, 2)
    assert (head.logits(features).argmax(axis=1) == targets).mean() > 0.8


def test_a_label_that_nothing_here_has_is_never_said():
    features, targets = drawn(outputs=3)
    head = only(features, np.where(targets == 1, 3, targets), link="softmax", outputs=4)
    assert set(head.logits(features).argmax(axis=1)) <= {0, 2, 3}
    head = only(features, np.where(targets == 0, 2, targets), link="softmax", outputs=4)
    assert set(head.logits(features).argmax(axis=1)) <= {1, 2}


def test_labels_for_themselves_are_fitted_one_by_one():
    features, targets = drawn(outputs=3)
    truth = np.stack([targets == 0, targets != 2, np.zeros(300), np.ones(300)], axis=1).astype(np.float32)
    head = only(features, truth, link="sigmoid", outputs=4)
    said = head.logits(features) > 0
    assert ((said == truth).mean(axis=0) > 0.75).all()
    assert (said[:, 2:] == truth[:, 2:]).all()


def test_values_are_told_by_ridge_regression():
    random = np.random.default_rng(1)
    features = random.normal(size=(200, 6)).astype(np.float32) * 7 + 3
    truth = np.stack([features @ np.arange(6), 4 - features[:, 0]], axis=1)
    (head,) = fit_heads(features, truth, link="identity", outputs=2, strengths=(1e-6,))
    assert np.abs(head.logits(features) - truth).max() < 0.05


def test_a_feature_that_never_changes_tells_nothing():
    features, targets = drawn()
    features[:, 3] = 1e6
    head = only(features, targets, link="softmax", outputs=3)
    assert not head.weights[3].any()
    assert np.isfinite(head.logits(features)).all()


@pytest.mark.parametrize("link", ["softmax", "sigmoid", "identity"])
def test_rows_that_count_for_nothing_might_as_well_not_be_there(link):
    features, targets = drawn(200, 4)
    wrong = np.concatenate([targets, (targets[:50] + 1) % 3])
    both = np.concatenate([features, features[:50]])
    counts = np.concatenate([np.ones(200), np.full(50, 1e-9)])
    encode = (lambda t: t) if link == "softmax" else lambda t: np.eye(3)[t]
    with_them = only(both, encode(wrong), link=link, outputs=3, weights=counts * 250 / 200)
    without = only(features, encode(targets), link=link, outputs=3)
    assert np.abs(with_them.logits(features) - without.logits(features)).max() < 0.5


def alike(count, width, seed):
    """Features of which most say nearly the same, as those of a network do, and three classes."""
    random = np.random.default_rng(seed)
    inner = random.normal(size=(count, 20)) * np.logspace(0, -1.5, 20)
    features = inner @ random.normal(size=(20, width)) + 0.02 * random.normal(size=(count, width))
    scores = 3 * inner[:, :3] + random.normal(size=(count, 3))
    return features.astype(np.float32), scores.argmax(axis=1)


@pytest.mark.parametrize("width", [40, 400], ids=["fewer features than pictures", "more features than pictures"])
def test_every_head_of_a_grid_has_the_figures_of_the_librarys_exact_solution(width):
    features, targets = alike(400, width, 5)
    learned, kept = slice(0, 250), slice(250, None)
    strengths = (1.0, 0.1, 0.01, 1e-3)
    scaled = (features - features[learned].mean(axis=0)) / features[learned].std(axis=0)
    heads = fit_heads(features[learned], targets[learned], link="softmax", outputs=3, strengths=strengths)
    for strength, head in zip(strengths, heads, strict=True):
        library = LogisticRegression(C=1 / (strength * 250), tol=1e-7, max_iter=20_000)
        library.fit(scaled[learned].astype(np.float64), targets[learned])
        truth, ours = targets[kept], softmax(head.logits(features[kept]), axis=1)
        theirs = library.predict_proba(scaled[kept].astype(np.float64))
        assert log_loss(truth, ours) == pytest.approx(log_loss(truth, theirs), rel=5e-3)
        assert (ours.argmax(axis=1) == theirs.argmax(axis=1)).mean() > 0.99


@pytest.mark.parametrize("apart", [0, 2])
def test_heads_that_go_on_from_what_shallower_ones_knew_equal_those_made_anew(apart):
    features, targets = alike(120, 402, 6)
    ground, last = ground_of(features, apart=apart), np.arange(402 - apart, 402)
    some, more = (
        np.concatenate([own, last]) for own in (np.arange(200), np.concatenate([np.arange(250, 400), np.arange(200)]))
    )
    axes = axes_of(ground, more, likeness(ground, more, likeness(ground, some)))
    options = {"link": "softmax", "outputs": 3, "strengths": (0.1, 0.01)}
    continued = heads_on(ground, more, targets, axes=axes, **options)
    anew = fit_heads(features[:, more], targets, apart=apart, **options)
    for one, other in zip(continued, anew, strict=True):
        assert np.abs(one.logits(features[:, more]) - other.logits(features[:, more])).max() < 0.02


def test_what_pictures_have_in_common_by_other_features_is_not_gone_on_from():
    features, _ = alike(50, 200, 7)
    ground = ground_of(features)
    others = likeness(ground, np.arange(100))
    found = likeness(ground, np.arange(100, 200), others)
    assert np.abs(found.products - ground.scaled[:, 100:] @ ground.scaled[:, 100:].T).max() < 1e-2
    assert likeness(ground, np.arange(30)) is None


@pytest.mark.parametrize("apart", [0, 2])
def test_a_head_goes_on_with_rows_that_come_later_as_if_they_had_always_been_there(apart):
    features, targets = alike(90, 402, 8)
    chosen = np.concatenate([np.arange(100, 400 - apart), np.arange(402 - apart, 402)])
    ground = ground_of(features[:60], apart=apart)
    options = {"link": "softmax", "outputs": 3, "strengths": (0.01,)}

    whole, axes = with_rows(ground, chosen, features[60:], axes_of(ground, chosen))
    (continued,) = heads_on(whole, np.arange(len(chosen)), targets, axes=axes, **options)
    (anew,) = heads_on(whole, np.arange(len(chosen)), targets, **options)

    np.testing.assert_array_equal(whole.scaled[:60], ground.scaled[:, chosen])
    assert np.abs(whole.scaled[60:] * whole.spread + whole.mean - features[60:, chosen]).max() < 1e-4
    assert axes.turned.shape[1] <= 90
    one, other = (head.logits(features[:, chosen]) for head in (continued, anew))
    assert np.abs(one - other).max() < 0.02 * np.abs(other).max()


def test_axes_of_few_features_are_made_anew_for_rows_that_come_later():
    features, _ = alike(90, 80, 9)
    ground, every = ground_of(features[:60]), np.arange(80)
    whole, axes = with_rows(ground, every, features[60:], axes_of(ground, every))
    assert (len(whole.scaled), axes) == (90, None)
    assert with_rows(ground, every, features[60:], None)[1] is None


@pytest.mark.parametrize("columns", [[0, 1, 2], [3, 4, 0, 1], [5], [4, 2, 0], [], range(6)])
def test_columns_are_picked_as_numpy_picks_them(columns):
    table = np.arange(18.0).reshape(3, 6)
    wanted = np.array(columns, np.intp)
    np.testing.assert_array_equal(picked(table, wanted), table[:, wanted])
