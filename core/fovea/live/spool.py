"""Where the frames of a clip wait until its finding is over: a folder a clip, a file a frame, and a note.

All of it is on disk as it comes, so that a process that is killed inside an alarm has lost nothing of it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fovea.errors import FoveaError
from fovea.live.ring import SECOND, Frame

LONGEST_S = 600.0
"""Seconds after which a clip ends, however long its finding goes on: a disk must not fill with one alarm."""

LARGEST = 2**30
"""Bytes of frames after which a clip takes no more; players read no AVI file that is much larger."""

_NOTE = "window.json"
_NAME = re.compile(r"(\d{15})-(\d+)x(\d+)-[0-9a-f]{16}\.jpg")


@dataclass(slots=True)
class Window:
    """A clip that is being made: of ``start`` until ``until``, which is not known while its finding is open.

    Args:
        stream: whose process makes it.
        unit: of its finding.
        key: of its finding.
        zone: name of the time zone it is shown in.
        start: microseconds since 1970.
        until: the same, or None.
        folder: its spool.
        size: bytes in there.
    """

    stream: str
    unit: str
    key: str
    zone: str
    start: int
    until: int | None
    folder: Path
    size: int = 0

    @property
    def limit(self) -> int:
        """The moment after which nothing is added."""
        last = self.start + round(LONGEST_S * SECOND)
        return last if self.until is None else min(self.until, last)

    def begin(self) -> None:
        """Make the spool. Raises FoveaError where it cannot be written."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _not_written(self.folder, error) from None
        self.note()

    def note(self) -> None:
        """Write down what a later process must know. Raises FoveaError where it cannot be written."""
        names = ("stream", "unit", "key", "zone", "start", "until")
        text = json.dumps({name: getattr(self, name) for name in names})
        put(self.folder / _NOTE, text.encode("utf-8"))

    def add(self, frame: Frame) -> None:
        """Spool a frame, where it belongs to the clip. Raises FoveaError where it cannot be written."""
        if self.start <= frame.moment <= self.limit and self.size < LARGEST:
            width, height = frame.size
            name = f"{frame.moment - self.start:015}-{width}x{height}-{short(frame.part)}.jpg"
            put(self.folder / name, frame.jpeg)
            self.size += len(frame.jpeg)

    def frames(self) -> list[tuple[int, tuple[int, int], Path]]:
        """Moment, (width, height) and file of each frame, in order of time."""
        found = [(_NAME.fullmatch(path.name), path) for path in sorted(self.folder.iterdir())]
        return [(self.start + int(m[1]), (int(m[2]), int(m[3])), path) for m, path in found if m is not None]

    def remove(self) -> None:
        """Let go of it; the note first, so that what a kill leaves is no clip any more."""
        with suppress(OSError):
            (self.folder / _NOTE).unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)


def spool_of(clips: Path, stream: str, unit: str, key: str) -> Path:
    """The spool of one finding, below a site's folder of clips."""
    return clips / "spool" / short(stream) / short(unit) / short(key)


def left_over(clips: Path, stream: str) -> Iterator[Window]:
    """The windows that an earlier process of the stream was in the middle of."""
    for folder in sorted((clips / "spool" / short(stream)).glob("*/*")):
        try:
            told: dict[str, Any] = json.loads((folder / _NOTE).read_text(encoding="utf-8"))
            size = sum(path.stat().st_size for path in folder.glob("*.jpg"))
            window = Window(**told, folder=folder, size=size)
        except (FileNotFoundError, ValueError, TypeError):  # it was being removed, or a power cut tore the note
            shutil.rmtree(folder, ignore_errors=True)
        except OSError:  # it may be read another time
            continue
        else:
            yield window


def short(text: str) -> str:
    """A name for the file system: units, keys and parts may be anything."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def put(path: Path, content: bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        FoveaError: it cannot be written.
    """
    beside = path.with_suffix(".part")
    try:
        beside.write_bytes(content)
        os.replace(beside, path)
    except OSError as error:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise _not_written(path.parent, error) from None


def _not_written(folder: Path, error: OSError) -> FoveaError:
    return FoveaError(f"a clip could not be written to {folder}: {error.strerror or error}")
