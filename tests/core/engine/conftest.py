from __future__ import annotations

import colorsys
import zlib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from fovea.engine.recipe import Recipe
from fovea.engine.train import train
from fovea.plugin import Domain, DomainInfo, Preprocess, Sample, TaskSpec, ViewSettings, albumentations, find_files
from fovea.progress import silent

TINY = {
    "backbone": "torchvision:squeezenet1_1",
    "weights": "none",
    "size": 32,
    "epochs": 2,
    "batch_size": 8,
    "threads": 1,
    "lr": 0.001,
    "dropout": 0.0,
    "audit": False,
    "explained": 2,
}


def read_by_folder(root, view):
    """``label/plant-shot.png``; a folder named ``unknown`` has no label."""
    for path in find_files(root):
        label, name = path.split("/")
        targets = {} if label == "unknown" else {"disease": label}
        yield Sample(source=path, targets=targets, group=name.split("-")[0], unit=label)


def flips(role, size):
    return albumentations([("HorizontalFlip", {"p": 0.5}), ("RandomBrightnessContrast", {"p": 0.5})])


def make_domain(**parts):
    info = DomainInfo(
        name="wheat",
        title="Wheat",
        intended_use="Sorts wheat photos.",
        limits="Not for grading.",
        tasks={"disease": TaskSpec(kind="classify", preprocess=Preprocess(size=64))},
    )
    return Domain(info=info, **{"read_samples": read_by_folder, "augmentations": flips, **parts})


def draw(path, hue, seed):
    """A blob of a hue on a grey ground, 48 px: told apart by its colour and little else."""
    random = np.random.default_rng(seed)
    picture = random.integers(90, 130, (48, 48, 3), dtype=np.uint8)
    colour = [int(255 * part) for part in colorsys.hsv_to_rgb(hue, 0.9, random.uniform(0.6, 1.0))]
    centre = (int(random.integers(16, 32)), int(random.integers(16, 32)))
    cv2.circle(picture, centre, int(random.integers(8, 15)), colour[::-1], -1)
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), picture)


def fill(root, labels, groups=8, shots=2):
    for index, label in enumerate(labels):
        for group in range(groups):
            for shot in range(shots):
                name = f"{label}{group}-{shot}.png"
                draw(root / label / name, index / len(labels), zlib.crc32(name.encode()))
    return root


@dataclass
class Bench:
    """A folder of blobs and all that a training of them needs."""

    root: Path
    folder: Path
    models: Path
    domain: Domain
    view: ViewSettings

    def arguments(self, *, progress, stop=lambda: False, name="blobs", folder=None, **recipe):
        return {
            "domain": self.domain,
            "root": self.root,
            "view": self.view,
            "role": "disease",
            "recipe": Recipe(**{**TINY, **recipe}),
            "folder": folder or self.folder,
            "models": self.models,
            "cache": self.models.with_name("cache"),
            "name": name,
            "progress": progress,
            "stop": stop,
        }


def make_bench(folder):
    root = fill(folder / "site", ("blue", "green", "red"))
    return Bench(root, folder / "run", folder / "models", make_domain(), ViewSettings())


@pytest.fixture
def bench(tmp_path):
    return make_bench(tmp_path)


@pytest.fixture(scope="session")
def filling():
    return fill


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A whole training, made once for all who only look at it: (bench, what it came to)."""
    bench = make_bench(tmp_path_factory.mktemp("finished"))
    return bench, train(**bench.arguments(progress=silent(), epochs=10))
