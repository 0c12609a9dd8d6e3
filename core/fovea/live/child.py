"""A stream's process: what it is sent, what it tells, and which of the two kinds of work it does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from fovea.processes import Tell, serve

if TYPE_CHECKING:
    from fovea.live.sources import Source
    from fovea.plugin import PolicySettings
    from fovea.serving.score import Job


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """What a stream's process is to do.

    Args:
        location: of the store, which each process opens itself.
        batch: number of the batch under whose key answers are kept.
        job: what a frame's answers depend on.
        policy: of the site.
        policies: of units that have their own.
        source: the stream.
        clips: folder of the site's clips.
    """

    location: str | Path
    batch: int
    job: Job
    policy: PolicySettings
    policies: dict[str, PolicySettings]
    source: Source
    clips: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """A sign of life, once a second, and how far the stream is; counts are since the process began.

    Args:
        opened: True once the stream was opened: until then its silence means nothing.
        over: True once it ended by itself.
        arrived: frames answered, or files put in the inbox.
        again: frames or files that had come before.
        faulty: frames without an answer, or files not taken.
        units: units that are going on.
        findings: decisions made or changed.
        last: time of the newest frame, None before the first and for files.
        fault: the last thing that went wrong, empty where nothing did.
    """

    opened: bool = False
    over: bool = False
    arrived: int = 0
    again: int = 0
    faulty: int = 0
    units: int = 0
    findings: int = 0
    last: datetime | None = None
    fault: str = ""


def main() -> None:
    """Run one stream; called in a process of its own."""
    serve(_work)


def _work(errand: Errand, stop: Callable[[], bool], tell: Tell) -> int:
    if errand.source.kind == "files":
        from fovea.live.files import take_files

        take_files(errand, stop, tell)
    else:
        from fovea.live.frames import watch_frames

        watch_frames(errand, stop, tell)
    return 0
