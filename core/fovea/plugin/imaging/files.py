"""From a sample's path to its pixels: the file is opened once, within the site's folder and the view's limits."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from fovea.plugin.imaging.faults import Refused, unreadable
from fovea.plugin.settings import ViewSettings
from fovea.plugin.values import Image, Sample, Unreadable

_MEGA = 1_000_000
_FAULTS: tuple[tuple[type[OSError], str], ...] = (
    (FileNotFoundError, "missing"),
    (NotADirectoryError, "missing"),
    (PermissionError, "denied"),
    (IsADirectoryError, "no-file"),
)


class FilePages(Protocol):
    """A file that passed its checks: call it with a part to get that page's pixels."""

    def __call__(self, part: str, side: int | None) -> Image:
        """The page ``part``, its short side ``side`` pixels at least; raises :class:`Refused`."""
        ...


def load_pictures(
    *, root: Path, samples: Sequence[Sample], view: ViewSettings, side: int | None
) -> Iterator[Image | Unreadable]:
    """Decode photos, one answer for each sample, in order. No bad file raises.

    A wrong suffix does not matter: the format is told by content. EXIF orientation is applied, grey is repeated
    over three channels, 16 bits become 8, transparency is laid over white, CMYK becomes RGB.

    Args:
        root: the site's folder; nothing outside of it is read.
        samples: parts of one source. The empty part is the first page or frame, ``"2"`` the second page of a TIFF.
        view: its ``max_megabytes`` is checked before reading, its ``max_megapixels`` before decoding.
        side: the least short side wanted in pixels; a JPEG is then decoded at 1/2, 1/4 or 1/8 of its size where
            its short side stays at least that long. None: full size.

    Yields:
        An image of uint8 RGB (height, width, 3), or what is wrong, with a code of
        :data:`~fovea.plugin.imaging.CODES`.
    """
    if not samples:
        return
    try:
        pages = open_pages(read_limited(root, samples[0].source, view), view)
    except Refused as refused:
        for _ in samples:
            yield unreadable(refused.code, refused.reason)
        return
    for sample in samples:
        yield _answer(pages, sample.part, side)


def _answer(pages: FilePages, part: str, side: int | None) -> Image | Unreadable:
    try:
        return pages(part, side)
    except Refused as refused:
        return unreadable(refused.code, refused.reason)


def open_pages(data: bytes, view: ViewSettings) -> FilePages:
    """Check the header of a picture in memory and answer with its pages; nothing is decoded yet.

    Raises:
        Refused: where the bytes are no picture that can be read, or one beyond the limits.
    """
    from fovea.plugin.imaging.decode import open_picture

    return open_picture(data, int(view.max_megapixels * _MEGA))


def read_limited(root: Path, source: str, view: ViewSettings) -> bytes:
    """The bytes of ``source`` below ``root``, at most ``view.max_megabytes`` of them.

    Raises:
        Refused: with the code that says what is wrong with the file.
    """
    path = _below(root, source)
    try:
        # A pipe without a writer would block the open, so the open does not wait.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except ValueError:
        raise Refused("missing") from None  # a NUL in the name
    except OSError as error:
        raise _refusal(error) from None
    try:
        return _read(handle, view)
    except OSError as error:
        raise _refusal(error) from None
    finally:
        os.close(handle)


def _below(root: Path, source: str) -> bytes:
    parts = source.split("/")
    if not source or os.path.isabs(source) or ".." in parts or (os.sep != "/" and os.sep in source):
        raise Refused("outside")
    return os.path.join(os.fsencode(root), os.fsencode(source))


def _refusal(error: OSError) -> Refused:
    return Refused(next((code for kind, code in _FAULTS if isinstance(error, kind)), "unreadable"))


def _read(handle: int, view: ViewSettings) -> bytes:
    state = os.fstat(handle)
    if not stat.S_ISREG(state.st_mode):
        raise Refused("no-file")
    limit = int(view.max_megabytes * _MEGA)
    if state.st_size > limit:
        raise Refused(
            "too-large",
            f"the file has {state.st_size / _MEGA:.0f} MB, more than the {view.max_megabytes:g} MB allowed: "
            "raise max_megabytes, or store it smaller",
        )
    pieces = []
    left = state.st_size
    while left and (piece := os.read(handle, left)):
        pieces.append(piece)
        left -= len(piece)
    if not pieces:
        raise Refused("empty")
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
