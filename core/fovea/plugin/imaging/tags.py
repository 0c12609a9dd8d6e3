"""TIFF's directories of tags, which EXIF uses too: read with every length and offset doubted.

The layout is that of the TIFF 6.0 specification (section 2) and of the BigTIFF design; tag numbers are those of
TIFF 6.0 and Exif 2.32.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

ReadAt: TypeAlias = Callable[[int, int], bytes]
"""(offset, length) -> bytes, fewer where the data end."""

Value: TypeAlias = "bytes | tuple[int | float | Fraction, ...]"

ORIENTATION = 274
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_LETTERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 11: "f", 12: "d", 13: "I", 16: "Q", 17: "q", 18: "Q"}
_TEXTS, _RATIOS = (2, 7), {5: "I", 10: "i"}
_MOST_VALUES = 1 << 20
_MOST_TAGS = 4096


class BadTagsError(ValueError):
    """The directory is cut off or contradicts itself."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How numbers are written: ``<`` or ``>``, and whether offsets have 64 bits (BigTIFF)."""

    order: str
    big: bool
    first: int


@dataclass(frozen=True, slots=True)
class Stored:
    """A tag's value as the file has it: kind of number, bytes."""

    kind: int
    data: bytes

    @property
    def count(self) -> int:
        """How many numbers of its kind."""
        return len(self.data) // _SIZES[self.kind]


@dataclass(frozen=True, slots=True)
class Directory:
    """The wanted tags of one directory, and the offset of the next one (0: none)."""

    order: str
    stored: Mapping[int, Stored]
    next: int

    def value(self, tag: int) -> Value:
        """The tag's text, or its numbers; those with a zero denominator are left out. Empty where it is absent."""
        found = self.stored.get(tag)
        return _value(self.order, found) if found else ()

    def number(self, tag: int, default: int) -> int:
        """The tag's first value as a whole number."""
        return self.numbers(tag, (default,))[0]

    def numbers(self, tag: int, default: tuple[int, ...] = ()) -> tuple[int, ...]:
        """The tag's values as whole numbers, or ``default`` where there are none."""
        value = self.value(tag)
        found = tuple(int(part) for part in value if isinstance(part, int)) if isinstance(value, tuple) else ()
        return found or default


def read_layout(read: ReadAt) -> Layout:
    """The first bytes of a TIFF, of either kind.

    Raises:
        BadTagsError: where they are not those of a TIFF.
    """
    head = read(0, 16)
    order = {b"II": "<", b"MM": ">"}.get(head[:2], "")
    if not order:
        raise BadTagsError("no TIFF")
    magic = _unpack(order + "H", head[2:4])
    if magic == 42:  # noqa: PLR2004 - TIFF's own number
        return Layout(order, big=False, first=_unpack(order + "I", head[4:8]))
    if magic == 43 and head[4:8] in (b"\x08\0\0\0", b"\0\x08\0\0"):  # noqa: PLR2004 - BigTIFF's
        return Layout(order, big=True, first=_unpack(order + "Q", head[8:16]))
    raise BadTagsError("no TIFF")


def read_directory(read: ReadAt, layout: Layout, offset: int, wanted: frozenset[int]) -> Directory:
    """One directory at ``offset``, reading the values of the ``wanted`` tags only.

    Raises:
        BadTagsError: where the directory itself is cut off; a single bad value is left out.
    """
    order, width, entry = layout.order, 8 if layout.big else 2, 20 if layout.big else 12
    count = _unpack(order + ("Q" if layout.big else "H"), read(offset, width))
    if not 0 < count <= _MOST_TAGS:
        raise BadTagsError("number of tags")
    table = read(offset + width, count * entry)
    if len(table) < count * entry:
        raise BadTagsError("directory is cut off")
    stored: dict[int, Stored] = {}
    for start in range(0, len(table) if wanted else 0, entry):
        tag, kind = struct.unpack_from(order + "HH", table, start)
        if tag in wanted and kind in _SIZES and tag not in stored:
            data = _stored(read, layout, kind, table[start + 4 : start + entry])
            if data:
                stored[tag] = Stored(kind, data)
    link = read(offset + width + count * entry, 8 if layout.big else 4)
    return Directory(order, stored, _unpack(order + ("Q" if layout.big else "I"), link) if len(link) in (4, 8) else 0)


def _stored(read: ReadAt, layout: Layout, kind: int, field: bytes) -> bytes:
    letter, room = ("Q", 8) if layout.big else ("I", 4)
    count = _unpack(layout.order + letter, field[:room])
    length = count * _SIZES[kind]
    if not 0 < count <= _MOST_VALUES:
        return b""
    data = field[room : room + length] if length <= room else read(_unpack(layout.order + letter, field[room:]), length)
    return data if len(data) == length else b""


def _value(order: str, stored: Stored) -> Value:
    kind, data, count = stored.kind, stored.data, stored.count
    if kind in _TEXTS:
        return data
    if kind in _RATIOS:
        pairs = struct.unpack(f"{order}{2 * count}{_RATIOS[kind]}", data)
        return tuple(Fraction(over, under) for over, under in zip(pairs[::2], pairs[1::2], strict=True) if under)
    return struct.unpack(f"{order}{count}{_LETTERS[kind]}", data)


def _unpack(form: str, data: bytes) -> int:
    try:
        return int(struct.unpack(form, data)[0])
    except struct.error:
        raise BadTagsError("cut off") from None


def within(data: bytes) -> ReadAt:
    """A :data:`ReadAt` over bytes in memory."""
    return lambda offset, length: data[offset : offset + length]


def orientation(exif: bytes) -> int:
    """EXIF orientation 1 to 8 from an EXIF block, which is a TIFF, with its six-byte prefix or without; else 1."""
    read = within(exif.removeprefix(b"Exif\0\0"))
    try:
        layout = read_layout(read)
        turned = read_directory(read, layout, layout.first, frozenset({ORIENTATION})).number(ORIENTATION, 1)
    except BadTagsError:
        return 1
    return turned if 1 <= turned <= 8 else 1  # noqa: PLR2004 - EXIF has eight
