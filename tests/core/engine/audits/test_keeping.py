from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from fovea.engine.audits import keeping
from fovea.engine.audits.doubts import notes_of
from fovea.engine.audits.keeping import audited
from fovea.engine.pictures.survey import Row, Survey
from fovea.engine.recipe import Recipe
from fovea.engine.train import train
from fovea.progress import silent

COPIES = 6
PIXELS = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3), dtype=np.uint8).repeat(2, axis=0)


def twins(group=""):
    """One picture under two names."""
    rows = tuple(
        Row(source=name, part="", region="", target="rust", group=group or name, digest="same") for name in ("a", "b")
    )
    return Survey(pixels=PIXELS, rows=rows, unreadable=(), unlabelled=0)


@pytest.fixture
def doubled(bench):
    """Pictures of which some come again under the name of another plant."""
    for place in range(COPIES):
        shutil.copy(bench.root / f"green/green{place}-0.png", bench.root / f"green/again{place}-0.png")
    return bench


def learn(bench, **settings):
    return train(**bench.arguments(progress=silent(), epochs=1, audit=True, **settings))


def part_of(trained, group):
    return json.loads((trained.folder / "split.json").read_text("ascii"))[group]


def test_a_training_tells_what_leaks_and_what_gives_answers_away(doubled):
    trained = learn(doubled)
    told = json.loads((trained.folder / "evaluation.json").read_text("ascii"))["audits"]
    across = sum(part_of(trained, f"green{place}") != part_of(trained, f"again{place}") for place in range(COPIES))
    assert told["leaks"]["exact"] == COPIES
    assert told["leaks"]["across_parts"] == across > 0
    assert [share["reader"] for share in told["shortcuts"]["shares"]] == ["border", "metadata", "thumbnail"]
    assert "## What it may have learned instead" in trained.bundle.card
    assert any("in different parts of the split" in note for note in notes_of(trained.folder))


def test_groups_that_share_a_picture_stay_together_where_that_is_wished(doubled):
    trained = learn(doubled, leaks="group")
    told = json.loads((trained.folder / "evaluation.json").read_text("ascii"))["audits"]["leaks"]
    assert "green0" not in json.loads((trained.folder / "split.json").read_text("ascii"))
    assert told["across_parts"] == 0
    assert told["groups_merged"] == COPIES
    assert not any("different parts" in note for note in notes_of(trained.folder))


def test_without_an_audit_the_card_has_no_such_section(doubled):
    trained = train(**doubled.arguments(progress=silent(), epochs=1))
    assert "What it may have learned instead" not in trained.bundle.card
    assert not (trained.folder / "leaks.json").exists()


def test_what_was_found_is_not_looked_for_again(tmp_path, monkeypatch):
    first = audited(twins(), Recipe(), "classify", tmp_path, silent())
    monkeypatch.setattr(keeping, "find_leaks", None)
    assert audited(twins(), Recipe(), "classify", tmp_path, silent()) == first


def test_it_is_looked_for_again_where_a_group_has_changed(tmp_path):
    assert len(audited(twins(), Recipe(), "classify", tmp_path, silent())[1].pairs) == 1
    assert not audited(twins(group="one"), Recipe(), "classify", tmp_path, silent())[1].pairs


def test_a_damaged_file_of_what_was_found_is_made_again(tmp_path):
    first = audited(twins(), Recipe(), "classify", tmp_path, silent())
    (tmp_path / "leaks.json").write_text("{", encoding="ascii")
    assert audited(twins(), Recipe(), "classify", tmp_path, silent()) == first
