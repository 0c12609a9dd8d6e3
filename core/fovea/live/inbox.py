"""The site's inbox: where files that a stream received are put, so that they are safe before they are acknowledged."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path, PurePosixPath

from fovea.errors import FoveaError

FOLDER = "inbox"
"""Folder below the site's root; the domain's ``read_samples`` finds the files there like any others."""

_LONGEST, _DEEPEST = 200, 1000
"""Bytes of one piece of a name and of all of it: below every file system's limit, with room for ``~2`` and ``.part``.
"""

_SHOWN = 100
"""Characters of a name that a sentence repeats."""


class Inbox:
    """One stream's part of a site's inbox.

    Args:
        root: the site's folder.
        stream: the stream's name.
        limit_mb: largest file taken, in megabytes.
    """

    def __init__(self, root: Path, stream: str, limit_mb: float) -> None:
        self._root, self._folder = root, root / FOLDER / stream
        self._limit_mb = limit_mb

    def commit(self, name: str, content: bytes) -> Path | None:
        """Put a file in the inbox, safely on disk when this returns; None where the very same is there already.

        Another file of the same name is not replaced: the new one gets a number behind its name.

        Raises:
            ValueError: with a sentence, where the name leads out of the inbox or the file is too large.
            FoveaError: it cannot be written, or the site's folder is away.
        """
        target = self._folder / _safe(name)
        if len(content) > self._limit_mb * 1e6:
            limit = f"the limit of {self._limit_mb:g} MB (view.max_megabytes)"
            raise ValueError(f"'{_shown(name)}' has {len(content) / 1e6:.1f} MB, above {limit}")
        try:
            self._make_ready()
            return _commit(target, content)
        except OSError as error:
            raise FoveaError(f"the inbox {self._folder} cannot be written: {error.strerror or error}") from None

    def _make_ready(self) -> None:
        if not self._root.is_dir():  # a share that is away must not be made anew beneath its own place
            raise FoveaError(f"the site's folder {self._root} is not there: what was not taken comes again")
        _make_folders(self._folder)


def _commit(target: Path, content: bytes) -> Path | None:
    try:
        _make_folders(target.parent)
    except FileExistsError:  # raised for good, it would come again for ever
        raise ValueError(f"'{target.name}' lies in a folder whose name a file has already") from None
    free = _free(target, content)
    if free is not None:
        _write(free, content)
    return free


def _safe(name: str) -> PurePosixPath:
    """The name as a path that stays in the inbox; names that begin with a dot are for files in the making."""
    path = PurePosixPath(name)
    pieces = path.parts
    if not pieces or path.is_absolute() or "\0" in name or any(piece.startswith(".") for piece in pieces):
        raise ValueError(f"'{_shown(name)}' is no name for a file in the inbox: want a relative path without '..'")
    try:
        sizes = [len(os.fsencode(piece)) for piece in pieces]
    except UnicodeEncodeError:
        raise ValueError(f"'{_shown(name)}' holds half a character and is no name for a file") from None
    if max(sizes) > _LONGEST or sum(sizes) > _DEEPEST:
        raise ValueError(f"'{_shown(name)}' is too long a name for a file")
    return path


def _shown(name: str) -> str:
    """A name as it may stand in a sentence."""
    text = name.encode("utf-8", "backslashreplace").decode("utf-8")
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _make_folders(folder: Path) -> None:
    """Make a folder with all above it, each safely written down in the one above."""
    if not folder.is_dir():
        _make_folders(folder.parent)
        folder.mkdir(exist_ok=True)
        _sync(folder.parent)


def _free(target: Path, content: bytes) -> Path | None:
    """The first of ``name.ext``, ``name~2.ext`` ... that is free; None where one of them holds the same bytes."""
    number, candidate = 1, target
    while os.path.lexists(candidate):
        if _holds(candidate, content):
            return None
        number += 1
        candidate = target.with_name(f"{target.stem}~{number}{target.suffix}")
    return candidate


def _holds(path: Path, content: bytes) -> bool:
    return path.is_file() and path.stat().st_size == len(content) and path.read_bytes() == content


def _write(path: Path, content: bytes) -> None:
    """Appears whole or not at all, and survives a power cut once this returns."""
    beside = path.with_name(f".{path.name}.part")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except OSError:
        with suppress(OSError):  # on a full disk it must not stay
            beside.unlink(missing_ok=True)
        raise
    _sync(path.parent)


def _sync(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
