from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from fovea.engine.networks.heads import fit_heads


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
