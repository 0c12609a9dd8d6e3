"""What a model of normal pictures finds on real ones, trained, served and judged as any other.

    FOVEA_REAL_DATA=/path/to/data python benchmarks/anomaly.py [seed=0] [threads=1]

``lab_apple``: healthy leaves are normal, three diseases are not; grouped by run of the camera. ``ped2``: frames of a
fixed camera, every fourth; whoever does not walk is an anomaly; grouped by clip. Each is trained from the backbone
``starter`` with a memory of patches and with a Gaussian at each place. In brackets: 95 %, drawn by group.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from fovea.engine.recipe import Recipe
from fovea.engine.train import train
from fovea.plugin import Domain, DomainInfo, Preprocess, Record, Sample, TaskSpec, ViewSettings, find_files
from fovea.progress import silent
from fovea.registry import Registry
from fovea.settings import resolve

EVERY = 4


def main(arguments: Sequence[str]) -> None:
    """Train four models, print a row each."""
    given = dict(argument.split("=", 1) for argument in arguments)
    if "FOVEA_REAL_DATA" not in os.environ:
        sys.exit("set FOVEA_REAL_DATA to the folder of real pictures")
    root = Path(os.environ["FOVEA_REAL_DATA"])
    load = os.getloadavg()[0]
    print(f"{time.strftime('%Y-%m-%d')}, {platform.machine()}, load {load:.1f}, torch {torch.__version__}, {given}")
    for name, domain, folder in (
        ("lab_apple", leaves(), root / "crop" / "lab_apple"),
        ("ped2", frames(), root / "security" / "ped2"),
    ):
        for normality in ("memory", "gaussian"):
            judge(name, domain, folder, Recipe.model_validate({"backbone": "starter", "normality": normality, **given}))


def judge(name: str, domain: Domain, root: Path, recipe: Recipe) -> None:
    """Train one model and print its figures on the part that nothing was learned from."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.process_time()
        made = train(
            domain=domain,
            root=root,
            view=ViewSettings(),
            role="normality",
            recipe=recipe,
            folder=Path(folder, "run"),
            models=Path(folder, "models"),
            cache=Path(folder, "cache"),
            name=name,
            progress=silent(),
            stop=lambda: False,
        )
        seconds = time.process_time() - began
    judged, tail = made.evaluation, made.bundle.tail
    print(
        f"{name}, {recipe.normality}: {judged.pictures} pictures of {judged.groups} groups, {seconds:.0f} s CPU in all"
    )
    for figure, one in judged.figures.items():
        print(f"    {figure:18s} {one.value:.3f} ({one.low:.3f} to {one.high:.3f})")
    print(f"    chance average precision {judged.baselines['chance_average_precision']:.3f}")
    if tail is not None:
        print(f"    threshold {tail.threshold:.3f}, promised at most {tail.false_alarms:.3f} false alarms", flush=True)


def domain_of(name: str, read: object, preprocess: Preprocess) -> Domain:
    """A domain of one role, which other pictures are judged by no policy of."""
    info = DomainInfo(
        name=name,
        title=name,
        intended_use="Measures.",
        limits="None other.",
        tasks={"normality": TaskSpec(kind="anomaly", preprocess=preprocess)},
    )
    return Domain(info=info, read_samples=read)  # type: ignore[arg-type]


def leaves() -> Domain:
    """Leaves as the crop domain reads them: what it calls healthy is normal."""
    crop = Registry.load().domain("crop")
    view = resolve(crop.info.view, "view settings of 'crop'", [])

    def read(root: Path, view: ViewSettings, asked: ViewSettings = view) -> Iterator[Sample | Record]:  # noqa: ARG001
        for sample in crop.read_samples(root=root, view=asked):
            if isinstance(sample, Sample):
                label = "normal" if "healthy" in sample.source else sample.source.split("/")[0]
                yield replace(sample, targets={"normality": label})

    return domain_of("leaves", read, Preprocess())


def frames() -> Domain:
    """Frames of a fixed camera with a label each; a clip is a group."""

    def read(root: Path, view: ViewSettings) -> Iterator[Sample]:  # noqa: ARG001
        labels = json.loads((root / "frame_labels.json").read_text(encoding="ascii"))
        places: dict[str, int] = {}
        for path in sorted(find_files(root)):
            part, clip, *_ = path.split("/")
            if part not in ("train", "test") or not path.endswith(".jpg"):
                continue
            place = places[f"{part}/{clip}"] = places.get(f"{part}/{clip}", -1) + 1
            if place % EVERY == 0:
                strange = part == "test" and labels[clip][place]
                target = {"normality": "not walking" if strange else "normal"}
                yield Sample(source=path, targets=target, group=f"{part}/{clip}", unit=f"{part}/{clip}", order=place)

    return domain_of("camera", read, Preprocess(fit="squash"))


if __name__ == "__main__":
    main(sys.argv[1:])
