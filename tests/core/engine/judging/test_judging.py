from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from fovea.engine.certainty.calibrate import half_width, line, operating_point
from fovea.engine.judging.labels import ranked
from fovea.engine.judging.values import _figures, judge_values, spearman
from fovea.plugin import Preprocess
from fovea.serving.bundle import Bundle
from fovea.serving.readings import Scale


def test_a_resampled_ranking_is_counted_as_scikit_learn_counts_it():
    random = np.random.default_rng(0)
    truth = random.random(80) < 0.3
    said = np.round(random.random(80) + 0.4 * truth, 1)  # with ties
    often = random.multinomial(80, np.full(80, 1 / 80), 5).astype(float)
    precision, area = ranked(truth, said, often)
    for row, one, other in zip(often, precision, area, strict=True):
        assert one == pytest.approx(metrics.average_precision_score(truth, said, sample_weight=row))
        assert other == pytest.approx(metrics.roc_auc_score(truth, said, sample_weight=row))


def test_resampled_errors_are_counted_as_scikit_learn_counts_them():
    random = np.random.default_rng(1)
    truth = random.normal(5, 2, (60, 2))
    said = truth + random.normal(0, 1, (60, 2))
    often = random.multinomial(60, np.full(60, 1 / 60), 3).astype(float)
    figures = _figures(truth, said, np.array([1.0, 1.0]), often)
    for place, row in enumerate(often):
        weighed = {"sample_weight": row}
        assert figures["mae"][place] == pytest.approx(metrics.mean_absolute_error(truth, said, **weighed))
        assert figures["rmse"][place] == pytest.approx(metrics.root_mean_squared_error(truth, said, **weighed))
        assert figures["r2"][place] == pytest.approx(metrics.r2_score(truth, said, **weighed))


def test_rank_correlation_takes_ties_at_their_mean():
    assert spearman(np.array([1.0, 2, 2, 3]), np.array([1.0, 3, 2, 4])) == pytest.approx(0.9486833)
    assert np.isnan(spearman(np.ones(4), np.arange(4.0)))


def test_a_line_undoes_what_moved_a_labels_logits():
    random = np.random.default_rng(2)
    honest = random.normal(0, 2, (5000, 1))
    truth = random.random((5000, 1)) < 1 / (1 + np.exp(-honest))
    slope, offset = line((honest * 2 + 3).astype(np.float32), truth, 0)
    assert slope == pytest.approx(0.5, abs=0.05)
    assert offset == pytest.approx(-1.5, abs=0.15)


def test_a_label_without_pictures_here_is_said_from_its_share():
    assert operating_point(np.array([0.2, 0.9], np.float32), np.zeros(2), "f1", 0.03) == 0.03


def test_a_point_of_least_recall_keeps_it():
    said, truth = np.array([0.9, 0.6, 0.3, 0.1], np.float32), np.array([1, 0, 1, 0])
    assert 0.1 < operating_point(said, truth, 1.0, 0.5) <= 0.3
    assert operating_point(said, truth, 0.5, 0.5) > 0.6


def test_a_half_width_holds_new_groups_as_often_as_it_says():
    random = np.random.default_rng(3)
    held = []
    for _ in range(200):
        spread = random.uniform(0.5, 2, 40)
        residuals = np.abs(random.normal(0, np.repeat(spread, 3)))
        width = half_width(residuals[:60], [str(i // 3) for i in range(60)], 0.9)
        held.append((residuals[60:] <= width).mean())
    assert 0.88 < np.mean(held) < 0.97


def test_too_few_groups_give_no_interval():
    assert half_width(np.ones(80), [str(i % 8) for i in range(80)], 0.9) is None
    assert half_width(np.ones(9), [str(i) for i in range(9)], 0.9) == 1.0


def test_values_are_told_by_their_size():
    true = np.arange(100.0)[:, None]
    said = 50 + 0.5 * (true - 50)  # drawn to the middle, as an unsure model's are
    scale = Scale(means=(50.0,), deviations=(1.0,), half_widths=(15.0,))
    bundle = Bundle(
        name="b", domain="wheat", role="height", kind="regress", labels=("height",), preprocess=Preprocess(),
        preprocess_id="", scale=scale,
    )  # fmt: skip
    (told,) = judge_values(bundle, true, said, np.arange(100), 100, 0).values
    assert [(one.low, one.high, one.pictures) for one in told.spans][::4] == [(0, 19, 20), (80, 99, 20)]
    assert [round(one.bias, 2) for one in told.spans] == [20.25, 10.25, 0.25, -9.75, -19.75]
    assert told.spans[0].mae == pytest.approx(20.25)
    assert [one.coverage for one in told.spans] == [0, 1, 1, 1, 0.05]
    assert len(told.points) == 100


def test_many_pictures_are_shown_as_few_dots_that_reach_from_end_to_end():
    true = np.random.default_rng(4).random((3000, 1))
    scale = Scale(means=(0.5,), deviations=(1.0,))
    bundle = Bundle(
        name="b", domain="wheat", role="height", kind="regress", labels=("height",), preprocess=Preprocess(),
        preprocess_id="", scale=scale,
    )  # fmt: skip
    (told,) = judge_values(bundle, true, true, np.arange(3000), 3000, 0).values
    assert len(told.points) == 400
    assert (told.points[0][0], told.points[-1][0]) == (true.min(), true.max())
