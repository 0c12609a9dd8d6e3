"""A stream serves the author's own pictures on loopback, and is killed once while it is watched."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from fovea.batch.key import key_of
from fovea.errors import FoveaError
from fovea.live import Orders, SourceStatus, Supervisor, WatchSummary, sources_of
from fovea.live.inbox import FOLDER
from fovea.plugin import Image, Sample, Stream
from fovea.registry import blamed
from fovea.store.store import Store
from fovea.store.values import Site
from fovea.testing.outcome import Step
from fovea.testing.subject import Found
from fovea.testing.working import Place
from fovea.workbench import sites

NAME = "rehearsal"
"""The stream's name at the site it is watched at."""

LOOK = 50
"""Frames or files that are looked at one by one, and after which a watch need not go on."""

PATIENCE_S = 60.0
"""Seconds in which a rehearsal must have brought something, been killed, and brought something again or ended."""

_KILLED = f"exit status {-signal.SIGKILL}"


def check_stream(place: Place, scheme: str) -> Found:
    """The stream brings what it should, and loses and doubles nothing when its process is killed."""
    info, stream = place.subject.domain.info, place.subject.domain.streams[scheme]
    with blamed(info, f"streams['{scheme}'].rehearse"), stream.rehearse(folder=place.subject.root) as url:
        address: object = url
        if not isinstance(address, str) or not address.startswith(f"{scheme}://"):
            yield f"rehearse gave {address!r}, want an address that begins with {scheme}://"
            return
        if stream.kind == "frames":  # what is acknowledged would not come again
            yield from _frames(place, stream, url)
        yield from _watched(place, scheme, url)


def _frames(place: Place, stream: Stream, url: str) -> Iterator[str]:
    """Faults that one frame alone does not show."""
    view = place.subject.view
    seen: set[str] = set()
    last: Any = None
    for item in islice(stream.open(url=url, view=view), LOOK):
        if not (isinstance(item, tuple) and len(item) == 2):  # noqa: PLR2004 - a pair
            yield f"yielded {type(item).__name__}, want a pair of Sample and Image"
            return
        sample, image = item
        if not isinstance(sample, Sample) or not isinstance(image, Image):
            yield "yielded a pair that is not Sample and Image"
            return
        if sample.part in seen:
            yield f"yielded two frames with the part '{sample.part}'; give each its own"
        if last is not None and sample.time is not None and sample.time < last:
            yield f"yielded frame '{sample.part}' after a younger one; frames come in order of time"
        seen.add(sample.part)
        last = sample.time


def _watched(place: Place, scheme: str, url: str) -> Found:
    root = place.folder / f"stream-{scheme}"
    root.mkdir()
    site = place.store.add_site(name=f"stream-{scheme}", title="Rehearsal", domain=_domain(place), root=root)
    try:
        sources = sources_of(place.subject.domain, {NAME: url}, os.environ)
    except FoveaError as error:
        yield str(error)
        return
    killer = _Killer()
    supervisor = Supervisor(
        store=place.store,
        site=site,
        sources=sources,
        orders=lambda: _orders(place, site, root),
        changed=lambda: False,
        show=killer.look,
    )
    killer.supervisor = supervisor
    done = supervisor.run(killer.is_enough)
    yield from _faults(place.store, site, done, killer, root)


def _domain(place: Place) -> str:
    return place.subject.domain.info.name


def _orders(place: Place, site: Site, root: Path) -> Orders:
    subject = place.subject
    job = replace(sites.job_of(place.store, subject.domain, site), view=subject.view)
    policies = sites.policies_of(place.store, subject.domain, site)
    key = key_of(job, policies, {})
    return Orders(job=job, policy=subject.policy, policies={}, key=key, clips=root / "clips")


@dataclass(slots=True)
class _Killer:
    """Kills the stream's process once, as soon as it brought something, and says when a watch is long enough."""

    supervisor: Supervisor | None = None
    killed: bool = False
    over: bool = False
    came: int = 0
    came_before: int = 0
    """What had come when it was killed."""
    until: float = 0.0

    def look(self, statuses: Sequence[SourceStatus]) -> None:
        """See how the stream is."""
        (status,) = statuses
        self.came, self.over = status.arrived + status.again, status.state == "over"
        pid = self.supervisor.pids.get(NAME) if self.supervisor is not None else None
        if not self.killed and status.state == "live" and pid is not None:
            self.killed, self.came_before = True, self.came
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def is_enough(self) -> bool:
        """True where it went on after it was killed, or has had its time."""
        self.until = self.until or time.monotonic() + PATIENCE_S
        enough = self.killed and self.came >= self.came_before + LOOK
        return enough or time.monotonic() > self.until


def _faults(store: Store, site: Site, done: WatchSummary, killer: _Killer, root: Path) -> Found:
    (status,) = done.sources
    if status.fault and _KILLED not in status.fault:
        yield status.fault
    elif not killer.came:
        yield f"rehearse brought nothing within {PATIENCE_S:g} s"
    elif killer.killed and not killer.over and killer.came <= killer.came_before:
        yield f"it did not go on within {PATIENCE_S:g} s after its process was killed"
    if status.faulty:
        yield f"{status.faulty} of what it brought could not be taken: {status.fault or 'see its quarantine'}"
    kept = _kept(store, site, root)
    if kept < status.arrived:
        yield f"{status.arrived} came and {kept} were kept"
    word = "one kill -9 inside" if killer.killed else "it was over before it could be killed"
    yield Step(name=site.name.replace("-", " ", 1), note=f"{kept} were kept, {word}")


def _kept(store: Store, site: Site, root: Path) -> int:
    key = store.batches(site.id)[-1].key
    files = [path for path in (root / FOLDER).rglob("*") if path.is_file()]
    return len(files) + sum(1 for _ in store.results(site=site.id, key=key))
