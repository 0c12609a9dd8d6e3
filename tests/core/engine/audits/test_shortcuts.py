from __future__ import annotations

import numpy as np
import pytest

from fovea.engine.audits.columns import border, of_facts, of_numbers, of_words
from fovea.engine.audits.facts import facts_of
from fovea.engine.audits.readers import figure, question, read_out
from fovea.engine.audits.shortcuts import audit_shortcuts
from fovea.engine.audits.telling import card_lines, figures, shortcut_warnings
from fovea.engine.pictures.survey import Row

COUNT = 120
PARTS = ["train", "train", "train", "validation", "test", "test"] * (COUNT // 6)


def rows_of(targets, **attributes):
    return [
        Row(
            source=f"p{'abcdefghij'[place % 10]}.jpg",
            part="",
            region="",
            target=target,
            group=str(place),
            digest="",
            attributes={name: values[place] for name, values in attributes.items()},
        )
        for place, target in enumerate(targets)
    ]


def noise(seed=0):
    return np.random.default_rng(seed).integers(0, 256, (COUNT, 32, 32, 3), dtype=np.uint8)


def halves(seed=1):
    return np.random.default_rng(seed).integers(0, 2, COUNT)


def sure(truth):
    """A model that is always right."""
    return np.eye(2)[truth[np.array(PARTS) == "test"]]


def audit(pixels, rows, tmp_path, *, kind="classify", labels=("a", "b"), said):
    asked = [question(kind, rows, labels, PARTS)]
    found = audit_shortcuts(pixels=pixels, rows=rows, asked=asked, root=tmp_path, said=said)
    return found, {share.reader: share for share in found.shares}


def test_a_tinted_corner_is_found_and_warned_of(tmp_path):
    truth, pixels = halves(), noise()
    pixels[truth == 1, 0, 0] = 0
    pixels[truth == 0, 0, 0] = 255
    found, shares = audit(pixels, rows_of(np.where(truth, "b", "a").tolist()), tmp_path, said=sure(truth))
    assert shares["border"].share.value > 0.9
    assert [share.reader for share in found.warnings] == ["border"]
    assert "8 pixels on the edge" in next(shortcut_warnings(found))


def test_pictures_that_give_nothing_away_are_not_warned_of(tmp_path):
    truth = halves()
    found, shares = audit(noise(), rows_of(np.where(truth, "b", "a").tolist()), tmp_path, said=sure(truth))
    assert not found.warnings
    assert shares["border"].share.value < 0.5
    assert found.model.value == 1.0


def test_a_camera_that_takes_one_class_only_is_found(tmp_path):
    truth = halves()
    camera = np.where(truth, "old", "new").tolist()
    rows = rows_of(np.where(truth, "b", "a").tolist(), camera=camera, height=noise()[:, 0, 0, 0].astype(float).tolist())
    found, shares = audit(noise(), rows, tmp_path, said=sure(truth))
    assert shares["metadata"].by[0] == "camera"
    assert shares["metadata"].share.value == pytest.approx(1.0)
    assert [share.reader for share in found.warnings] == ["metadata"]


def test_the_size_of_the_files_is_among_what_is_known(tmp_path):
    truth = halves()
    rows = [
        Row(source=f"{place}x.bin", part="", region="", target="ab"[one], group=str(place), digest="")
        for place, one in enumerate(truth)
    ]
    for one, row in zip(truth, rows, strict=True):
        (tmp_path / row.source).write_bytes(b"." * (100 + 900 * int(one)))
    _, shares = audit(noise(), rows, tmp_path, said=sure(truth))
    assert shares["metadata"].by == ("file size", 1.0)


def test_a_model_without_skill_has_none_to_share(tmp_path):
    truth, pixels = halves(), noise()
    pixels[truth == 1, 0, 0] = 0
    wrong = 1 - sure(truth)
    found, shares = audit(pixels, rows_of(np.where(truth, "b", "a").tolist()), tmp_path, said=wrong)
    assert shares["border"].share is None
    assert not found.warnings


def test_labels_are_judged_by_the_area_under_their_curves(tmp_path):
    truth, pixels = halves(), noise()
    pixels[truth == 1, 0, :] = 0
    rows = rows_of([("spot",) if one else () for one in truth])
    said = truth[np.array(PARTS) == "test"][:, None].astype(float)
    found, shares = audit(pixels, rows, tmp_path, kind="multilabel", labels=("spot",), said=said)
    assert found.chance == 0.5
    assert shares["border"].warns


def test_values_are_judged_by_the_variance_explained(tmp_path):
    random, pixels = np.random.default_rng(3), noise()
    values = random.uniform(0, 1, COUNT)
    pixels[:, 0, 0] = (255 * values).astype(np.uint8)[:, None]
    rows = rows_of([(float(value),) for value in values])
    said = values[np.array(PARTS) == "test"][:, None]
    found, shares = audit(pixels, rows, tmp_path, kind="regress", labels=("share",), said=said)
    assert found.model.value == pytest.approx(1.0)
    assert shares["border"].warns


def test_the_border_is_eight_pixels():
    pixels = noise()
    assert border(pixels).shape == (COUNT, 24)
    assert np.array_equal(border(pixels)[:, :3], pixels[:, 0, 0])
    assert np.array_equal(border(pixels)[:, -3:], pixels[:, -1, -1])


def test_a_fact_that_is_now_a_number_and_now_a_word_is_taken_as_words():
    columns = of_facts([{"row": 1.0}, {"row": "north"}, {"row": 1.0}, {"row": "north"}], np.arange(4))
    assert columns["row"].tolist() == [[1, 0], [0, 1], [1, 0], [0, 1]]


def test_an_unknown_number_has_a_column_of_its_own():
    columns = of_numbers(np.array([[1.0], [2.0], [np.nan]]), np.arange(2))
    assert np.isfinite(columns).all()
    assert columns[:, -1].tolist() == [0, 0, 1]


def test_a_word_that_was_never_learned_says_nothing():
    assert of_words(["a", "a", "b", "b", "c"], np.arange(4))[4].tolist() == [0, 0]


def test_facts_hold_time_of_day_and_counter(tmp_path):
    row = Row(source="IMG_0012.jpg", part="", region="", target="a", group="g", digest="", time=86400 + 6.5 * 3600)
    told = facts_of([row], tmp_path)[0]
    assert (told["time of day"], told["number in the name"], told["kind of file"]) == (6.5, 12.0, ".jpg")


def test_a_class_that_is_only_in_the_test_is_never_answered():
    rows = rows_of(["c" if part == "test" else "ab"[place % 2] for place, part in enumerate(PARTS)])
    asked = question("classify", rows, ("a", "b", "c"), PARTS)
    assert not read_out(border(noise()), asked)[:, 2].any()


def test_balanced_accuracy_counts_every_class_alike():
    truth, said = np.array([0, 0, 0, 1]), np.array([[1.0, 0], [1, 0], [1, 0], [1, 0]])
    assert figure("classify", truth, said, np.ones((1, 4)))[0] == 0.5
    assert figure("classify", truth, said, np.array([[1.0, 1, 1, 0]]))[0] == 1.0


def test_the_card_and_the_figures_tell_the_shares(tmp_path):
    truth, pixels = halves(), noise()
    pixels[truth == 1, 0, 0] = 0
    rows = rows_of(np.where(truth, "b", "a").tolist())
    found, _ = audit(pixels, rows, tmp_path, said=sure(truth))
    card = "\n".join(card_lines(leaks=None, shortcuts=found, rows=rows, parts=PARTS))
    told = figures(leaks=None, shortcuts=found, rows=rows, parts=PARTS, grouped=False)
    assert "**Warning.** A reader of nothing but 8 pixels on the edge" in card
    assert [share["warns"] for share in told["shortcuts"]["shares"]] == [True, False, False]
