from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fovea.engine.audits import doubts
from fovea.engine.audits.doubts import (
    contradictions,
    doubts_of_labels,
    doubts_of_values,
    folds,
    note_contradictions,
    notes_of,
)
from fovea.engine.learning.held_out import look_again
from fovea.engine.pictures.survey import Row
from fovea.engine.recipe import Recipe
from fovea.errors import DataError
from fovea.progress import silent

NAMES = ("blue", "green", "red")


def row(source, target, digest="00", **facts):
    return Row(source=source, part="", region="", target=target, group=source, digest=digest, **facts)


def sure_of(labels, sure=0.9):
    said = np.full((len(labels), 3), (1 - sure) / 2)
    said[np.arange(len(labels)), labels] = sure
    return said


def test_a_label_that_is_said_to_be_another_is_found():
    truth = np.arange(30) % 3
    given = truth.copy()
    given[[4, 9]] = [0, 2]
    found = doubts.doubts(sure_of(truth), given, NAMES)
    assert [(one.place, one.given, one.said) for one in found] == [(4, "blue", "green"), (9, "red", "blue")]
    assert all(one.sure == pytest.approx(0.85) for one in found)


def test_the_surest_doubt_comes_first():
    truth = np.arange(30) % 3
    given, said = truth.copy(), sure_of(truth, 0.8)
    given[[3, 4]] = [1, 0]
    said[4] = (0.01, 0.98, 0.01)
    assert [one.place for one in doubts.doubts(said, given, NAMES)] == [4, 3]


def test_a_label_said_less_surely_than_is_usual_for_it_is_no_reason_to_doubt():
    truth = np.arange(30) % 3
    given, said = truth.copy(), sure_of(truth)
    given[4] = 0
    said[4] = (0.3, 0.5, 0.2)
    assert doubts.doubts(said, given, NAMES) == ()


def test_a_class_that_nobody_has_is_never_said():
    assert doubts.doubts(sure_of(np.full(6, 2)), np.array([0, 0, 0, 1, 1, 1]), NAMES) == ()


def test_each_of_several_labels_is_doubted_for_itself():
    given = np.array([[1, 0], [0, 1]] * 10, bool)
    said = np.where(given, 0.9, 0.1)
    said[5] = (0.95, 0.9)
    (one,) = doubts_of_labels(said, given, ("wet", "cold"))
    assert (one.place, one.given, one.said) == (5, "no wet", "wet")


def test_a_value_far_from_what_is_said_is_found():
    random = np.random.default_rng(0)
    said = random.normal(size=(50, 1))
    given = said + random.normal(scale=0.1, size=(50, 1))
    given[7] += 3
    found = doubts_of_values(said, given, ("height",))
    assert found[0].place == 7
    assert found[0].given.startswith("height ")
    assert len(found) < 5


def test_values_that_are_said_exactly_are_not_doubted():
    assert doubts_of_values(np.ones((5, 1)), np.ones((5, 1)), ("height",)) == ()


def test_the_same_picture_with_two_answers_is_a_contradiction():
    rows = [row("a", "red", "01"), row("b", "red", "02"), row("c", "blue", "01"), row("d", "red", "02")]
    assert [[one.source for one in same] for same in contradictions(rows)] == [["a", "c"]]


def test_a_contradiction_is_told_in_the_runs_folder(tmp_path):
    note_contradictions(tmp_path, [row("a.png", "red", "01"), row("c.png", "blue", "01")], silent())
    (told,) = notes_of(tmp_path)
    assert told.startswith("1 picture is there more than once with different answers, such as a.png (red) and c.png")
    note_contradictions(tmp_path, [row("a.png", "red", "01")], silent())
    assert notes_of(tmp_path) == notes_of(tmp_path / "nowhere") == ()


def test_groups_are_asked_about_whole_and_labels_spread_over_the_parts():
    groups = [f"plant {number // 2}" for number in range(40)]
    strata = [NAMES[number // 2 % 2] for number in range(40)]
    parts = folds(groups, strata, count=5, seed=0)
    assert all(parts[place] == parts[place + 1] for place in range(0, 40, 2))
    counts = [
        [sum(parts[place] == part and strata[place] == name for place in range(40)) for part in range(5)]
        for name in NAMES[:2]
    ]
    assert counts == [[4] * 5] * 2
    assert not np.array_equal(parts, folds(groups, strata, count=5, seed=1))


def looked(bench, **changes):
    domain = replace(bench.domain, **changes)
    recipe = Recipe(backbone="starter", size=64, threads=1)
    cache = bench.models.with_name("cache")
    return look_again(domain, bench.root, bench.view, "disease", recipe=recipe, cache=cache, progress=silent())


@pytest.mark.slow
def test_planted_wrong_labels_are_among_the_first(bench):
    wrong = {"red/red0-0.png": "blue", "green/green3-1.png": "red"}

    def read(root, view):
        for sample in bench.domain.read_samples(root=root, view=view):
            label = wrong.get(sample.source, sample.targets["disease"])
            yield replace(sample, targets={"disease": label}, group=sample.source)

    found = looked(bench, read_samples=read)
    assert {found.rows[one.place].source for one in found.doubts[:2]} == set(wrong)
    assert len(found.rows) == 48
    assert found.contradictions == ()


def test_pictures_of_one_group_only_cannot_be_asked_about(bench):
    def read(root, view):
        for sample in bench.domain.read_samples(root=root, view=view):
            yield replace(sample, group="one")

    with pytest.raises(DataError, match="all pictures are of one group, so that nothing can be asked"):
        looked(bench, read_samples=read)
