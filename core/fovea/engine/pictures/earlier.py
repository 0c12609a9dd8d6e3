"""What earlier surveys saw in the same way: squares of pictures that are still the same are copied, not made again.

Beside its squares a survey keeps a file that tells of which picture each is: by a *mark*, a digest of all that the
square depends on. Every square that is copied is held against its digest first.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from fovea.engine.pictures.masks import Bytes, Laid, renamed
from fovea.plugin import UNTOLD

PIXELS, MASKS = "pixels.u8", "masks.u8"

_LOOKED = "looked.json"
_MOST = 8
"""Surveys that are opened at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One square of a picture, as it is told beside the squares.

    Args:
        region: its name, empty for the whole picture.
        digest: of its pixels.
        painted: of ``segment``: digest of its mask, in the names that it was drawn in.
        strange: of ``segment``: a pixel value of the mask that is no class; empty where there is none.
    """

    region: str
    digest: str
    painted: str = ""
    strange: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """A picture that was looked at.

    Args:
        mark: digest of all that its squares depend on.
        start: place of its first square.
        pieces: its squares, one after the other.
    """

    mark: str
    start: int
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Survey:
    """A survey of before, open for reading; what is deleted meanwhile can still be read."""

    pixels: BinaryIO
    masks: BinaryIO
    drawn: tuple[str, ...]
    kept: tuple[str, ...]


class Earlier:
    """Squares of earlier surveys by mark.

    Args:
        size: of the squares.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._found: dict[str, tuple[_Survey, Looked]] = {}

    def add(self, told: _Survey, looked: Looked) -> None:
        """One picture more; the first of a mark stays."""
        self._found.setdefault(looked.mark, (told, looked))

    def holds(self, mark: str) -> bool:
        """Whether every square of this picture is there, as it was when it was made."""
        if mark not in self._found:
            return False
        told, looked = self._found[mark]
        for place, piece in enumerate(looked.pieces, looked.start):
            if digest_of(_read(told.pixels, place, self._size**2 * 3)) != piece.digest:
                return False
            if piece.painted and digest_of(self._drawn(told, place)) != piece.painted:
                return False
        return True

    def squares(self, mark: str, names: Sequence[str]) -> Iterator[tuple[str, Bytes, Laid | None]]:
        """(region, pixels, mask) of each square of a picture that is held, in order.

        Args:
            mark: of the picture.
            names: the labels that a mask's places are to be counted in.
        """
        told, looked = self._found[mark]
        for place, piece in enumerate(looked.pieces, looked.start):
            pixels = _read(told.pixels, place, self._size**2 * 3).reshape(self._size, self._size, 3)
            yield piece.region, pixels, self._laid(told, place, piece, names) if piece.painted else None

    def _laid(self, told: _Survey, place: int, piece: Piece, names: Sequence[str]) -> Laid:
        places = renamed(self._drawn(told, place), told.drawn, names)
        shown = tuple(names[one] for one in np.unique(places).tolist() if one != UNTOLD)
        return Laid(places=places, shown=shown, strange=piece.strange)

    def _drawn(self, told: _Survey, place: int) -> Bytes:
        kept = _read(told.masks, place, self._size**2)
        if kept.size != self._size**2:
            return kept
        return renamed(kept.reshape(self._size, self._size), told.kept, told.drawn)


@contextmanager
def opened(folders: Sequence[Path], size: int, marks: set[str]) -> Iterator[Earlier]:
    """What the first few of these surveys know of pictures of these marks; one that cannot be read knows nothing."""
    found = Earlier(size)
    with ExitStack() as stack:
        for folder in folders[:_MOST]:
            try:
                data = _told(folder)
                files = [stack.enter_context((folder / name).open("rb")) for name in (PIXELS, MASKS)]
                told = _Survey(pixels=files[0], masks=files[1], drawn=tuple(data["drawn"]), kept=tuple(data["kept"]))
                for mark, start, pieces in data["looked"]:
                    if mark in marks:
                        found.add(told, Looked(mark=mark, start=start, pieces=tuple(Piece(**one) for one in pieces)))
            except (OSError, ValueError, KeyError, TypeError):
                continue
        yield found


def note(folder: Path, looked: Sequence[Looked], *, of: str, drawn: Sequence[str], kept: Sequence[str]) -> None:
    """Write beside a survey's squares what they are of.

    Args:
        folder: of the survey.
        looked: its pictures.
        of: what was surveyed; a later survey of the same takes this one's place.
        drawn: the labels that masks were drawn in.
        kept: those that their file counts in.
    """
    pictures = [
        (one.mark, one.start, [{name: getattr(piece, name) for name in Piece.__slots__} for piece in one.pieces])
        for one in looked
    ]
    data = {"of": of, "drawn": drawn, "kept": kept, "looked": pictures}
    (folder / _LOOKED).write_text(json.dumps(data), encoding="ascii")


def elders(folders: Sequence[Path], of: str) -> list[Path]:
    """Those of these surveys that surveyed the same."""
    found = []
    for folder in folders:
        try:
            if _told(folder)["of"] == of:
                found.append(folder)
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return found


def newest(cache: Path, way: str) -> list[Path]:
    """The surveys that saw in this way, the last used first."""
    aged = []
    for folder in cache.glob(f"{way}-*"):
        try:
            aged.append((-folder.stat().st_mtime, folder))
        except FileNotFoundError:  # another process took it away
            continue
    return [folder for _, folder in sorted(aged)]


def marks(facts: Sequence[str], *, together: bool) -> list[str]:
    """The mark of each picture of a unit, 24 hexadecimal digits.

    Args:
        facts: all that is known of each.
        together: whether what is seen in one may depend on all of them.
    """
    unit = "\n".join(facts) if together else ""
    return [_hashed(f"{unit}\n{one}".encode("utf-8", "surrogatepass"), 12) for one in facts]


def stat_of(path: Path) -> str:
    """Size, times and number of a file, by which it is known again; "-" of a stream, or of one that is gone."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return "-"
    return f"{found.st_size}:{found.st_mtime_ns}:{found.st_ctime_ns}:{found.st_ino}"


def digest_of(square: NDArray[np.uint8]) -> str:
    """16 hexadecimal digits of a square's bytes."""
    return _hashed(np.ascontiguousarray(square).data, 8)


def _hashed(content: bytes | memoryview, size: int) -> str:
    return hashlib.blake2b(content, digest_size=size).hexdigest()


def _read(stream: BinaryIO, place: int, size: int) -> Bytes:
    """One square of a file; fewer bytes where the file ends before it."""
    return np.frombuffer(os.pread(stream.fileno(), size, place * size), np.uint8)


def _told(folder: Path) -> Mapping[str, Any]:
    told: Mapping[str, Any] = json.loads((folder / _LOOKED).read_text(encoding="ascii"))
    return told
