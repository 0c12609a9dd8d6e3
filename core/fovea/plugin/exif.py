"""What a camera wrote beside its pixels: when, where, with what. Only the file's headers are read.

Tags and their meaning: Exif 2.32 (CIPA DC-008), sections 4.6.4 to 4.6.6. Loads neither numpy nor opencv.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from fractions import Fraction
from pathlib import Path

from fovea.plugin.imaging import headers, tiff
from fovea.plugin.imaging.faults import Refused
from fovea.plugin.imaging.tags import (
    BadTagsError,
    Directory,
    Layout,
    ReadAt,
    orientation,
    read_directory,
    read_layout,
    within,
)
from fovea.plugin.values import Place

_MAKE, _MODEL, _CHANGED, _EXIF, _GPS = 271, 272, 306, 0x8769, 0x8825
_TAKEN, _ZONE_CHANGED, _ZONE_TAKEN, _SUBSECOND = 0x9003, 0x9010, 0x9011, 0x9291
_LATITUDE, _LONGITUDE, _ALTITUDE_REF, _ALTITUDE, _GPS_TIME, _GPS_STATUS, _GPS_DATE = (1, 2), (3, 4), 5, 6, 7, 9, 29
_FIRST = frozenset({_MAKE, _MODEL, _CHANGED, _EXIF, _GPS})
_SECOND = frozenset({_TAKEN, _ZONE_CHANGED, _ZONE_TAKEN, _SUBSECOND})
_PLACE = frozenset({1, 2, 3, 4, 5, 6, 7, 9, 29})
_YEARS = range(1990, 2100)
"""Digital cameras did not exist before; a dead clock says 1970 or 1980."""
_HIGHEST_M, _LOWEST_M = 50_000, -500
_MOST_CHUNKS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Exif:
    """What the file says of its picture; what it does not say, or says absurdly, is None, empty or 0.

    Args:
        time: when it was taken, with a zone.
        place: where.
        camera: make and model.
        orientation: 1 to 8, how the stored picture is to be turned; 1 where nothing is said.
        width: stored width in pixels, before it is turned.
        height: stored height in pixels.
    """

    time: datetime | None = None
    place: Place | None = None
    camera: str = ""
    orientation: int = 1
    width: int = 0
    height: int = 0


def read_exif(path: Path, *, zone: tzinfo | None = None) -> Exif:
    """Read a photo's EXIF block; a bad file gives an empty answer and never raises.

    Args:
        path: a JPEG, PNG, TIFF, WebP or BMP.
        zone: the zone of the camera's clock, used where the file names neither an offset nor GPS time. Without it
            such a picture has no time.
    """
    try:
        with path.open("rb", buffering=0) as file:
            handle = file.fileno()
            if not os.path.isfile(handle):
                return Exif()
            return _read(lambda offset, length: _at(handle, offset, length), zone)
    except (OSError, ValueError, Refused):
        return Exif()


def _at(handle: int, offset: int, length: int) -> bytes:
    try:
        os.lseek(handle, offset, os.SEEK_SET)
        return os.read(handle, length)
    except OverflowError:
        return b""


def _read(read: ReadAt, zone: tzinfo | None) -> Exif:
    kind = headers.sniff(read(0, 16))
    if kind == "TIFF":
        page = tiff.measure(read, 1)
        return _facts(read, page.header, page.header.orientation, zone)
    header = {
        "JPEG": headers.jpeg_header,
        "PNG": headers.png_header,
        "WebP": headers.webp_header,
        "BMP": headers.bmp_header,
    }[kind](read)
    block = header.exif or _chunk(read, kind)
    exif = block.removeprefix(b"Exif\0\0")
    return _facts(within(exif), header, orientation(exif), zone)


def _chunk(read: ReadAt, kind: headers.Format) -> bytes:
    """The EXIF chunk of a PNG or WebP, found by stepping from chunk to chunk."""
    offset, order, wanted, beside = {"PNG": (8, ">I4s", b"eXIf", 12), "WebP": (12, "<4sI", b"EXIF", 8)}.get(
        kind, (0, "", b"", 0)
    )
    for _ in range(_MOST_CHUNKS if order else 0):
        head = read(offset, 8)
        if len(head) < 8:  # noqa: PLR2004 - a name and a length
            break
        first, second = struct.unpack(order, head)
        name, length = (second, first) if kind == "PNG" else (first, second)
        if name == wanted:
            return read(offset + 8, min(length, 1 << 20))
        offset += beside + length + (length % 2 if kind == "WebP" else 0)
    return b""


def _facts(read: ReadAt, header: headers.Header, turned: int, zone: tzinfo | None) -> Exif:
    bare = Exif(orientation=turned, width=header.width, height=header.height)
    try:
        layout = read_layout(read)
        first = read_directory(read, layout, layout.first, _FIRST)
    except BadTagsError:
        return bare
    gps = _below(read, layout, first.number(_GPS, 0), _PLACE)
    taken = _below(read, layout, first.number(_EXIF, 0), _SECOND)
    return replace(bare, time=_time(first, taken, gps, zone), place=_place(gps), camera=_camera(first))


def _below(read: ReadAt, layout: Layout, offset: int, wanted: frozenset[int]) -> Directory:
    try:
        return read_directory(read, layout, offset, wanted) if offset else Directory(layout.order, {}, 0)
    except BadTagsError:
        return Directory(layout.order, {}, 0)


def _text(found: Directory, tag: int) -> str:
    value = found.value(tag)
    text = value.split(b"\0")[0].decode("utf-8", "replace") if isinstance(value, bytes) else ""
    return "".join(letter for letter in text if letter.isprintable()).strip()


def _camera(first: Directory) -> str:
    make, model = _text(first, _MAKE)[:64], _text(first, _MODEL)[:64]
    return model if model.lower().startswith(make.lower()) else f"{make} {model}".strip()


def _time(first: Directory, taken: Directory, gps: Directory, zone: tzinfo | None) -> datetime | None:
    local = _clock(_text(taken, _TAKEN), _text(taken, _SUBSECOND))
    offset = _offset(_text(taken, _ZONE_TAKEN))
    if local is None:
        local, offset = _clock(_text(first, _CHANGED), ""), _offset(_text(taken, _ZONE_CHANGED))
    if local is not None and offset is not None:
        return local.replace(tzinfo=offset)
    satellite = _gps_time(gps)
    if satellite is not None or local is None or zone is None:
        return satellite
    return local.replace(tzinfo=zone)


def _clock(text: str, fraction: str) -> datetime | None:
    found = re.match(r"(\d{4})[:-](\d\d)[:-](\d\d)[ T](\d\d):(\d\d):(\d\d)", text, re.ASCII)
    if not found or int(found[1]) not in _YEARS:
        return None
    part = fraction[:6].ljust(6, "0") if fraction.isascii() and fraction.isdecimal() else "000000"
    try:
        return datetime.strptime(f"{' '.join(found.groups())} {part}", "%Y %m %d %H %M %S %f")  # noqa: DTZ007
    except ValueError:
        return None


def _offset(text: str) -> timezone | None:
    found = re.match(r"([+-])(\d\d):?(\d\d)", text, re.ASCII)
    if text == "Z":
        return UTC
    if not found or int(found[2]) > 14 or int(found[3]) > 59:  # noqa: PLR2004 - there are no others
        return None
    away = timedelta(hours=int(found[2]), minutes=int(found[3]))
    return timezone(-away if found[1] == "-" else away)


def _gps_time(gps: Directory) -> datetime | None:
    parts = _numbers(gps, _GPS_TIME)
    day = _clock(f"{_text(gps, _GPS_DATE)} 00:00:00", "")
    if day is None or len(parts) != 3:  # noqa: PLR2004 - hours, minutes, seconds
        return None
    seconds = parts[0] * 3600 + parts[1] * 60 + parts[2]
    return day.replace(tzinfo=UTC) + timedelta(seconds=seconds) if 0 <= seconds < 86_401 else None  # noqa: PLR2004


def _place(gps: Directory) -> Place | None:
    latitude = _degrees(gps, *_LATITUDE, {"N": 1, "S": -1})
    longitude = _degrees(gps, *_LONGITUDE, {"E": 1, "W": -1})
    if latitude is None or longitude is None or _text(gps, _GPS_STATUS) == "V":
        return None
    if not (abs(latitude) <= 90 and abs(longitude) <= 180) or latitude == longitude == 0:  # noqa: PLR2004 - degrees
        return None  # 0, 0 is what devices write that have not found themselves yet
    return Place(latitude=latitude, longitude=longitude, altitude=_altitude(gps))


def _degrees(gps: Directory, ref: int, tag: int, signs: Mapping[str, int]) -> float | None:
    sign, parts = signs.get(_text(gps, ref)[:1].upper()), _numbers(gps, tag)
    if sign is None or len(parts) != 3:  # noqa: PLR2004 - degrees, minutes, seconds
        return None
    return sign * (parts[0] + parts[1] / 60 + parts[2] / 3600)


def _altitude(gps: Directory) -> float | None:
    parts, below = _numbers(gps, _ALTITUDE), gps.value(_ALTITUDE_REF)
    if len(parts) != 1:
        return None
    metres = -parts[0] if below in ((1,), b"\x01") else parts[0]
    return metres if _LOWEST_M <= metres <= _HIGHEST_M else None


def _numbers(found: Directory, tag: int) -> tuple[float, ...]:
    value = found.value(tag)
    return tuple(float(part) for part in value if isinstance(part, Fraction | int)) if isinstance(value, tuple) else ()
