from __future__ import annotations

import numpy as np
import pytest

from fovea.engine.pretraining.pool import CHUNK, Drawing, open_pool
from fovea.errors import Stopped
from fovea.progress import silent

WANTED = Drawing(pictures=2 * CHUNK + 10, size=16, seed=5)


def opened(folder, drawing=WANTED, stop=lambda: False):
    folder.mkdir(exist_ok=True)
    return open_pool(folder, drawing, device="cpu", progress=silent(), stop=stop)


def after(calls):
    left = iter([False] * calls)
    return lambda: next(left, True)


def test_a_pool_that_was_stopped_goes_on_to_the_same_pictures(tmp_path):
    with pytest.raises(Stopped, match=f"after {CHUNK} of {WANTED.pictures} pictures"):
        opened(tmp_path / "stopped", stop=after(1))
    resumed, straight = opened(tmp_path / "stopped"), opened(tmp_path / "straight")
    np.testing.assert_array_equal(resumed.pixels, straight.pixels)
    np.testing.assert_array_equal(resumed.labels, straight.labels)
    assert resumed.pixels[-1].std() > 0


def test_a_finished_pool_is_not_drawn_again(tmp_path):
    opened(tmp_path)
    assert opened(tmp_path, stop=lambda: True).pixels.shape == (WANTED.pictures, 16, 16, 3)


def test_pictures_that_are_gone_are_drawn_again(tmp_path):
    before = opened(tmp_path).pixels.copy()
    (tmp_path / "pool.pixels").unlink()
    np.testing.assert_array_equal(opened(tmp_path).pixels, before)


def test_another_drawing_begins_anew(tmp_path):
    before = opened(tmp_path).pixels.copy()
    other = opened(tmp_path, Drawing(pictures=WANTED.pictures, size=16, seed=6))
    assert not np.array_equal(before, other.pixels)
