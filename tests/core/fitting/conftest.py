"""A site of small texts whose domain alarms on what is brighter than a number it can learn."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from fovea.plugin import (
    Decision,
    Domain,
    DomainInfo,
    Fitted,
    Image,
    Measures,
    Result,
    Sample,
    find_files,
    hookimpl,
    per_picture,
)
from fovea.progress import silent
from fovea.registry import Registry
from fovea.workbench import Config, Workbench
from fovea.workbench.sites import job_of, policies_of

DAY = datetime(2026, 5, 1, tzinfo=UTC)
USUAL = 100.0


def read_samples(root, view):
    for path in find_files(root, frozenset({".txt"})):
        unit, _, name = path.partition("/")
        yield Sample(source=path, unit=unit, time=DAY + timedelta(minutes=int(name.removesuffix(".txt"))))


def load_images(root, samples, view, side):
    import numpy as np

    for sample in samples:
        yield Image(pixels=np.full((4, 4, 3), int((root / sample.source).read_text()), np.uint8))


def level(image, sample, view, fitted):
    return Measures(values={"level": float(image.pixels.mean())})


def decide(entries, policy, fitted):
    """One alarm for each picture over the line, about ten minutes around it."""
    line = fitted.values.get("line", USUAL)
    for entry in entries:
        seen = entry.measures.values["level"]
        if seen >= line:
            yield Decision(
                key=entry.sample.source,
                subject=entry.sample.source,
                label="bright",
                level="alarm",
                start=entry.sample.time - timedelta(minutes=5),
                end=entry.sample.time + timedelta(minutes=5),
                figures={"over": seen - line},
            )


def fit(units, view, policy):
    """The line lies between the brightest false alarm and the darkest true one."""
    said = {"false": [0.0], "true": [255.0]}
    for entry in (entry for entries in units.values() for entry in entries if isinstance(entry, Result)):
        verdict = entry.sample.targets.get("review")
        if verdict in said and entry.measures.values["level"] >= USUAL:
            said[verdict].append(entry.measures.values["level"])
    return Fitted(values={"line": (max(said["false"]) + min(said["true"])) / 2})


def plugin(**parts):
    info = DomainInfo(name="toy", title="Toy", intended_use="Tests.", limits="Nothing else.")
    own = {"load_images": load_images, "measure": per_picture(level), "decide": decide, "fit": fit}

    @hookimpl
    def fovea_domains():
        return [Domain(info=info, read_samples=read_samples, **(own | parts))]

    return SimpleNamespace(__name__="toy", fovea_domains=fovea_domains)


class Yard:
    """A workbench with one site, and the words the tests use."""

    def __init__(self, folder, **parts):
        self.folder = folder
        for name, brightness in {
            "east/00": 50, "east/20": 120, "east/40": 200, "west/00": 130, "west/30": 40,
        }.items():  # fmt: skip
            path = folder / "yard" / f"{name}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(str(brightness))
        self.bench = Workbench(Config(home=folder / "home", workers=0), registry=Registry.of(plugin(**parts)))
        self.bench.add_site(root=folder / "yard", name="yard", domain="toy")

    @property
    def store(self):
        return self.bench.store

    def batch(self):
        return self.bench.batch("yard", progress=silent(), stop=lambda: False)

    def review(self, source, verdict):
        number = next(case.number for case in self.bench.cases() if case.decision.key == f"{source}.txt")
        self.bench.move(number, verb="read", actor="ann", verdict=verdict)

    @property
    def given(self):
        """What the functions of ``fovea.fitting`` are called with."""
        site = self.bench.site("yard")
        domain = self.bench.registry.domain("toy")
        return {
            "store": self.store,
            "site": site,
            "job": job_of(self.store, domain, site),
            "policies": policies_of(self.store, domain, site),
        }

    def findings(self):
        return sorted(one.key for made in self.store.decisions(self.bench.site("yard").id).values() for one in made)

    def tables(self):
        """Every row of the database."""
        with closing(sqlite3.connect(self.store.location)) as database:
            names = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            return {name: database.execute(f"SELECT * FROM {name}").fetchall() for name in names}


@pytest.fixture
def yards(tmp_path):
    """Make a yard with parts of its own."""
    made = []

    def make(**parts):
        made.append(Yard(tmp_path / str(len(made)), **parts))
        return made[-1]

    yield make
    for yard in made:
        yard.bench.close()


@pytest.fixture
def yard(yards):
    """A yard that was worked through: alarms at east/20, east/40 and west/00."""
    made = yards()
    made.batch()
    return made
