"""Folders of a cache: each appears whole under its name, and one that nobody uses any more goes."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_DAY, _KEPT_DAYS = 86_400, 60


@contextmanager
def filled(folder: Path) -> Iterator[Path]:
    """A folder to fill that takes the name when it is whole; of two that do so at a time, the later stays."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    room = Path(tempfile.mkdtemp(prefix=".", dir=folder.parent))
    try:
        yield room
        shutil.rmtree(folder, ignore_errors=True)
        room.rename(folder)
    finally:
        shutil.rmtree(room, ignore_errors=True)


def forget(cache: Path) -> None:
    """Delete what was last used two months ago, and what a killed process left half made a day ago."""
    for folder in cache.glob("*") if cache.is_dir() else ():
        age = time.time() - folder.stat().st_mtime
        if age > (_DAY if folder.name.startswith(".") else _KEPT_DAYS * _DAY):
            shutil.rmtree(folder, ignore_errors=True)
