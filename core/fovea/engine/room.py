"""The folder and the threads that a training has to itself, and what a disk may do to it."""

from __future__ import annotations

import errno
import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from fovea.errors import FoveaError, Locked

_DISK = (errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EPERM, errno.EDQUOT, errno.ENOTDIR)


@contextmanager
def threads(count: int) -> Iterator[None]:
    """So many CPU threads for torch, and as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def held(folder: Path, what: str) -> Iterator[None]:
    """The folder, made where absent, for this process alone; ``what`` works there, in words.

    Raises:
        Locked: another process holds it.
        FoveaError: the disk is full or read-only, which would otherwise be a traceback.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / ".lock").open("w") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                fault = f"another {what} is at work in {folder}: wait for it, or give another folder"
                raise Locked(fault) from None
            yield
    except OSError as error:
        if error.errno not in _DISK:
            raise
        raise FoveaError(f"the run's folder {folder} could not be written: {error.strerror}") from error
