from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from fovea.engine.judging.curves import POINTS, curves, reliability


@pytest.fixture
def ranked():
    random = np.random.default_rng(0)
    truth = random.random((3000, 2)) < (0.3, 0.05)
    return truth, 1 / (1 + np.exp(-random.normal(1.5 * truth - 1, 1)))


def test_curves_are_few_points_that_hold_the_same_area(ranked):
    truth, said = ranked
    for place, curve in enumerate(curves(("rust", "gall"), truth, said)):
        assert len(curve.roc) <= POINTS
        assert len(curve.precision_recall) <= POINTS
        assert curve.auroc == pytest.approx(metrics.roc_auc_score(truth[:, place], said[:, place]))
        assert metrics.auc(*zip(*curve.roc, strict=True)) == pytest.approx(curve.auroc, abs=0.002)
        assert metrics.auc(*zip(*curve.precision_recall, strict=True)) == pytest.approx(
            curve.average_precision, abs=0.01
        )


def test_a_curve_begins_with_nothing_called_and_ends_with_all(ranked):
    truth, said = ranked
    for curve in curves(("rust", "gall"), truth, said):
        assert (curve.roc[0], curve.roc[-1]) == ((0, 0), (1, 1))
        assert curve.precision_recall[0][0] == 0
        assert curve.precision_recall[-1] == (1, pytest.approx(curve.support / 3000, abs=1e-4))


def test_a_label_that_none_or_all_have_has_no_curve(ranked):
    truth, said = ranked
    truth[:, 0] = True
    assert [curve.label for curve in curves(("rust", "gall"), truth, said)] == ["gall"]


def test_the_bins_of_a_reliability_are_what_the_calibration_error_is_made_of(ranked):
    truth, said = ranked
    done = reliability(truth[:, 0], said[:, 0], truth[:, 0], said[:, 0] ** 2)
    assert sum(one.number for one in done.calibrated) == sum(one.number for one in done.before) == 3000
    for one in done.calibrated:
        inside = (said[:, 0] >= one.low) & (said[:, 0] < one.high)
        assert one.right == pytest.approx(truth[inside, 0].mean(), abs=0.02)
        assert one.low - 1e-3 <= one.said <= one.high + 1e-3
