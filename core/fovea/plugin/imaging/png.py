"""PNG, whose every byte is accounted for before libpng sees it.

Only the chunks that make pixels are handed on, their checksums tested: compressed texts and colour profiles,
which can unfold to gigabytes, and an animation's further frames are left out. Source: the W3C PNG specification.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from fovea.plugin.imaging import tags
from fovea.plugin.imaging.faults import Refused

_SIGNATURE = 8
_FRAME = 12  # a chunk's length, name and checksum
_MOST_CHUNKS = 1 << 17
_NEEDED = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Stripped:
    """A PNG of nothing but its pixels, and what its EXIF chunk says of its orientation."""

    data: bytes
    orientation: int


def strip(data: bytes) -> Stripped:
    """Walk all chunks and keep those that make pixels.

    Raises:
        Refused: ``truncated`` where the end is missing, ``damaged`` where a kept chunk's checksum is wrong.
    """
    view = memoryview(data)
    kept: list[memoryview] = [view[:_SIGNATURE]]
    offset, orientation = _SIGNATURE, 1
    for _ in range(_MOST_CHUNKS):
        if offset + _FRAME > len(data):
            raise Refused("truncated")
        length, name = struct.unpack_from(">I4s", data, offset)
        end = offset + _FRAME + length
        if not name.isalpha():
            raise Refused("damaged")
        if end > len(data):
            raise Refused("truncated")
        if name in _NEEDED:
            _check_sum(view[offset:end])
            kept.append(view[offset:end])
        elif name == b"eXIf":
            orientation = tags.orientation(data[offset + 8 : end - 4])
        offset = end
        if name == b"IEND":
            return Stripped(data=b"".join(kept), orientation=orientation)
    raise Refused("damaged")


def _check_sum(chunk: memoryview) -> None:
    if zlib.crc32(chunk[4:-4]) != int.from_bytes(chunk[-4:], "big"):
        raise Refused("damaged")
