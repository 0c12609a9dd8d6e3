from __future__ import annotations

import numpy as np
import pytest

from fovea.engine.networks.descent import least


def bowl(bends, bottom):
    def loss(point):
        away = (point - bottom).astype(np.float32)
        return float((bends * away * away).sum(dtype=np.float64)) / 2, (bends * away).astype(np.float32)

    return loss


@pytest.mark.parametrize("steepest", [1.0, 30.0, 1000.0])
def test_the_bottom_of_a_bowl_is_found_though_it_is_steeper_one_way_than_another(steepest):
    bottom = np.linspace(-2, 3, 20).astype(np.float32)
    found = least(bowl(np.geomspace(1, steepest, 20).astype(np.float32), bottom), np.zeros(20, np.float32), gain=1e-9)
    assert np.abs(found - bottom).max() < 0.01


def test_who_stands_at_the_bottom_does_not_move():
    bottom = np.ones(5, np.float32)
    asked = []

    def loss(point):
        asked.append(point)
        return bowl(1.0, bottom)(point)

    assert (least(loss, bottom, gain=1e-6) == bottom).all()
    assert len(asked) == 1


def test_a_step_that_would_climb_is_shortened():
    found = least(bowl(50.0, np.float32(3)), np.zeros(1, np.float32), gain=1e-9)
    assert found == pytest.approx(3, abs=1e-3)


def test_no_more_steps_are_gone_than_allowed():
    bends = np.geomspace(1, 1000, 20).astype(np.float32)
    bottom = np.ones(20, np.float32)
    values = [bowl(bends, bottom)(least(bowl(bends, bottom), 0 * bottom, gain=1e-9, steps=n))[0] for n in (0, 2, 8, 30)]
    assert values == sorted(values, reverse=True)
    assert values[0] > values[1] > values[2]
