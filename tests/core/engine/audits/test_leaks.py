from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from fovea.engine.audits.bursts import counter_of, neighbours
from fovea.engine.audits.candidates import FEW, Sketches
from fovea.engine.audits.leaks import across_parts, counted, find_leaks, merged_groups
from fovea.engine.audits.telling import card_lines, figures, leak_warnings, pair_sentence
from fovea.engine.audits.windows import families, grey_squares
from fovea.engine.pictures.survey import Row
from fovea.progress import silent

SIZE = 128
ORIGINALS = 12


def scene(seed):
    """Blobs on a cloudy ground, RGB."""
    random = np.random.default_rng(seed)
    ground = cv2.resize(
        random.integers(60, 200, (10, 10, 3), dtype=np.uint8), (160, 160), interpolation=cv2.INTER_CUBIC
    )
    for _ in range(25):
        centre = tuple(int(part) for part in random.integers(0, 160, 2))
        cv2.circle(ground, centre, int(random.integers(3, 16)), [int(c) for c in random.integers(0, 256, 3)], -1)
    return ground


def square(picture):
    return cv2.resize(picture, (SIZE, SIZE), interpolation=cv2.INTER_AREA)


def cropped(picture):
    return picture[24:152, 8:136]


def mirrored(picture):
    return picture[:, ::-1]


def turned(picture):
    return np.rot90(picture)


def compressed(picture):
    return cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 30])[1], cv2.IMREAD_COLOR)


def scanned(picture):
    aslant = cv2.getRotationMatrix2D((80, 80), 2.0, 0.98)
    paper = cv2.warpAffine(picture, aslant, (160, 160), borderMode=cv2.BORDER_CONSTANT, borderValue=(235, 235, 235))
    return np.clip(cv2.GaussianBlur(paper, (0, 0), 0.8) * 0.85 + 10, 0, 255).astype(np.uint8)


CHANGES = {
    "cropped": cropped,
    "mirrored": mirrored,
    "turned": turned,
    "compressed": compressed,
    "scanned": scanned,
    "kept": lambda picture: picture,
}


def plant(count):
    """Scenes, and after them a copy of each of the first few, every one in a group of its own."""
    scenes = [scene(seed) for seed in range(count)]
    copies = [change(scenes[place]) for place, change in enumerate(CHANGES.values())]
    pixels = np.stack([square(np.ascontiguousarray(one)) for one in (*scenes, *copies)])
    names = [f"{place}z.jpg" for place in range(0, 100 * len(pixels), 100)]
    rows = [row(name, digest=str(hash(one.tobytes()))) for name, one in zip(names, pixels, strict=True)]
    return rows, find_leaks(pixels, rows, "classify", silent())


def row(source, *, group="", target="x", digest="", part="", time=None, **attributes):
    return Row(
        source=source,
        part=part,
        region="",
        target=target,
        group=group or source,
        digest=digest or source,
        time=time,
        attributes=attributes,
    )


@pytest.fixture(scope="module")
def planted():
    return plant(ORIGINALS)


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_known_again(planted, change):
    place = list(CHANGES).index(change)
    assert (place, ORIGINALS + place) in {(pair.first, pair.second) for pair in planted[1].pairs}


def test_copies_and_nothing_else_are_found_among_many():
    assert {(pair.first, pair.second) for pair in plant(FEW)[1].pairs} == {(n, FEW + n) for n in range(len(CHANGES))}


def test_different_pictures_are_no_pair(planted):
    assert {pair.second - pair.first for pair in planted[1].pairs} == {ORIGINALS}


def test_how_a_copy_was_made_is_told(planted):
    hows = {list(CHANGES)[pair.first]: pair.how for pair in planted[1].pairs}
    assert hows["cropped"] == "cropped"
    assert hows["mirrored"] == "mirrored"
    assert hows["kept"] == "the same pixels"


def test_groups_that_share_a_picture_are_suggested_as_one(planted):
    rows, leaks = planted
    assert leaks.groups[ORIGINALS] == leaks.groups[0]
    assert leaks.merged == len(CHANGES)
    assert leaks.groups[len(CHANGES)] == rows[len(CHANGES)].group


def test_pairs_of_one_group_are_no_leak():
    pixels = np.stack([square(scene(0))] * 2)
    found = find_leaks(pixels, [row("a", group="g", digest="d"), row("b", group="g", digest="d")], "classify", silent())
    assert not found.pairs
    assert not found.contradictions


