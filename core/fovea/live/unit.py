"""One unit of a stream of frames, from its first frame to its end."""

from __future__ import annotations

import time as clock
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from fovea.errors import FoveaError, PluginError
from fovea.live.clips import Clips
from fovea.live.deciding import Decider
from fovea.live.ring import Ring, keep
from fovea.plugin import Clip, Decision, Entry, Image, Result, Sample, Tick
from fovea.serving.score import Course
from fovea.store.values import Arrived

_SECOND = timedelta(seconds=1)


class Ledger(Protocol):
    """Where a unit writes down what came in and what was concluded on it."""

    def take(self, arrived: Arrived, made: Iterable[Decision], fault: PluginError | None) -> None:
        """An entry, with the decisions made before the next was asked for."""

    def clip(self, clip: Clip) -> None:
        """A finished clip."""

    def complain(self, fault: str) -> None:
        """Something went wrong that costs a frame or a clip, and no more."""


@dataclass(slots=True)
class Unit:
    """One stretch of a unit: until it falls silent for ``quiet_s`` seconds, or its stream ends.

    Args:
        name: of the unit.
        course: its pictures on their way through ``measure`` and the networks.
        decider: its entries on their way through ``decide``.
        ring: its last frames.
        clips: of its findings.
        quiet_s: seconds of silence that end it.
        ledger: where everything is written down.
    """

    name: str
    course: Course
    decider: Decider
    ring: Ring
    clips: Clips
    quiet_s: float
    ledger: Ledger
    last: datetime | None = None
    """Stream time of the last frame."""
    seen: float = field(default_factory=clock.monotonic)
    """Our own clock when it came."""
    ticks: int = 0
    """Seconds of silence told since then."""
    ended: bool = False
    _told: bool = False

    def resume(self, tail: Iterable[Entry]) -> None:
        """Bring ``decide`` to where an earlier process left it; what it concludes meanwhile was applied then."""
        for entry in tail:
            self.decider.give(entry)
            if isinstance(entry, Result):
                self.last, self.ticks = entry.sample.time, 0
            elif isinstance(entry, Tick):
                self.ticks += 1
        self.seen = clock.monotonic() - self.ticks
        self._told = self.decider.fault is not None

    def frame(self, sample: Sample, image: Image, now: datetime) -> None:
        """A frame came; ``now`` is its time, and silences before it have been told."""
        outcome, prepared = self.course.take(sample, image)
        if prepared is not None and self.clips.wanted:
            frame = keep(sample, prepared)
            self.ring.add(frame)
            self._try(partial(self.clips.add, frame))
        self.last, self.seen, self.ticks = max(now, self.last or now), clock.monotonic(), 0
        self._enter(Arrived(unit=self.name, scored=outcome.scored()), outcome.result, now)

    def show(self, sample: Sample, image: Image) -> None:
        """A frame that was answered before came again: ``measure`` sees it, and that is all."""
        self.course.show(sample, image)

    def silence_until(self, now: datetime) -> None:
        """The stream says that it is ``now``: tell the seconds without a frame until then, and end what is over."""
        if self.last is not None:
            self._silence((now - self.last).total_seconds(), whole=False)

    def silence(self) -> None:
        """Our own clock says that nothing came: tell the seconds, and end what is over."""
        self._silence(clock.monotonic() - self.seen, whole=True)

    def end(self) -> None:
        """The stream ended, or the unit fell silent for good."""
        now = self._now()
        if self.ended or now is None:
            return
        self.ended = True
        made = self.decider.end()
        self._follow(made, now)
        self.ledger.take(Arrived(unit=self.name, ended=now), made, self._fault())
        self._keep_clips(self.clips.end)
        self.course.close()

    def _silence(self, seconds: float, *, whole: bool) -> None:
        """Tick for each second; without ``whole`` the last one is the frame's own."""
        last = self.last
        if last is None or self.ended:
            return
        while (due := self.ticks + 1) <= self.quiet_s and (due <= seconds if whole else due < seconds):
            self.ticks = due
            now = last + due * _SECOND
            self._enter(Arrived(unit=self.name, tick=now), Tick(time=now), now)
        if seconds >= self.quiet_s if whole else seconds > self.quiet_s:
            self.end()

    def _enter(self, arrived: Arrived, entry: Entry | None, now: datetime) -> None:
        made = self.decider.give(entry) if entry is not None else []
        self._follow(made, now)
        self.ledger.take(arrived, made, self._fault())
        self._keep_clips(partial(self.clips.over, now))

    def _follow(self, made: Iterable[Decision], now: datetime) -> None:
        for decision in made:
            self._try(partial(self.clips.follow, decision, now, self.ring))

    def _keep_clips(self, finish: Callable[[], list[Clip]]) -> None:
        def keep_all() -> None:
            for clip in finish():
                self.ledger.clip(clip)

        self._try(keep_all)

    def _try(self, keeping: Callable[[], object]) -> None:
        """A disk that is full costs clips, and nothing else."""
        try:
            keeping()
        except (FoveaError, OSError) as error:
            self.ledger.complain(str(error))

    def _now(self) -> datetime | None:
        return None if self.last is None else self.last + self.ticks * _SECOND

    def _fault(self) -> PluginError | None:
        """The fault of ``decide``, once."""
        if self._told or self.decider.fault is None:
            return None
        self._told = True
        return self.decider.fault
