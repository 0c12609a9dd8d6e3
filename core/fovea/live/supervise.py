"""The parent of the streams' processes: starts them, hears them, and starts them anew when they die or fall silent."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TypeAlias

from fovea.errors import BundleRefused
from fovea.live.child import Beat, Errand
from fovea.live.chores import Chore, Chores
from fovea.live.sources import Source
from fovea.plugin import Event, PolicySettings
from fovea.processes import Child, Message, pack, unfit
from fovea.serving.score import Job
from fovea.store.store import Store
from fovea.store.values import BatchKey, Site, short_digest

State: TypeAlias = Literal["starting", "live", "lost", "over"]

HANG_S = 60.0
"""Seconds without a sign of life after which a process is taken to hang; it gives one every second, between frames."""

BACK_OFF_S = (0.5, 4.0)
"""First and longest wait before a stream is opened anew; it doubles each time, with jitter, and never gives up."""

_JITTER = 0.2
_POLL_S = 0.05
_SHOW_S = 0.5
_ASK_S = 5.0
_PATIENCE_S = 10.0
_RATE_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What the streams of a site are worked with; new ones are asked for when the site's settings change."""

    job: Job
    policy: PolicySettings
    policies: dict[str, PolicySettings]
    key: BatchKey
    clips: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceStatus:
    """How a stream is; counts are since the watch began.

    Args:
        name: of the stream.
        kind: of what it brings.
        state: ``lost`` from the moment it broke or fell silent until it brings something again.
        arrived: frames answered, or files put in the inbox.
        again: those that had come before.
        faulty: those without an answer, or not taken.
        rate: arrivals a second, over the last seconds.
        lag_s: age of the newest frame when it was heard of; None for files and before the first.
        restarts: times that it was opened anew.
        units: units that are going on.
        findings: decisions made or changed.
        fault: the last thing that went wrong.
    """

    name: str
    kind: str
    state: State
    arrived: int
    again: int
    faulty: int
    rate: float
    lag_s: float | None
    restarts: int
    units: int
    findings: int
    fault: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchSummary:
    """What a watch came to."""

    sources: tuple[SourceStatus, ...]
    seconds: float
    stopped: bool


class Supervisor:
    """Watches over the streams of one site.

    Args:
        store: the workplace's.
        site: whose streams.
        sources: the streams.
        orders: what to work with; asked at the start, and again where ``changed`` says so.
        changed: whether the site's settings, models or fitted numbers are others than those last asked for.
        chores: what is to be done beside.
        show: told how the streams are, twice a second.
    """

    def __init__(
        self,
        *,
        store: Store,
        site: Site,
        sources: Sequence[Source],
        orders: Callable[[], Orders],
        changed: Callable[[], bool],
        chores: Sequence[Chore] = (),
        show: Callable[[tuple[SourceStatus, ...]], None],
    ) -> None:
        self._store, self._site, self._orders, self._changed, self._show = store, site, orders, changed, show
        self._tended = [_Tended(source=source, tell=self._announce) for source in sources]
        self._chores = Chores(chores)
        self._due_show = self._due_ask = 0.0

    def run(self, stop: Callable[[], bool]) -> WatchSummary:
        """Watch until every stream has ended by itself, and what they brought is worked through, or until ``stop``.

        Raises:
            BundleRefused: a bundle is damaged or made for something else.
            PluginError: the domain cannot be sent to, or imported by, another process.
        """
        began = time.monotonic()
        self._take_orders()
        self._chores.start()
        try:
            while not stop() and not self._is_over():
                self._tend()
                time.sleep(_POLL_S)
            return WatchSummary(sources=self._statuses(), seconds=time.monotonic() - began, stopped=stop())
        finally:
            self._part()
            self._chores.stop()
            self._show(self._statuses())

    def _take_orders(self) -> None:
        orders = self._orders()
        batch = self._store.open_batch(site=self._site.id, key=orders.key)
        for tended in self._tended:
            errand = Errand(
                location=self._store.location,
                batch=batch.id,
                job=orders.job,
                policy=orders.policy,
                policies=orders.policies,
                source=tended.source,
                clips=orders.clips,
            )
            tended.give(pack(errand, orders.job.domain.info.name), orders.job.domain.info.name)

    def _is_over(self) -> bool:
        return all(tended.state == "over" for tended in self._tended) and self._chores.are_done()

    def _tend(self) -> None:
        now = time.monotonic()
        for tended in self._tended:
            if tended.tend(now):
                self._chores.something_arrived()
        if now >= self._due_ask:
            self._due_ask = now + _ASK_S
            if self._changed():
                self._renew()
        if now >= self._due_show:
            self._due_show = now + _SHOW_S
            self._show(self._statuses())

    def _renew(self) -> None:
        """Settings changed: every process ends after the frame in hand, and begins with the new ones."""
        self._part()
        self._take_orders()

    def _part(self) -> None:
        going = [tended for tended in self._tended if tended.child is not None]
        for tended in going:
            tended.ask_to_stop()
        until = time.monotonic() + _PATIENCE_S
        for tended in going:
            tended.end(until - time.monotonic())

    def _statuses(self) -> tuple[SourceStatus, ...]:
        return tuple(tended.status() for tended in self._tended)

    def _announce(self, kind: str, stream: str, reason: str) -> None:
        now = datetime.now(UTC)
        event = Event(
            id=f"{kind}-{short_digest([self._site.name, stream, now.isoformat()])}",
            kind=kind,
            subject=f"{self._site.name}/{stream}",
            site=self._site.name,
            time=now,
            facts={"stream": stream, "reason": reason},
        )
        self._store.events.announce(event)


