from __future__ import annotations

from collections import Counter

import pytest

from fovea.engine.pictures.split import PARTS, split
from fovea.errors import DataError

FRACTIONS = {"train": 0.6, "validation": 0.1, "calibration": 0.1, "test": 0.2}


def many(groups=200, shots=3, labels=("rust", "scab", "well")):
    names = [f"plant{i}" for i in range(groups) for _ in range(shots)]
    return names, [labels[int(name[5:]) % len(labels)] for name in names]


def parts_of(groups, labels, **options):
    return split(groups=groups, labels=labels, **{"fractions": FRACTIONS, "seed": 0, **options})


def test_parts_have_the_sizes_asked_for_in_every_class():
    groups, labels = many()
    parts = parts_of(groups, labels)
    counts = Counter((label, parts[group]) for group, label in zip(groups, labels, strict=True))
    for label in set(labels):
        total = sum(counts[label, part] for part in PARTS)
        for part in PARTS:
            assert counts[label, part] == pytest.approx(FRACTIONS[part] * total, abs=4)


def test_large_groups_do_not_all_end_in_one_part():
    groups = [f"g{i}" for i in range(100) for _ in range(10 if i % 5 == 0 else 1)]
    labels = ["ab"[int(group[1:]) % 2] for group in groups]
    parts = parts_of(groups, labels)
    large = Counter(parts[f"g{i}"] for i in range(0, 100, 5))
    assert large["test"] >= 1
    assert large["train"] >= 6


def test_the_order_of_the_pictures_does_not_matter():
    groups, labels = many()
    assert parts_of(groups, labels) == parts_of(groups[::-1], labels[::-1])


def test_another_seed_is_another_split():
    groups, labels = many()
    assert parts_of(groups, labels) != parts_of(groups, labels, seed=1)


@pytest.mark.parametrize("count", [2, 3, 4, 5])
def test_a_class_of_few_groups_is_learned_and_tested(count):
    groups, labels = many()
    rare = [f"rare{i}" for i in range(count)]
    parts = parts_of(groups + rare, labels + ["gall"] * count)
    assert {"train", "test"} <= {parts[group] for group in rare}


def test_two_groups_a_class_are_enough():
    parts = parts_of(["a1", "a2", "b1", "b2"], ["a", "a", "b", "b"])
    assert Counter(parts.values()) == {"train": 2, "test": 2}


def test_a_class_of_one_group_is_refused_by_name():
    groups, labels = many()
    with pytest.raises(DataError, match="the class 'gall' has pictures of one group only"):
        parts_of([*groups, "lone", "lone"], [*labels, "gall", "gall"])


def test_all_classes_of_one_group_are_told_at_once():
    groups, labels = many()
    with pytest.raises(DataError, match="the classes 'gall', 'mould' have each"):
        parts_of([*groups, "x", "y"], [*labels, "gall", "mould"])


def test_classes_that_share_all_groups_are_refused():
    with pytest.raises(DataError, match="its groups are shared with other classes"):
        parts_of(["1", "2", "2", "3", "1", "3"], ["a", "a", "b", "b", "c", "c"])


def test_frozen_groups_stay_and_new_ones_find_a_part():
    groups, labels = many()
    before = parts_of(groups, labels)
    more = [*groups, "plant900", "plant901"]
    after = parts_of(more, [*labels, "rust", "scab"], frozen=before)
    assert {group: after[group] for group in before} == before
    assert set(after) - set(before) == {"plant900", "plant901"}


def test_a_part_of_no_share_gets_no_picture():
    groups, labels = many()
    none = {"train": 0.8, "validation": 0.0, "calibration": 0.0, "test": 0.2}
    assert set(parts_of(groups, labels, fractions=none).values()) == {"train", "test"}


def test_names_that_are_no_text_are_split_too():
    parts = parts_of(["\udcff1", "\udcff2", "b1", "b2"], ["a", "a", "b", "b"])
    assert len(parts) == 4
