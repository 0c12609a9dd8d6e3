"""The parent of the streams' processes: starts them, hears them, and starts them anew when they die or fall silent."""

from __future__ import annotations

import logging
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from fovea.errors import BundleRefused, FoveaError, Locked
from fovea.live.child import Errand
from fovea.live.chores import Chore, Chores
from fovea.live.sources import Source
from fovea.live.tended import SourceStatus, Tended
from fovea.plugin import Event, PolicySettings
from fovea.processes import pack
from fovea.serving.score import Job
from fovea.store.store import Store
from fovea.store.values import BatchKey, Site, short_digest

_log = logging.getLogger("fovea.live")
_POLL_S = 0.05
_SHOW_S = 0.5
_ASK_S = 5.0
_PATIENCE_S = 10.0
_UNTOLD = 1000
"""Events that wait for a store that cannot be written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What the streams of a site are worked with; new ones are asked for when the site's settings change."""

    job: Job
    policy: PolicySettings
    policies: dict[str, PolicySettings]
    key: BatchKey
    clips: Path


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
        self._tended = [Tended(source=source, domain=site.domain, tell=self._announce) for source in sources]
        self._chores = Chores(chores)
        self._untold: deque[Event] = deque(maxlen=_UNTOLD)
        self._due_show = self._due_ask = 0.0
        self._complaint = ""

    @property
    def pids(self) -> Mapping[str, int]:
        """Process id by stream, of those that have a process."""
        return {one.source.name: one.child.process.pid for one in self._tended if one.child is not None}

    def run(self, stop: Callable[[], bool]) -> WatchSummary:
        """Watch until every stream has ended by itself, and what they brought is worked through, or until ``stop``.

        Raises:
            BundleRefused: a bundle is damaged or made for something else.
            PluginError: the domain cannot be sent to, or imported by, another process.
            Locked: another process watches the site.
        """
        began, stopped = time.monotonic(), False
        orders = self._orders()
        with _alone(orders.clips, self._site.name):
            self._give(self._packed(orders))
            self._chores.start()
            try:
                while not (stopped := stop()) and not self._is_over():
                    self._tend()
                    time.sleep(_POLL_S)
            finally:
                self._part()
                self._chores.stop()
                self._try_to_tell()
                self._show(self._statuses())
        return WatchSummary(sources=self._statuses(), seconds=time.monotonic() - began, stopped=stopped)

    def _packed(self, orders: Orders) -> list[bytes]:
        """What each stream's processes are sent."""
        batch = self._store.open_batch(site=self._site.id, key=orders.key)
        errands = [
            Errand(
                location=self._store.location,
                batch=batch.id,
                job=orders.job,
                policy=orders.policy,
                policies=orders.policies,
                source=tended.source,
                clips=orders.clips,
            )
            for tended in self._tended
        ]
        return [pack(errand, orders.job.domain.info.name) for errand in errands]

    def _give(self, packed: Sequence[bytes]) -> None:
        for tended, order in zip(self._tended, packed, strict=True):
            tended.give(order)

    def _is_over(self) -> bool:
        return all(tended.state == "over" for tended in self._tended) and self._chores.are_done()

    def _tend(self) -> None:
        now, news = time.monotonic(), False
        for tended in self._tended:
            before = (tended.state, tended.restarts)
            came, turned = tended.tend(now), (tended.state, tended.restarts) != before
            if came or (turned and tended.source.kind == "files"):  # one that died may not have told what it took
                self._chores.something_arrived()
            news = news or turned
        if now >= self._due_ask:
            self._due_ask = now + _ASK_S
            self._ask()
        if now >= self._due_show or news:
            self._due_show = now + _SHOW_S
            self._show(self._statuses())

    def _ask(self) -> None:
        """Look after what needs the store, which may be out of reach for a while."""
        try:
            self._tell()
            if self._changed():
                self._renew()
        except BundleRefused:
            raise
        except FoveaError as error:
            self._complain(str(error))
        else:
            self._complaint = ""

    def _renew(self) -> None:
        """Settings changed: every process ends after the frame in hand, and begins with the new ones."""
        packed = self._packed(self._orders())
        self._part()
        self._give(packed)

    def _part(self) -> None:
        """Ask every process to stop after the frame in hand, and see them end."""
        going = [tended for tended in self._tended if tended.child is not None]
        for tended in going:
            tended.ask_to_stop()
        until = time.monotonic() + _PATIENCE_S
        for tended in going:
            if tended.end(until - time.monotonic()):
                self._chores.something_arrived()

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
        self._untold.append(event)
        self._try_to_tell()

    def _try_to_tell(self) -> None:
        try:
            self._tell()
        except FoveaError as error:
            self._complain(str(error))

    def _tell(self) -> None:
        while self._untold:
            self._store.events.announce(self._untold[0])
            self._untold.popleft()

    def _complain(self, fault: str) -> None:
        """Log what is wrong, once for as long as it is."""
        if fault != self._complaint:
            self._complaint = fault
            _log.warning("%s", fault)


@contextmanager
def _alone(clips: Path, site: str) -> Iterator[None]:
    """Hold a site's watch; the system lets go of it whatever becomes of this process.

    Raises:
        Locked: another process holds it.
    """
    import fcntl

    lock = _opened(clips)
    if lock is None:
        yield
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise Locked(f"another process watches '{site}': stop that one first") from None
    try:
        yield
    finally:
        os.close(lock)


def _opened(clips: Path) -> int | None:
    """The file that is held; None on a disk that cannot be written, which costs clips and nothing else."""
    try:
        clips.mkdir(parents=True, exist_ok=True)
        return os.open(clips / ".watch", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError:
        return None
