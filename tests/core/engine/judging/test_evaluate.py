from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from sklearn import metrics

from fovea.engine.judging.evaluate import assess, unlearned
from fovea.engine.pictures.survey import Row
from fovea.plugin import Preprocess
from fovea.serving.bundle import Bundle
from fovea.serving.certainty import chosen
from fovea.serving.network import probabilities
from fovea.serving.readings import Alarm, Certainty, Levels, Tail

LABELS = ("gall", "rust", "scab", "well")


@pytest.fixture
def bundle():
    return Bundle(
        name="b",
        domain="wheat",
        role="disease",
        kind="classify",
        labels=LABELS,
        preprocess=Preprocess(),
        preprocess_id="",
        temperature=2.0,
    )


def rows_of(truth, groups):
    return [
        Row(source=f"{i}.png", part="", region="", target=LABELS[t], group=g, digest=f"{i:016x}")
        for i, (t, g) in enumerate(zip(truth, groups, strict=True))
    ]


@pytest.fixture
def judged():
    random = np.random.default_rng(0)
    truth = random.choice(3, 300, p=[0.5, 0.3, 0.2])  # no picture is well
    logits = random.normal(0, 1.5, (300, 4)).astype(np.float32)
    logits[np.arange(300), truth] += 2
    return truth, logits, rows_of(truth, [f"g{i // 5}" for i in range(300)])


def test_figures_are_those_of_scikit_learn(bundle, judged):
    truth, logits, rows = judged
    said = probabilities(bundle, logits)
    done = assess(rows=rows, logits=logits, bundle=bundle)
    figures = {name: figure.value for name, figure in done.figures.items()}
    best = said.argmax(axis=1)
    assert figures["accuracy"] == pytest.approx(metrics.accuracy_score(truth, best))
    recalls = metrics.recall_score(truth, best, labels=[0, 1, 2], average="macro")
    assert figures["balanced_accuracy"] == pytest.approx(recalls)
    f1 = metrics.f1_score(truth, best, labels=[0, 1, 2], average="macro")
    assert figures["macro_f1"] == pytest.approx(f1)
    assert figures["log_loss"] == pytest.approx(metrics.log_loss(truth, said, labels=[0, 1, 2, 3]), rel=1e-5)
    table = metrics.confusion_matrix(truth, best, labels=[0, 1, 2, 3])
    assert [list(row) for row in done.confusion] == table.tolist()


def test_the_calibration_error_is_that_of_its_definition(bundle, judged):
    truth, logits, rows = judged
    said = probabilities(bundle, logits).astype(float)
    sure, right = said.max(axis=1), said.argmax(axis=1) == truth
    expected = 0.0
    for place in range(15):
        inside = (sure >= place / 15) & (sure < (place + 1) / 15)
        if inside.any():
            expected += inside.mean() * abs(right[inside].mean() - sure[inside].mean())
    done = assess(rows=rows, logits=logits, bundle=bundle)
    assert done.figures["ece"].value == pytest.approx(expected)
    assert done.figures["ece"].value != done.figures["ece_before"].value


def test_every_figure_lies_in_an_interval_that_is_the_same_each_time(bundle, judged):
    _, logits, rows = judged
    done, again = (assess(rows=rows, logits=logits, bundle=bundle) for _ in range(2))
    assert done == again
    for figure in done.figures.values():
        assert figure.low < figure.value < figure.high


def test_pictures_that_repeat_each_other_widen_the_interval(bundle, judged):
    truth, logits, _ = judged
    twins = np.repeat(np.arange(100), 3)
    alone = assess(rows=rows_of(truth[twins], map(str, range(300))), logits=logits[twins], bundle=bundle)
    grouped = assess(rows=rows_of(truth[twins], map(str, twins)), logits=logits[twins], bundle=bundle)
    width = {done.groups: done.figures["accuracy"].high - done.figures["accuracy"].low for done in (alone, grouped)}
    assert width[100] == pytest.approx(3**0.5 * width[300], rel=0.15)


