from __future__ import annotations

import numpy as np
import pytest

from fovea.engine.certainty.calibrate import LEAST, MOST, temperature


def drawn(factor, count=4000):
    """Logits that are ``factor`` times as sure as they are right."""
    random = np.random.default_rng(0)
    honest = random.normal(0, 2, (count, 3))
    share = np.exp(honest) / np.exp(honest).sum(axis=1, keepdims=True)
    targets = np.array([random.choice(3, p=row) for row in share])
    return (honest * factor).astype(np.float32), targets


@pytest.mark.parametrize("factor", [0.5, 1.0, 3.0])
def test_the_temperature_undoes_what_made_it_too_sure(factor):
    assert temperature(*drawn(factor)) == pytest.approx(factor, rel=0.1)


def test_it_is_the_least_of_the_cross_entropy():
    logits, targets = drawn(2.0)

    def cost(one):
        scaled = logits / one
        return -(scaled[np.arange(len(targets)), targets] - np.log(np.exp(scaled).sum(axis=1))).mean()

    found = temperature(logits, targets)
    assert cost(found) <= min(cost(found * 0.97), cost(found * 1.03))


def test_a_few_pictures_that_are_all_right_do_not_ask_for_certainty():
    logits = np.array([[2.0, 0.0]] * 5, np.float32)
    found = temperature(logits, np.zeros(5, np.int64))
    assert 1 / (1 + np.exp(-2 / found)) == pytest.approx(6 / 7, abs=0.02)


def test_a_few_pictures_that_are_wrong_do_not_ask_for_no_certainty_at_all():
    logits = np.array([[2.0, 0.0]] * 15, np.float32)
    found = temperature(logits, np.arange(15) % 2)  # right no more often than chance
    assert 1.5 < found < 5
    many = temperature(np.tile(logits, (100, 1)), np.arange(1500) % 2)
    assert many > 2 * found


def test_no_pictures_leave_the_probabilities_as_they_are():
    assert temperature(np.empty((0, 3), np.float32), np.empty(0, np.int64)) == 1.0


def test_a_network_that_knows_nothing_stays_within_bounds():
    logits = np.random.default_rng(0).normal(0, 5, (300, 4)).astype(np.float32)
    assert LEAST <= temperature(logits, np.zeros(300, np.int64)) <= MOST
