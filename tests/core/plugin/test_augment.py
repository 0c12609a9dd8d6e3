from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest

from fovea.plugin import albumentations

FLIP = ("HorizontalFlip", {"p": 1.0})
NOISE = ("GaussNoise", {"p": 1.0})


@pytest.fixture
def pixels():
    return np.arange(6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3)


def test_naming_transforms_loads_neither_albumentations_nor_torch():
    code = (
        "import sys; from fovea.plugin import albumentations; albumentations([('HorizontalFlip', {})]);"
        "print(sorted({'torch', 'albumentations', 'cv2'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_same_seed_gives_the_same_picture_and_another_seed_another(pixels):
    augment = albumentations([NOISE])
    first, again, other = (augment(pixels, seed=seed)[0] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_copy_that_went_through_pickle_draws_the_same(pixels):
    augment = albumentations([NOISE])
    before = augment(pixels, seed=3)[0]
    assert np.array_equal(pickle.loads(pickle.dumps(augment))(pixels, seed=3)[0], before)


def test_a_mask_moves_with_its_picture(pixels):
    mask = np.zeros((6, 8), np.uint8)
    mask[:, 0] = 1
    moved, moved_mask = albumentations([FLIP])(pixels, seed=0, mask=mask)
    assert np.array_equal(moved, pixels[:, ::-1])
    assert np.array_equal(moved_mask, mask[:, ::-1])


def test_no_transforms_leave_the_picture_as_it_is(pixels):
    answer, mask = albumentations([])(pixels, seed=0)
    assert answer is pixels
    assert mask is None


def test_an_unknown_transform_is_named_when_it_is_first_used(pixels):
    augment = albumentations([("HorizontalFlop", {})])
    with pytest.raises(ValueError, match="albumentations has no transform named HorizontalFlop"):
        augment(pixels, seed=0)
