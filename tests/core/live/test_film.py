from __future__ import annotations

import errno

import cv2
import numpy as np
import pytest

from fovea.live import film as module
from fovea.live.film import is_whole, write_film


def jpeg(level, size=(47, 33)):
    return cv2.imencode(".jpg", np.full((size[1], size[0], 3), level, np.uint8))[1].tobytes()


def frames(path, backend=cv2.CAP_ANY):
    found, reader = [], cv2.VideoCapture(str(path), backend)
    while (read := reader.read())[0]:
        found.append(read[1])
    reader.release()
    return found


@pytest.mark.parametrize("backend", [cv2.CAP_ANY, cv2.CAP_OPENCV_MJPEG])
def test_a_film_shows_each_picture_in_order(tmp_path, backend):
    path = tmp_path / "a" / "b.avi"
    assert write_film(path, [jpeg(level) for level in (10, 100, 200)], (47, 33), 5) == 3
    assert [one.shape for one in frames(path, backend)] == [(33, 47, 3)] * 3
    assert [round(one.mean() / 10) for one in frames(path, backend)] == [1, 10, 20]


@pytest.mark.parametrize("given, shown", [(12.5, 12.5), (1000, 60), (0.001, 0.2)])
def test_a_film_has_a_speed_that_players_show(tmp_path, given, shown):
    write_film(tmp_path / "a.avi", [jpeg(1)] * 4, (47, 33), given)
    reader = cv2.VideoCapture(str(tmp_path / "a.avi"), cv2.CAP_OPENCV_MJPEG)
    assert reader.get(cv2.CAP_PROP_FPS) == pytest.approx(shown, rel=0.01)
    assert reader.get(cv2.CAP_PROP_FRAME_COUNT) == 4
    reader.release()


@pytest.mark.parametrize("torn", [b"", b"\xff\xd8\xff", jpeg(50)[:-20], bytes(300)])
def test_what_is_no_whole_jpeg_is_left_out(tmp_path, torn):
    assert not is_whole(torn)
    assert write_film(tmp_path / "a.avi", [jpeg(10), torn, jpeg(200)], (47, 33), 5) == 2
    assert [round(one.mean() / 10) for one in frames(tmp_path / "a.avi")] == [1, 20]


def test_a_film_of_nothing_is_none(tmp_path):
    assert write_film(tmp_path / "a.avi", [b""], (47, 33), 5) == 0
    assert list(tmp_path.iterdir()) == []


def test_a_film_appears_whole_or_not_at_all(tmp_path):
    def pictures():
        yield jpeg(1)
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        write_film(tmp_path / "a.avi", pictures(), (47, 33), 5)
    assert list(tmp_path.iterdir()) == []


def test_a_film_replaces_its_elder(tmp_path):
    for count in (5, 2):
        write_film(tmp_path / "a.avi", [jpeg(1)] * count, (47, 33), 5)
    assert len(frames(tmp_path / "a.avi")) == 2


def test_the_header_is_as_long_as_the_room_for_it():
    assert len(module._header(module._Reel((8, 6), 60.0, 1, 2**31, 3), 2**31)) == module._HEADER