def test_one_picture_with_two_answers_is_a_contradiction_even_in_one_group():
    pixels = np.stack([square(scene(0)), square(compressed(scene(0))), square(scene(1))])
    rows = [row("a", group="g", target="rust"), row("b", group="g", target="scab"), row("c", target="rust")]
    found = find_leaks(pixels, rows, "classify", silent())
    assert [(pair.first, pair.second) for pair in found.contradictions] == [(0, 1)]
    assert not found.pairs


def test_two_measurements_of_one_picture_are_no_contradiction():
    pixels = np.stack([square(scene(0))] * 2)
    rows = [row("a", target=(1.0,), digest="d"), row("b", target=(1.1,), digest="d")]
    assert not find_leaks(pixels, rows, "regress", silent()).contradictions


def test_black_frames_are_not_taken_for_one_picture():
    pixels = np.zeros((3, SIZE, SIZE, 3), np.uint8)
    rows = [row(name, digest="black") for name in "abc"]
    assert not find_leaks(pixels, rows, "classify", silent()).pairs


def shot_again(picture, seed):
    """The same scene a moment later: the camera moved, the light changed, and the wind went through it."""
    random = np.random.default_rng(seed)
    across, down = np.meshgrid(np.arange(160, dtype=np.float32), np.arange(160, dtype=np.float32))
    wind = cv2.resize(random.normal(0, 5, (5, 5, 2)).astype(np.float32), (160, 160), interpolation=cv2.INTER_CUBIC)
    aslant = cv2.getRotationMatrix2D((80, 80), 4.0, 1.05)
    x = aslant[0, 0] * across + aslant[0, 1] * down + aslant[0, 2] + 7 + wind[..., 0]
    y = aslant[1, 0] * across + aslant[1, 1] * down + aslant[1, 2] - 5 + wind[..., 1]
    seen = cv2.remap(
        picture, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    return np.clip(seen * 0.9 + random.normal(0, 3, seen.shape), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def taken():
    """Ten scenes, the first five with a second shot; squares."""
    scenes = [scene(seed) for seed in range(10)]
    return np.stack([square(one) for one in (*scenes, *(shot_again(scenes[n], n) for n in range(5)))])


def bursts_among(pixels, names):
    found = find_leaks(pixels, [row(name, digest=str(n)) for n, name in enumerate(names)], "classify", silent())
    return {(pair.first, pair.second) for pair in found.pairs if pair.kind == "burst"}


def test_shots_of_one_subject_are_known_where_one_was_taken_after_the_other(taken):
    numbers = [*range(10, 110, 10), *range(11, 61, 10)]
    assert bursts_among(taken, [f"IMG_{n:04d}.JPG" for n in numbers]) == {(n, 10 + n) for n in range(5)}


def test_shots_of_one_subject_far_apart_are_no_burst(taken):
    assert not bursts_among(taken, [f"IMG_{n:04d}.JPG" for n in range(0, 1500, 100)])


def test_neighbours_of_different_subjects_are_no_burst(taken):
    assert not bursts_among(taken[:10], [f"IMG_{n:04d}.JPG" for n in range(10)])


def test_where_all_pictures_show_one_scene_neighbours_are_no_burst():
    pixels = np.stack([square(shot_again(scene(0), seed)) for seed in range(12)])
    assert not bursts_among(pixels, [f"IMG_{n:04d}.JPG" for n in range(12)])


def test_a_counter_is_read_behind_an_id_and_before_an_ending():
    name = "r/01a66316-0e98-4d3b-a56f-d78752cd043f___FREC_Scab 3003.JPG"
    assert counter_of(row(name)) == ("r/FREC_Scab ", 3003)
    assert counter_of(row("r/leaf.jpg")) is None
    assert counter_of(row("film.mp4", part="frame 12")) == ("film.mp4|frame ", 12)


def test_pictures_of_one_camera_within_seconds_are_neighbours():
    rows = [row("a", time=0.0, camera="A"), row("b", time=5.0, camera="A"), row("c", time=6.0, camera="B")]
    assert neighbours(rows) == {(0, 1)}


def test_a_counter_goes_on_from_one_folder_to_the_next():
    rows = [row("train/IMG_0041.jpg"), row("test/IMG_0042.jpg"), row("test/IMG_0141.jpg")]
    assert neighbours(rows) == {(0, 1)}


@pytest.mark.parametrize(
    "first, second",
    [
        ("IMG_20260512_101559.jpg", "IMG_20260512_101602.jpg"),
        ("PXL_20260512_101559345.jpg", "PXL_20260512_101601002.jpg"),
        ("00000IMG_00000_BURST20260512101559345_COVER.jpg", "00001IMG_00001_BURST20260512101559345.jpg"),
        ("a/2026-05-12 10.15.59.jpg", "b/2026-05-12 10.16.04.jpg"),
        ("WhatsApp Image 2026-05-12 at 10.15.59.jpeg", "WhatsApp Image 2026-05-12 at 10.16.08.jpeg"),
    ],
)
def test_a_moment_in_the_name_tells_a_burst(first, second):
    assert neighbours([row(first), row(second)]) == {(0, 1)}


@pytest.mark.parametrize("name", ["IMG_20260512_101612.jpg", "IMG_20260513_101559.jpg", "IMG_20269912_101559.jpg"])
def test_another_moment_or_none_is_no_burst(name):
    assert neighbours([row("IMG_20260512_101559.jpg"), row(name)]) == set()


def test_all_regions_of_a_picture_are_neighbours_of_all_regions_of_the_next():
    rows = [replace(row(f"IMG_{n:04d}.jpg"), region=f"leaf-{leaf}") for n in range(2) for leaf in range(4)]
    assert neighbours(rows) == {(a, b) for a in range(4) for b in range(4, 8)}
    many = [replace(row(f"IMG_{n:04d}.jpg"), region=f"leaf-{leaf}") for n in range(2) for leaf in range(5)]
    assert neighbours(many) == {(leaf, 5 + leaf) for leaf in range(5)}


def test_in_a_large_set_copies_are_found_among_those_that_lie_in_the_same_directions():
    scenes = [scene(seed) for seed in range(FEW)]
    copies = [change(scenes[place]) for place, change in enumerate(CHANGES.values())]
    grey = grey_squares(np.stack([square(np.ascontiguousarray(one)) for one in (*scenes, *copies)]))
    sketches, apart = Sketches(grey, families()), np.arange(len(grey))
    every, some = sketches.nearest(apart, silent()), sketches.nearest(apart, silent(), exact=10)
    planted = {(FEW + place, place) for place in range(len(CHANGES))}
    assert planted <= every
    assert len(planted & some) >= len(CHANGES) - 1


def test_groups_are_merged_through_a_third():
    rows = [row("a", group="1"), row("b", group="2"), row("c", group="3"), row("d", group="4")]
    pixels = np.stack([square(scene(0))] * 3 + [square(scene(1))])
    same = [row(r.source, group=r.group, digest="d" if place < 3 else "e") for place, r in enumerate(rows)]
    leaks = find_leaks(pixels, same, "classify", silent())
    assert merged_groups(same, leaks.pairs) == ("1", "1", "1", "4")


def test_only_pairs_across_parts_are_warned_of(planted):
    rows, leaks = planted
    apart = ["train"] * ORIGINALS + ["test"] * len(CHANGES)
    assert len(across_parts(leaks, apart)) == counted(leaks, apart)["test_pictures"] == len(CHANGES)
    assert any("6 test pictures have a double" in told for told in leak_warnings(leaks, apart, grouped=False))
    assert not list(leak_warnings(leaks, ["train"] * len(rows), grouped=False))
    assert not list(leak_warnings(leaks, apart, grouped=True))


def test_a_pair_is_told_with_both_names(planted):
    rows, leaks = planted
    told = pair_sentence(leaks.pairs[0], rows)
    assert rows[leaks.pairs[0].first].source in told
    assert rows[leaks.pairs[0].second].source in told


def test_names_that_are_no_text_are_told_in_characters_that_every_file_holds():
    rows = [row("a\udcff.jpg", digest="d"), row("b.jpg", digest="d")]
    leaks = find_leaks(np.stack([square(scene(0))] * 2), rows, "classify", silent())
    told = figures(leaks=leaks, shortcuts=None, rows=rows, parts=["train", "test"], grouped=False)
    card = "\n".join(card_lines(leaks=leaks, shortcuts=None, rows=rows, parts=["train", "test"]))
    assert "\\udcff" in json.dumps(told, ensure_ascii=False).encode("utf-8").decode("utf-8")
    assert "\\udcff" in card.encode("utf-8").decode("utf-8")


def test_the_card_and_the_figures_name_what_leaks(planted):
    rows, leaks = planted
    apart = ["train"] * ORIGINALS + ["test"] * len(CHANGES)
    card = "\n".join(card_lines(leaks=leaks, shortcuts=None, rows=rows, parts=apart))
    told = figures(leaks=leaks, shortcuts=None, rows=rows, parts=apart, grouped=False)
    assert card.startswith("## What it may have learned instead")
    assert rows[0].source in card
    assert told["leaks"]["exact"] == 1
    assert told["leaks"]["near"] == len(CHANGES) - 1
    assert not list(card_lines(leaks=None, shortcuts=None, rows=rows, parts=apart))
