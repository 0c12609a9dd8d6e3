"""Clips of findings: the prepared frames from a while before to a while after."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

from fovea.errors import FoveaError
from fovea.live.film import write_film
from fovea.live.ring import SECOND, Frame, Ring
from fovea.live.spool import Window, put, short, spool_of
from fovea.plugin import Clip, Decision
from fovea.store import codec


class Clips:
    """The clips of one unit; times are microseconds since 1970.

    Args:
        folder: the site's folder of clips.
        stream: that brings the unit's frames.
        unit: whose.
        keep: seconds of frames (before, after) a finding; (0, 0) makes no clips.
        done: keys of findings that have their clip; added to.
        left: windows that an earlier process was in the middle of.
    """

    def __init__(
        self,
        folder: Path,
        stream: str,
        unit: str,
        keep: tuple[float, float],
        done: set[str],
        left: Iterable[Window] = (),
    ) -> None:
        self._folder, self._stream, self._unit, self._done = folder, stream, unit, done
        self._before, self._after = (round(seconds * SECOND) for seconds in keep)
        self._windows = {window.key: window for window in left}
        self.wanted = any(keep)

    def add(self, frame: Frame) -> None:
        """A new frame came. Raises FoveaError where it cannot be written."""
        for window in self._windows.values():
            window.add(frame)

    def follow(self, decision: Decision, now: int, ring: Ring) -> None:
        """A decision was made at ``now``: its clip begins, or its end is known.

        Raises:
            FoveaError: it cannot be written.
        """
        if not self.wanted:
            return
        window = self._windows.get(decision.key)
        if window is None and decision.is_finding and decision.key not in self._done:
            window = self._open(decision, now, ring)
        if window is not None:
            self._show(decision, ring)
            if decision.state == "closed" or not decision.is_finding:
                window.until = _moment(decision.end, now) + self._after
                window.note()

    def over(self, now: int) -> Iterator[Clip | FoveaError]:
        """The clips that are complete at ``now``, or what came in their way; each is let go of once it was taken."""
        for window in [window for window in self._windows.values() if now > window.limit]:
            yield from self._finish(window)

    def end(self) -> Iterator[Clip | FoveaError]:
        """The unit is over: every clip is complete."""
        for window in list(self._windows.values()):
            yield from self._finish(window)

    def _open(self, decision: Decision, now: int, ring: Ring) -> Window:
        """A clip from as long before as is kept, however long ago its finding says that it began."""
        start = max(_moment(decision.start, now) - self._before, now - ring.span)
        key = decision.key
        zone = next((frame.zone for frame in ring.since(start)), "UTC")
        window = Window(
            self._stream, self._unit, key, zone, start, None, spool_of(self._folder, self._stream, self._unit, key)
        )
        window.begin()
        self._windows[key] = window
        for frame in ring.since(start):
            window.add(frame)
        return window

    def _show(self, decision: Decision, ring: Ring) -> None:
        """Keep the very frames that the evidence names, for pages and exports."""
        for evidence in decision.evidence:
            frame, path = ring.find(evidence.source, evidence.part), still(self._folder, evidence.source, evidence.part)
            if frame is not None and not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                put(path, frame.jpeg)

    def _finish(self, window: Window) -> Iterator[Clip | FoveaError]:
        self._windows.pop(window.key)
        self._done.add(window.key)
        yield from finish(self._folder, window)


def finish(folder: Path, window: Window) -> Iterator[Clip | FoveaError]:
    """The clip of a window that is over, or what came in its way; its spool goes once the clip was taken.

    A disk that is full costs the clip: to keep its frames would keep it full.
    """
    try:
        clip = _film(folder, window)
    except Exception as error:  # noqa: BLE001 - nothing about a clip may cost more than the clip
        yield FoveaError(f"a clip could not be made in {folder}: {getattr(error, 'strerror', None) or error}")
    else:
        if clip is not None:
            yield clip
    window.remove()


def still(folder: Path, source: str, part: str) -> Path:
    """Where the frame that an evidence names is kept, below a site's folder of clips."""
    return folder / "stills" / f"{short(json.dumps([source, part]))}.jpg"


def _film(folder: Path, window: Window) -> Clip | None:
    frames = window.frames()
    if not frames:
        return None
    first, last, size = frames[0][0], frames[-1][0], frames[0][1]
    start, end = codec.moment(first, window.zone), codec.moment(last, window.zone)
    path = folder / short(window.unit) / f"{start:%Y%m%dT%H%M%S}-{short(window.key)}.avi"
    fps = (len(frames) - 1) * SECOND / (last - first) if last > first else 1.0
    shown = write_film(path, (_picture(path, its, size) for _, its, path in frames), size, fps)
    if not shown:
        return None
    return Clip(unit=window.unit, key=window.key, path=path, start=start, end=end, frames=shown)


def _picture(path: Path, its: tuple[int, int], size: tuple[int, int]) -> bytes:
    """A frame as a JPEG of the film's size."""
    jpeg = path.read_bytes()
    if its == size or not jpeg:
        return jpeg
    import cv2
    import numpy as np

    pixels = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    return b"" if pixels is None else cv2.imencode(".jpg", cv2.resize(pixels, size))[1].tobytes()


def _moment(time: datetime | None, now: int) -> int:
    return now if time is None else codec.micros(time)
