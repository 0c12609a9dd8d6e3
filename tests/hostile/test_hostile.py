"""Hostile files from public fuzzing corpora: each has a known outcome, costs little, and shows nothing of another."""

from __future__ import annotations

import csv
import importlib.util
import os
from pathlib import Path

import pytest

HERE = Path(__file__).parent
DATA = os.environ.get("FOVEA_REAL_DATA", "")
MOST_MB = 300

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not DATA, reason="FOVEA_REAL_DATA does not say where the real files are"),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="each file is decoded in a fork of its own"),
]


@pytest.fixture(scope="module")
def table():
    with (HERE / "outcomes.csv").open(encoding="utf-8", newline="") as file:
        return {row["path"]: (row["outcome"], row["code"]) for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def seen(table):
    spec = importlib.util.spec_from_file_location("make_table", HERE / "make_table.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.hostile_files(Path(DATA)) == list(table)
    return {line["name"]: line for line in module.look(Path(DATA), list(table))}


def test_every_file_has_the_outcome_that_is_written_down(table, seen):
    wrong = {}
    for name, (outcome, code) in table.items():
        fresh = seen[name]["fresh"]
        became = ("refused", fresh["code"]) if "code" in fresh else ("accepted", "")
        if outcome != "either" and became != (outcome, code):
            wrong[name] = became
    assert wrong == {}


def test_no_file_ends_the_process_that_decodes_it(seen):
    assert [name for name, line in seen.items() if "signal" in line["fresh"]] == []


def test_no_file_takes_much_memory(seen):
    assert {name: line["fresh"]["mb"] for name, line in seen.items() if line["fresh"].get("mb", 0) > MOST_MB} == {}


def test_no_picture_depends_on_the_file_decoded_before_it(seen):
    keys = ("code", "digest")
    differ = [name for name, line in seen.items() if any(line["fresh"].get(k) != line["again"].get(k) for k in keys)]
    assert differ == []
