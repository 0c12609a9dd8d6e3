import dataclasses

import numpy as np
import pytest

from fovea.plugin import Prediction, Preprocess, Result, Sample
from fovea.serving import anomaly
from fovea.serving.answers import answers, predict
from fovea.serving.bundle import Bundle
from fovea.serving.readings import Tail, is_readable

TAIL = Tail(threshold=2.0, false_alarms=0.1, distances=(1.0, 2.0, 3.0), shares=(0.25, 0.5, 0.75))


def bundle(tail=TAIL):
    return Bundle(
        name="weave",
        domain="weave",
        role="normality",
        kind="anomaly",
        labels=("normal", "anomaly"),
        preprocess=Preprocess(size=32),
        preprocess_id="",
        tail=tail,
    )


@pytest.mark.parametrize("distance, label, share", [(0.5, "normal", 0.0), (2.0, "normal", 0.5), (2.5, "anomaly", 0.5)])
def test_a_picture_beyond_the_threshold_is_an_anomaly(distance, label, share):
    (row,) = answers(bundle(), np.array([[distance, distance]], np.float32))
    said = predict(bundle(), row)
    assert (said.label, said.alarm) == (label, label == "anomaly")
    assert said.scores == {"normal": 1 - share, "anomaly": share, "distance": distance}
    assert said.probability == said.scores[label]


def test_a_calibrated_tail_tells_the_odds():
    tail = dataclasses.replace(TAIL, slope=2.0, offset=-4.0)
    assert anomaly.probability(tail, np.array([2.0, 3.0])) == pytest.approx([0.5, 1 / (1 + np.exp(-2))])


def test_the_map_of_a_picture_is_a_square():
    outputs = np.arange(20, dtype=np.float32).reshape(2, 10)
    assert anomaly.maps(outputs)[1].tolist() == [[11, 12, 13], [14, 15, 16], [17, 18, 19]]


@pytest.mark.parametrize(
    "fault",
    [
        {"threshold": float("nan")},
        {"threshold": -1.0},
        {"false_alarms": 0.0},
        {"distances": (1.0, 2.0)},
        {"distances": (3.0, 2.0, 1.0)},
        {"shares": (0.5, 0.25, 0.75)},
        {"shares": (0.25, 0.5, 1.5)},
        {"slope": -1.0},
        {"offset": float("inf")},
    ],
)
def test_a_tail_that_makes_no_sense_is_not_read(fault):
    assert is_readable(bundle())
    assert not is_readable(bundle(dataclasses.replace(TAIL, **fault)))


def test_an_anomaly_bundle_without_a_tail_is_not_read():
    assert not is_readable(bundle(None))


def test_one_strange_region_speaks_for_a_picture_of_normal_ones():
    sure = Prediction(role="normality", label="normal", probability=0.99, region="left")
    found = Prediction(role="normality", label="anomaly", probability=0.6, region="right", alarm=True)
    result = Result(sample=Sample(source="a.png"), predictions={"normality": (sure, found)})
    assert result.best("normality") is found
