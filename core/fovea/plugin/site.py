"""What a report, an export or a clip is made from: one site, as the store knows it, read only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from fovea.plugin.decisions import Case, Decision
from fovea.plugin.values import Image, Record, Result, Unreadable, _empty


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """A source or part that could not be worked with, and why."""

    source: str
    part: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Pictures of ``unit`` were seen from ``start`` to ``end``: a reader must know when nobody watched."""

    unit: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """The prepared frames around a finding of a stream, as a film on disk.

    Args:
        unit: the finding's unit.
        key: the finding's key in that unit.
        path: the file: Motion JPEG in an AVI container.
        start: moment of the first frame.
        end: moment of the last frame.
        frames: how many there are.
    """

    unit: str
    key: str
    path: Path
    start: datetime
    end: datetime
    frames: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteView:
    """One site's state at one moment.

    Args:
        name: the site's name.
        title: the site's title for people.
        made: when this view was taken.
        line_up: bundle name by role.
        clips: films of what streams showed around findings, oldest first.
        results: yields every result anew, unit by unit, in order of time; a large site does not fit in a list.
        records: yields every record anew, unit by unit, in order of time.
        decisions: current decisions by unit.
        cases: the findings under review, oldest first.
        quarantined: what could not be read.
        coverage: when pictures were seen, by unit.
        picture: the prepared pixels of one (source, part), for exports and clips.
    """

    name: str
    title: str
    made: datetime
    results: Callable[[], Iterator[Result]]
    records: Callable[[], Iterator[Record]]
    picture: Callable[[str, str], Image | Unreadable]
    decisions: Mapping[str, tuple[Decision, ...]] = field(default_factory=_empty)
    cases: tuple[Case, ...] = ()
    quarantined: tuple[Quarantined, ...] = ()
    coverage: tuple[Coverage, ...] = ()
    clips: tuple[Clip, ...] = ()
    line_up: Mapping[str, str] = field(default_factory=_empty)
