"""The site's inbox: where files that a stream received are put, so that they are safe before they are acknowledged."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from fovea.errors import FoveaError

FOLDER = "inbox"
"""Folder below the site's root; the domain's ``read_samples`` finds the files there like any others."""

_LONGEST = 200
"""Bytes of one piece of a name, below every file system's limit, with room for what keeps two apart."""


class Inbox:
    """One stream's part of a site's inbox.

    Args:
        root: the site's folder.
        stream: the stream's name.
        limit_mb: largest file taken, in megabytes.
    """

    def __init__(self, root: Path, stream: str, limit_mb: float) -> None:
        self._folder = root / FOLDER / stream
        self._limit_mb = limit_mb

    def commit(self, name: str, content: bytes) -> Path | None:
        """Put a file in the inbox, safely on disk when this returns; None where the very same is there already.

        Another file of the same name is not replaced: the new one gets a number behind its name.

        Raises:
            ValueError: with a sentence, where the name leads out of the inbox or the file is too large.
            FoveaError: it cannot be written.
        """
        target = self._folder / _safe(name)
        if len(content) > self._limit_mb * 1e6:
            limit = f"the limit of {self._limit_mb:g} MB (view.max_megabytes)"
            raise ValueError(f"'{name}' has {len(content) / 1e6:.1f} MB, above {limit}")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            free = _free(target, content)
            if free is not None:
                _write(free, content)
        except OSError as error:
            raise FoveaError(f"the inbox {self._folder} cannot be written: {error.strerror or error}") from None
        return free


def _safe(name: str) -> PurePosixPath:
    """The name as a path that stays in the inbox; names that begin with a dot are for files in the making."""
    path = PurePosixPath(name)
    pieces = path.parts
    if not pieces or path.is_absolute() or "\0" in name or any(piece.startswith(".") for piece in pieces):
        raise ValueError(f"'{name[:100]}' is no name for a file in the inbox: want a relative path without '..'")
    if any(len(os.fsencode(piece)) > _LONGEST for piece in pieces):
        raise ValueError(f"'{name[:100]}...' is too long a name for a file")
    return path


def _free(target: Path, content: bytes) -> Path | None:
    """The first of ``name.ext``, ``name~2.ext`` ... that is free; None where one of them holds the same bytes."""
    number, candidate = 1, target
    while candidate.exists():
        if candidate.read_bytes() == content:
            return None
        number += 1
        candidate = target.with_name(f"{target.stem}~{number}{target.suffix}")
    return candidate


def _write(path: Path, content: bytes) -> None:
    """Appears whole or not at all, and survives a power cut once this returns."""
    beside = path.with_name(f".{path.name}.part")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
