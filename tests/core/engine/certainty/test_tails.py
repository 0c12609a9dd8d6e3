import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from fovea.engine.certainty.tails import tail_of
from fovea.engine.judging.anomaly import judge_anomaly
from fovea.errors import DataError
from fovea.serving import anomaly


def drawn(normal, strange, seed=0):
    random = np.random.default_rng(seed)
    distances = np.concatenate([random.normal(1, 0.2, normal), random.normal(1.8, 0.2, strange)])
    return distances, np.arange(normal + strange) >= normal


def groups(count):
    return [f"g{number}" for number in range(count)]


def test_at_most_the_stated_share_of_new_normal_pictures_is_called_an_anomaly():
    called = []
    for seed in range(300):
        distances, strange = drawn(40, 0, seed)
        tail = tail_of(distances, strange, groups(40), 0.1)
        fresh = np.random.default_rng(1000 + seed).normal(1, 0.2, 500)
        called.append((fresh > tail.threshold).mean())
    assert np.mean(called) == pytest.approx(4 / 41, abs=0.008)  # the 37th of 40 distances, and one more to come


def test_too_few_groups_for_the_share_wanted_say_the_share_they_can_promise():
    distances, strange = drawn(5, 0)
    tail = tail_of(distances, strange, groups(5), 0.05)
    assert tail.threshold == distances.max()
    assert tail.false_alarms == pytest.approx(1 / 6)


def test_with_anomalies_kept_the_probability_is_calibrated():
    distances, strange = drawn(60, 60)
    tail = tail_of(distances, strange, groups(120), 0.05)
    fresh, is_strange = drawn(2000, 2000, seed=5)
    said = anomaly.probability(tail, fresh)
    bins = np.digitize(said, [0.2, 0.5, 0.8])
    assert all(abs(said[bins == one].mean() - is_strange[bins == one].mean()) < 0.15 for one in (0, 3))


def test_without_them_it_is_the_share_of_normal_pictures_that_are_no_farther():
    distances, strange = drawn(99, 0)
    tail = tail_of(distances, strange, groups(99), 0.05)
    assert tail.slope is None
    assert anomaly.probability(tail, np.array([-1.0, np.median(distances), 99.0])) == pytest.approx([0, 0.5, 0.99])


def test_a_group_of_many_pictures_counts_as_one():
    distances = np.concatenate([np.full(900, 5.0), np.linspace(0, 1, 99)])
    named = ["crowd"] * 900 + groups(99)
    tail = tail_of(distances, np.zeros(999, bool), named, 0.05)
    assert tail.threshold < 1


def test_without_a_normal_picture_kept_there_is_no_threshold():
    with pytest.raises(DataError, match="set calibration above 0"):
        tail_of(np.array([1.0]), np.array([True]), ["g"], 0.05)


def judged(distances, strange, threshold=1.4):
    tail = tail_of(distances, strange, groups(len(distances)), 0.05)
    outputs = np.asarray(distances, np.float32)[:, None]
    said = anomaly.said(tail, outputs).astype(np.float64)
    targets = ["scab" if one else "normal" for one in strange]
    return judge_anomaly(tail, targets, said, np.arange(len(targets)), len(targets), 0), tail


def test_the_figures_are_scikit_learns():
    distances, strange = drawn(50, 30, seed=3)
    told, tail = judged(distances + np.where(strange, -0.4, 0), strange)
    moved = distances + np.where(strange, -0.4, 0)
    assert told.figures["auroc"].value == pytest.approx(roc_auc_score(strange, moved))
    assert told.figures["average_precision"].value == pytest.approx(average_precision_score(strange, moved))
    lowest = np.sort(moved[strange])[int(0.05 * 30)]
    assert told.figures["fpr95"].value == pytest.approx((moved[~strange] >= lowest).mean())
    assert told.figures["recall"].value == pytest.approx((moved[strange] > tail.threshold).mean())
    assert told.figures["false_alarms"].value == pytest.approx((moved[~strange] > tail.threshold).mean())


def test_only_normal_pictures_tell_false_alarms_alone():
    told, _ = judged(*drawn(30, 0))
    assert set(told.figures) == {"false_alarms"}
    assert [of.label for of in told.classes] == ["normal"]


def test_every_figure_lies_in_its_interval():
    told, _ = judged(*drawn(40, 40, seed=9))
    assert all(one.low <= one.value <= one.high for one in told.figures.values())
