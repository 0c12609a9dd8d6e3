"""Clips of findings: the prepared frames from a while before to a while after, on disk as they come.

Frames are spooled one file each as soon as a finding opens, so that a process that is killed inside an alarm has
lost nothing of it; when the finding's time is over the spool becomes one film.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from fovea.errors import FoveaError
from fovea.live.ring import Frame, Ring
from fovea.plugin import Clip, Decision

LONGEST_S = 600.0
"""Seconds after which a clip ends, however long its finding goes on: a disk must not fill with one alarm."""

_FPS = (0.2, 60.0)
"""Slowest and fastest film that players are sure to show."""


@dataclass(slots=True)
class _Window:
    """A clip that is being made: from ``start`` until ``until``, which is not known while its finding is open."""

    key: str
    start: datetime
    until: datetime | None
    spool: Path

    def covers(self, time: datetime) -> bool:
        return self.start <= time <= self.limit

    @property
    def limit(self) -> datetime:
        last = self.start + timedelta(seconds=LONGEST_S)
        return last if self.until is None else min(self.until, last)


class Clips:
    """The clips of one unit.

    Args:
        folder: the site's folder of clips.
        unit: whose.
        keep: seconds of frames (before, after) a finding; (0, 0) makes no clips.
        done: keys of findings that have their clip.
    """

    def __init__(self, folder: Path, unit: str, keep: tuple[float, float], done: Sequence[str] = ()) -> None:
        self._folder, self._unit, self._done = folder, unit, set(done)
        self._before, self._after = (timedelta(seconds=seconds) for seconds in keep)
        self._spools = folder / "spool" / _short(unit)
        self._windows = {window.key: window for window in self._resumed()} if any(keep) else {}
        self.wanted = any(keep)

    def add(self, frame: Frame) -> None:
        """A new frame came."""
        for window in self._windows.values():
            if window.covers(frame.time):
                _spool(window, frame)

    def follow(self, decision: Decision, now: datetime, ring: Ring) -> None:
        """A decision was made at ``now``: its clip begins, or its end is known."""
        if not self.wanted:
            return
        window = self._windows.get(decision.key)
        if window is None and decision.is_finding and decision.key not in self._done:
            window = self._open(decision, now, ring)
        if window is not None:
            self._show(decision, ring)
            if decision.state == "closed" or not decision.is_finding:
                window.until = (decision.end or now) + self._after
                _write_window(window)

    def over(self, now: datetime) -> list[Clip]:
        """The clips that are complete at ``now``."""
        ready = [window for window in self._windows.values() if now > window.limit]
        return [clip for window in ready if (clip := self._finish(window)) is not None]

    def end(self) -> list[Clip]:
        """The unit is over: every clip is complete."""
        return [clip for window in list(self._windows.values()) if (clip := self._finish(window)) is not None]

    def _open(self, decision: Decision, now: datetime, ring: Ring) -> _Window:
        start = (decision.start or now) - self._before
        window = _Window(decision.key, start, None, self._spools / _short(decision.key))
        window.spool.mkdir(parents=True, exist_ok=True)
        _write_window(window)
        for frame in ring.since(start):
            _spool(window, frame)
        self._windows[decision.key] = window
        return window

    def _show(self, decision: Decision, ring: Ring) -> None:
        """Keep the very frames that the evidence names, for pages and exports."""
        for evidence in decision.evidence:
            frame, path = ring.find(evidence.source, evidence.part), still(self._folder, evidence.source, evidence.part)
            if frame is not None and not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                _put(path, frame.jpeg)

    def _finish(self, window: _Window) -> Clip | None:
        self._windows.pop(window.key)
        self._done.add(window.key)
        frames = sorted(path for path in window.spool.glob("*.jpg") if path.stat().st_size)
        times = [_moment(path, window.start) for path in frames]
        name = f"{window.start:%Y%m%dT%H%M%S}-{_short(window.key)}.avi"
        path = self._folder / _short(self._unit) / name
        shown = _film(frames, times, path) if frames else 0
        shutil.rmtree(window.spool, ignore_errors=True)
        if not shown:
            return None
        return Clip(unit=self._unit, key=window.key, path=path, start=times[0], end=times[-1], frames=shown)

    def _resumed(self) -> Iterator[_Window]:
        """The windows that an earlier process was in the middle of."""
        for note in sorted(self._spools.glob("*/window.json")):
            with suppress(ValueError, KeyError):
                told: dict[str, Any] = json.loads(note.read_text(encoding="utf-8"))
                until = told["until"] and datetime.fromisoformat(told["until"])
                yield _Window(told["key"], datetime.fromisoformat(told["start"]), until, note.parent)


def still(folder: Path, source: str, part: str) -> Path:
    """Where the frame that an evidence names is kept, below a site's folder of clips."""
    return folder / "stills" / f"{_short(json.dumps([source, part]))}.jpg"


def _short(text: str) -> str:
    """A name for the file system: units and keys may be anything."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _write_window(window: _Window) -> None:
    until = window.until and window.until.isoformat()
    text = json.dumps({"key": window.key, "start": window.start.isoformat(), "until": until})
    _put(window.spool / "window.json", text.encode("utf-8"))


def _spool(window: _Window, frame: Frame) -> None:
    _put(window.spool / f"{round(frame.time.timestamp() * 1e6):020d}.jpg", frame.jpeg)


def _put(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    beside = path.with_suffix(".part")
    try:
        beside.write_bytes(content)
        os.replace(beside, path)
    except OSError as error:
        raise FoveaError(f"a clip could not be written to {path.parent}: {error.strerror or error}") from None


def _moment(path: Path, near: datetime) -> datetime:
    return datetime.fromtimestamp(int(path.stem) / 1e6, near.tzinfo)


def _film(frames: Sequence[Path], times: Sequence[datetime], path: Path) -> int:
    """Write Motion JPEG, which any reader decodes, fitting all frames to the first; returns how many there are."""
    import cv2

    span = (times[-1] - times[0]).total_seconds()
    fps = min(max((len(times) - 1) / span, _FPS[0]), _FPS[1]) if span else 1.0
    path.parent.mkdir(parents=True, exist_ok=True)
    beside, film, shown = path.with_suffix(".part.avi"), None, 0
    for frame in frames:
        pixels = cv2.imread(str(frame))
        if pixels is None:  # a power cut may leave what is no picture
            continue
        if film is None:
            size, code = (pixels.shape[1], pixels.shape[0]), cv2.VideoWriter.fourcc(*"MJPG")
            film = cv2.VideoWriter(str(beside), cv2.CAP_OPENCV_MJPEG, code, fps, size)
        film.write(cv2.resize(pixels, size))
        shown += 1
    if film is not None:
        film.release()
        os.replace(beside, path)
    return shown
