from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fovea.plugin import Decision, Measures, Prediction, Sample, Workflow
from fovea.store.store import Store
from fovea.store.values import Batch, BatchKey, FileStat, Lease, Scanned, Scored, Site

START = datetime(2026, 6, 1, 12, tzinfo=UTC)
KEY = BatchKey(bundles={"disease": "b1"}, view_digest="v1", policy_digest="p1", precision="fp32")
REVIEW = Workflow(states=("new", "done"), steps=(), final=("done",))


@dataclass
class Clock:
    now: datetime = START

    def __call__(self) -> datetime:
        self.now += timedelta(microseconds=1)
        return self.now

    def pass_(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class Farm:
    """A store with one site, and the short words the tests use."""

    store: Store
    site: Site
    clock: Clock
    path: Path
    key: BatchKey = KEY
    scored: list[str] = field(default_factory=list)

    def picture(self, name: str, unit: str = "field", at: float = 0.0, **more) -> Scanned:
        sample = Sample(source=name, unit=unit, time=START + timedelta(seconds=at), **more)
        return Scanned(sample=sample, stat=stat(1))

    def scan(self, *items: Scanned, records=(), key: BatchKey | None = None, chunk: int = 2, in_order=False) -> Batch:
        """One whole pass as far as the plan."""
        batch = self.store.open_batch(site=self.site.id, key=key or self.key)
        self.store.record_scan(batch, items, records)
        self.store.end_scan(batch)
        self.store.plan(batch, chunk=chunk, in_order=in_order)
        return batch

    def work(self, batch: Batch, decide: Callable[[list], list[Decision]] | None = None, workflow=REVIEW) -> int:
        """Do all the work there is; answers how many pictures were scored."""
        pictures = 0
        while (lease := self.store.lease(batch, owner="w", seconds=60)) is not None:
            if lease.kind == "score":
                pictures += len(lease.samples)
                assert self.store.publish(lease, [good(sample) for sample in lease.samples])
            else:
                made = {}
                for unit in lease.units:
                    entries = list(self.store.entries(site=self.site.id, unit=unit, key=batch.key))
                    made[unit] = (decide or count)(entries)
                assert self.store.publish_decisions(lease, made, workflow=workflow)
        return pictures

    def lease(self, batch: Batch, owner: str = "w", seconds: float = 60) -> Lease:
        lease = self.store.lease(batch, owner=owner, seconds=seconds)
        assert lease is not None
        return lease


def stat(number: int) -> FileStat:
    return FileStat(size=number, mtime_ns=number, ctime_ns=number, inode=number)


def good(sample: Sample) -> Scored:
    said = Prediction(role="disease", label="rust", probability=0.75, scores={"rust": 0.75, "healthy": 0.25})
    return Scored(sample=sample, measures=Measures(values={"blur_px": 1.5}), predictions=(said,))


def count(entries: list) -> list[Decision]:
    return [Decision(key="count", subject="field", label=str(len(entries)))] if entries else []


def alarm(entries: list) -> list[Decision]:
    return [Decision(key="spot", subject="field", label="rust", level="alarm")] if entries else []


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def farm(tmp_path: Path, clock: Clock) -> Iterator[Farm]:
    path = tmp_path / "data" / "fovea.db"
    with Store.open(path, clock=clock) as store:
        site = store.add_site(name="farm", title="Farm", domain="crop", root=tmp_path)
        yield Farm(store, site, clock, path)


@pytest.fixture
def words():
    """What tests name besides the farm; with importlib a test cannot import its conftest."""

    class Words:
        key, start = KEY, START
        stat, good, alarm, count = staticmethod(stat), staticmethod(good), staticmethod(alarm), staticmethod(count)

    return Words
