"""A stream of frames: open, prepare, measure, score, decide, and write down, one frame after the other."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import cast

from fovea.errors import FoveaError, PluginError, StoreError
from fovea.live.child import Errand
from fovea.live.clips import Clips, finish
from fovea.live.deciding import Decider
from fovea.live.incoming import NOTHING, OVER, Incoming
from fovea.live.ledger import Ledger
from fovea.live.pulse import Pulse
from fovea.live.ring import Ring
from fovea.live.spool import Window, left_over
from fovea.live.unit import Unit
from fovea.plugin import Clip, DomainInfo, Entry, Image, Sample
from fovea.processes import Tell
from fovea.registry import blamed, checks
from fovea.serving.score import Scorer
from fovea.store.store import Store

_POLL_S = 0.2
"""Seconds for which the next frame is waited for, and between two looks at units that bring nothing."""

_AHEAD = 4
"""Frames that may wait while one is worked on."""

_STALL_S = 0.5
"""Seconds for one frame beyond which it is we who held the units up: that is no silence of theirs."""


def watch_frames(errand: Errand, stop: Callable[[], bool], tell: Tell) -> None:
    """Work through a stream until it ends or a stop is asked for; what it was in the middle of can be resumed.

    Raises:
        PluginError: the stream broke, or brought what is no frame.
        FoveaError: a bundle is refused, or the store cannot be written.
    """
    source, job, pulse = errand.source, errand.job, Pulse(tell)
    view = job.unit_views.get(source.name, job.view)
    pulse.now()
    with Store.open(errand.location) as store:
        room = _Room(errand, store, pulse)
        room.resume()
        opening = partial(job.domain.streams[source.scheme].open, url=source.url(os.environ), view=view)
        incoming = Incoming(opening, ahead=_AHEAD, info=job.domain.info, part=_part(errand))
        pulse.note(opened=True)
        pulse.now()
        try:
            _follow(room, incoming, stop)
        except StoreError:
            raise
        except FoveaError:  # the stream broke; what came before is kept
            room.ledger.flush()
            raise
        finally:
            room.close()
        pulse.now()


def _follow(room: _Room, incoming: Incoming, stop: Callable[[], bool]) -> None:
    while not stop():
        room.pulse.maybe()
        item = incoming.next(_POLL_S)
        if item is OVER:
            room.end()
            return
        if item is not NOTHING:
            room.frame(item)
            incoming.taken()
        room.silence()
    for item in incoming.left():  # a camera shows nothing twice
        room.frame(item)
    room.ledger.flush()


class _Room:
    """The units of one stream, and what they share."""

    def __init__(self, errand: Errand, store: Store, pulse: Pulse) -> None:
        self._errand, self._job, self._store, self.pulse = errand, errand.job, store, pulse
        self._scorer = Scorer(errand.job)
        self._batch = store.batch(errand.batch)
        self._units: dict[str, Unit] = {}
        self._done: dict[str, set[str]] = {}
        for clip in store.live.clips(self._batch.site):
            self._done.setdefault(clip.unit, set()).add(clip.key)
        self._due = 0.0
        self.ledger = Ledger(store, self._batch, pulse, errand.job.domain.info.workflow)

    def resume(self) -> None:
        """Go on with the units that an earlier process was in the middle of."""
        left: dict[str, list[Window]] = {}
        for window in left_over(self._errand.clips, self._errand.source.name):
            left.setdefault(window.unit, []).append(window)
        site, live = self._batch.site, self._store.live
        for name in live.open_units(site=site, source=self._errand.source.name):
            unit = self._units[name] = self._unit(name, left.pop(name, ()))
            unit.resume(self._alive(live.tail(site=site, unit=name, key=self._batch.key)))
        for windows in left.values():
            self._finish(windows)

    def frame(self, item: object) -> None:
        """One frame, the whole way."""
        began = time.monotonic()
        self._frame(item)
        stalled = time.monotonic() - began - _STALL_S
        if stalled > 0:
            for unit in self._units.values():
                unit.wait(stalled)

    def _frame(self, item: object) -> None:
        sample, image, now = self._checked(item)
        unit = self._units.get(sample.of_unit)
        if (unit is None or unit.may_know(now)) and self.ledger.knows(sample):
            self._again(unit, sample, image, now)
            return
        if unit is not None:
            unit.silence_until(now)
        if unit is None or unit.ended:
            unit = self._units[sample.of_unit] = self._unit(sample.of_unit)
        unit.frame(sample, image, now)
        first = self.pulse.beat.last is None
        self.pulse.note(last=now, units=len(self._units))
        if first:
            self.pulse.now()

    def _again(self, unit: Unit | None, sample: Sample, image: Image, now: datetime) -> None:
        self.pulse.note(again=self.pulse.beat.again + 1)
        if unit is not None:
            unit.show(sample, image, now)
        for one in self._units.values():
            one.hold()

    def silence(self) -> None:
        """Tell the units that brought nothing for a while, whatever the others bring."""
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + _POLL_S
        for unit in list(self._units.values()):
            unit.silence()
        self._units = {name: unit for name, unit in self._units.items() if not unit.ended}
        self.pulse.note(units=len(self._units))
        self.ledger.flush(patient=True)

    def end(self) -> None:
        """The stream is over, and so are its units."""
        for unit in self._units.values():
            unit.end()
        self._units = {}
        self.ledger.flush()
        self.pulse.note(units=0, over=True)

    def close(self) -> None:
        """Let go of units that go on in another process."""
        for unit in self._units.values():
            unit.close()

    def _alive(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """The entries of weeks take a while."""
        for entry in entries:
            self.pulse.maybe()
            yield entry

    def _finish(self, windows: Iterable[Window]) -> None:
        """Make the clips that an earlier process left when their unit was over already."""
        for window in windows:
            self.pulse.maybe()
            for one in finish(self._errand.clips, window):
                if isinstance(one, Clip):
                    self.ledger.clip(one)
                else:
                    self.ledger.complain(str(one))

    def _unit(self, name: str, left: Sequence[Window] = ()) -> Unit:
        errand, job, info = self._errand, self._job, self._job.domain.info
        done = self._done.setdefault(name, set())
        return Unit(
            name=name,
            course=self._scorer.course(name),
            decider=Decider(job.domain, errand.policies.get(name, errand.policy), job.fitted_of(name)),
            ring=Ring(info.keep[0]),
            clips=Clips(errand.clips, errand.source.name, name, info.keep, done, left),
            quiet_s=info.quiet_s,
            ledger=self.ledger,
        )

    def _checked(self, item: object) -> tuple[Sample, Image, datetime]:
        """The frame under the stream's name. Raises PluginError where it is none."""
        info, part = self._job.domain.info, _part(self._errand)
        with blamed(info, part):
            frame = _named(item, self._errand.source.name)
            fault = frame if isinstance(frame, str) else _frame_fault(*frame, info)
        if fault is not None:
            raise PluginError(info.name, part, fault)
        sample, image = cast("tuple[Sample, Image]", frame)
        return sample, image, cast("datetime", sample.time)


def _part(errand: Errand) -> str:
    return f"streams['{errand.source.scheme}'].open"


def _named(item: object, name: str) -> tuple[Sample, Image] | str:
    """The frame under the stream's name, or what is wrong with it."""
    if not isinstance(item, tuple) or len(item) != 2:  # noqa: PLR2004 - a pair
        return f"yielded {type(item).__name__}, want a pair of Sample and Image"
    sample, image = item
    if not isinstance(sample, Sample):
        return f"yielded {type(sample).__name__} in place of a Sample"
    return replace(sample, source=name, unit=sample.unit or name), image


def _frame_fault(sample: Sample, image: Image, info: DomainInfo) -> str | None:
    if sample.time is None or not sample.part:
        return "yielded a frame without a time or without a part; give each frame both"
    return checks.sample_fault(sample, info) or checks.image_fault(image, sample.source)
