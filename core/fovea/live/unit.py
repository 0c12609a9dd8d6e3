"""One unit of a stream of frames, from its first frame to its end."""

from __future__ import annotations

import time as clock
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Protocol

from fovea.errors import FoveaError, PluginError
from fovea.live.clips import Clips
from fovea.live.deciding import Decider
from fovea.live.ring import SECOND, Ring, keep
from fovea.plugin import Clip, Decision, Entry, Image, Result, Sample, Tick
from fovea.serving.score import Course
from fovea.store import codec
from fovea.store.values import Arrived


class Ledger(Protocol):
    """Where a unit writes down what came in and what was concluded on it."""

    def take(self, arrived: Arrived, made: Iterable[Decision], fault: PluginError | None) -> None:
        """An entry, with the decisions made before the next was asked for, and what ended ``decide``."""

    def clip(self, clip: Clip) -> None:
        """A finished clip."""

    def complain(self, fault: str) -> None:
        """Something went wrong that costs a frame or a clip, and no more."""


@dataclass(slots=True)
class Unit:
    """One stretch of a unit: until it falls silent for ``quiet_s`` seconds, or its stream ends.

    Moments are microseconds since 1970: in a zone whose clocks change, an hour may come twice.

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
    first: int | None = None
    """Moment of the first frame of this stretch."""
    last: int | None = None
    """Moment of the last one."""
    seen: float = field(default_factory=clock.monotonic)
    """Our own clock when it came."""
    ticks: int = 0
    """Seconds of silence told since then."""
    ended: bool = False
    _zone: str = "UTC"

    def resume(self, tail: Iterable[Entry]) -> None:
        """Bring ``decide`` to where an earlier process left it; what it concludes meanwhile was applied then."""
        for entry in tail:
            self.decider.give(entry)
            if isinstance(entry, Result) and entry.sample.time is not None:
                self._came(entry.sample.time)
            elif isinstance(entry, Tick):
                self.ticks += 1
        self.hold()

    def may_know(self, now: datetime) -> bool:
        """True where a frame of this time may have been answered before."""
        return self.last is not None and codec.micros(now) <= self.last

    def frame(self, sample: Sample, image: Image, now: datetime) -> None:
        """A frame came; ``now`` is its time, and silences before it have been told."""
        outcome, prepared = self.course.take(sample, image)
        if prepared is not None and self.clips.wanted:
            self._try(partial(self._keep, sample, prepared, new=True))
        self._came(now)
        self._enter(Arrived(unit=self.name, scored=outcome.scored()), outcome.result, codec.micros(now))

    def show(self, sample: Sample, image: Image, now: datetime) -> None:
        """A frame that was answered before came again: ``measure`` sees it, and so does what clips begin with."""
        moment = codec.micros(now)
        if self.first is None or self.last is None or moment < self.first:
            return
        prepared, recent = self.course.show(sample, image), moment >= self.last - self.ring.span
        if prepared is not None and self.clips.wanted and recent and moment > self.ring.newest:
            self._try(partial(self._keep, sample, prepared, new=False))

    def silence_until(self, now: datetime) -> None:
        """The stream says that it is ``now``: tell the seconds without a frame until then, and end what is over."""
        if self.last is not None:
            self._silence((codec.micros(now) - self.last) / SECOND, whole=False)

    def silence(self) -> None:
        """Our own clock says that nothing came: tell the seconds, and end what is over."""
        self._silence(clock.monotonic() - self.seen, whole=True)

    def wait(self, seconds: float) -> None:
        """We were held up for so long: it may have brought something meanwhile."""
        self.seen = min(clock.monotonic(), self.seen + seconds)

    def hold(self) -> None:
        """The stream is still at what it brought before: our own clock begins where the unit was left."""
        self.seen = clock.monotonic() - self.ticks

    def end(self) -> None:
        """The stream ended, or the unit fell silent for good."""
        if self.last is not None and not self.ended:
            self.ended = True
            made, now = self.decider.end(), self.last + self.ticks * SECOND
            self._follow(made, now)
            self.ledger.take(Arrived(unit=self.name, ended=self._time(now)), made, self.decider.fault)
            self._settle(self.clips.end())
        self.close()

    def close(self) -> None:
        """Let go of it: it may go on in another process."""
        self.decider.close()
        self.course.close()

    def _came(self, time: datetime) -> None:
        moment = codec.micros(time)
        self.first = moment if self.first is None else self.first
        self.last = moment if self.last is None else max(moment, self.last)
        self.seen, self.ticks, self._zone = clock.monotonic(), 0, codec.zone_name(time)

    def _silence(self, seconds: float, *, whole: bool) -> None:
        """Tick for each second; without ``whole`` the last one is the frame's own."""
        last = self.last
        if last is None or self.ended:
            return
        while (due := self.ticks + 1) <= self.quiet_s and (due <= seconds if whole else due < seconds):
            self.ticks = due
            now = last + due * SECOND
            time = self._time(now)
            self._enter(Arrived(unit=self.name, tick=time), Tick(time=time), now)
        if seconds >= self.quiet_s if whole else seconds > self.quiet_s:
            self.end()

    def _enter(self, arrived: Arrived, entry: Entry | None, now: int) -> None:
        made = self.decider.give(entry) if entry is not None else []
        self._follow(made, now)
        self.ledger.take(arrived, made, self.decider.fault)
        self._settle(self.clips.over(now))

    def _keep(self, sample: Sample, prepared: Image, *, new: bool) -> None:
        frame = keep(sample, prepared)
        self.ring.add(frame)
        if new:
            self.clips.add(frame)

    def _follow(self, made: Iterable[Decision], now: int) -> None:
        for decision in made:
            self._try(partial(self.clips.follow, decision, now, self.ring))

    def _settle(self, finished: Iterator[Clip | FoveaError]) -> None:
        def write_down() -> None:
            for one in finished:
                if isinstance(one, Clip):
                    self.ledger.clip(one)
                else:
                    self.ledger.complain(str(one))

        self._try(write_down)

    def _try(self, keeping: Callable[[], object]) -> None:
        """What comes in the way of a clip, a full disk say, costs that clip and nothing else."""
        try:
            keeping()
        except FoveaError as error:
            self.ledger.complain(str(error))
        except Exception as error:  # noqa: BLE001 - the frame itself must be answered whatever became of its clip
            self.ledger.complain(f"a clip could not be kept: {type(error).__name__}: {error}")

    def _time(self, moment: int) -> datetime:
        return codec.moment(moment, self._zone)
