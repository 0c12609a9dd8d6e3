"""Films of frames that are JPEGs already: Motion JPEG in an AVI file, which any player and OpenCV itself read.

The pictures go into the film as they are: nothing is decoded, so that ten minutes of frames take seconds, and what
evidence shows is what was kept. Layout: *AVI RIFF File Reference* (Microsoft), one list of frames and an index.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

FPS = (0.2, 60.0)
"""Slowest and fastest film that players are sure to show."""

_HEADER = 224
"""Bytes before the first frame; its fields are filled in once they are known."""

_KEY_FRAME = 0x10
_HAS_INDEX = 0x10
_MILLION = 1_000_000
_MOST = 2**32 - 1


@dataclass(frozen=True, slots=True)
class _Reel:
    """What the film's header tells."""

    size: tuple[int, int]
    fps: float
    frames: int
    largest: int
    length: int


def write_film(path: Path, pictures: Iterable[bytes], size: tuple[int, int], fps: float) -> int:
    """Write JPEGs of (width, height) ``size`` as a film, whole or not at all; returns how many frames it shows.

    What is no whole JPEG is left out: a power cut may leave such.

    Raises:
        OSError: the disk is full or cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".part")
    try:
        with beside.open("wb") as file:
            shown = _write(file, pictures, size, min(max(fps, FPS[0]), FPS[1]))
            file.flush()
            os.fsync(file.fileno())
        if shown:
            os.replace(beside, path)
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
    return shown


def is_whole(jpeg: bytes) -> bool:
    """True where it begins and ends as a JPEG does."""
    return jpeg.startswith(b"\xff\xd8") and jpeg.endswith(b"\xff\xd9")


def _write(file: BinaryIO, pictures: Iterable[bytes], size: tuple[int, int], fps: float) -> int:
    file.write(bytes(_HEADER))
    index, largest = [], 0
    for jpeg in pictures:
        if is_whole(jpeg):
            index.append(struct.pack("<4sIII", b"00dc", _KEY_FRAME, file.tell() - _HEADER + 4, len(jpeg)))
            file.write(_chunk(b"00dc", jpeg))
            largest = max(largest, len(jpeg))
    length = file.tell() - _HEADER
    file.write(_chunk(b"idx1", b"".join(index)))
    header = _header(_Reel(size, fps, len(index), largest, length), file.tell())
    file.seek(0)
    file.write(header)
    return len(index)


def _header(reel: _Reel, whole: int) -> bytes:
    width, height = reel.size
    main = struct.pack(
        "<14I",
        round(_MILLION / reel.fps),
        min(round(reel.largest * reel.fps), _MOST),
        0,
        _HAS_INDEX,
        reel.frames,
        0,
        1,
        reel.largest,
        *(width, height, 0, 0, 0, 0),
    )
    rate = (1000, round(reel.fps * 1000))
    stream = struct.pack(
        "<4s4sIHHIIIIIIII4H",
        *(b"vids", b"MJPG", 0, 0, 0, 0),
        *(*rate, 0, reel.frames, reel.largest, _MOST, 0),
        *(0, 0, width, height),
    )
    pixels = struct.pack("<IiiHH4sIiiII", 40, width, height, 1, 24, b"MJPG", width * height * 3, 0, 0, 0, 0)
    about = _list(b"strl", _chunk(b"strh", stream) + _chunk(b"strf", pixels))
    head = _list(b"hdrl", _chunk(b"avih", main) + about)
    return b"RIFF" + struct.pack("<I", whole - 8) + b"AVI " + head + _movie(reel.length)


def _movie(length: int) -> bytes:
    return b"LIST" + struct.pack("<I", length + 4) + b"movi"


def _list(kind: bytes, content: bytes) -> bytes:
    return _chunk(b"LIST", kind + content)


def _chunk(name: bytes, content: bytes) -> bytes:
    """Chunks begin at even bytes."""
    return name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)
