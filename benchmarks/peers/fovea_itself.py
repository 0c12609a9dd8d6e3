"""Fovea's own side: a folder of labelled pictures through the doors that every training goes through.

``prepare`` looks at all pictures, those that are only judged by included, and splits them as a table says; then the
network learns as the recipe's mode says. Changes are those of torchvision's reference: a random resized crop and a
flip. What no peer does, the audits, is left out; with ``whole=1`` it is done, as are export, calibration, judgement and
card: all that ``fovea train`` does with its defaults. Libraries that Fovea loads when it first needs them are loaded
before the meter starts, as the peers' are.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import torch
from measured import Asked, read_asked, start

import fovea
from fovea.engine.learning.modes import learn
from fovea.engine.prepared import prepare
from fovea.engine.recipe import Recipe
from fovea.engine.train import train
from fovea.plugin import (
    Augment,
    Domain,
    DomainInfo,
    Preprocess,
    Sample,
    TaskSpec,
    ViewSettings,
    albumentations,
    find_files,
)
from fovea.progress import silent
from fovea.serving.network import openvino


def main(asked: Asked, *, whole: bool) -> None:
    torch.set_num_threads(1)
    for library in ("torchvision", "albumentations", "sklearn.linear_model"):
        import_module(library)
    openvino().convert_model  # noqa: B018 - brings its tools
    meter = start()
    folder = Path(asked.scratch, "run")
    if whole:
        everything(asked, folder)
    else:
        folder.mkdir()
        run = prepare(
            domain(asked.size),
            Path(asked.data),
            ViewSettings(),
            "kind",
            recipe=recipe(asked, audit=False),
            folder=folder,
            cache=folder / "cache",
            progress=silent(),
        )
        learn(run, cache=folder / "cache", progress=silent(), stop=lambda: False)
    meter.answer(asked, fovea.__version__)


def everything(asked: Asked, folder: Path) -> None:
    """All of a training, to a bundle with its card."""
    train(
        domain=domain(asked.size),
        root=Path(asked.data),
        view=ViewSettings(),
        role="kind",
        recipe=recipe(asked, audit=True),
        folder=folder,
        models=folder / "models",
        cache=folder / "cache",
        name="peers",
        progress=silent(),
        stop=lambda: False,
    )


def recipe(asked: Asked, *, audit: bool) -> Recipe:
    """The defaults, but for what all sides are asked alike; on one thread."""
    return Recipe(
        weights="none",
        mode="full" if asked.way == "full" else "probe",
        size=asked.size,
        epochs=asked.epochs,
        batch_size=asked.batch,
        threads=1,
        split=str(Path(asked.data, "split.csv")),
        audit=audit,
    )


def domain(size: int) -> Domain:
    info = DomainInfo(
        name="drawn",
        title="Drawn pictures",
        intended_use="Measuring.",
        limits="Nothing else.",
        tasks={"kind": TaskSpec(kind="classify", preprocess=Preprocess(size=size))},
    )
    return Domain(info=info, read_samples=read, augmentations=augmentations)


def read(root: Path, view: ViewSettings) -> Iterator[Sample]:  # noqa: ARG001 - the contract's names
    for path in find_files(root):
        if path.endswith(".jpg"):
            part, label, name = path.split("/")
            yield Sample(source=path, targets={"kind": label}, group=f"{part}-{name.split('-')[0]}")


def augmentations(role: str, size: int) -> Augment:  # noqa: ARG001 - the contract's names
    return albumentations(
        [("RandomResizedCrop", {"size": (size, size), "scale": (0.08, 1.0), "p": 1.0}), ("HorizontalFlip", {"p": 0.5})]
    )


if __name__ == "__main__":
    main(read_asked(), whole="whole=1" in sys.argv[2:])
