from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace

import cv2
import numpy as np
import pytest

from fovea.engine.pictures.survey import Wanted, survey
from fovea.plugin import (
    Domain,
    DomainInfo,
    Mask,
    Measures,
    Preprocess,
    Region,
    Sample,
    TaskSpec,
    ViewSettings,
    find_files,
)
from fovea.progress import silent

CLASSES = {"0": "background", "1": "leaf", "2": "rust"}


class Loads:
    """A wanted survey that tells which sources were loaded."""

    def __init__(self, wanted):
        self.sources = []
        self.inner = wanted.domain.load_images
        self.wanted = replace(wanted, domain=replace(wanted.domain, load_images=self.load))

    def load(self, *, root, samples, view, side):
        self.sources.extend(sample.source for sample in samples)
        return self.inner(root=root, samples=samples, view=view, side=side)


@pytest.fixture
def wanted(bench):
    return Wanted(domain=bench.domain, root=bench.root, view=bench.view, role="disease", spec=Preprocess(size=32))


def files_of(cache):
    """What the last survey of a cache holds."""
    folder = max((path.parent for path in cache.glob("*/survey.json")), key=lambda path: path.stat().st_mtime_ns)
    told = json.loads((folder / "survey.json").read_text())
    return told, (folder / "pixels.u8").read_bytes(), (folder / "masks.u8").read_bytes()


def again(wanted, tmp_path):
    """Survey once more; what was loaded for it. The survey is what it would be without an earlier one."""
    watched = Loads(wanted)
    survey(watched.wanted, tmp_path / "cache", silent())
    shutil.rmtree(tmp_path / "fresh", ignore_errors=True)
    survey(wanted, tmp_path / "fresh", silent())
    assert files_of(tmp_path / "cache") == files_of(tmp_path / "fresh")
    return watched.sources


def test_only_new_and_changed_pictures_are_decoded(wanted, bench, tmp_path, filling):
    assert len(again(wanted, tmp_path)) == 48
    filling(bench.root, ("aphid",), groups=1, shots=1)  # comes first of all
    assert again(wanted, tmp_path) == ["aphid/aphid0-0.png"]
    (bench.root / "blue" / "blue0-0.png").unlink()
    os.utime(bench.root / "red" / "red3-0.png", ns=(1, 1))
    shutil.copy(bench.root / "red" / "red1-0.png", bench.root / "green" / "green7-1.png")
    assert again(wanted, tmp_path) == ["green/green7-1.png", "red/red3-0.png"]
    assert again(wanted, tmp_path) == []


def test_a_new_answer_needs_no_new_look(wanted, bench, tmp_path):
    again(wanted, tmp_path)

    def corrected(root, view):
        for sample in bench.domain.read_samples(root=root, view=view):
            yield replace(sample, targets={"disease": "red" if sample.source == "blue/blue0-0.png" else "blue"})

    assert again(replace(wanted, domain=replace(wanted.domain, read_samples=corrected)), tmp_path) == []


def test_a_survey_takes_the_place_of_its_elder_and_leaves_those_of_other_folders(wanted, bench, tmp_path, filling):
    elsewhere = filling(tmp_path / "elsewhere", ("rose",))
    survey(replace(wanted, root=elsewhere), tmp_path / "cache", silent())
    seen = survey(wanted, tmp_path / "cache", silent())
    before = np.array(seen.pixels)
    (bench.root / "red" / "red0-0.png").unlink()
    survey(wanted, tmp_path / "cache", silent())
    assert len(list((tmp_path / "cache").glob("*/survey.json"))) == 2
    np.testing.assert_array_equal(seen.pixels, before)  # who has it open can go on with it
    watched = Loads(replace(wanted, root=elsewhere))
    survey(watched.wanted, tmp_path / "cache", silent())
    assert not watched.sources


@pytest.mark.parametrize("harm", ["a byte", "the end", "the notes"])
def test_what_is_damaged_is_made_again(wanted, bench, tmp_path, harm):
    again(wanted, tmp_path)
    pixels = next((tmp_path / "cache").glob("*/pixels.u8"))
    content = bytearray(pixels.read_bytes())
    if harm == "the notes":
        pixels.with_name("looked.json").write_text("{")
    elif harm == "a byte":
        content[5 * 32 * 32 * 3] ^= 1
        pixels.write_bytes(content)
    else:
        pixels.write_bytes(content[: -32 * 32 * 3])
    (bench.root / "red" / "red7-0.png").unlink()
    assert len(again(wanted, tmp_path)) == {"a byte": 1, "the end": 1, "the notes": 47}[harm]