def test_the_interval_covers_the_truth_as_often_as_it_says(bundle):
    random = np.random.default_rng(1)
    covered = 0
    for _ in range(60):
        right = np.repeat(random.random(60) < 0.8, 2)  # both pictures of a group are right, or neither
        logits = np.zeros((120, 4), np.float32)
        logits[np.arange(120), np.where(right, 0, 1)] = 3
        figure = assess(
            rows=rows_of(np.zeros(120, int), [str(i // 2) for i in range(120)]), logits=logits, bundle=bundle
        ).figures["accuracy"]
        covered += figure.low <= 0.8 <= figure.high
    assert 50 <= covered <= 60


def test_a_class_without_pictures_counts_neither_for_nor_against(bundle):
    truth = np.array([0, 0, 1, 1])
    logits = np.eye(4, dtype=np.float32)[truth] * 9
    done = assess(rows=rows_of(truth, "abcd"), logits=logits, bundle=bundle)
    assert done.figures["balanced_accuracy"].value == 1.0
    assert [of.support for of in done.classes] == [2, 2, 0, 0]
    assert done.baselines == {"majority_accuracy": 0.5, "majority_balanced_accuracy": 0.5}


def test_an_evaluation_is_plain_json(bundle, judged):
    _, logits, rows = judged
    plain = json.loads(json.dumps(assess(rows=rows, logits=logits, bundle=bundle).to_json(), allow_nan=False))
    assert set(plain["figures"]["accuracy"]) == {"value", "low", "high"}
    assert plain["classes"][0]["label"] == "gall"


def test_learned_pictures_and_their_groups_are_told_from_new_ones():
    rows = rows_of([0, 0, 0, 0], ["a", "a", "b", "c"])
    assert unlearned(rows, frozenset({bytes.fromhex(rows[0].digest)})).tolist() == [False, False, True, True]


def by_camera(rows):
    return [replace(row, attributes={"camera": "new" if place % 3 else "old"}) for place, row in enumerate(rows)]


def test_subgroups_are_counted_on_what_is_said_at_the_operating_point(bundle, judged):
    truth, logits, rows = judged
    alarm = Alarm(labels=("gall",), point=0.05, aim="a test")
    bundle = replace(bundle, certainty=Certainty(alarm=alarm))
    done = assess(rows=by_camera(rows), logits=logits, bundle=bundle)
    said, here = chosen(bundle, probabilities(bundle, logits)), np.arange(300) % 3 > 0
    labels = {"labels": [0, 1, 2], "average": "macro"}
    expected = metrics.recall_score(truth[here], said[here], **labels)
    assert done.subgroups[0].figure.value == pytest.approx(expected)
    assert expected != metrics.recall_score(truth[here], logits[here].argmax(axis=1), **labels)
    assert "an alarm (gall) from a probability of 0.050 on" in done.said


def test_subgroups_of_labels_are_counted_at_each_labels_own_point(bundle, judged):
    _, logits, rows = judged
    levels = Levels(slopes=(1.0,) * 4, offsets=(0.0,) * 4, points=(0.9, 0.5, 0.3, 0.9), aim="a test")
    several = replace(bundle, kind="multilabel", levels=levels)
    random = np.random.default_rng(7)
    marked = random.random((300, 4)) < 0.4
    rows = [
        replace(row, target=tuple(np.array(LABELS)[one].tolist()))
        for row, one in zip(by_camera(rows), marked, strict=True)
    ]
    said, here = 1 / (1 + np.exp(-logits)) >= levels.points, np.arange(300) % 3 > 0
    each = [metrics.balanced_accuracy_score(*pair) for pair in zip(marked[here].T, said[here].T, strict=True)]
    done = assess(rows=rows, logits=logits, bundle=several)
    assert done.subgroups[0].figure.value == pytest.approx(np.mean(each))


def test_subgroups_of_anomalies_are_counted_at_the_threshold(bundle, judged):
    _, _, rows = judged
    random = np.random.default_rng(8)
    strange, distances = random.random(300) < 0.3, random.random((300, 1)).astype(np.float32)
    tail = Tail(threshold=0.8, false_alarms=0.2, distances=(0.5,), shares=(0.5,))
    finder = replace(bundle, kind="anomaly", labels=("normal", "anomaly"), tail=tail)
    rows = [replace(row, target="torn" if one else "normal") for row, one in zip(by_camera(rows), strange, strict=True)]
    here = np.arange(300) % 3 > 0
    expected = metrics.balanced_accuracy_score(strange[here], distances[here, 0] > 0.8)
    done = assess(rows=rows, logits=distances, bundle=finder)
    assert done.subgroups[0].figure.value == pytest.approx(expected)