@dataclass(slots=True)
class _Tended:
    """One stream and its process, if it has one."""

    source: Source
    tell: Callable[[str, str, str], None]
    state: State = "starting"
    child: Child | None = None
    order: bytes = b""
    domain: str = ""
    beat: Beat = field(default_factory=Beat)
    before: Beat = field(default_factory=Beat)
    """What earlier processes came to."""
    restarts: int = 0
    fault: str = ""
    _delay: float = BACK_OFF_S[0]
    _due: float = 0.0
    _heard: float = 0.0
    _arrived: float = 0.0
    _counts: list[tuple[float, int]] = field(default_factory=list)
    _lag: float | None = None

    def give(self, order: bytes, domain: str) -> None:
        """What its processes are to do from now on."""
        self.order, self.domain, self._due = order, domain, 0.0

    def tend(self, now: float) -> bool:
        """Look after it; True where it brought something new."""
        if self.state == "over":
            return False
        if self.child is None:
            if now >= self._due:
                self._start(now)
            return False
        dead, total = self.child.is_dead, self._total()
        self._hear(self.child, now)
        if dead:
            self._bury(self.child, now)
        elif now - self._heard > HANG_S:
            self._lose("it gives no sign of life", now)
        elif self.source.kind == "frames" and now - self._arrived > self.source.silent_s:
            self._lose(f"no frame came for {self.source.silent_s:g} s", now)
        return self._total() > total

    def ask_to_stop(self) -> None:
        """Ask its process to stop."""
        if self.child is not None:
            self.child.ask_to_stop()

    def end(self, seconds: float) -> None:
        """Wait for its process, then end it."""
        if self.child is not None:
            self.child.wait(seconds)
            dead = self.child.is_dead
            self._hear(self.child, time.monotonic())
            if dead and self.child.process.returncode == 0 and self.state != "over":
                self.state = "starting"
            self._drop()

    def status(self) -> SourceStatus:
        """How it is."""
        beat, before = self.beat, self.before
        return SourceStatus(
            name=self.source.name,
            kind=self.source.kind,
            state=self.state,
            arrived=before.arrived + beat.arrived,
            again=before.again + beat.again,
            faulty=before.faulty + beat.faulty,
            rate=self._rate(),
            lag_s=self._lag,
            restarts=self.restarts,
            units=beat.units,
            findings=before.findings + beat.findings,
            fault=self.source.hide(self.fault or beat.fault, os.environ),
        )

    def _start(self, now: float) -> None:
        self.child = Child(module="fovea.live.child", order=self.order)
        self.beat, self._heard, self._arrived = Beat(), now, now

    def _hear(self, child: Child, now: float) -> None:
        while not child.messages.empty():
            message = child.messages.get()
            self._heard = now
            if isinstance(message.said, Beat):
                self._take(message.said, now)
            elif message.kind in {"error", "bug", "unfit"}:
                self._fail(message)

    def _take(self, beat: Beat, now: float) -> None:
        counts = (beat.arrived + beat.again + beat.faulty, self.beat.arrived + self.beat.again + self.beat.faulty)
        came = counts[0] > counts[1]
        self.beat = beat
        if came or self.source.kind == "files":
            if self.state == "lost":
                self.tell("source.found", self.source.name, "")
            self.state, self._arrived, self._delay, self.fault = "live", now, BACK_OFF_S[0], ""
        if beat.last is not None and came:
            self._lag = (datetime.now(UTC) - beat.last).total_seconds()
        self._counts = [*(one for one in self._counts if one[0] > now - _RATE_S), (now, self.status().arrived)]

    def _fail(self, message: Message) -> None:
        if message.kind == "unfit":
            raise unfit(message, self.domain)
        if isinstance(message.error, BundleRefused):
            raise message.error
        last = message.text.strip().splitlines()[-1:] or ["it ended"]
        self.fault = str(message.error) if message.error is not None else last[0]

    def _bury(self, child: Child, now: float) -> None:
        status = child.process.returncode
        if status == 0:
            self._drop()
            self.state = "over"
        else:
            self._lose(self.fault or f"its process ended (exit status {status})", now)

    def _lose(self, reason: str, now: float) -> None:
        self._drop()
        self.fault, self.restarts = reason, self.restarts + 1
        if self.state != "lost":
            self.tell("source.lost", self.source.name, self.source.hide(reason, os.environ))
        self.state = "lost"
        self._due = now + self._delay * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - no secret
        self._delay = min(2 * self._delay, BACK_OFF_S[1])

    def _drop(self) -> None:
        if self.child is not None:
            self.child.kill()
            self.child = None
        beat, before = self.beat, self.before
        self.before = Beat(
            arrived=before.arrived + beat.arrived,
            again=before.again + beat.again,
            faulty=before.faulty + beat.faulty,
            findings=before.findings + beat.findings,
        )
        self.beat = Beat()

    def _total(self) -> int:
        return self.before.arrived + self.beat.arrived

    def _rate(self) -> float:
        if len(self._counts) < 2:  # noqa: PLR2004 - a rate needs two moments
            return 0.0
        (first, few), (last, many) = self._counts[0], self._counts[-1]
        return (many - few) / (last - first) if last > first else 0.0
