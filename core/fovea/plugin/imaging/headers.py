"""What the first bytes of a picture say: format, size, orientation. Nothing is decoded here.

Sources: ITU-T T.81 annex B and the EXIF standard (JPEG), the W3C PNG specification, the WebP container
specification, and the BITMAPINFOHEADER family of Windows.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from fovea.plugin.imaging import tags
from fovea.plugin.imaging.faults import Refused
from fovea.plugin.imaging.tags import ReadAt

Format: TypeAlias = Literal["JPEG", "PNG", "TIFF", "WebP", "BMP"]

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_BARE = frozenset({0x01, *range(0xD0, 0xD8)})
_MARK, _START_OF_SCAN, _END, _APP1 = 0xFF, 0xDA, 0xD9, 0xE1
_MOST_GARBAGE, _MOST_SEGMENTS = 65_536, 10_000
_BMP_HEADERS = frozenset({40, 52, 56, 64, 108, 124})


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """A picture as its header describes it.

    Args:
        format: told by content.
        width: stored width in pixels, before the orientation is applied.
        height: stored height in pixels.
        orientation: EXIF orientation, 1 to 8.
        body: offset of the first scan (JPEG), of the pixels (BMP).
        exif: the EXIF block, empty where there is none.
        detail: what a format's own reader needs besides.
    """

    format: Format
    width: int
    height: int
    orientation: int = 1
    body: int = 0
    exif: bytes = b""
    detail: dict[str, int] = field(default_factory=dict)


def sniff(head: bytes) -> Format:
    """The format by its first 16 bytes.

    Raises:
        Refused: ``format`` where it is none of those that are read.
    """
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "TIFF"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    if head[:2] == b"BM":
        return "BMP"
    raise Refused("format")


def jpeg_header(read: ReadAt) -> Header:
    """Walk a JPEG's segments up to the first scan.

    Raises:
        Refused: ``truncated`` or ``damaged``.
    """
    offset, exif, frame = 2, b"", None
    for _ in range(_MOST_SEGMENTS):
        head = read(offset, 4)
        if len(head) < 4:  # noqa: PLR2004 - a marker and a length
            raise Refused("truncated")
        if head[0] != _MARK:
            offset += _garbage(read(offset, _MOST_GARBAGE))
            continue
        code = head[1]
        if code == _MARK or code in _BARE:
            offset += 1 if code == _MARK else 2
            continue
        length = struct.unpack(">H", head[2:4])[0]
        if code == _START_OF_SCAN:
            break
        if code == _END or length < 2:  # noqa: PLR2004 - the length counts itself
            raise Refused("damaged")
        if code in _FRAMES:
            frame = (code, read(offset + 4, 6))
        elif code == _APP1 and not exif and read(offset + 4, 6) == b"Exif\0\0":
            exif = read(offset + 10, length - 8)
        offset += 2 + length
    else:
        raise Refused("damaged")
    if frame is None or len(frame[1]) < 6:  # noqa: PLR2004 - precision, height, width, components
        raise Refused("damaged")
    precision, height, width, components = struct.unpack(">BHHB", frame[1])
    detail = {"precision": precision, "components": components, "process": frame[0]}
    turned = tags.orientation(exif)
    return Header(format="JPEG", width=width, height=height, orientation=turned, body=offset, exif=exif, detail=detail)


def _garbage(data: bytes) -> int:
    """Bytes up to the next marker: some programs leave a few between segments, and decoders skip them."""
    found = data.find(b"\xff")
    if found < 0:
        raise Refused("damaged")
    return found


def png_header(read: ReadAt) -> Header:
    """A PNG's first chunk.

    Raises:
        Refused: ``truncated`` or ``damaged``.
    """
    head = read(8, 18)
    if len(head) < 18:  # noqa: PLR2004 - length, IHDR, width, height, depth, colour
        raise Refused("truncated")
    length, name, width, height, depth, colour = struct.unpack(">I4sIIBB", head)
    if name != b"IHDR" or length != 13:  # noqa: PLR2004 - the chunk's only length
        raise Refused("damaged")
    return Header(format="PNG", width=width, height=height, detail={"depth": depth, "colour": colour})


def webp_header(read: ReadAt) -> Header:
    """A WebP's first chunk, of any of the three kinds.

    Raises:
        Refused: ``truncated`` or ``damaged``.
    """
    head = read(0, 30)
    if len(head) < 30:  # noqa: PLR2004 - the shortest of the three
        raise Refused("truncated")
    kind = head[12:16]
    if kind == b"VP8X":
        width, height = 1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little")
    elif kind == b"VP8L" and head[20] == 0x2F:  # noqa: PLR2004 - the signature byte
        bits = int.from_bytes(head[21:25], "little")
        width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    elif kind == b"VP8 " and head[23:26] == b"\x9d\x01\x2a":
        width, height = (side & 0x3FFF for side in struct.unpack("<HH", head[26:30]))
    else:
        raise Refused("damaged")
    return Header(format="WebP", width=width, height=height, detail={"bytes": 8 + struct.unpack("<I", head[4:8])[0]})


def bmp_header(read: ReadAt) -> Header:
    """A BMP's header, of the OS/2 or the Windows family.

    Raises:
        Refused: ``truncated`` or ``damaged``.
    """
    head = read(0, 34)
    if len(head) < 26:  # noqa: PLR2004 - file header and the older picture header
        raise Refused("truncated")
    body, size = struct.unpack("<II", head[10:18])
    if size == 12:  # noqa: PLR2004 - the OS/2 header
        width, height, _, bits = struct.unpack("<HHHH", head[18:26])
        packed = 0
    elif size in _BMP_HEADERS and len(head) == 34:  # noqa: PLR2004 - BITMAPINFOHEADER and its heirs
        width, height, _, bits, packed = struct.unpack("<iiHHI", head[18:34])
    else:
        raise Refused("damaged")
    return Header(format="BMP", width=width, height=abs(height), body=body, detail={"bits": bits, "packed": packed})
