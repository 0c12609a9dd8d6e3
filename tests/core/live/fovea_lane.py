"""A domain whose cameras are text files, and all that a watch over them needs.

A camera's file holds one word of what happens a line; the camera shows it from the beginning each time it is
opened, and waits at the end of the file for more:

    12.5 200        a frame 12.5 s after noon that is 200 bright; a third word names its unit
    end             the camera says goodbye
    once WORD       what follows happens once, however often the camera is opened: exit, segv, hang, raise, busy
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from fovea.batch.key import key_of
from fovea.batch.work import Policies
from fovea.live import Orders, Supervisor, sources_of
from fovea.live.child import Errand
from fovea.plugin import (
    Arrival,
    Decision,
    Domain,
    DomainInfo,
    Evidence,
    Image,
    Measures,
    PolicySettings,
    Result,
    Sample,
    Stream,
    Tick,
    ViewSettings,
    find_files,
)
from fovea.registry import guard
from fovea.serving.score import Job
from fovea.store.store import Store

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
POLL_S = 0.01


class View(ViewSettings):
    mask: int = 0  # left columns that are nobody's business
    delay_s: float = 0.0
    trip_on: str = ""
    hang_on: str = ""


class Policy(PolicySettings):
    above: float = 100.0


def read_samples(root, view):
    for path in find_files(root, frozenset({".txt"})):
        yield Sample(source=path)


def at(seconds):
    return NOON + timedelta(seconds=seconds)


def sample(seconds, unit="", part="", **more):
    return Sample(source="camera", part=part or f"{seconds:g}", time=at(seconds), unit=unit, **more)


def image(level=0, size=(6, 8)):
    return Image(pixels=np.full((*size, 3), level, np.uint8))


def frame(seconds, level=0, unit=""):
    return sample(seconds, unit), image(level)


def prepare(image, sample, view):
    if not view.mask:
        return image
    pixels = image.pixels.copy()
    pixels[:, : view.mask] = 0
    return replace(image, pixels=pixels)


def measure(pairs, view, fitted):
    """Brightness, and how many frames were seen so far: state that lives from frame to frame."""
    for count, (one, picture) in enumerate(pairs, start=1):
        if view.trip_on and view.trip_on in one.part:
            raise ValueError("tripped")
        time.sleep(3600 if view.hang_on == one.part else view.delay_s)
        yield Measures(values={"level": float(picture.pixels.max()), "count": float(count)})


def decide(entries, policy, fitted):
    """An alarm while it is bright, and a notice at the third second of silence."""
    start, last, silent = None, None, 0
    for entry in entries:
        if isinstance(entry, Tick):
            silent += 1
            if silent == 3:
                yield Decision(key=f"silence-{entry.time:%H%M%S}", subject="camera", label="silent", level="notice")
        elif isinstance(entry, Result):
            silent = 0
            if entry.measures.values["level"] > policy.above:
                start, last = start or entry, entry
                yield alarm(start, last, "open")
            elif start is not None:
                yield alarm(start, last, "closed")
                start = None
    if start is not None:
        yield alarm(start, last, "closed")


def alarm(start, last, state):
    return Decision(
        key=f"bright-{start.sample.time:%H%M%S.%f}",
        subject=start.sample.of_unit,
        label="bright",
        level="alarm",
        state=state,
        start=start.sample.time,
        end=last.sample.time,
        evidence=(Evidence(source=start.sample.source, part=start.sample.part),),
    )


def open_camera(url, view):
    """What a camera's file tells, from the beginning."""
    path = Path(url.partition("://")[2])
    with path.open() as told:
        while True:
            line = told.readline()
            while not line.endswith("\n"):
                time.sleep(POLL_S)
                line += told.readline()
            words = line.split()
            if words == ["end"]:
                return
            if words[0] == "once":
                once(path, line, words[1])
            else:
                yield frame(float(words[0]), int(words[1]), *words[2:])


def once(path, line, word):
    """Something that ends, or holds up, the process that meets it first."""
    mark = path.with_name(f"{path.name}.{'-'.join(line.split())}")
    if mark.exists():
        return
    mark.touch()
    if word == "exit":
        os._exit(0)
    elif word == "segv":
        ctypes.string_at(0)
    elif word == "leave":
        sys.exit(0)
    elif word == "raise":
        raise OSError("the line is dead")
    elif word == "hang":
        time.sleep(3600)


def open_drop(url, view):
    """Files of a folder, each until it is acknowledged; goodbye where one is named ``end``."""
    folder = Path(url.removeprefix("drop://"))
    refused = set()
    while True:
        for path in sorted(folder.iterdir()):
            if path.name == "end":
                return
            if path.suffix == ".part" or path in refused:
                continue
            refused.add(path)
            yield Arrival(name=path.name.replace("+", "/"), content=path.read_bytes(), acknowledge=path.unlink)
        time.sleep(POLL_S)


@contextmanager
def rehearsed(folder):
    yield f"lane://{folder}"


INFO = DomainInfo(
    name="lane",
    title="Lane",
    intended_use="Tells bright from dark, in tests.",
    limits="Nothing else.",
    view=View,
    policy=Policy,
    keep=(2.0, 2.0),
    quiet_s=30.0,
)


def domain(*, info=INFO, silent_s=30.0, **parts):
    streams = {
        "lane": Stream(kind="frames", open=open_camera, rehearse=rehearsed, silent_s=silent_s),
        "slow": Stream(kind="frames", open=open_camera, rehearse=rehearsed, silent_s=3600.0),
        "drop": Stream(kind="files", open=open_drop, rehearse=rehearsed),
    }
    given = {"read_samples": read_samples, "prepare": prepare, "measure": measure, "decide": decide, "streams": streams}
    return guard(Domain(info=info, **{**given, **parts}))


