"""The one way to the network's square agrees with Pillow's filter, pixel for pixel."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image as Pillow

from fovea.plugin import Image, Preprocess, Region
from fovea.serving.preprocess import GREY, preprocess, resize, thumbnail

RANDOM = np.random.default_rng(5)


def noise(width, height, *more):
    return RANDOM.integers(0, 256, (height, width, *more), dtype=np.uint8)


def by_pillow(pixels, size, box=None):
    return np.asarray(Pillow.fromarray(pixels).resize(size, Pillow.Resampling.BILINEAR, box=box)).astype(int)


def square(pixels, fit="crop", size=32, region=None):
    return preprocess(Image(pixels=pixels), Preprocess(size=size, fit=fit), region)


@pytest.mark.parametrize("trial", range(60))
def test_any_resize_is_within_one_grey_level_of_pillow(trial):
    random = np.random.default_rng(trial)
    width, height, *size = (int(side) for side in random.integers(1, 300, 4))
    pixels = random.integers(0, 256, (height, width, 3) if trial % 3 else (height, width), dtype=np.uint8)
    assert np.abs(resize(pixels, tuple(size)) - by_pillow(pixels, size)).max() <= 1


@pytest.mark.parametrize("trial", range(40))
def test_any_resize_of_a_box_is_too(trial):
    random = np.random.default_rng(trial)
    width, height, *size = (int(side) for side in random.integers(2, 300, 4))
    left, right = sorted(random.uniform(0, width, 2))
    top, bottom = sorted(random.uniform(0, height, 2))
    box = (left, top, min(right + 1, width), min(bottom + 1, height))
    pixels = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
    assert np.abs(resize(pixels, tuple(size), box) - by_pillow(pixels, size, box)).max() <= 1


@pytest.mark.parametrize(
    "width, height", [(40, 30), (30, 40), (512, 384), (33, 32), (500, 31), (7, 5), (1, 1), (1, 90)]
)
def test_crop_is_the_middle_square(width, height):
    pixels = noise(width, height, 3)
    short = min(width, height)
    left, top = (width - short) / 2, (height - short) / 2
    wanted = by_pillow(pixels, (32, 32), (left, top, left + short, top + short))
    assert np.abs(square(pixels) - wanted).max() <= 1


def test_squash_gives_up_the_proportions():
    pixels = noise(90, 40, 3)
    assert np.abs(square(pixels, "squash") - by_pillow(pixels, (32, 32))).max() <= 1


@pytest.mark.parametrize(
    "width, height, box", [(64, 32, (0, 8, 32, 24)), (32, 64, (8, 0, 24, 32)), (9, 9, (0, 0, 32, 32))]
)
def test_letterbox_keeps_the_proportions_between_grey_bars(width, height, box):
    pixels = noise(width, height, 3)
    found = square(pixels, "letterbox")
    left, top, right, bottom = box
    inside = found[top:bottom, left:right]
    assert np.abs(inside - by_pillow(pixels, (right - left, bottom - top))).max() <= 1
    found[top:bottom, left:right] = GREY
    assert (found == GREY).all()


@pytest.mark.parametrize("width, height", [(1000, 1), (1, 1000)])
def test_a_line_of_pixels_survives_the_letterbox(width, height):
    found = square(np.full((height, width, 3), 200, np.uint8), "letterbox")
    assert (found == 200).any()


@pytest.mark.parametrize("fit", ["crop", "letterbox", "squash"])
def test_floats_give_what_bytes_give(fit):
    pixels = noise(70, 50, 3)
    exact = square((pixels / 255).astype(np.float32), fit)
    assert exact.dtype == np.float32
    assert exact.shape == (32, 32, 3)
    assert np.abs(exact * 255 - square(pixels, fit)).max() <= 0.51


def test_floats_stay_between_0_and_1():
    found = square(np.ones((77, 51, 3), np.float32))
    assert found.max() <= 1
    assert found.min() > 0.9999


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
@pytest.mark.parametrize("fit", ["crop", "letterbox", "squash"])
def test_grey_is_repeated_over_three_channels(kind, fit):
    grey = noise(60, 40).astype(kind) / (255 if kind is np.float32 else 1)
    grey = grey.astype(kind)
    colour = np.repeat(grey[:, :, None], 3, axis=2)
    assert np.abs(square(grey, fit).astype(float) - square(colour, fit)).max() <= 1e-6


def test_a_region_is_cut_out_before_anything_else():
    pixels = np.zeros((100, 200, 3), np.uint8)
    pixels[20:60, 100:140] = noise(40, 40, 3)
    alone = pixels[20:60, 100:140].copy()
    region = Region(name="leaf", left=0.5, top=0.2, right=0.7, bottom=0.6)
    assert (square(pixels, region=region) == square(alone)).all()


def test_a_region_thinner_than_a_pixel_has_one():
    pixels = noise(10, 10, 3)
    region = Region(name="dot", left=0.999, top=0.999, right=1, bottom=1)
    assert (square(pixels, region=region) == pixels[9, 9]).all()


def test_the_picture_given_is_left_as_it_was():
    pixels = noise(50, 40, 3)
    before = pixels.copy()
    for fit in ("crop", "letterbox", "squash"):
        square(pixels, fit)
    assert (pixels == before).all()


def test_a_view_with_any_strides_will_do():
    pixels = noise(90, 80, 3)
    turned = pixels[::-1, ::2].transpose(1, 0, 2)
    assert (square(turned) == square(np.ascontiguousarray(turned))).all()


def test_a_thumbnail_is_a_small_jpeg_of_the_same_proportions():
    smooth = resize(noise(4, 3, 3), (400, 300))
    with Pillow.open(io.BytesIO(thumbnail(Image(pixels=smooth), 80))) as small:
        assert (small.format, small.size) == ("JPEG", (80, 60))
        assert np.abs(np.asarray(small).astype(int) - by_pillow(smooth, (80, 60))).mean() < 4


@pytest.mark.parametrize("pixels", [np.full((6, 9), 200, np.uint8), np.full((6, 9, 3), 200 / 255, np.float32)])
def test_a_thumbnail_never_grows_and_takes_any_picture(pixels):
    with Pillow.open(io.BytesIO(thumbnail(Image(pixels=pixels), 80))) as small:
        assert (small.size, small.mode) == ((9, 6), "RGB")
        assert abs(small.getpixel((4, 3))[0] - 200) <= 2
