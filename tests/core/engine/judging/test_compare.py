from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fovea.engine.judging.compare import compare
from fovea.engine.judging.evaluate import Seen
from fovea.engine.pictures.survey import Row
from fovea.errors import DataError, UsageError
from fovea.plugin import Preprocess
from fovea.serving.bundle import Bundle
from fovea.serving.readings import Alarm, Certainty

LABELS = ("rust", "scab", "well")
RANDOM_TRUTH = np.random.default_rng(0).integers(0, 3, 240)


def seen(skill, labels=LABELS, seed=1, truth=RANDOM_TRUTH, **parts):
    """What a model of this skill says of 240 pictures of 80 plants, some of which are hard for every model."""
    random = np.random.default_rng(seed)
    hard = np.repeat(np.random.default_rng(5).random(80) < 0.3, 3)
    right = (random.random(240) < skill) & ~hard
    said = np.where(right, truth, (truth + 1) % 3)
    names = [LABELS[place] for place in truth]
    rows = [
        Row(source=f"{i}.png", part="", region="", target=name, group=f"plant{i // 3}", digest="")
        for i, name in enumerate(names)
    ]
    logits = np.full((240, len(labels)), -2.0, np.float32)
    logits[np.arange(240), [labels.index(LABELS[place]) for place in said]] = 2
    bundle = Bundle(
        name="b", domain="wheat", role="disease", kind="classify", labels=labels, preprocess=Preprocess(),
        preprocess_id="",
    )  # fmt: skip
    whole = {
        "bundle": bundle, "rows": tuple(rows), "logits": logits, "fresh": np.ones(240, bool), "unreadable": (),
        "precision": "fp32",
    }  # fmt: skip
    return Seen(**{**whole, **parts})


def test_a_better_model_is_told_by_the_interval_of_the_difference():
    done = compare(seen(0.7), seen(0.95, seed=2))
    change = done.changes["accuracy"]
    assert change.difference.value == pytest.approx(change.after.value - change.before.value)
    assert change.verdict == "better"
    assert done.changes["log_loss"].verdict == "better"  # less of it


def test_what_is_hard_for_both_does_not_widen_the_difference():
    change = compare(seen(0.95), seen(0.97, seed=2)).changes["accuracy"]
    wide = change.before.high - change.before.low
    assert change.difference.high - change.difference.low < 0.6 * wide


def test_a_model_does_not_differ_from_itself():
    done = compare(seen(0.8), seen(0.8))
    assert {change.verdict for name, change in done.changes.items() if name != "ece_before"} == {"unsure"}
    assert done.changes["accuracy"].difference == replace(
        done.changes["accuracy"].difference, value=0.0, low=0.0, high=0.0
    )


def test_the_order_of_the_labels_and_of_the_pictures_does_not_matter():
    other = seen(0.9, labels=LABELS[::-1], seed=2)
    turned = replace(other, rows=other.rows[::-1], logits=other.logits[::-1])
    first, again = (compare(seen(0.7), one).changes["accuracy"] for one in (seen(0.9, seed=2), turned))
    assert first == again


def test_what_either_learned_from_is_left_out():
    fresh = np.arange(240) >= 30
    done = compare(seen(0.7, fresh=fresh), seen(0.9, fresh=fresh[::-1]))
    assert (done.pictures, done.learned, done.groups) == (180, 60, 60)
    with pytest.raises(DataError, match="was learned from by one of the two models"):
        compare(seen(0.7, fresh=np.zeros(240, bool)), seen(0.9))


def test_pictures_of_a_label_that_only_one_knows_are_left_out():
    more = (*LABELS, "gall")
    truth_names = [replace(row, target="gall") if i < 12 else row for i, row in enumerate(seen(0.9).rows)]
    before, after = seen(0.7, rows=tuple(truth_names)), seen(0.9, labels=more, rows=tuple(truth_names))
    done = compare(before, after)
    assert (done.pictures, done.strange) == (228, 12)


def test_models_of_different_roles_are_not_compared():
    other = seen(0.9)
    with pytest.raises(UsageError, match="only models of one role can be compared"):
        compare(seen(0.7), replace(other, bundle=replace(other.bundle, role="severity")))


def alarming(one, point, labels=("rust",)):
    alarm = Alarm(labels=labels, point=point, aim="a test")
    return replace(one, bundle=replace(one.bundle, certainty=Certainty(alarm=alarm)))


def test_each_is_counted_on_what_it_says_at_its_own_operating_point():
    done = compare(alarming(seen(0.7), 0.5), alarming(seen(0.7), 0.01))  # the second always raises one
    assert done.changes["sensitivity"].after.value == 1
    assert done.changes["specificity"].after.value == 0
    assert done.changes["sensitivity"].verdict == "better"
    assert done.changes["accuracy"].verdict == "worse"  # the most probable label is the same in both
    assert "an alarm (rust) from a probability of 0.010 on" in done.said[1]


def test_alarms_that_mean_something_else_are_not_compared():
    done = compare(alarming(seen(0.7), 0.5), alarming(seen(0.7), 0.5, ("scab",)))
    assert "accuracy" in done.changes
    assert "sensitivity" not in done.changes
