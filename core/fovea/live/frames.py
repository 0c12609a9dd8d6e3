"""A stream of frames: open, prepare, measure, score, decide, and write down, one frame after the other."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from typing import cast

from fovea.errors import PluginError
from fovea.live.child import Errand
from fovea.live.clips import Clips
from fovea.live.deciding import Decider
from fovea.live.files import Pulse
from fovea.live.incoming import NOTHING, OVER, Incoming
from fovea.live.ring import Ring
from fovea.live.unit import Unit
from fovea.plugin import Clip, Decision, DomainInfo, Image, Sample, Workflow
from fovea.processes import Tell
from fovea.registry import blamed, checks
from fovea.serving.score import Scorer
from fovea.store.store import Store
from fovea.store.values import Arrived, Batch

_POLL_S = 0.2

_AHEAD = 4
"""Frames that may wait while one is worked on."""

_FLUSH_S, _FLUSH = 1.0, 32
"""Seconds and entries after which what came in is written, where no decision wants it sooner: a transaction costs
a wait for the disk.
"""

_FAULTY = 100
"""Frames without an answer that are written down, in one process: a plugin that fails on each would fill the disk."""


def watch_frames(errand: Errand, stop: Callable[[], bool], tell: Tell) -> None:
    """Work through a stream until it ends or a stop is asked for; what it was in the middle of can be resumed.

    Raises:
        PluginError: the stream broke, or brought what is no frame.
        FoveaError: a bundle is refused, or the store cannot be written.
    """
    source, job = errand.source, errand.job
    view = job.unit_views.get(source.name, job.view)
    with Store.open(errand.location) as store:
        room = _Room(errand, store, Pulse(tell))
        room.resume()
        incoming = Incoming(job.domain.streams[source.scheme].open(url=source.url(os.environ), view=view), _AHEAD)
        while not stop():
            room.pulse.maybe()
            frame = incoming.next(_POLL_S)
            if frame is OVER:
                room.end()
                break
            if frame is NOTHING:
                room.silence()
            else:
                room.frame(frame)
                incoming.taken()
        room.ledger.flush()
        room.pulse.now()


class _Room:
    """The units of one stream, and what they share."""

    def __init__(self, errand: Errand, store: Store, pulse: Pulse) -> None:
        self._errand, self._job, self._store, self.pulse = errand, errand.job, store, pulse
        self._scorer = Scorer(errand.job)
        self._batch = store.batch(errand.batch)
        self._units: dict[str, Unit] = {}
        self.ledger = _Ledger(store, self._batch, pulse, errand.job.domain.info.workflow)

    def resume(self) -> None:
        """Go on with the units that an earlier process was in the middle of."""
        site = self._batch.site
        for name in self._store.live.open_units(site=site, source=self._errand.source.name):
            unit = self._units[name] = self._unit(name)
            unit.resume(self._store.live.tail(site=site, unit=name, key=self._batch.key))

    def frame(self, item: object) -> None:
        """One frame, the whole way."""
        sample, image, now = self._checked(item)
        unit = self._units.get(sample.of_unit)
        if unit is not None and unit.last is not None and now <= unit.last and self._is_known(sample):
            unit.show(sample, image)
            return
        if unit is None and self._is_known(sample):
            self.pulse.note(again=self.pulse.beat.again + 1)
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

    def silence(self) -> None:
        """Nothing came for a moment."""
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
        self.pulse.note(units=0)

    def _is_known(self, sample: Sample) -> bool:
        self.ledger.flush()
        parts = [sample.part]
        return bool(self._store.live.known(site=self._batch.site, source=sample.source, parts=parts))

    def _unit(self, name: str) -> Unit:
        errand, info = self._errand, self._job.domain.info
        done = [clip.key for clip in self._store.live.clips(self._batch.site) if clip.unit == name]
        return Unit(
            name=name,
            course=self._scorer.course(name),
            decider=Decider(self._job.domain, errand.policies.get(name, errand.policy), self._job.fitted_of(name)),
            ring=Ring(info.keep[0]),
            clips=Clips(errand.clips, name, info.keep, done),
            quiet_s=info.quiet_s,
            ledger=self.ledger,
        )

    def _checked(self, item: object) -> tuple[Sample, Image, datetime]:
        """The frame under the stream's name. Raises PluginError where it is none."""
        info, source = self._job.domain.info, self._errand.source
        part = f"streams['{source.scheme}'].open"
        with blamed(info, part):
            frame = _named(item, source.name)
            fault = frame if isinstance(frame, str) else _frame_fault(*frame, info)
        if fault is not None:
            raise PluginError(info.name, part, fault)
        sample, image = cast("tuple[Sample, Image]", frame)
        return sample, image, cast("datetime", sample.time)


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


class _Ledger:
    """Writes what units came to: entries and decisions in one transaction, in the order they were made."""

    def __init__(self, store: Store, batch: Batch, pulse: Pulse, workflow: Workflow) -> None:
        self._store, self._batch, self._pulse, self._workflow = store, batch, pulse, workflow
        self._waiting: list[Arrived] = []
        self._due = 0.0

    def take(self, arrived: Arrived, made: Iterable[Decision], fault: PluginError | None) -> None:
        """An entry, with the decisions made on it."""
        beat, scored = self._pulse.beat, arrived.scored
        if scored is not None and scored.fault is not None:
            self._pulse.note(faulty=beat.faulty + 1, fault=str(getattr(scored.fault, "reason", scored.fault)))
            if beat.faulty >= _FAULTY:
                return
        elif scored is not None:
            self._pulse.note(arrived=beat.arrived + 1)
        if not self._waiting:
            self._due = time.monotonic() + _FLUSH_S
        self._waiting.append(arrived)
        decided = {arrived.unit: list(made)}
        if fault is not None:
            self._pulse.note(fault=str(fault))
        if decided[arrived.unit] or fault is not None or arrived.ended is not None:
            self._write(decided, {arrived.unit: fault} if fault is not None else {})
        else:
            self.flush(patient=True)

    def clip(self, clip: Clip) -> None:
        """A finished clip."""
        self._store.live.add_clip(clip, site=self._batch.site)

    def complain(self, fault: str) -> None:
        """Something that costs a clip."""
        self._pulse.note(fault=fault)

    def flush(self, *, patient: bool = False) -> None:
        """Write what waits; ``patient``: where it is enough, or old enough."""
        if self._waiting and (not patient or len(self._waiting) >= _FLUSH or time.monotonic() >= self._due):
            self._write({}, {})

    def _write(self, decided: dict[str, list[Decision]], faults: dict[str, PluginError]) -> None:
        waiting, self._waiting = self._waiting, []
        made = {unit: decisions for unit, decisions in decided.items() if decisions}
        changed = self._store.live.take(self._batch, waiting, made, workflow=self._workflow, faults=faults)
        self._pulse.note(findings=self._pulse.beat.findings + changed)
