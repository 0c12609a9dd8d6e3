"""The last seconds of a unit's prepared frames, compressed: what a clip of what led to a finding is made from."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from fovea.plugin import Image, Sample

_QUALITY = 90
"""JPEG quality of kept frames: a 1080p frame takes about 0.4 MB against 6 MB of pixels."""

_SLACK_S = 20.0
"""Seconds kept beyond what the domain asks for: a finding may say that it began a while ago."""

_LIMIT = 64 * 2**20
"""Bytes of frames that a unit may hold, whatever its frame rate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One prepared frame, as a JPEG."""

    source: str
    part: str
    time: datetime
    jpeg: bytes


class Ring:
    """A unit's last frames, oldest first."""

    def __init__(self, before_s: float) -> None:
        self._span = timedelta(seconds=before_s + _SLACK_S)
        self._frames: deque[Frame] = deque()
        self._bytes = 0

    def add(self, frame: Frame) -> None:
        """Keep a frame, and let go of what is too old or too much."""
        self._frames.append(frame)
        self._bytes += len(frame.jpeg)
        while self._frames[0].time < frame.time - self._span or (self._bytes > _LIMIT and len(self._frames) > 1):
            self._bytes -= len(self._frames.popleft().jpeg)

    def since(self, time: datetime) -> Iterator[Frame]:
        """The frames from a moment on."""
        return (frame for frame in self._frames if frame.time >= time)

    def find(self, source: str, part: str) -> Frame | None:
        """The frame of that name, where it is still here."""
        return next((frame for frame in reversed(self._frames) if (frame.source, frame.part) == (source, part)), None)


def keep(sample: Sample, image: Image) -> Frame:
    """A prepared frame as it is kept; its sample has a time."""
    import cv2
    import numpy as np

    pixels = image.pixels
    if pixels.dtype != np.uint8:
        pixels = np.rint(pixels * 255).astype(np.uint8)
    in_order = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)  # noqa: PLR2004 - grey
    _, jpeg = cv2.imencode(".jpg", in_order, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    time = sample.time
    assert time is not None  # noqa: S101 - frames of streams have one, or are refused
    return Frame(source=sample.source, part=sample.part, time=time, jpeg=jpeg.tobytes())
