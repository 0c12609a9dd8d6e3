from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from fovea.plugin import Preprocess, Result, Sample
from fovea.serving.answers import predict
from fovea.serving.bundle import Bundle
from fovea.serving.certainty import chosen
from fovea.serving.readings import Alarm, Certainty, Familiar, Levels, Review, Sets

OF = Certainty(
    sets=Sets(points=(0.5, 0.2, 0.3), coverage=0.9),
    review=Review(sure=0.45, share=0.1, error=0.02),
    familiar=Familiar(most=2.0, kept=0.95),
    alarm=Alarm(labels=("rust", "scab"), point=0.4, aim="a recall of at least 0.9"),
)


def bundle(**changes):
    draft = Bundle(
        name="leaves",
        domain="crop",
        role="disease",
        kind="classify",
        labels=("healthy", "rust", "scab"),
        preprocess=Preprocess(),
        preprocess_id="x",
        certainty=OF,
    )
    return replace(draft, **changes)


def said(*shares, strangeness=1.0, **changes):
    return predict(bundle(**changes), np.array(shares, np.float32), "", strangeness)


def test_an_alarm_is_said_where_its_labels_together_reach_the_point():
    one = said(0.55, 0.3, 0.15)
    assert (one.label, one.alarm, one.probability) == ("rust", True, pytest.approx(0.3))
    other = said(0.65, 0.2, 0.15)
    assert (other.label, other.alarm) == ("healthy", False)


def test_of_many_pictures_each_gets_the_label_that_it_gets_alone():
    random = np.random.default_rng(0)
    shares = random.dirichlet(np.ones(3), 200).astype(np.float32)
    together = [bundle().labels[place] for place in chosen(bundle(), shares)]
    assert together == [said(*row).label for row in shares]


def test_the_labels_that_cannot_be_ruled_out_come_with_the_most_probable_first():
    assert said(0.3, 0.35, 0.35).possible == ("rust", "scab")
    assert said(0.1, 0.3, 0.6).possible == ("scab", "rust")
    assert said(0.5, 0.1, 0.4).possible == ("healthy", "scab")


def test_no_label_that_is_likely_enough_is_another_thing_than_nothing_told():
    assert said(0.49, 0.19, 0.29).possible == ()
    assert said(0.4, 0.3, 0.3, certainty=None).possible is None
    assert said(0.4, 0.3, 0.3, certainty=replace(OF, sets=None)).possible is None


def test_a_person_looks_at_what_is_not_sure():
    assert said(0.62, 0.2, 0.18).review is False
    assert said(0.4, 0.44, 0.16).review is True


def test_what_is_stranger_than_what_it_knows_is_unknown():
    assert [said(0.8, 0.1, 0.1, strangeness=one).unknown for one in (2.0, 2.01, None)] == [False, True, False]


def test_the_best_of_a_picture_is_an_alarm_though_another_region_is_surer():
    alarm, calm = said(0.55, 0.3, 0.15), said(0.9, 0.05, 0.05)
    result = Result(sample=Sample(source="a"), predictions={"disease": (calm, alarm)})
    assert result.best("disease") == alarm


def test_labels_of_multilabel_that_cannot_be_ruled_out_are_told():
    levels = Levels(slopes=(1.0,) * 3, offsets=(0.0,) * 3, points=(0.5,) * 3, aim="the greatest F1")
    one = said(0.6, 0.1, 0.3, kind="multilabel", certainty=Certainty(sets=OF.sets), levels=levels)
    assert (one.label, one.possible) == ("healthy", ("healthy", "scab"))


def test_it_is_read_without_torch():
    code = "import sys, fovea.serving.certainty, fovea.serving.score; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
