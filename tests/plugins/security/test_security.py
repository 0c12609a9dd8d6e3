from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from fovea.plugin import Image, Sample
from fovea_security import fovea_domains
from fovea_security.masking import prepare
from fovea_security.reading import read_samples
from fovea_security.settings import PrivacyMask, SecurityView

LEFT_HALF = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))


def frames(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def grey(height=40, width=80):
    return np.full((height, width, 3), 200, np.uint8)


def prepared(image, *masks, unit="yard", **sample):
    return prepare(image=image, sample=Sample(source="a", unit=unit, **sample), view=SecurityView(masks=masks))


def test_frames_of_a_clip_are_one_unit_in_the_order_of_their_numbers(tmp_path):
    frames(tmp_path, "fight/c1/f10.png", "fight/c1/f9.png", "calm/c2/f1.jpg")

    read = sorted(read_samples(root=tmp_path, view=SecurityView()), key=lambda s: (s.unit, s.order))

    assert [(s.source, s.targets["event"], s.unit, s.group) for s in read] == [
        ("calm/c2/f1.jpg", "calm", "calm/c2", "c2"),
        ("fight/c1/f9.png", "fight", "fight/c1", "c1"),
        ("fight/c1/f10.png", "fight", "fight/c1", "c1"),
    ]


def test_clips_of_one_camera_are_one_group(tmp_path):
    frames(tmp_path, "fight/yard/c1/1.png", "calm/yard/c2/1.png")

    view = SecurityView(pattern="{event}/{camera}/{clip}/{frame}")

    assert {s.group for s in read_samples(root=tmp_path, view=view)} == {"yard"}


def test_a_frame_outside_the_pattern_is_read_and_marked(tmp_path):
    frames(tmp_path, "1.png")

    (sample,) = read_samples(root=tmp_path, view=SecurityView())

    assert (sample.targets, sample.attributes) == ({}, {"unmatched": 1.0})


def test_masked_pixels_are_black_and_not_valid():
    given = grey()

    made = prepared(Image(pixels=given), PrivacyMask(cameras="yard", polygon=LEFT_HALF))

    assert not made.pixels[:, :40].any()
    assert (made.pixels[:, 45:] == 200).all()
    assert ((made.pixels == 0).all(axis=2) == ~made.valid).all()
    assert (given == 200).all()


@pytest.mark.parametrize("height, width", [(40, 80), (20, 40), (10, 20), (5, 10)])
def test_a_mask_hides_the_same_part_at_every_scale(height, width):
    pixels = grey(height, width)
    pixels[:, : width // 2] = 99  # what must not be seen

    made = prepared(Image(pixels=pixels, scale=height / 40), PrivacyMask(polygon=LEFT_HALF))

    assert not (made.pixels == 99).any()
    assert (made.pixels == 200).any()


def test_a_mask_belongs_to_the_cameras_it_names():
    masks = (PrivacyMask(cameras="gate-*", polygon=LEFT_HALF),)
    image = Image(pixels=grey())

    assert prepared(image, *masks, unit="yard") is image
    assert prepared(image, *masks, unit="gate-2").valid is not None
    assert prepared(image, *masks, unit="x", attributes={"camera": "gate-1"}).valid is not None


def test_what_was_not_valid_before_stays_so():
    valid = np.ones((40, 80), np.bool_)
    valid[0, 79] = False

    made = prepared(Image(pixels=grey(), valid=valid), PrivacyMask(polygon=LEFT_HALF))

    assert not made.valid[0, 79]
    assert made.valid[1, 79]


@pytest.mark.parametrize("pixels", [grey()[:, :, 0], grey().astype(np.float32) / 255])
def test_grey_and_float_pictures_are_masked_too(pixels):
    made = prepared(Image(pixels=pixels), PrivacyMask(polygon=LEFT_HALF))

    assert made.pixels.dtype == pixels.dtype
    assert not made.pixels[:, :40].any()


@pytest.mark.parametrize("polygon", [LEFT_HALF[:2], ((0, 0), (1.5, 0), (1, 1))])
def test_a_polygon_that_is_no_area_of_the_picture_is_refused(polygon):
    with pytest.raises(ValidationError):
        PrivacyMask(polygon=polygon)


@pytest.mark.real
def test_the_frames_of_ped2_are_read_in_order():
    folder = os.environ.get("FOVEA_REAL_DATA")
    if not folder or not (Path(folder) / "security" / "ped2").is_dir():
        pytest.skip("FOVEA_REAL_DATA names no folder of real pictures")
    (domain,) = fovea_domains()
    view = SecurityView()

    read = list(domain.read_samples(root=Path(folder) / "security" / "ped2", view=view))
    clip = [s for s in read if s.unit == "test/01"]
    (image,) = domain.load_images(root=Path(folder) / "security" / "ped2", samples=clip[:1], view=view, side=None)

    assert [s.order for s in clip] == [float(n) for n in range(len(clip))]
    assert image.pixels.shape == (240, 360, 3)
