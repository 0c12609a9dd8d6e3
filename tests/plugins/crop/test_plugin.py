from __future__ import annotations

import os
import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest
from pydantic import ValidationError

from fovea.plugin import Fitted, Image, Sample, Table
from fovea_crop import fovea_domains
from fovea_crop.settings import CropPolicy, CropView


def test_importing_the_plugins_loads_nothing_heavy():
    code = (
        "import sys, fovea_crop, fovea_security, fovea_medical, fovea_notify;"
        "print(sorted({'torch', 'albumentations', 'cv2', 'numpy', 'pydicom'} & set(sys.modules)))"
    )

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_the_domain_can_be_sent_to_a_worker():
    (domain,) = fovea_domains()

    assert pickle.loads(pickle.dumps(domain)).info == domain.info


def test_measuring_is_in_lock_step():
    (domain,) = fovea_domains()
    asked = []

    def pictures():
        for name in "ab":
            asked.append(name)
            yield Sample(source=name), Image(pixels=np.zeros((8, 8, 3), np.uint8))

    measures = iter(domain.measure(pairs=pictures(), view=CropView(), fitted=Fitted()))

    next(measures)
    assert asked == ["a"]


def test_places_shows_what_a_pattern_reads(picture, tmp_path):
    for name in ("north/2026-05-01/p1-1.jpg", "north/2026-05-08/p1-2.jpg", "south/2026-05-01/p1-1.jpg", "stray.jpg"):
        picture(tmp_path / name)
    action = fovea_domains()[0].actions["places"]

    view = CropView(pattern="{field}/{date}/{plant}-{shot}")
    report = action.run(arguments={"folder": str(tmp_path)}, view=view, policy=CropPolicy())

    assert "4 pictures of 3 fields in 3 groups" in report.summary
    assert "1 path not fitting the pattern" in report.summary
    fields = next(block for block in report.blocks if isinstance(block, Table) and block.title == "Fields")
    assert [row[:4] for row in fields.rows] == [("north", 2, 1, 2), ("site", 1, 1, 1), ("south", 1, 1, 1)]


def test_places_names_a_folder_that_is_not_there(tmp_path):
    action = fovea_domains()[0].actions["places"]

    with pytest.raises(ValueError, match="nowhere cannot be read"):
        action.run(arguments={"folder": str(tmp_path / "nowhere")}, view=CropView(), policy=CropPolicy())


def test_an_alarm_below_the_warning_is_refused():
    with pytest.raises(ValidationError, match="alarm_share"):
        CropPolicy(warn_share=0.5, alarm_share=0.2)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fovea_crop", "fovea_security", "fovea_medical"])
def test_augmentations_are_spelt_as_albumentations_spells_them(name, monkeypatch):
    monkeypatch.setitem(os.environ, "NO_ALBUMENTATIONS_UPDATE", "1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        __import__("albumentations")
    (domain,) = __import__(name).fovea_domains()
    augment = domain.augmentations(role=next(iter(domain.info.tasks)), size=64)
    pixels = np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8)

    with warnings.catch_warnings():
        warnings.simplefilter("error")  # an argument that albumentations does not know is only warned of
        once, again = ([augment(pixels, seed=seed)[0] for seed in range(12)] for _ in range(2))

    assert all(
        (a == b).all() and a.shape == pixels.shape and a.dtype == np.uint8 for a, b in zip(once, again, strict=True)
    )
    assert any((a != pixels).any() for a in once)
