"""The folder and the threads that a training has to itself, and what a disk may do to it."""

from __future__ import annotations

import ctypes
import errno
import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from fovea.errors import FoveaError, Locked

_DISK = (errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EPERM, errno.EDQUOT, errno.ENOTDIR)
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
_USUAL_TRIM, _USUAL_MAPS = 128 * 1024, 65536


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
def memory_kept() -> Iterator[None]:
    """What a batch frees is kept for the next one, and handed back to the kernel at the end.

    By itself glibc maps every large tensor anew, and the kernel clears its pages each time: 9.5 of 67 ms a picture
    (ResNet-18, 224 pixels, bf16, batches of 32, one thread). For the options see mallopt(3); another C library than
    glibc is left alone.
    """
    library = ctypes.CDLL(None)
    known = hasattr(library, "mallopt") and hasattr(library, "malloc_trim")
    if known:
        library.mallopt(_MMAP_MAX, 0)
        library.mallopt(_TRIM_THRESHOLD, -1)
    try:
        yield
    finally:
        if known:
            library.mallopt(_MMAP_MAX, _USUAL_MAPS)
            library.mallopt(_TRIM_THRESHOLD, _USUAL_TRIM)
            library.malloc_trim(0)


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
