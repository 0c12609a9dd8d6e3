from __future__ import annotations

import numpy as np
import pytest

from fovea.plugin import Fitted, Image, Sample
from fovea_crop.measuring import measure_one
from fovea_crop.settings import CropView


def measured(pixels, **image):
    made = measure_one(image=Image(pixels=pixels, **image), sample=Sample(source="a"), view=CropView(), fitted=Fitted())
    assert made.regions is None
    return made.values


def flat(colour, side=64):
    return np.full((side, side, 3), colour, np.uint8)


def noise(side=256):
    return np.random.default_rng(3).integers(0, 255, (side, side, 3), np.uint8)


def test_a_blurred_picture_is_less_sharp():
    import cv2

    assert measured(cv2.GaussianBlur(noise(), (0, 0), 3))["sharpness"] < measured(noise())["sharpness"] / 50
    assert measured(flat((90, 140, 60)))["sharpness"] == 0.0


def test_leaf_green_brown_and_grey_are_told_apart():
    shares = {name: measured(flat(colour)) for name, colour in COLOURS.items()}

    assert {name: (one["green_share"], one["brown_share"]) for name, one in shares.items()} == {
        "leaf": (1.0, 0.0),
        "rust": (0.0, 1.0),
        "grey": (0.0, 0.0),
        "sky": (0.0, 0.0),
    }


COLOURS = {"leaf": (80, 140, 60), "rust": (140, 80, 40), "grey": (128, 128, 128), "sky": (120, 170, 230)}


def test_half_a_green_picture_is_half_green():
    pixels = flat(COLOURS["grey"])
    pixels[:, :32] = COLOURS["leaf"]

    assert measured(pixels)["green_share"] == 0.5


def test_brightness_and_clipping_are_shares():
    assert measured(flat((255, 255, 255))) | {"sharpness": 0} == {
        "sharpness": 0, "brightness_share": 1.0, "clipped_share": 1.0, "green_share": 0.0, "brown_share": 0.0,
    }  # fmt: skip


def test_pixels_that_are_not_valid_count_in_no_share():
    pixels, valid = flat(COLOURS["grey"]), np.ones((64, 64), np.bool_)
    pixels[:, :32] = COLOURS["leaf"]
    valid[:, 32:] = False

    assert measured(pixels, valid=valid)["green_share"] == 1.0


@pytest.mark.parametrize(
    "pixels",
    [noise(300)[:, :, 0], noise(300).astype(np.float32) / 255, noise(1), noise(600)[:5], np.zeros((8, 8, 3), np.uint8)],
)
def test_every_kind_of_picture_can_be_measured(pixels):
    assert all(np.isfinite(value) and value >= 0 for value in measured(pixels).values())


def test_floats_and_bytes_measure_the_same():
    bytes_, floats = measured(noise()), measured(noise().astype(np.float32) / 255)

    assert floats == pytest.approx(bytes_)
