"""Folders of a cache: what nobody uses any more goes, and what is made whole appears under its name in one step."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_DAY, _KEPT_DAYS = 86_400, 60
_LOCK = ".lock"


@contextmanager
def filled(folder: Path) -> Iterator[Path]:
    """A folder to fill that takes the name when it is whole; of two that do so at a time, the later stays."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    room = Path(tempfile.mkdtemp(prefix=".", dir=folder.parent))
    try:
        yield room
        with _alone(folder.parent):
            _take_away(folder)
            room.rename(folder)
    finally:
        shutil.rmtree(room, ignore_errors=True)


def used(cache: Path, name: str) -> Path:
    """The folder of this name, made where absent; it stays for two months from now, and older ones go."""
    with _alone(cache):
        folder = cache / name
        folder.mkdir(exist_ok=True)
        os.utime(folder)
    forget(cache)
    return folder


def forget(cache: Path) -> None:
    """Delete what was last used two months ago, and what a killed process left half made a day ago."""
    if not cache.is_dir():
        return
    with _alone(cache):
        old = [folder for folder in cache.glob("*") if folder.is_dir() and _is_old(folder)]
        for folder in old:
            _take_away(folder)


def drop(folder: Path) -> None:
    """Delete a folder of a cache; a process that has its files open goes on with them."""
    with _alone(folder.parent):
        _take_away(folder)


def _is_old(folder: Path) -> bool:
    try:
        age = time.time() - folder.stat().st_mtime
    except FileNotFoundError:  # another process finished it, or took it away
        return False
    return age > (_DAY if folder.name.startswith(".") else _KEPT_DAYS * _DAY)


def _take_away(folder: Path) -> None:
    """Delete a folder whose name is free at once: nobody finds half of it."""
    gone = Path(tempfile.mkdtemp(prefix=".", dir=folder.parent))
    with suppress(FileNotFoundError):
        folder.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


@contextmanager
def _alone(cache: Path) -> Iterator[None]:
    """One process at a time looks which folders of a cache are in use; the lock goes with the process that holds it."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / _LOCK).open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
