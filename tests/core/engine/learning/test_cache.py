from __future__ import annotations

import hashlib
import multiprocessing
import shutil

import numpy as np
import pytest

from fovea.engine.learning import cache as module
from fovea.engine.learning.cache import Cache
from fovea.progress import silent


class Eye:
    """Embeds a picture as its mean and its first pixel, and counts what it was shown."""

    def __init__(self):
        self.seen = 0

    def __call__(self, squares):
        self.seen += len(squares)
        return np.stack([squares.mean(axis=(1, 2, 3)), squares[:, 0, 0, 0].astype(float)], axis=1)


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (60, 4, 4, 3), dtype=np.uint8)


def digests_of(pixels):
    return [hashlib.blake2b(one.tobytes(), digest_size=8).hexdigest() for one in pixels]


def ask(folder, pixels, rows, eye=None):
    cache = Cache(folder=folder, embed=eye or Eye(), width=2)
    names = digests_of(pixels)
    return cache.features(pixels, np.array(rows), [names[row] for row in rows], silent())


def expected(pixels, rows):
    return Eye()(pixels[list(rows)]).astype(np.float16)


def test_each_picture_is_embedded_once(tmp_path, pixels):
    eye = Eye()
    assert (ask(tmp_path, pixels, range(40), eye) == expected(pixels, range(40))).all()
    assert (ask(tmp_path, pixels, range(20, 60), eye) == expected(pixels, range(20, 60))).all()
    assert eye.seen == 60


def test_the_same_picture_twice_is_one(tmp_path, pixels):
    eye = Eye()
    twice = np.concatenate([pixels[:5], pixels[:5]])
    assert (ask(tmp_path, twice, range(10), eye) == expected(twice, range(10))).all()
    assert eye.seen == 5


@pytest.mark.parametrize("harm", ["cut", "changed", "empty", "other"])
def test_a_damaged_segment_is_thrown_away_and_made_again(tmp_path, pixels, harm):
    ask(tmp_path, pixels, range(30))
    (path,) = tmp_path.glob("*.safetensors")
    content = path.read_bytes()
    path.write_bytes({"cut": content[:-7], "changed": content[:-1] + b"x", "empty": b"", "other": b"hello" * 99}[harm])
    eye = Eye()
    assert (ask(tmp_path, pixels, range(30), eye) == expected(pixels, range(30))).all()
    assert eye.seen == 30
    assert path.read_bytes() == content  # the same bytes have the same name


def test_what_was_made_before_a_kill_is_kept(tmp_path, pixels, monkeypatch):
    monkeypatch.setattr(module, "SEGMENT", 10)

    class Dying(Eye):
        def __call__(self, squares):
            if self.seen >= 20:
                raise KeyboardInterrupt
            return super().__call__(squares)

    with pytest.raises(KeyboardInterrupt):
        ask(tmp_path, pixels, range(40), Dying())
    eye = Eye()
    ask(tmp_path, pixels, range(40), eye)
    assert eye.seen == 20


def test_many_segments_become_one_and_nothing_is_lost(tmp_path, pixels, monkeypatch):
    monkeypatch.setattr(module, "_MANY", 3)
    for row in range(8):
        ask(tmp_path, pixels, [row])
    assert len(list(tmp_path.glob("*.safetensors"))) <= 4
    eye = Eye()
    assert (ask(tmp_path, pixels, range(8), eye) == expected(pixels, range(8))).all()
    assert eye.seen == 0


def test_a_folder_that_goes_while_it_is_used_is_made_again(tmp_path, pixels, monkeypatch):
    monkeypatch.setattr(module, "SEGMENT", 10)
    folder = tmp_path / "backbone"
    ask(folder, pixels, range(10))

    class Losing(Eye):
        def __call__(self, squares):
            shutil.rmtree(folder, ignore_errors=True)
            return super().__call__(squares)

    eye = Losing()
    assert (ask(folder, pixels, range(30), eye) == expected(pixels, range(30))).all()
    assert eye.seen == 20
    assert list(folder.glob("*.safetensors"))


def test_features_beyond_half_precision_are_held_at_its_end(tmp_path, pixels):
    cache = Cache(folder=tmp_path, embed=lambda squares: np.full((len(squares), 2), 1e9), width=2)
    answer = cache.features(pixels, np.arange(3), digests_of(pixels)[:3], silent())
    assert np.isfinite(answer).all()


def _fill(folder, start):
    pixels = np.random.default_rng(0).integers(0, 256, (60, 4, 4, 3), dtype=np.uint8)
    module.SEGMENT = 5
    for row in range(start, start + 30):
        ask(folder, pixels, [row, (row * 7) % 60])


@pytest.mark.slow
def test_two_processes_fill_one_cache(tmp_path, pixels):
    context = multiprocessing.get_context("spawn")
    hands = [context.Process(target=_fill, args=(tmp_path, start)) for start in (0, 15)]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join()
    assert [hand.exitcode for hand in hands] == [0, 0]
    eye = Eye()
    assert (ask(tmp_path, pixels, range(45), eye) == expected(pixels, range(45))).all()
    assert eye.seen == 0
