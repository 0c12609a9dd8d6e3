"""What a probe costs beside one pass over its pictures, and what a second probe of the same pictures costs.

    python benchmarks/probe_pass.py [backbone=torchvision:resnet50] [size=224] [pictures=2000]

Pictures are drawn by formulas and written as PNG, so that anybody can run it. CPU seconds of this process on one
thread. The first probe embeds every picture once (the pass) and fits its grid; the second one has another grid, other
pictures for validation, and finds the features in the cache. Training proper only: surveying (decoding), exporting
and judging cost the same whatever the grid, and are told apart.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import cv2
import torch

from fovea.engine.learning.probe import Grid, fit_probe
from fovea.engine.prepared import Prepared, prepare
from fovea.engine.pretraining.drawing import draw
from fovea.engine.recipe import Recipe
from fovea.plugin import Domain, DomainInfo, Preprocess, Sample, TaskSpec, ViewSettings, find_files
from fovea.progress import silent

WAYS = Grid(strengths=(1.0, 0.1, 0.01, 1e-3), depths=(1, 2, 0), poolings=(("mean",), ("mean", "std")))
OTHER = Grid(strengths=(0.5, 0.05, 5e-3, 5e-4), depths=(1, 2, 0), poolings=(("mean",), ("mean", "max")))
MOST, MOST_AGAIN = 1.2, 0.05

Done = TypeVar("Done")


def main(arguments: list[str]) -> None:
    given = dict(argument.split("=", 1) for argument in arguments)
    recipe = Recipe(
        backbone=given.get("backbone", "torchvision:resnet50"),
        weights="none",
        mode="probe",
        size=int(given.get("size", "224")),
        threads=1,
        calibration=0,
        test=0.05,
    )
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make(root / "pictures", int(given.get("pictures", "2000")), int(recipe.size))
        run, looking = timed(lambda: prepared(root, recipe))
        print(f"{recipe.backbone} at {recipe.size} px, {len(run.survey.rows)} pictures, {run.recipe.precision}")
        print(f"decode and preprocess all: {looking:.1f} s CPU")
        first, second = measure(root, run, WAYS), measure(root, prepared(root, recipe), OTHER)
    print(f"first probe: one pass {first['embed']:.1f} s, {heads(WAYS)} heads {first['rest']:.2f} s")
    share = (first["embed"] + first["rest"]) / first["embed"]
    print(f"pass and grid / pass: {share:.3f} (at most {MOST})")
    whole = first["embed"] + first["rest"]
    again = second["embed"] + second["rest"]
    print(f"second probe, {heads(OTHER)} other heads: {again:.2f} s")
    print(f"second / first: {again / whole:.3f} (at most {MOST_AGAIN})")
    if share > MOST or again / whole > MOST_AGAIN:
        sys.exit("a ratio is above its limit")


class Stages:
    """A progress that counts CPU seconds by step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._began = 0.0
        self._title = ""

    def start(self, title: str, total: int) -> None:  # noqa: ARG002 - a progress is told it
        """Begin to count for a step."""
        self._title, self._began = title, time.process_time()

    def advance(self, count: int = 1) -> None:
        """Nothing: only whole steps count."""

    def show(self, **figures: object) -> None:
        """Nothing."""

    def finish(self) -> None:
        """Add up."""
        spent = time.process_time() - self._began
        self.seconds[self._title] = self.seconds.get(self._title, 0.0) + spent


def measure(root: Path, run: Prepared, grid: Grid) -> dict[str, float]:
    """CPU seconds of embedding, and of all the rest of a probe."""
    stages: Any = Stages()
    _, whole = timed(lambda: fit_probe(run, cache=root / "cache", progress=stages, grid=grid))
    embed = stages.seconds.get("embed", 0.0)
    return {"embed": embed, "rest": whole - embed}


def timed(work: Callable[[], Done]) -> tuple[Done, float]:
    began = time.process_time()
    done = work()
    return done, time.process_time() - began


def heads(grid: Grid) -> int:
    return len(grid.readings(5)) * len(grid.strengths)


def make(root: Path, count: int, size: int) -> None:
    """Drawn pictures in folders by class; four a group."""
    number = 0
    for chunk in range(10**6):
        pixels, labels = draw(128, size=size, seed=chunk)
        for picture, label in zip(pixels.numpy(), labels.tolist(), strict=True):
            if number == count:
                return
            path = root / str(label % 10) / f"{number // 4}-{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), picture, [cv2.IMWRITE_PNG_COMPRESSION, 1])
            number += 1


def read(root: Path, view: ViewSettings) -> Iterator[Sample]:  # noqa: ARG001 - the contract's names
    for path in find_files(root):
        label, name = path.split("/")
        yield Sample(source=path, targets={"kind": label}, group=name.split("-")[0])


def prepared(root: Path, recipe: Recipe) -> Prepared:
    info = DomainInfo(
        name="drawn",
        title="Drawn pictures",
        intended_use="Measuring.",
        limits="Nothing else.",
        tasks={"kind": TaskSpec(kind="classify", preprocess=Preprocess(size=int(recipe.size)))},
    )
    (root / "run").mkdir(exist_ok=True)
    return prepare(
        Domain(info=info, read_samples=read),
        root / "pictures",
        ViewSettings(),
        "kind",
        recipe=recipe,
        folder=root / "run",
        cache=root / "cache",
        progress=silent(),
    )


if __name__ == "__main__":
    main(sys.argv[1:])