def test_what_could_not_be_read_is_tried_again(wanted, bench, tmp_path):
    (bench.root / "red" / "zero-0.png").write_bytes(b"")
    again(wanted, tmp_path)
    (bench.root / "red" / "red0-0.png").unlink()
    assert again(wanted, tmp_path) == ["red/zero-0.png"]


def two_or_none(pairs, view, fitted):
    for sample, _ in pairs:
        halves = (
            Region(name="leaf-1", left=0, top=0, right=0.5, bottom=1),
            Region(name="leaf-2", left=0.5, top=0, right=1, bottom=1),
        )
        yield Measures(regions=() if sample.source.startswith("blue") else halves)


two_or_none.per_picture = True


def test_regions_are_copied_and_a_picture_without_any_is_not_looked_at_again(wanted, bench, tmp_path):
    info = replace(wanted.domain.info, tasks={"disease": TaskSpec(kind="classify", on="leaf")})
    wanted = replace(wanted, domain=replace(wanted.domain, info=info, measure=two_or_none))
    assert len(again(wanted, tmp_path)) == 48
    (bench.root / "green" / "green0-0.png").unlink()
    assert again(wanted, tmp_path) == []
    assert len(survey(wanted, tmp_path / "cache", silent()).rows) == 62


def count_up(pairs, view, fitted):
    for number, _ in enumerate(pairs):
        yield Measures(regions=() if number == 0 else None)


def test_where_a_measure_has_memory_a_unit_is_looked_at_whole_or_not_at_all(wanted, bench, tmp_path):
    (bench.root / "unknown").mkdir()
    shutil.copy(bench.root / "red" / "red0-0.png", bench.root / "unknown" / "red-0.png")

    def in_units(root, view):
        for sample in bench.domain.read_samples(root=root, view=view):
            yield replace(sample, unit=sample.source.split("/")[1][:3])

    wanted = replace(wanted, domain=replace(wanted.domain, measure=count_up, read_samples=in_units))
    assert len(again(wanted, tmp_path)) == 49
    os.utime(bench.root / "unknown" / "red-0.png", ns=(1, 1))  # unlabelled, and seen by what remembers
    assert len(again(wanted, tmp_path)) == 17
    (bench.root / "blue" / "blue0-0.png").unlink()
    assert len(again(wanted, tmp_path)) == 15


def draw(root, name, classes):
    random = np.random.default_rng(len(name))
    (root / "images").mkdir(parents=True, exist_ok=True)
    (root / "masks").mkdir(exist_ok=True)
    mask = np.zeros((40, 60), np.uint8)
    for place, one in enumerate(classes):
        mask[:, place * 10 : place * 10 + 10] = one
    cv2.imwrite(str(root / "images" / name), random.integers(0, 256, (40, 60, 3), dtype=np.uint8))
    cv2.imwrite(str(root / "masks" / name), mask)


def read_areas(root, view):
    names = json.loads((root / "classes.json").read_text())
    for path in find_files(root):
        if path.startswith("images/"):
            mask = Mask(source=path.replace("images", "masks"), classes=names.get(path, CLASSES))
            yield Sample(source=path, targets={"area": mask})


def test_masks_are_copied_and_counted_in_the_labels_of_now(tmp_path):
    task = TaskSpec(kind="segment", preprocess=Preprocess(size=24, fit="letterbox"))
    info = DomainInfo(name="wheat", title="W", intended_use="Finds rust.", limits="None.", tasks={"area": task})
    domain, root = Domain(info=info, read_samples=read_areas), tmp_path / "site"
    draw(root, "a.png", (1, 2))
    draw(root, "bb.png", (1, 9))  # 9 is no class
    (root / "classes.json").write_text("{}")
    wanted = Wanted(domain=domain, root=root, view=ViewSettings(), role="area", spec=task.preprocess)
    assert again(wanted, tmp_path) == ["images/a.png", "images/bb.png"]
    draw(root, "ccc.png", (1, 3))
    (root / "classes.json").write_text(json.dumps({"images/ccc.png": {"0": "background", "1": "leaf", "3": "aphid"}}))
    assert again(wanted, tmp_path) == ["images/ccc.png"]
    seen = survey(wanted, tmp_path / "cache", silent())
    assert [row.target for row in seen.rows] == [
        ("background", "leaf", "rust"),
        ("background", "leaf"),
        ("background", "aphid", "leaf"),
    ]
    assert seen.strange == {"9": 1}
    (root / "images" / "a.png").unlink()
    assert again(wanted, tmp_path) == []
    draw(root, "bb.png", (2, 2))
    assert again(wanted, tmp_path) == ["images/bb.png"]
    without = replace(wanted, leave_out=("leaf",))
    assert again(without, tmp_path) == ["images/bb.png", "images/ccc.png"]
