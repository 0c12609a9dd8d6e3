"""Writing pictures as phones do: JPEG with EXIF time, place, maker and orientation, and damaged files."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from leaf_camera import Phone
from numpy.typing import NDArray
from PIL import Image

# Quarter turns (anticlockwise) that the stored pixels have been given, per EXIF Orientation: a viewer
# that honours the tag turns them back.
STORED_TURNS = {1: 0, 3: 2, 6: 1, 8: 3}


@dataclass(frozen=True)
class Stamp:
    """What EXIF says about a picture."""

    taken: datetime  # local time with its zone
    latitude: float  # degrees, north positive
    longitude: float  # degrees, east positive
    orientation: int = 1


def _degrees(value: float) -> tuple[float, float, float]:
    """Degrees, minutes, seconds of an angle, all positive."""
    minutes, seconds = divmod(abs(value) * 3600, 60)
    degrees, minutes = divmod(minutes, 60)
    return degrees, minutes, round(seconds, 3)


def exif(stamp: Stamp, phone: Phone) -> Image.Exif:
    """The EXIF block for a stamp."""
    block = Image.Exif()
    block[0x010F], block[0x0110] = phone.make, phone.model
    block[0x0112] = stamp.orientation
    time = stamp.taken.strftime("%Y:%m:%d %H:%M:%S")
    block[0x0132] = time
    detail = block.get_ifd(0x8769)
    zone = stamp.taken.isoformat()[-6:]  # such as +02:00
    detail[0x9003], detail[0x9011] = time, zone  # DateTimeOriginal, OffsetTimeOriginal
    place = block.get_ifd(0x8825)
    place[1], place[2] = "N" if stamp.latitude >= 0 else "S", _degrees(stamp.latitude)
    place[3], place[4] = "E" if stamp.longitude >= 0 else "W", _degrees(stamp.longitude)
    return block


def jpeg(picture: NDArray[np.uint8], stamp: Stamp, phone: Phone) -> bytes:
    """Encode an upright (h, w, 3) RGB picture; pixels are stored turned as the orientation tag says."""
    stored = np.ascontiguousarray(np.rot90(picture, STORED_TURNS[stamp.orientation]))
    sink = io.BytesIO()
    Image.fromarray(stored).save(sink, "JPEG", quality=phone.quality, exif=exif(stamp, phone))
    return sink.getvalue()


def as_png(data: bytes) -> bytes:
    """The same picture as PNG."""
    sink = io.BytesIO()
    Image.open(io.BytesIO(data)).convert("RGB").save(sink, "PNG")
    return sink.getvalue()


def as_cmyk(data: bytes) -> bytes:
    """The same picture as a CMYK JPEG, as layout programs export it; EXIF is lost on the way."""
    sink = io.BytesIO()
    Image.open(io.BytesIO(data)).convert("CMYK").save(sink, "JPEG", quality=88)
    return sink.getvalue()


def write(path: Path, data: bytes) -> None:
    """Write a file, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
