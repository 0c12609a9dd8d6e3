from __future__ import annotations

import cv2
import numpy as np
import pytest
from fovea_lane import NOON, at, image, sample

from fovea.errors import FoveaError
from fovea.live import ring as module
from fovea.live.ring import SECOND, Ring, keep
from fovea.plugin import Image
from fovea.store import codec

NOON_US = codec.micros(NOON)


def ring(*seconds, before=2.0):
    made = Ring(before)
    for second in seconds:
        made.add(keep(sample(second), image()))
    return made


def held(made):
    return [frame.part for frame in made.since(0)]


def pixels(frame):
    return cv2.imdecode(np.frombuffer(frame.jpeg, np.uint8), cv2.IMREAD_COLOR)


def test_frames_older_than_wanted_go():
    assert held(ring(0, 5, 22, 23)) == ["5", "22", "23"]


def test_a_domain_that_wants_nothing_before_still_finds_the_slack():
    assert held(ring(0, 19, 20, 21, before=0)) == ["19", "20", "21"]


def test_frames_beyond_the_limit_in_bytes_go(monkeypatch):
    one = len(keep(sample(0), image()).jpeg)
    monkeypatch.setattr(module, "_LIMIT", 3 * one)
    assert held(ring(0, 1, 2, 3, 4)) == ["2", "3", "4"]


def test_the_newest_frame_stays_however_large(monkeypatch):
    monkeypatch.setattr(module, "_LIMIT", 1)
    assert held(ring(0, 1, 2)) == ["2"]


def test_frames_from_a_moment_on():
    made = ring(0, 1, 2)
    assert [frame.part for frame in made.since(NOON_US + SECOND)] == ["1", "2"]


def test_a_frame_is_found_by_its_name():
    made = ring(0, 1, 2)
    assert made.find("camera", "1").moment == NOON_US + SECOND
    assert made.find("camera", "9") is None
    assert made.find("other", "1") is None


def test_the_newest_moment_is_known():
    assert ring(0, 3).newest == NOON_US + 3 * SECOND
    assert Ring(1.0).newest < codec.micros(at(-(10**9)))


def test_a_frame_keeps_its_colours():
    picture = np.zeros((16, 16, 3), np.uint8)
    picture[..., 0] = 250  # red
    blue, _, red = pixels(keep(sample(0), Image(pixels=picture)))[8, 8]
    assert red > 240
    assert blue < 15


def test_a_frame_of_fractions_is_kept():
    assert abs(int(pixels(keep(sample(0), Image(pixels=np.full((8, 8, 3), 0.5, np.float32)))).mean()) - 128) < 3


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_a_grey_frame_is_kept_in_the_colours_that_players_want(dtype):
    level = {np.uint8: 200, np.float32: 200 / 255}[dtype]
    frame = keep(sample(0), Image(pixels=np.full((8, 12), level, dtype)))
    assert frame.size == (12, 8)
    assert abs(int(pixels(frame).mean()) - 200) < 3


def test_a_frame_that_is_too_large_for_a_jpeg_is_told():
    with pytest.raises((FoveaError, cv2.error)):
        keep(sample(0), Image(pixels=np.zeros((1, 70_000), np.uint8)))
