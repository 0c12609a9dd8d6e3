"""TIFF: a page is found and measured by our own reader, and handed to libtiff as a file of that page alone.

The offsets of every strip and tile must lie inside the file, and a page's claimed size, channels, bits and tiles
must fit the limit. Only the tags that make pixels are handed on. Tags and their meaning: TIFF 6.0 specification.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

from fovea.plugin.imaging.faults import Refused
from fovea.plugin.imaging.headers import Header
from fovea.plugin.imaging.tags import (
    ORIENTATION,
    BadTagsError,
    Directory,
    Layout,
    ReadAt,
    Stored,
    read_directory,
    read_layout,
    within,
)

_WIDTH, _HEIGHT, _BITS, _PACKED, _CHANNELS = 256, 257, 258, 259, 277
_STRIPS, _STRIP_BYTES, _TILE_WIDTH, _TILE_HEIGHT, _TILES, _TILE_BYTES = 273, 279, 322, 323, 324, 325
_EXTRA = 338
_OLD_JPEG = 6
_LONG, _LONG_8 = 4, (16, 18)
_KEPT = frozenset(
    {_WIDTH, _HEIGHT, _BITS, _PACKED, _CHANNELS, _EXTRA, ORIENTATION}
    | {_STRIPS, _STRIP_BYTES, _TILE_WIDTH, _TILE_HEIGHT, _TILES, _TILE_BYTES}
    | {262, 266, 278, 284, 292, 293}  # meaning of 0, bit order, rows a strip, planes, fax options
    | {317, 320, 339, 347}  # predictor, palette, kind of number, tables of JPEG
    | {529, 530, 531, 532}  # YCbCr
)
_MOST_PAGES = 65_536
_DEEPEST = 8
"""Bytes a pixel that the limit reckons with: four channels of 16 bits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a TIFF.

    Args:
        header: its size and orientation.
        bits: bits a channel.
        channels: channels a pixel.
        tile: pixels of a tile, 0 where it is not tiled.
        opacity: True where the last channel is opacity.
    """

    header: Header
    bits: int
    channels: int
    tile: int
    opacity: bool

    def is_beyond(self, limit: int) -> bool:
        """True where its bytes, or those of a tile, are more than ``limit`` pixels may need."""
        pixels = max(self.header.width * self.header.height, self.tile)
        return self.tile > limit or pixels * self.bits * self.channels > limit * _DEEPEST * 8


def measure(read: ReadAt, number: int) -> Page:
    """Find and measure page ``number``, counted from 1.

    Raises:
        Refused: ``page`` where there are fewer, ``truncated`` where tags lie beyond the file's end, ``damaged``
            where the chain of pages runs in a circle, ``format`` where it is of a kind that is not read.
    """
    return _page(_find(read, number)[1])


def extract(data: bytes, number: int) -> bytes:
    """A TIFF of page ``number`` alone, turned as stored.

    Raises:
        Refused: as :func:`measure`; ``truncated`` also where pixels lie beyond the file's end.
    """
    layout, found = _find(within(data), number)
    return _alone(data, layout, found)


def _page(found: Directory) -> Page:
    if found.number(_PACKED, 1) == _OLD_JPEG:
        raise Refused("format", "this TIFF holds JPEG data of a kind given up in 1995: convert it")
    turned = found.number(ORIENTATION, 1)
    return Page(
        header=Header(
            format="TIFF",
            width=found.number(_WIDTH, 0),
            height=found.number(_HEIGHT, 0),
            orientation=turned if 1 <= turned <= 8 else 1,  # noqa: PLR2004 - EXIF has eight
        ),
        bits=max(found.numbers(_BITS, (1,))),
        channels=found.number(_CHANNELS, 1),
        tile=found.number(_TILE_WIDTH, 0) * found.number(_TILE_HEIGHT, 0),
        opacity=found.numbers(_EXTRA, (0,))[-1] in (1, 2),
    )


def _find(read: ReadAt, number: int) -> tuple[Layout, Directory]:
    try:
        layout = read_layout(read)
        offset, seen = layout.first, set[int]()
        for count in range(1, min(number, _MOST_PAGES) + 1):
            if offset in seen:
                raise Refused("damaged")
            seen.add(offset)
            found = read_directory(read, layout, offset, _KEPT if count == number else frozenset())
            if count == number:
                return layout, found
            offset = found.next
            if offset == 0:
                raise Refused("page", f"the file has {count} page{'s' * (count > 1)}: name one, counted from 1")
    except BadTagsError:
        raise Refused("truncated") from None
    raise Refused("page")


def _pieces(found: Directory, length: int) -> dict[int, list[tuple[int, int]]]:
    """Where the strips and tiles lie, (start, bytes) by the tag that says so."""
    pieces: dict[int, list[tuple[int, int]]] = {}
    for places, sizes in ((_STRIPS, _STRIP_BYTES), (_TILES, _TILE_BYTES)):
        starts, counts = found.numbers(places), found.numbers(sizes)
        if len(starts) == 1 and not counts:
            counts = (length - starts[0],)  # some early programs left the count out
        if any(start + count > length or count < 0 for start, count in zip(starts, counts, strict=False)):
            raise Refused("truncated")
        if len(starts) > len(counts) or sum(count for _, count in set(zip(starts, counts, strict=False))) > length:
            raise Refused("damaged")
        if starts:
            pieces[places] = list(zip(starts, counts, strict=False))
    return pieces


def _alone(data: bytes, layout: Layout, found: Directory) -> bytes:
    """An ordinary TIFF of one page: its strips or tiles, and the tags that say how to read them."""
    order, parts, place = layout.order, [bytes(8)], 8
    stored = {tag: _short(order, value) for tag, value in found.stored.items() if tag != ORIENTATION}
    for tag, pieces in _pieces(found, len(data)).items():
        moved: dict[tuple[int, int], int] = {}
        for start, count in pieces:
            if (start, count) not in moved:
                moved[start, count] = place
                parts.append(data[start : start + count])
                place += count
        stored[tag] = Stored(_LONG, _pack(f"{order}{len(pieces)}I", *(moved[piece] for piece in pieces)))
    directory = _directory(order, stored, place + place % 2)
    parts[0] = data[:2] + _pack(order + "HI", 42, place + place % 2)
    return b"".join((*parts, bytes(place % 2), directory))


def _short(order: str, value: Stored) -> Stored:
    """The same numbers in 32 bits where they have 64: an ordinary TIFF knows no others."""
    if value.kind not in _LONG_8:
        return value
    return Stored(_LONG, _pack(f"{order}{value.count}I", *struct.unpack(f"{order}{value.count}Q", value.data)))


def _directory(order: str, stored: Mapping[int, Stored], place: int) -> bytes:
    beside = place + 2 + len(stored) * 12 + 4
    entries, values = [], b""
    for tag, value in sorted(stored.items()):
        field = value.data.ljust(4, b"\0")
        if len(value.data) > 4:  # noqa: PLR2004 - what fits into the entry itself
            field = _pack(order + "I", beside + len(values))
            values += value.data + bytes(len(value.data) % 2)
        entries.append(struct.pack(order + "HHI", tag, value.kind, value.count) + field)
    return struct.pack(order + "H", len(stored)) + b"".join(entries) + bytes(4) + values


def _pack(form: str, *numbers: int) -> bytes:
    try:
        return struct.pack(form, *numbers)
    except struct.error:
        raise Refused("too-large", "this page of a TIFF has more than 4 GB: store it smaller") from None
