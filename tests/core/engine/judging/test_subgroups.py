from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from fovea.engine.judging.sides import of_areas, of_classes, of_labels, of_values
from fovea.engine.judging.subgroups import subgroups
from fovea.engine.pictures.survey import Row
from fovea.errors import UnknownName


def rows_of(attributes, groups):
    return [
        Row(source=f"{i}", part="", region="", target="", group=group, digest="", attributes=one)
        for i, (one, group) in enumerate(zip(attributes, groups, strict=True))
    ]


def answered(skill, seed=0, kind="classify"):
    """Answers right with the given chance, picture by picture."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, 2, len(skill))
    said = np.where(random.random(len(skill)) < skill, truth, 1 - truth)
    if kind == "multilabel":
        return of_labels(np.eye(2, dtype=bool)[truth], np.eye(2, dtype=bool)[said])
    if kind == "regress":
        return of_values(truth[:, None], truth[:, None] + np.where(said == truth, 0.1, 1.0)[:, None])
    if kind == "segment":
        tables = np.zeros((len(skill), 2, 2))
        tables[np.arange(len(skill)), truth] = np.eye(2)[said] * 8 + 1
        return of_areas(tables)
    return of_classes(truth, said, 2)


def two_cameras(number=200):
    cameras = ["new" if i % 4 == 0 else "old" for i in range(number)]
    return rows_of([{"camera": one} for one in cameras], map(str, range(number))), np.array(cameras)


@pytest.mark.parametrize("kind,worse", [("classify", -1), ("multilabel", -1), ("regress", 1), ("segment", -1)])
def test_a_camera_that_is_told_worse_is_flagged(kind, worse):
    rows, cameras = two_cameras()
    new, old = subgroups(rows, answered(np.where(cameras == "new", 0.55, 0.95), kind=kind))
    assert [(one.by, one.value, one.pictures) for one in (new, old)] == [("camera", "new", 50), ("camera", "old", 150)]
    assert new.flagged and new.stands  # noqa: PT018 - one behaviour
    assert np.sign(new.gap.value) == worse
    assert new.gap.value == pytest.approx(-old.gap.value)
    assert new.p == old.p  # of two values each is the other's rest: one comparison


def test_the_figure_is_that_of_scikit_learn():
    rows, cameras = two_cameras()
    random = np.random.default_rng(3)
    truth, said, here = random.integers(0, 3, 200), random.integers(0, 3, 200), cameras == "new"
    new, _ = subgroups(rows, of_classes(truth, said, 3))
    assert new.figure.value == pytest.approx(metrics.balanced_accuracy_score(truth[here], said[here]))
    marked, told = random.random((2, 200, 3)) < 0.4
    new, _ = subgroups(rows, of_labels(marked, told))
    each = [metrics.balanced_accuracy_score(*pair) for pair in zip(marked[here].T, told[here].T, strict=True)]
    assert new.figure.value == pytest.approx(np.mean(each))


def test_areas_are_compared_by_the_mean_iou_of_a_sides_pixels():
    rows, cameras = two_cameras()
    tables = np.random.default_rng(4).integers(0, 9, (200, 3, 3)).astype(float)
    new, _ = subgroups(rows, of_areas(tables))
    whole = tables[cameras == "new"].sum(axis=0)
    iou = [whole[one, one] / (whole[one].sum() + whole[:, one].sum() - whole[one, one]) for one in range(3)]
    assert new.figure.value == pytest.approx(np.mean(iou))


def test_a_gap_is_counted_over_the_labels_that_both_sides_have():
    rows, cameras = two_cameras(120)
    truth = np.where(cameras == "new", 0, np.arange(120) % 2)
    said = np.zeros(120, int)  # the second label is never said
    new, _ = subgroups(rows, of_classes(truth, said, 2))
    assert new.figure.value == 1
    assert new.gap.value == 0  # of the first label, which is all that "new" has, both sides are right


def test_equal_skill_is_rarely_called_a_gap():
    flagged = stands = 0
    for seed in range(40):
        names = np.random.default_rng(seed).integers(0, 6, 240)
        rows = rows_of([{"field": f"f{one}"} for one in names], [str(i // 2) for i in range(240)])
        found = subgroups(rows, answered(np.full(240, 0.8), seed=seed + 99))
        flagged += sum(one.flagged for one in found)
        stands += any(one.stands for one in found)
    assert flagged <= 0.1 * 40 * 6  # each interval excludes 0 in about one of twenty
    assert stands <= 5  # after Holm, one evaluation in twenty has any


def test_too_few_groups_are_counted_and_not_compared():
    rows = rows_of([{"camera": "rare" if i < 8 else "usual"} for i in range(80)], [str(i // 2) for i in range(80)])
    rare, usual = subgroups(rows, answered(np.full(80, 0.9)))
    assert (rare.pictures, rare.groups, rare.figure, rare.gap) == (8, 4, None, None)
    assert usual.figure is None  # its rest is too small to compare with


def test_numbers_of_many_values_are_told_by_quarter():
    rows = rows_of([{"age": float(i)} for i in range(100)], map(str, range(100)))
    found = subgroups(rows, answered(np.full(100, 0.9)))
    assert [(one.value, one.pictures) for one in found] == [
        ("0 to 24.75", 25),
        ("24.75 to 49.5", 25),
        ("49.5 to 74.25", 25),
        ("74.25 to 99", 25),
    ]


def test_names_without_number_are_judged_only_when_asked_for():
    rows = rows_of([{"plant": f"p{i}"} for i in range(40)], [f"field{i % 2}/p{i}" for i in range(40)])
    answers = answered(np.full(40, 0.9))
    assert subgroups(rows, answers) == ()
    assert len(subgroups(rows, answers, by=("plant",))) == 40
    assert [one.value for one in subgroups(rows, answers, by=("group.1",))] == ["field0", "field1"]


def test_an_attribute_that_no_picture_has_is_answered_with_those_there_are():
    rows = rows_of([{"camera": "a"}] * 3, "abc")
    with pytest.raises(UnknownName, match="no attribute of these pictures 'camra'; did you mean 'camera'"):
        subgroups(rows, answered(np.full(3, 1.0)), by=("camra",))
