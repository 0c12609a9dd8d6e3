"""One stream as the supervisor sees it: its process, how it is, and when it is opened anew."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, TypeAlias

from fovea.errors import BundleRefused, FoveaError
from fovea.live.child import Beat
from fovea.live.sources import Source
from fovea.processes import Child, Message, unfit

State: TypeAlias = Literal["starting", "live", "lost", "over"]

HANG_S = 60.0
"""Seconds without a sign of life after which a process is taken to hang; it gives one every second, between frames."""

BACK_OFF_S = (0.5, 4.0)
"""First and longest wait before a stream is opened anew; it doubles each time, with jitter, and never gives up."""

STEADY_S = 5.0
"""Seconds for which a stream must stand to be told found: a loss before that is the same outage, and one after it a
new one, which is waited for but shortly. A stream of files, which may well bring nothing, is live after that time.
"""

_JITTER = 0.2
_RATE_S = 5.0


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


@dataclass(slots=True)
class Tended:
    """One stream and its process, if it has one."""

    source: Source
    domain: str
    tell: Callable[[str, str, str], None]
    state: State = "starting"
    child: Child | None = None
    order: bytes = b""
    beat: Beat = field(default_factory=Beat)
    before: Beat = field(default_factory=Beat)
    """What earlier processes came to."""
    restarts: int = 0
    fault: str = ""
    _is_out: bool = False
    """Told lost, and not told found yet."""
    _last_words: str = ""
    """What the process said of its own end."""
    _delay: float = field(default_factory=lambda: BACK_OFF_S[0])
    _due: float = 0.0
    _began: float = 0.0
    _heard: float = 0.0
    _arrived: float = 0.0
    _live_since: float | None = None
    _counts: list[tuple[float, int]] = field(default_factory=list)
    _lag: float | None = None

    def give(self, order: bytes) -> None:
        """What its processes are to do from now on."""
        self.order, self._due = order, 0.0

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
        if self._is_steady(now):
            self._tell_found()
        if dead:
            self._bury(self.child, now)
        elif now - self._heard > HANG_S:
            self._lose(f"it gave no sign of life for {HANG_S:g} s", now)
        elif self._is_silent(now):
            self._lose(self._silence(now), now)
        return self._total() > total

    def _is_silent(self, now: float) -> bool:
        """A stream that is not open yet, since its process is slow to begin, is not silent."""
        return self.source.kind == "frames" and self.beat.opened and now - self._arrived > self.source.silent_s

    def _silence(self, now: float) -> str:
        """Who is to blame for it: a process that still gives signs of life waits for frames, another one does not."""
        if now - self._heard < self.source.silent_s / 2:
            return f"no frame came for {self.source.silent_s:g} s"
        return f"it was busy with one frame for {self.source.silent_s:g} s: does measure or decide of the plugin end?"

    def ask_to_stop(self) -> None:
        """Ask its process to stop."""
        if self.child is not None:
            self.child.ask_to_stop()

    def end(self, seconds: float) -> bool:
        """Wait for its process, then end it; True where it brought something new meanwhile."""
        child, total = self.child, self._total()
        if child is None:
            return False
        child.wait(seconds)
        dead = child.is_dead
        with suppress(FoveaError):  # what it died of ends nothing that is not ending already
            self._hear(child, time.monotonic())
        if self.state == "live":
            self._tell_found()
        if dead and child.process.returncode == 0:
            self.state = "over" if self.beat.over else "starting"
        self._drop()
        return self._total() > total

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
            fault=self._hidden(self.fault or beat.fault or before.fault),
        )

    def _start(self, now: float) -> None:
        self.child = Child(module="fovea.live.child", order=self.order)
        self._last_words, self._live_since = "", None
        self._began = self._heard = self._arrived = now

    def _hear(self, child: Child, now: float) -> None:
        while not child.messages.empty():
            message = child.messages.get()
            self._heard = now
            if isinstance(message.said, Beat):
                self._take(message.said, now)
            elif message.kind in {"error", "bug", "unfit"}:
                self._fail(message)

    def _take(self, beat: Beat, now: float) -> None:
        came = _count(beat) > _count(self.beat) or beat.last != self.beat.last  # a frame is counted once it is written
        if came or not self.beat.opened:
            self._arrived = now
        self.beat = beat
        stands = self.source.kind == "files" and beat.opened and now - self._began >= STEADY_S
        if came or stands:
            self._find(now)
        if beat.last is not None and came:
            self._lag = (datetime.now(UTC) - beat.last).total_seconds()
        self._counts = [*(one for one in self._counts if one[0] > now - _RATE_S), (now, self._total())]

    def _find(self, now: float) -> None:
        if self._live_since is None:
            self._live_since = now
        self.state, self.fault = "live", ""

    def _is_steady(self, now: float) -> bool:
        return self._live_since is not None and now - self._live_since >= STEADY_S

    def _tell_found(self) -> None:
        if self._is_out:
            self._is_out = False
            self.tell("source.found", self.source.name, "")

    def _fail(self, message: Message) -> None:
        if message.kind == "unfit":
            raise unfit(message, self.domain)
        if isinstance(message.error, BundleRefused):
            raise message.error
        last = message.text.strip().splitlines()[-1:] or ["it ended"]
        self._last_words = str(message.error) if message.error is not None else last[0]

    def _bury(self, child: Child, now: float) -> None:
        status = child.process.returncode
        if status == 0 and self.beat.over:
            self._tell_found()
            self._drop()
            self.state, self.fault = "over", ""
        else:
            self._lose(self._last_words or f"its process ended (exit status {status})", now)

    def _lose(self, reason: str, now: float) -> None:
        self._drop()
        if self._is_steady(now):
            self._delay = BACK_OFF_S[0]
        self.fault, self.restarts = reason, self.restarts + 1
        if not self._is_out:
            self._is_out = True
            self.tell("source.lost", self.source.name, self._hidden(reason))
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
            fault=beat.fault or before.fault,
        )
        self.beat = Beat()

    def _hidden(self, text: str) -> str:
        return self.source.hide(text, os.environ)

    def _total(self) -> int:
        return self.before.arrived + self.beat.arrived

    def _rate(self) -> float:
        if len(self._counts) < 2:  # noqa: PLR2004 - a rate needs two moments
            return 0.0
        (first, few), (last, many) = self._counts[0], self._counts[-1]
        return (many - few) / (last - first) if last > first else 0.0


def _count(beat: Beat) -> int:
    return beat.arrived + beat.again + beat.faulty
