from __future__ import annotations

import pytest

from fovea.engine.pictures.split import split
from fovea.engine.pictures.split_file import UNKNOWN, imported, read_split, write_split
from fovea.engine.pictures.survey import Row
from fovea.errors import DataError

ROWS = [
    Row(source=f"{group}/{shot}.png", part="", region="", target="rust", group=group, digest="")
    for group in ("a", "b", "c")
    for shot in range(2)
]
PARTS = {"a": "train", "b": "validation", "c": "test"}


@pytest.fixture
def write(tmp_path):
    def write(text):
        (tmp_path / "split.csv").write_text(text, "utf-8", errors="surrogateescape")
        return tmp_path / "split.csv"

    return write


def test_a_split_comes_back_as_it_was_written(write):
    given = read_split(write(write_split(ROWS, PARTS)), ROWS)
    assert (given.parts, given.unknown) == (PARTS, ())


def test_names_that_are_no_text_come_back_too(write):
    rows = [Row(source="caf\udce9,1.png", part="3", region="leaf", target="rust", group="g\udce9", digest="")]
    assert read_split(write(write_split(rows, {"g\udce9": "test"})), rows).parts == {"g\udce9": "test"}


def test_a_table_of_groups_is_read_and_common_words_are_understood(write):
    given = read_split(write("group,part\na,Training\nb,val\n"), ROWS)
    assert given.parts == {"a": "train", "b": "validation"}


def test_a_line_without_a_part_means_every_part_of_the_source(write):
    frames = [Row(source="film", part=str(n), region="", target="rust", group=f"g{n}", digest="") for n in range(3)]
    assert read_split(write("source,split\nfilm,test\n"), frames).parts == dict.fromkeys(("g0", "g1", "g2"), "test")


def test_a_group_in_two_parts_is_refused_by_name(write):
    path = write("source,split\na/0.png,train\na/1.png,test\n")
    with pytest.raises(DataError, match=r"puts the group 'a' into two parts: a/0.png into train and a/1.png into test"):
        read_split(path, ROWS)


def test_what_is_not_here_is_listed_in_the_runs_folder(write, tmp_path):
    path = write("source,split\na/0.png,train\ngone.png,test\n")
    assert imported(str(path), ROWS, tmp_path / "split.json") == {"a": "train"}
    assert (tmp_path / UNKNOWN).read_text() == "gone.png\n"


def test_no_split_is_imported_where_none_is_named(tmp_path):
    assert imported("", ROWS, tmp_path / "split.json") == {}


@pytest.mark.parametrize(
    "text,told",
    [
        ("source,split\ngone.png,test\n", "names none of the pictures that are here; it names gone.png"),
        ("picture,set\na/0.png,test\n", "has the columns picture, set: it needs source and split"),
        ("", "has the columns none"),
        ("source,split\na/0.png,exam\n", "line 2 of the split .* says 'exam', want one of train, validation"),
    ],
)
def test_a_table_that_is_no_split_is_refused_with_the_reason(write, text, told):
    with pytest.raises(DataError, match=told):
        read_split(write(text), ROWS)


def test_a_split_that_is_not_there_is_told(tmp_path):
    with pytest.raises(DataError, match=r"none\.csv cannot be read: No such file"):
        read_split(tmp_path / "none.csv", ROWS)


@pytest.mark.parametrize("part,word", [("test", "learned: move one of its groups to train"), ("train", "tested")])
def test_a_class_that_a_given_split_has_on_one_side_only_is_refused_by_name(part, word):
    groups, labels = list("abcdef"), ["rust"] * 4 + ["gall"] * 2
    fractions = {"train": 0.6, "validation": 0.1, "calibration": 0.1, "test": 0.2}
    with pytest.raises(DataError, match=f"the class 'gall' is only in {part} of the split that was given.*be {word}"):
        split(groups=groups, labels=labels, fractions=fractions, seed=0, frozen={"e": part, "f": part})
