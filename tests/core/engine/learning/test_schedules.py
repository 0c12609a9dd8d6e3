from __future__ import annotations

import pytest

from fovea.engine.learning import schedules, thaw
from fovea.engine.recipe import Recipe

EPOCHS, STEPS = 12, 10
ALL = ("cosine", "constant", "step", "plateau", "one_cycle")


def recipe(**settings):
    return Recipe(**{"epochs": EPOCHS, "lr": 0.1, **settings})


def shares(**settings):
    return [schedules.share(recipe(**settings), step, STEPS) for step in range(EPOCHS * STEPS)]


@pytest.mark.parametrize("schedule", ALL)
def test_a_rate_is_never_above_the_highest_and_never_none(schedule):
    assert all(0 < share <= 1 for share in shares(schedule=schedule))


@pytest.mark.parametrize("schedule", ["cosine", "constant", "step", "plateau"])
def test_the_rate_rises_in_the_warm_up(schedule):
    rising = shares(schedule=schedule, warmup=0.1)[:13]
    assert rising == sorted(rising)
    assert rising[0] < 0.1


def test_the_cosine_ends_near_a_hundredth():
    assert shares(schedule="cosine")[-1] == pytest.approx(0.01, abs=0.001)


def test_a_step_is_a_tenth_each_third():
    found = shares(schedule="step", warmup=0)
    assert [found[0], found[39], found[40], found[80]] == pytest.approx([1, 1, 0.1, 0.01])


def test_one_cycle_rises_over_a_quarter_and_falls_to_almost_nothing_while_momentum_does_the_reverse():
    found = shares(schedule="one_cycle")
    momenta = [schedules.momentum(recipe(schedule="one_cycle"), step, STEPS) for step in range(EPOCHS * STEPS)]
    top = EPOCHS * STEPS // 4
    assert found[0] == pytest.approx(1 / 25)
    assert found.index(max(found)) == momenta.index(min(momenta)) == top
    assert found[-1] < 0.001
    assert (momenta[0], min(momenta)) == pytest.approx((0.95, 0.85))
    assert schedules.momentum(recipe(), 3, STEPS) is None


def test_the_rate_falls_where_nothing_gets_better():
    def share(*losses):
        curves = [{"train_loss": 1.0, "loss": loss} for loss in losses]
        return schedules.share(recipe(schedule="plateau", warmup=0, patience=8), 50, STEPS, curves)

    assert share(5, 4, 3, 2) == 1
    assert share(5, 4, 4) == 1
    assert share(5, 4, 4, 4) == pytest.approx(0.3)
    assert share(5, 4, 4, 4, 3, 3, 3) == pytest.approx(0.09)
    assert share(*[4] * 40) == pytest.approx(0.01)


def test_without_validation_a_plateau_is_one_of_what_is_learned_from():
    curves = [{"train_loss": loss} for loss in (3, 2, 2, 2)]
    assert schedules.plateaus(recipe(schedule="plateau", patience=8), curves) == 1


def test_the_figure_that_is_watched_decides_and_the_loss_breaks_ties():
    watched = recipe(monitor="balanced_accuracy")
    better = schedules.merit({"balanced_accuracy": 0.9, "loss": 0.5}, watched)
    assert better > schedules.merit({"balanced_accuracy": 0.8, "loss": 0.1}, watched)
    assert better > schedules.merit({"balanced_accuracy": 0.9, "loss": 0.6}, watched)


def test_gradual_opens_the_last_depth_at_half_the_run():
    opened = [thaw.opened(recipe(unfreeze="gradual"), epoch, 4) for epoch in range(EPOCHS)]
    assert opened == [1, 1, 2, 2, 3, 3, 4, 4, 4, 4, 4, 4]


def test_a_number_opens_one_depth_more_after_so_many_epochs():
    assert [thaw.opened(recipe(unfreeze=3), epoch, 3) for epoch in range(8)] == [1, 1, 1, 2, 2, 2, 3, 3]
    assert thaw.opened(recipe(), 0, 3) == 3
