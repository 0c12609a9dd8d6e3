from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest

from fovea.engine.pictures.survey import Wanted, survey
from fovea.errors import DataError, PluginError
from fovea.plugin import Measures, Preprocess, Region, Sample, TaskSpec
from fovea.progress import silent


@pytest.fixture
def wanted(bench):
    return Wanted(domain=bench.domain, root=bench.root, view=bench.view, role="disease", spec=Preprocess(size=32))


def run(wanted, bench):
    return survey(wanted, bench.folder, silent())


def of_domain(wanted, **parts):
    return replace(wanted, domain=replace(wanted.domain, **parts))


def counting(wanted):
    """The same, and a list of what was loaded since."""
    loads = []

    def load_images(*, root, samples, view, side):
        loads.extend(sample.source for sample in samples)
        return wanted.domain.load_images(root=root, samples=samples, view=view, side=side)

    return of_domain(wanted, load_images=load_images), loads


def with_task(wanted, **facts):
    info = replace(wanted.domain.info, tasks={"disease": TaskSpec(kind="classify", **facts)})
    return of_domain(wanted, info=info)


def test_every_labelled_picture_becomes_a_square(wanted, bench):
    seen = run(wanted, bench)
    assert seen.pixels.shape == (48, 32, 32, 3)
    assert seen.pixels.dtype == np.uint8
    assert {row.target for row in seen.rows} == {"blue", "green", "red"}
    assert len({row.digest for row in seen.rows}) == 48


def test_unlabelled_pictures_are_counted_and_not_looked_at(wanted, bench):
    (bench.root / "unknown").mkdir()
    (bench.root / "unknown" / "a-0.png").write_bytes(b"never opened")
    seen = run(wanted, bench)
    assert (len(seen.rows), seen.unlabelled, seen.unreadable) == (48, 1, ())


def test_an_unreadable_picture_is_listed_and_stops_nothing(wanted, bench):
    (bench.root / "red" / "zero-0.png").write_bytes(b"")
    seen = run(wanted, bench)
    assert len(seen.rows) == 48
    (fault,) = seen.unreadable
    assert fault.source == "red/zero-0.png"
    assert fault.reason


def test_an_earlier_survey_of_the_same_files_is_taken(wanted, bench):
    first = run(wanted, bench)
    blind = of_domain(wanted, load_images=lambda **_: pytest.fail("looked again"))
    again = run(blind, bench)
    assert again.rows == first.rows
    np.testing.assert_array_equal(again.pixels, first.pixels)


@pytest.mark.parametrize("change", ["another size", "other view settings", "a lost file"])
def test_a_survey_of_something_else_is_made_anew(wanted, bench, change):
    run(wanted, bench)
    other, loads = counting(wanted)
    if change == "another size":
        other = replace(other, spec=Preprocess(size=40))
    elif change == "other view settings":
        other = replace(other, view=bench.view.model_copy(update={"max_megapixels": 1.0}))
    else:
        next(bench.folder.glob("*/pixels.u8")).write_bytes(b"short")
    run(other, bench)
    assert len(loads) == 48


def test_the_fingerprint_is_of_the_content_wherever_it_lies(wanted, bench, tmp_path):
    first = run(wanted, bench).fingerprint
    moved = bench.root.rename(tmp_path / "elsewhere")
    os.utime(moved / "red" / "red0-0.png", ns=(1, 1))
    assert run(replace(wanted, root=moved), bench).fingerprint == first
    (moved / "red" / "red0-0.png").unlink()
    assert run(replace(wanted, root=moved), bench).fingerprint != first


def test_a_missing_folder_is_told(wanted, bench):
    with pytest.raises(DataError, match="there is no folder"):
        run(replace(wanted, root=bench.root / "nowhere"), bench)


def test_an_empty_folder_is_told(wanted, bench, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="wheat found no picture in"):
        run(replace(wanted, root=tmp_path / "empty"), bench)


def test_pictures_without_any_label_are_told(wanted, bench):
    plain = of_domain(wanted, read_samples=lambda root, view: [Sample(source="red/red0-0.png")])
    with pytest.raises(DataError, match="has a target 'disease' to learn from"):
        run(plain, bench)


def test_only_unreadable_pictures_are_told(wanted, bench):
    for path in bench.root.rglob("*.png"):
        path.write_bytes(b"")
    with pytest.raises(DataError, match="none of the 48 labelled pictures could be read"):
        run(wanted, bench)


def test_a_label_that_is_no_text_is_the_plugins_fault(wanted, bench):
    numbered = of_domain(wanted, read_samples=lambda root, view: [Sample(source="a.png", targets={"disease": 7})])
    with pytest.raises(PluginError, match=r"failed in read_samples: a\.png has label 7, want text"):
        run(numbered, bench)


def test_labels_left_out_are_as_if_unlabelled(wanted, bench):
    seen = run(replace(wanted, leave_out=("red",)), bench)
    assert {row.target for row in seen.rows} == {"blue", "green"}
    assert seen.unlabelled == 16


def halves(pairs, view, fitted):
    for _ in pairs:
        yield Measures(
            regions=(
                Region(name="leaf-1", left=0, top=0, right=0.5, bottom=1),
                Region(name="leaf-2", left=0.5, top=0, right=1, bottom=1),
                Region(name="sky", left=0, top=0, right=1, bottom=0.2),
            )
        )


def test_a_role_on_regions_learns_from_each_of_its_regions(wanted, bench):
    seen = run(with_task(of_domain(wanted, measure=halves), on="leaf"), bench)
    assert len(seen.rows) == 96
    assert {row.region for row in seen.rows} == {"leaf-1", "leaf-2"}


def count_up(pairs, view, fitted):
    for number, (_, _) in enumerate(pairs):
        yield Measures(regions=() if number == 0 else None)


def test_a_measure_with_memory_sees_a_unit_whole_and_in_order(wanted, bench):
    (bench.root / "unknown").mkdir()
    (bench.root / "red" / "red0-0.png").rename(bench.root / "unknown" / "aaa-0.png")
    one_unit = of_domain(
        wanted,
        measure=count_up,
        read_samples=lambda root, view: [
            replace(sample, unit="all") for sample in bench.domain.read_samples(root=root, view=view)
        ],
    )
    seen = run(one_unit, bench)
    assert len(seen.rows) == 46  # the first of the unit, blue0-0, has no region
    assert "blue/blue0-0.png" not in {row.source for row in seen.rows}


def test_names_that_are_no_text_survive(wanted, bench):
    odd = os.fsdecode(b"red0-\xff.png")
    os.rename(bench.root / "red" / "red0-0.png", os.fsencode(bench.root / "red") + b"/red0-\xff.png")
    run(wanted, bench)
    assert f"red/{odd}" in {row.source for row in run(wanted, bench).rows}
