"""The last seconds of a unit's prepared frames, compressed: what a clip of what led to a finding is made from."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from fovea.errors import FoveaError
from fovea.plugin import Image, Sample
from fovea.store import codec

SECOND = 1_000_000
"""Times are microseconds since 1970 in UTC here: in a zone whose clocks change, an hour may come twice."""

_QUALITY = 90
"""JPEG quality of kept frames: a 1080p frame takes about 0.4 MB against 6 MB of pixels."""

_SLACK_S = 20.0
"""Seconds kept beyond what the domain asks for: a finding may say that it began a while ago."""

_LIMIT = 64 * 2**20
"""Bytes of frames that a unit may hold, whatever its frame rate."""

_GREY = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One prepared frame, as a JPEG of (width, height) ``size``; ``moment`` in microseconds since 1970."""

    source: str
    part: str
    moment: int
    zone: str
    size: tuple[int, int]
    jpeg: bytes


class Ring:
    """A unit's last frames, oldest first; ``span`` is how far back they reach, in microseconds."""

    def __init__(self, before_s: float) -> None:
        self.span = round((before_s + _SLACK_S) * SECOND)
        self._frames: deque[Frame] = deque()
        self._bytes = 0

    def add(self, frame: Frame) -> None:
        """Keep a frame, and let go of what is too old or too much."""
        self._frames.append(frame)
        self._bytes += len(frame.jpeg)
        while self._frames[0].moment < frame.moment - self.span or (self._bytes > _LIMIT and len(self._frames) > 1):
            self._bytes -= len(self._frames.popleft().jpeg)

    @property
    def newest(self) -> int:
        """Moment of the last frame; before all time where there is none."""
        return self._frames[-1].moment if self._frames else -(1 << 62)

    def since(self, moment: int) -> Iterator[Frame]:
        """The frames from a moment on."""
        return (frame for frame in self._frames if frame.moment >= moment)

    def find(self, source: str, part: str) -> Frame | None:
        """The frame of that name, where it is still here."""
        return next((frame for frame in reversed(self._frames) if (frame.source, frame.part) == (source, part)), None)


def keep(sample: Sample, image: Image) -> Frame:
    """A prepared frame as it is kept; its sample has a time.

    Raises:
        FoveaError: it is too large for a JPEG.
    """
    import cv2
    import numpy as np

    pixels = image.pixels
    if pixels.dtype != np.uint8:
        pixels = np.rint(pixels * 255).astype(np.uint8)
    code = cv2.COLOR_GRAY2BGR if pixels.ndim == _GREY else cv2.COLOR_RGB2BGR  # players want colour
    done, jpeg = cv2.imencode(".jpg", cv2.cvtColor(pixels, code), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    height, width = pixels.shape[:2]
    time = sample.time
    if not done or time is None:
        raise FoveaError(f"a frame of {width} x {height} pixels cannot be kept for a clip")
    zone = codec.zone_name(time)
    moment = codec.micros(time)
    return Frame(
        source=sample.source, part=sample.part, moment=moment, zone=zone, size=(width, height), jpeg=jpeg.tobytes()
    )
