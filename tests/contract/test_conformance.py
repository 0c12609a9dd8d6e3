"""The kit rehearses streams: it finds the three shapes in order, and says what is wrong with a broken stream."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import cv2
import fovea_cameras
import fovea_studies
import numpy as np
import pytest
from fovea_studies import SIDE

from fovea.plugin import Stream, hookimpl
from fovea.testing import check_plugin

pytestmark = pytest.mark.slow


@pytest.fixture
def frames(tmp_path, request):
    for number in range(1, getattr(request, "param", 8)):
        pixels = np.full((16, 24, 3), number, np.uint8)
        cv2.imwrite(str(tmp_path / f"{number * 200}.png"), pixels)
    return tmp_path


@pytest.fixture
def slices(tmp_path):
    for number in range(80):
        head = b'{"study": "s%d", "number": %d}\n' % (number % 2, number // 2)
        (tmp_path / f"{number}.slice").write_bytes(head + bytes([number]) * (SIDE * SIDE * 3))
    return tmp_path


def notes(found, name):
    return [step.note for step in found.steps if step.name == name and step.note]


@pytest.mark.parametrize("frames", [80], indirect=True)
def test_a_stream_of_frames_is_watched_and_killed_once(frames):
    found = check_plugin(fovea_cameras, frames)
    found.require()
    (note,) = notes(found, "stream toycam")
    assert note.endswith("kept, one kill -9 inside")


def test_a_stream_of_files_is_watched_and_killed_once(slices):
    found = check_plugin(fovea_studies, slices)
    found.require()
    assert notes(found, "stream toypacs") == ["80 were kept, one kill -9 inside"]


class Cameras:
    """The cameras with another stream; a class of its own module, so that worker processes can import it."""

    def __init__(self, stream):
        self.stream = stream

    @hookimpl
    def fovea_domains(self):
        (domain,) = fovea_cameras.fovea_domains()
        return [replace(domain, streams={"toycam": self.stream})]


def faults(frames, **parts):
    own = {"kind": "frames", "open": fovea_cameras.open_camera, "rehearse": fovea_cameras.rehearsed}
    stream = Stream(**(own | parts))
    return [step.fault for step in check_plugin(Cameras(stream), frames).steps if step.name == "stream toycam"]


@contextmanager
def elsewhere(folder):
    yield "http://127.0.0.1:1"


def twice(url, view):
    for sample, image in fovea_cameras.open_camera(url, view):
        yield replace(sample, part="1"), image


def backwards(url, view):
    return iter(list(fovea_cameras.open_camera(url, view))[::-1])


def nameless(url, view):
    for sample, image in fovea_cameras.open_camera(url, view):
        yield replace(sample, part=""), image


def test_an_address_of_another_scheme_is_told(frames):
    assert faults(frames, rehearse=elsewhere) == [
        "rehearse gave 'http://127.0.0.1:1', want an address that begins with toycam://"
    ]


def test_frames_of_one_name_are_told(frames):
    assert "yielded two frames with the part '1'; give each its own" in faults(frames, open=twice)


def test_frames_out_of_order_are_told(frames):
    (first, *_) = faults(frames, open=backwards)
    assert first.endswith("after a younger one; frames come in order of time")


def test_a_frame_without_a_part_is_told_by_the_watch(frames, monkeypatch):
    monkeypatch.setattr("fovea.testing.streaming.PATIENCE_S", 3.0)
    told = faults(frames, open=nameless)
    assert any("give each frame both" in one for one in told if one), told


def test_the_toys_import_nothing_of_fovea_but_the_plugin_s_door():
    for module in (fovea_cameras, fovea_studies):
        source = Path(sys.modules[module.__name__].__file__).read_text()
        assert {line.split()[1] for line in source.splitlines() if line.startswith(("from fovea", "import fovea"))} == {
            "fovea.plugin"
        }
