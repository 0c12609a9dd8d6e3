"""Writing down what lies in a site's folder."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a scan came to.

    Args:
        count: samples and records, by what was known of them.
        fresh: units that got a file within the last ``fresh_s`` seconds, with their number of pictures.
    """

    count: ScanCount
    fresh: Mapping[str, int]


def scan(
    *, store: Store, batch: Batch, job: Job, progress: Progress, stop: Callable[[], bool], fresh_s: float = 0.0
) -> Found:
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
    stat, fresh, sizes = _LastStat(job.root), set[str](), Counter[str]()
    since = time.time_ns() - round(fresh_s * 1e9)
    count, pictures = ScanCount(), 0
    while items := list(islice(found, SLICE)):
        if stop():
            raise Stopped("stopped while the folder was read: run the same command again to go on")
        samples = [Scanned(sample=item, stat=stat(item.source)) for item in items if isinstance(item, Sample)]
        count += store.record_scan(batch, samples, [item for item in items if isinstance(item, Record)])
        if fresh_s:
            sizes.update(one.sample.of_unit for one in samples)
            fresh.update(one.sample.of_unit for one in samples if one.stat and one.stat.mtime_ns > since)
        pictures += len(samples)
        progress.advance(len(samples))
    progress.finish()
    if not pictures:
        raise DataError(_nothing_found(job))
    store.end_scan(batch)
    return Found(count=count, fresh={unit: sizes[unit] for unit in fresh})


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
