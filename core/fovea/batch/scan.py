"""Writing down what lies in a site's folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from fovea.errors import DataError, Stopped
from fovea.plugin import Record, Sample
from fovea.progress import Progress
from fovea.serving.score import Job
from fovea.store.store import Store
from fovea.store.values import Batch, FileStat, ScanCount, Scanned

SLICE = 500
"""Samples and records written in one transaction: rows/s no longer grow with larger ones, and memory does."""


def scan(*, store: Store, batch: Batch, job: Job, progress: Progress, stop: Callable[[], bool]) -> ScanCount:
    """Let the domain read the folder and write down what it finds, a slice at a time.

    Raises:
        DataError: the folder is not there, or the domain finds no picture in it.
        PluginError: ``read_samples`` fails; what was written before stays, and nothing is marked as gone.
        Stopped: a stop was asked for.
    """
    if not job.root.is_dir():
        raise DataError(f"the site's folder {_shown(job.root)} is not there: mount it, or name another folder")
    progress.start("scan", None)
    found = iter(job.domain.read_samples(root=job.root, view=job.view))
    stat = _LastStat(job.root)
    count, pictures = ScanCount(), 0
    while items := list(islice(found, SLICE)):
        if stop():
            raise Stopped("stopped while the folder was read: run the same command again to go on")
        samples = [Scanned(sample=item, stat=stat(item.source)) for item in items if isinstance(item, Sample)]
        count += store.record_scan(batch, samples, [item for item in items if isinstance(item, Record)])
        pictures += len(samples)
        progress.advance(len(samples))
    progress.finish()
    if not pictures:
        raise DataError(_nothing_found(job))
    store.end_scan(batch)
    return count


class _LastStat:
    """``os.stat`` of a source, asked once where the parts of a source follow each other."""

    def __init__(self, root: Path) -> None:
        self._root = os.fsencode(root)
        self._source, self._stat = "", None  # type: str, FileStat | None

    def __call__(self, source: str) -> FileStat | None:
        if source != self._source:
            self._source, self._stat = source, self._ask(source)
        return self._stat

    def _ask(self, source: str) -> FileStat | None:
        try:
            told = os.stat(os.path.join(self._root, os.fsencode(source)))
        except (OSError, ValueError):  # no such file, or a name no file can have: load_images will say so
            return None
        return FileStat(size=told.st_size, mtime_ns=told.st_mtime_ns, ctime_ns=told.st_ctime_ns, inode=told.st_ino)


def _nothing_found(job: Job) -> str:
    name = job.domain.info.name
    files = sum(1 for _ in islice(_files(job.root), 1000))
    held = f"{files}{' or more' if files == 1000 else ''} files" if files else "no file at all"  # noqa: PLR2004
    return (
        f"the domain '{name}' finds no picture in {_shown(job.root)}, which holds {held}: "
        f"name another folder, or see 'fovea plugins show {name}' for what it looks for"
    )


def _files(root: Path) -> Iterator[str]:
    for _, _, names in os.walk(root):
        yield from names


def _shown(path: Path) -> str:
    return str(path).encode("utf-8", "backslashreplace").decode("utf-8")
