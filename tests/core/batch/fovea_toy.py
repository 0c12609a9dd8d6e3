"""A domain whose pictures are small texts, and all that a batch over them needs.

``level 120`` is a grey picture, ``bad`` an unreadable one, and ``crash`` takes its whole process down with it.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fovea.batch import Patience, run_batch
from fovea.errors import FoveaError
from fovea.plugin import (
    Decision,
    Domain,
    DomainInfo,
    Image,
    Measures,
    PolicySettings,
    Preprocess,
    Record,
    Result,
    Sample,
    TaskSpec,
    Unreadable,
    ViewSettings,
    find_files,
    per_picture,
)
from fovea.progress import silent
from fovea.registry import guard
from fovea.serving.bundle import FILES, Bundle, write_bundle
from fovea.serving.preprocess import PREPROCESS_ID
from fovea.serving.score import Job
from fovea.store.store import Store

DAY = datetime(2026, 5, 1, tzinfo=UTC)
SIZE = 8


class View(ViewSettings):
    delay_s: float = 0.0
    trip_on: str = ""
    tally: str = ""


class Policy(PolicySettings):
    wet_mm: float = 5.0
    trip_on: str = ""


def read_samples(root, view):
    for path in find_files(root, frozenset({".toy"})):
        unit, _, name = path.rpartition("/")
        digits = name.removesuffix(".toy")
        minute = int(digits) if digits.isdigit() else 10_000
        yield Sample(source=path, unit=unit, time=DAY + timedelta(minutes=minute))
    weather = root / "rain.csv"
    if weather.exists():
        for hour, line in enumerate(weather.read_text().split()):
            yield Record(kind="rain", time=DAY + timedelta(hours=hour), values={"mm": float(line)})


def load_images(root, samples, view, side):
    import numpy as np

    for sample in samples:
        if view.tally:
            with Path(view.tally).open("a") as tally:
                tally.write(f"{sample.source}\n")
        if view.delay_s:
            pause(view.delay_s)
        word, _, level = (root / sample.source).read_text().partition(" ")
        if word == "crash":
            os._exit(9)
        elif word == "level":
            yield Image(pixels=np.full((SIZE, SIZE, 3), int(level), np.uint8))
        else:
            yield Unreadable(code="bad", reason="The text names no level.")


def pause(seconds):
    """How a slow picture is slow; a test whose haste is its own replaces it."""
    time.sleep(seconds)


def brightness(image, sample, view, fitted):
    trip(view.trip_on, sample.source)
    return Measures(values={"level": float(image.pixels.mean())})


def running(pairs, view, fitted):
    total, before = 0.0, 0.0
    for count, (sample, image) in enumerate(pairs, start=1):
        trip(view.trip_on, sample.source)
        level = float(image.pixels.mean())
        total, before, step = total + level, level, level - before
        yield Measures(values={"count": float(count), "total": total, "step": step})


def decide(entries, policy, fitted):
    results, rain = [], 0.0
    for entry in entries:
        if isinstance(entry, Result):
            trip(policy.trip_on, entry.sample.source)
            results.append(entry)
        elif isinstance(entry, Record):
            rain += entry.values["mm"]
    bright = sum(result.best("light").label == "bright" for result in results if result.best("light"))
    yield Decision(
        key="light",
        subject=results[0].sample.of_unit if results else "",
        label="wet" if rain > policy.wet_mm else "dry",
        level="warning" if rain > policy.wet_mm else "normal",
        figures={"bright": float(bright), "pictures": float(len(results)), "rain": rain},
    )


def trip(wanted, source):
    if wanted and wanted in source:
        raise ValueError("tripped")


def domain(**parts):
    info = DomainInfo(
        name="toy",
        title="Toy",
        intended_use="Tests.",
        limits="Nothing else.",
        tasks={"light": TaskSpec(kind="classify", preprocess=Preprocess(size=SIZE, decode="full"))},
        view=View,
        policy=Policy,
    )
    own = {"load_images": load_images, "measure": per_picture(brightness), "decide": decide}
    return guard(Domain(info=info, read_samples=read_samples, **(own | parts)))


def in_order():
    return domain(measure=running)


def environment(image, sample, view, fitted):
    """What the process that measures is made of."""
    import cv2

    loaded = {name: float(name in sys.modules) for name in ("torch", "albumentations", "sklearn")}
    return Measures(values={**loaded, "threads": float(cv2.getNumThreads())})


def telling():
    return domain(measure=per_picture(environment))


def write_toy_bundle(models):
    """A network that says ``bright`` of what is brighter than mid-grey, made without training."""
    import numpy as np
    from safetensors.numpy import save_file

    from fovea.serving.network import openvino

    ov = openvino()
    import openvino.opset13 as ops

    pixels = ops.parameter([-1, SIZE, SIZE, 3], np.uint8, name="pixels")
    mean = ops.reduce_mean(ops.convert(pixels, "f32"), ops.constant(np.array([1, 2])), keep_dims=False)
    slope = np.array([[-0.01, 0.01]] * 3, np.float32)
    logits = ops.add(ops.matmul(mean, ops.constant(slope), False, False), np.array([3.8, -3.8], np.float32))
    models.mkdir(parents=True, exist_ok=True)
    ov.save_model(ov.Model([logits], [pixels]), models / "network.xml", compress_to_fp16=False)
    save_file({"slope": slope}, models / "weights.safetensors")
    made = Bundle(
        name="toy",
        domain="toy",
        role="light",
        kind="classify",
        labels=("dark", "bright"),
        preprocess=Preprocess(size=SIZE, decode="full"),
        preprocess_id=PREPROCESS_ID,
    )
    files = {name: models / name for name in FILES if name not in {"bundle.json", "card.md"}}
    for path in files.values():
        path.touch()
    return write_bundle(made, models=models, files=files, card="# Toy\n")


@dataclass(frozen=True)
class Room:
    """A folder with pictures, a bundle and a database, and the batch over them."""

    folder: Path
    store: Store
    job: Job
    policy: Policy

    @classmethod
    def at(cls, folder):
        pictures = folder / "pictures"
        pictures.mkdir(exist_ok=True)
        bundle = folder / "models" / "toy.fovea"
        if not bundle.exists():
            write_toy_bundle(folder / "models")
        job = Job(domain=domain(), root=pictures, view=View(), bundles={"light": bundle})
        return cls(folder, Store.open(folder / "toy.db"), job, Policy())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.store.close()

    @contextmanager
    def twin(self, name):
        """A second room with the same bundle, and nothing else."""
        folder = self.folder / name
        shutil.copytree(self.folder / "models", folder / "models")
        with Room.at(folder) as made:
            yield made

    def put(self, name, text):
        path = self.job.root / f"{name}.toy"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def fill(self, units, pictures):
        """Pictures of many levels, in units ``u0``, ``u1`` ..., every 17th of them unreadable."""
        for number in range(units * pictures):
            level = (number * 37) % 256
            text = "bad" if number % 17 == 16 else f"level {level}"
            self.put(f"u{number // pictures}/{number:05}", text)

    @property
    def site(self):
        known = {site.name: site for site in self.store.sites()}
        return known.get("here") or self.store.add_site(name="here", title="Here", domain="toy", root=self.job.root)

    def having(self, *, domain=None, view=None, policy=None):
        """The same room with another domain, view or policy."""
        job = replace(self.job, domain=domain or self.job.domain, view=view or self.job.view)
        return replace(self, job=job, policy=policy or self.policy)

    def run(self, workers=0, stop=lambda: False, progress=None, lease_seconds=5.0, fresh_s=0.0):
        return run_batch(
            store=self.store,
            site=self.site,
            job=self.job,
            policy=self.policy,
            workers=workers,
            progress=progress or silent(),
            stop=stop,
            patience=Patience(lease_s=lease_seconds, fresh_s=fresh_s),
        )

    def results(self):
        key = self.store.batches(self.site.id)[-1].key
        return list(self.store.results(site=self.site.id, key=key))

    def tables(self):
        """All that a batch leaves behind, without the moments of making."""
        faults = [replace(row, time=DAY) for row in self.store.quarantined(self.site.id)]
        cases = [(case.unit, case.decision, case.state) for case in self.store.cases(site=self.site.id)]
        return {
            "results": self.results(),
            "decisions": dict(self.store.decisions(self.site.id)),
            "quarantined": faults,
            "cases": sorted(cases, key=lambda case: case[0]),
        }


def main():
    """Run a batch as a program of its own: ``python -m fovea_toy '{"folder": ...}'``."""
    order = json.loads(sys.argv[1])
    made = {"per picture": domain, "in order": in_order}[order.get("measure", "per picture")]
    stop = threading.Event()
    for heard in (signal.SIGINT, signal.SIGTERM):
        signal.signal(heard, lambda *_: stop.set())
    with Room.at(Path(order["folder"])) as room:
        ready = room.having(domain=made(), view=View(delay_s=order.get("delay_s", 0.0)))
        try:
            summary = ready.run(
                workers=order["workers"], lease_seconds=order.get("lease_seconds", 1.0), stop=stop.is_set
            )
        except FoveaError as error:
            sys.exit(error.exit_code)
    sys.stdout.write(json.dumps({"scored": summary.scored, "known": summary.known, "pictures": summary.pictures}))


if __name__ == "__main__":
    import fovea_toy  # by its own name, as a worker process will know it

    fovea_toy.main()
