from __future__ import annotations

import pickle
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np

from fovea.plugin import (
    Chart,
    Figures,
    Fitted,
    Image,
    Measures,
    PolicySettings,
    Prediction,
    Record,
    Result,
    Sample,
    SiteView,
    Table,
    Unreadable,
    ViewSettings,
    count_labels,
    gentle,
    most_frequent_label,
    nothing_fitted,
    nothing_measured,
    per_picture,
    unchanged,
)

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def result(name: str, label: str, probability: float = 0.9, role: str = "disease") -> Result:
    sample = Sample(source=f"{name}.jpg", unit="p1", time=NOON + timedelta(minutes=ord(name)))
    said = Prediction(role=role, label=label, probability=probability)
    return Result(sample=sample, predictions={role: (said,)})


def decide(*entries):
    return list(most_frequent_label(entries=entries, policy=PolicySettings(), fitted=Fitted()))


def site(*results: Result, decisions=None) -> SiteView:
    return SiteView(
        name="north",
        title="North field",
        made=NOON,
        results=lambda: iter(results),
        records=lambda: iter(()),
        picture=lambda source, part: Unreadable(code="gone", reason="not kept"),
        decisions=decisions or {},
    )


def test_the_label_said_most_often_is_the_decision():
    [decision] = decide(result("a", "rust", 0.6), result("b", "rust", 0.8), result("c", "healthy"))
    assert (decision.key, decision.subject, decision.label) == ("disease", "p1", "rust")
    assert decision.reason == "2 of 3 pictures say rust"
    assert not decision.review


def test_the_evidence_is_the_surest_pictures_first():
    [decision] = decide(*(result(name, "rust", p) for name, p in (("a", 0.6), ("b", 0.9), ("c", 0.7), ("d", 0.8))))
    assert [evidence.source for evidence in decision.evidence] == ["b.jpg", "d.jpg", "c.jpg"]


def test_the_decision_lasts_from_the_first_picture_to_the_last():
    [decision] = decide(result("b", "rust"), result("a", "rust"))
    assert decision.end - decision.start == timedelta(minutes=1)


def test_pictures_that_disagree_by_half_ask_for_a_person():
    [decision] = decide(result("a", "rust"), result("b", "healthy"))
    assert decision.review
    assert decision.figures == {"share": 0.5, "pictures": 2.0}


def test_each_role_is_decided_by_itself():
    decisions = decide(result("a", "rust"), result("b", "ripe", role="age"))
    assert [(decision.key, decision.label) for decision in decisions] == [("age", "ripe"), ("disease", "rust")]


def test_records_and_pictures_without_a_prediction_decide_nothing():
    assert decide(Record(kind="rain", time=NOON, values={}), Result(sample=Sample(source="a.jpg"))) == []


def test_the_default_report_counts_labels_by_role():
    report = count_labels(site=site(result("a", "rust"), result("b", "rust"), result("c", "healthy")), policy=None)
    figures = next(block for block in report.blocks if isinstance(block, Figures))
    chart = next(block for block in report.blocks if isinstance(block, Chart))
    assert figures.figures[0].value == 3
    assert (chart.categories, chart.series[0].values) == (("rust", "healthy"), (2.0, 1.0))


def test_the_default_report_lists_what_was_decided():
    [decision] = decide(result("a", "rust"), result("b", "healthy"))
    report = count_labels(site=site(decisions={"p1": (decision,)}), policy=None)
    table = next(block for block in report.blocks if isinstance(block, Table))
    assert table.rows == (("p1", decision.start, decision.end, decision.label, "1 of 2 pictures say rust", "yes"),)


def test_the_default_report_leaves_out_times_that_nobody_knows():
    [decision] = decide(result("a", "rust"))
    undated = replace(decision, start=None, end=None)
    report = count_labels(site=site(decisions={"p1": (undated,)}), policy=None)
    table = next(block for block in report.blocks if isinstance(block, Table))
    assert [column.name for column in table.columns] == ["unit", "label", "reason", "review"]


def test_a_function_of_one_picture_becomes_a_measure():
    def mean(image, sample, view, fitted):
        return Measures(values={"mean": float(image.pixels.mean())})

    pairs = [(Sample(source="a.jpg"), Image(pixels=np.full((2, 2), value, np.uint8))) for value in (3, 5)]
    answers = per_picture(mean)(pairs=pairs, view=ViewSettings(), fitted=Fitted())
    assert [answer.values["mean"] for answer in answers] == [3, 5]


def test_the_silent_defaults_say_nothing():
    image = Image(pixels=np.zeros((2, 2), np.uint8))
    pairs = [(Sample(source="a.jpg"), image)]
    assert unchanged(image=image, sample=pairs[0][0], view=ViewSettings()) is image
    assert list(nothing_measured(pairs=pairs, view=ViewSettings(), fitted=Fitted())) == [Measures()]
    assert nothing_fitted(units={}, view=None, policy=None) == Fitted()


def test_the_default_augmentations_keep_size_and_type():
    pixels = np.full((16, 12, 3), 100, np.uint8)
    changed, _ = pickle.loads(pickle.dumps(gentle(role="disease", size=224)))(pixels, seed=5)
    assert (changed.shape, changed.dtype) == (pixels.shape, np.uint8)