def streaming(open_stream, *, kind="frames", **parts):
    """A domain with one stream of a test's own; it does not leave this process."""
    return domain(streams={"own": Stream(kind=kind, open=open_stream, rehearse=rehearsed)}, **parts)


@dataclass(frozen=True)
class Lane:
    """A site with cameras, its store, and the watch over them."""

    folder: Path
    store: Store
    job: Job
    policy: Policy = field(default_factory=Policy)
    said: list = field(default_factory=list)

    @classmethod
    def at(cls, folder):
        root = folder / "site"
        root.mkdir(parents=True, exist_ok=True)
        return cls(folder, Store.open(folder / "lane.db"), Job(domain=domain(), root=root, view=View()))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.store.close()

    def having(self, domain=None, view=None, policy=None, **more):
        job = replace(self.job, domain=domain or self.job.domain, view=view or self.job.view, **more)
        return replace(self, job=job, policy=policy or self.policy)

    @property
    def site(self):
        known = {site.name: site for site in self.store.sites()}
        return known.get("lane") or self.store.add_site(name="lane", title="Lane", domain="lane", root=self.job.root)

    @property
    def clips_folder(self):
        return self.folder / "clips"

    @property
    def key(self):
        return key_of(self.job, Policies(site=self.policy, units={}), {})

    # Cameras

    def path(self, camera):
        return self.folder / f"{camera}.lane"

    def show(self, camera, *lines):
        with self.path(camera).open("a") as told:
            told.write("".join(f"{line}\n" for line in lines))

    def sources(self, *names):
        """Cameras by name; ``drop`` is the folder of that name, and ``slow`` a camera that may be silent."""
        for name in names:
            (self.folder / "drop").mkdir(exist_ok=True) if name == "drop" else self.path(name).touch()
        paths = {name: self.folder / name if name == "drop" else self.path(name) for name in names}
        schemes = {"drop": "drop", "slow": "slow"}
        address = {name: f"{schemes.get(name, 'lane')}://{path}" for name, path in paths.items()}
        return sources_of(self.job.domain, address, os.environ)

    # Watching in this process

    def errand(self, source):
        batch = self.store.open_batch(site=self.site.id, key=self.key)
        return Errand(
            location=self.store.location,
            batch=batch.id,
            job=self.job,
            policy=self.policy,
            policies={},
            source=source,
            clips=self.clips_folder,
        )

    def own(self):
        (source,) = sources_of(self.job.domain, {"gate": "own://gate"}, os.environ)
        return self.errand(source)

    # Watching in processes of its own

    def orders(self):
        return Orders(job=self.job, policy=self.policy, policies={}, key=self.key, clips=self.clips_folder)

    def supervisor(self, *names, **more):
        given = {"orders": self.orders, "changed": lambda: False, "show": self.said.append, **more}
        return Supervisor(store=self.store, site=self.site, sources=self.sources(*names), **given)

    def watch(self, *names, until=None, seconds=60, **more):
        """Watch to the end, or until something holds."""
        limit = time.monotonic() + seconds

        def stop():
            if time.monotonic() > limit:
                raise AssertionError("it did not come to that")
            return until is not None and until()

        return self.supervisor(*names, **more).run(stop)

    # What came of it

    def entries(self, unit="gate"):
        return list(self.store.entries(site=self.site.id, unit=unit, key=self.key))

    def told(self, unit="gate"):
        """Entries in short: frames by their part, ``.`` for a tick, ``|`` for an end."""
        return " ".join(
            e.sample.part if isinstance(e, Result) else "." if isinstance(e, Tick) else "|" for e in self.entries(unit)
        )

    def decisions(self, unit="gate"):
        return {one.key: one for one in self.store.decisions(self.site.id).get(unit, ())}

    def clips(self):
        return self.store.live.clips(self.site.id)

    def events(self):
        """Kind and subject of each event, in order, once."""
        told = []
        while seen := self.store.events.due(listener="test", now=datetime.now(UTC) + timedelta(hours=1)):
            for one in seen:
                self.store.events.delivered(one.event.id, listener="test")
                told.append((one.event.kind, one.event.subject))
        return told

    def tables(self, *units):
        """All that a watch leaves behind, without the moments of making."""
        cases = [(case.unit, case.decision, case.state) for case in self.store.cases(site=self.site.id)]
        clips = [(clip.unit, clip.key, clip.start, clip.end, clip.frames) for clip in self.clips()]
        return {
            "entries": {unit: self.entries(unit) for unit in units},
            "decisions": {unit: self.decisions(unit) for unit in units},
            "cases": sorted(cases, key=str),
            "clips": sorted(clips, key=str),
            "quarantined": [replace(row, time=NOON) for row in self.store.quarantined(self.site.id)],
        }


def threads(name):
    """How many threads of that name there are."""
    return sum(thread.name == name for thread in threading.enumerate())


def main():
    """Watch in a program of its own: ``python -m fovea_lane FOLDER DELAY_S CAMERA...``."""
    folder, delay, *names = sys.argv[1:]
    with Lane.at(Path(folder)) as lane:
        done = lane.having(view=View(delay_s=float(delay))).watch(*names, seconds=600)
    sys.stdout.write(json.dumps([asdict(source) for source in done.sources]))


if __name__ == "__main__":
    import fovea_lane  # by its own name, as the streams' processes will know it

    fovea_lane.main()
