"""The dataset adapter: folders of frames, one folder a clip."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

from fovea.plugin import PathPattern, Sample, find_files
from fovea_security.settings import SecurityView

ROLE = "event"

_NO_ATTRIBUTES = frozenset({"event", "frame", "name"})


def read_samples(root: Path, view: SecurityView) -> Iterator[Sample]:
    """Samples of the frames below ``root``.

    A clip's folder is the unit; ``order`` is the number at the end of the frame's name, so that frame 10 comes after
    frame 9. The group is the camera, or the clip where the pattern names no camera: frames of one clip differ by a
    thirtieth of a second, and must never stand on both sides of a split. A frame whose path does not fit is
    still yielded, without a target and with the attribute ``unmatched`` = 1.

    Raises:
        OSError: where ``root`` cannot be listed.
    """
    pattern = PathPattern(view.pattern)
    for source in find_files(root):
        read = pattern.read(source)
        holes = {hole: _clean(text) for hole, text in (read or {}).items()}
        folder, name = posixpath.split(source)
        yield Sample(
            source=source,
            targets={ROLE: holes["event"]} if "event" in holes else {},
            group=holes.get("camera") or holes.get("clip") or _clean(folder),
            unit=_clean(folder),
            order=frame_number(name),
            attributes={hole: text for hole, text in holes.items() if hole not in _NO_ATTRIBUTES}
            | ({} if read is not None else {"unmatched": 1.0}),
        )


def frame_number(name: str) -> float:
    """The last number in a frame's name, 0 without one.

    >>> frame_number("frame_0010.jpg"), frame_number("cam2-9.png"), frame_number("still.jpg")
    (10.0, 9.0, 0.0)
    """
    numbers = re.findall(r"\d{1,15}", re.sub(r"\.[^.]*$", "", name), re.ASCII)
    return float(numbers[-1]) if numbers else 0.0


def _clean(text: str) -> str:
    return os.fsencode(text).decode("utf-8", "backslashreplace")
