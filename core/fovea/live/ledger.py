"""What a stream's units came to, written down: entries and decisions in one transaction, in the order they came."""

from __future__ import annotations

import time
from collections.abc import Iterable

from fovea.errors import PluginError
from fovea.live.pulse import Pulse
from fovea.plugin import Clip, Decision, Sample, Workflow
from fovea.store.store import Store
from fovea.store.values import Arrived, Batch

FLUSH_S, FLUSH = 1.0, 32
"""Seconds and entries after which what came in is written, where no decision wants it sooner: a transaction costs
a wait for the disk.
"""

FAULTY = 100
"""Frames without an answer that are written down, in one process: a plugin that fails on each would fill the disk."""

_TOLD = 1000
"""Decisions whose last state is remembered."""


class Ledger:
    """Writes for the units of one stream."""

    def __init__(self, store: Store, batch: Batch, pulse: Pulse, workflow: Workflow) -> None:
        self._store, self._batch, self._pulse, self._workflow = store, batch, pulse, workflow
        self._waiting: list[Arrived] = []
        self._decided: dict[str, dict[str, Decision]] = {}
        self._told: dict[tuple[str, str], object] = {}
        self._faults: dict[str, PluginError] = {}
        self._due = 0.0

    def take(self, arrived: Arrived, made: Iterable[Decision], fault: PluginError | None) -> None:
        """An entry, with the decisions made on it, and what ended ``decide`` before it.

        What is new, or of another label, level or state, is written at once. What only grew (an alarm that goes
        on) may wait with the frames.
        """
        self._pulse.maybe()
        if not self._is_counted(arrived):
            return
        if not self._waiting:
            self._due = time.monotonic() + FLUSH_S
        self._waiting.append(arrived)
        news = [self._is_news(arrived.unit, decision) for decision in made]
        if any(news) or self._is_new_fault(arrived.unit, fault) or arrived.ended is not None:
            self._write()
        else:
            self.flush(patient=True)

    def clip(self, clip: Clip) -> None:
        """A finished clip."""
        self._store.live.add_clip(clip, site=self._batch.site)

    def complain(self, fault: str) -> None:
        """Something that costs a clip."""
        self._pulse.note(fault=fault)

    def knows(self, sample: Sample) -> bool:
        """True where the stream brought this frame before."""
        waiting = (one.scored.sample.part for one in self._waiting if one.scored is not None)
        if sample.part in waiting:
            return True
        return bool(self._store.live.known(site=self._batch.site, source=sample.source, parts=[sample.part]))

    def flush(self, *, patient: bool = False) -> None:
        """Write what waits; ``patient``: where it is enough, or old enough."""
        if self._waiting and (not patient or len(self._waiting) >= FLUSH or time.monotonic() >= self._due):
            self._write()

    def _is_counted(self, arrived: Arrived) -> bool:
        """Count a frame without an answer; False where there were so many that this one is not written down."""
        fault, count = arrived.scored and arrived.scored.fault, self._pulse.beat.faulty
        if fault is None:
            return True
        self._pulse.note(faulty=count + 1, fault=str(getattr(fault, "reason", fault)))
        return count < FAULTY

    def _is_news(self, unit: str, decision: Decision) -> bool:
        self._decided.setdefault(unit, {})[decision.key] = decision
        if len(self._told) > _TOLD:
            self._told.clear()
        now = (decision.label, decision.level, decision.state, decision.review)
        before, self._told[unit, decision.key] = self._told.get((unit, decision.key)), now
        return now != before

    def _is_new_fault(self, unit: str, fault: PluginError | None) -> bool:
        before = self._faults.pop(unit, None)
        if fault is None:
            return False
        self._faults[unit] = fault
        if fault is not before:
            self._pulse.note(fault=str(fault))
        return fault is not before

    def _write(self) -> None:
        made = {unit: list(by_key.values()) for unit, by_key in self._decided.items()}
        units = {one.unit for one in self._waiting}
        faults = {unit: fault for unit, fault in self._faults.items() if unit in units}
        changed = self._store.live.take(self._batch, self._waiting, made, workflow=self._workflow, faults=faults)
        answered = sum(1 for one in self._waiting if one.scored is not None and one.scored.fault is None)
        self._waiting, self._decided = [], {}
        beat = self._pulse.beat
        self._pulse.note(arrived=beat.arrived + answered, findings=beat.findings + changed)
