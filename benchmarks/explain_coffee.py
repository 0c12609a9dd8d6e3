"""Whether maps of a network that was told classes alone point at the spots that people marked.

    FOVEA_REAL_DATA=/path/to/data python benchmarks/explain_coffee.py [FOLDER]

Coffee leaves with one stress each (miner, rust, phoma, cercospora, or healthy). Three networks, from the backbone
``starter``, learn the class of two thirds of the leaves in ``crop/coffee_severity`` and of all other leaves in
``crop/coffee_leaves``, and are asked about the last third; two photos of one leaf stay together. The masks are opened
only to count. Bundles that lie in FOLDER already are used as they are. In brackets: 95 % intervals, drawn by leaf.
"""

from __future__ import annotations

import csv
import os
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from fovea.engine.explain import REACH, Explanation, Model, explain_with, model_of, points_at
from fovea.engine.explain.maps import CAMS, Asked, cams
from fovea.engine.explain.rivals import plain_rivals, settle
from fovea.engine.recipe import Recipe
from fovea.engine.train import train
from fovea.plugin import Domain, DomainInfo, Image, Preprocess, Sample, TaskSpec, ViewSettings
from fovea.progress import silent
from fovea.registry import Registry
from fovea.serving.bundle import Bundle, open_bundle
from fovea.serving.preprocess import preprocess
from fovea.settings import resolve

FOLDS, SIZE, DRAWS = 3, 224, 2000
STRESSES = {"0": "healthy", "1": "miner", "2": "rust", "3": "phoma", "4": "cercospora"}
SPEC = Preprocess(size=SIZE, fit="squash")
Hits = dict[str, list[bool]]


@dataclass(frozen=True)
class Leaf:
    """A photo of a leaf, its class, and which leaf it is."""

    source: str
    label: str
    name: str


def main() -> None:
    """Train where nothing is trained yet, explain, count, print."""
    if "FOVEA_REAL_DATA" not in os.environ:
        sys.exit("set FOVEA_REAL_DATA to the folder of real pictures")
    root = Path(os.environ["FOVEA_REAL_DATA"]) / "crop"
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "coffee-maps")
    torch.set_num_threads(1)
    every = leaves(root)
    counted = []
    for fold in range(FOLDS):
        bundle = trained(root, folder, every, fold)
        began = time.process_time()
        hits, shown, found = pointing(root, bundle, held_out(every, fold))
        each = (time.process_time() - began) / max(len(found), 1)
        print(
            f"fold {fold}: {len(found)} marked leaves, {sum(shown)} maps shown, {each:.1f} s of CPU a leaf, all methods"
        )
        counted.append((hits, shown))
    show("fold 0, on which method and gate were chosen", counted[:1])
    show("folds 1 and 2, untouched until the end", counted[1:])


def leaves(root: Path) -> list[Leaf]:
    """Every photo with one of the classes."""
    found: list[Leaf] = []
    for name, pattern in (("coffee_severity", "images/*/*.jpg"), ("coffee_leaves", "leaf/*.jpg")):
        with (root / name / "dataset.csv").open(encoding="utf-8") as stream:
            stress = {row["id"]: row["predominant_stress"] for row in csv.DictReader(stream)}
        found += [
            Leaf(path.relative_to(root).as_posix(), STRESSES[stress[path.stem]], path.stem)
            for path in sorted((root / name).glob(pattern))
            if stress.get(path.stem) in STRESSES
        ]
    return found


def held_out(every: Iterable[Leaf], fold: int) -> list[Leaf]:
    """The leaves with masks that a fold does not learn from."""
    marked = sorted(
        (leaf for leaf in every if leaf.source.startswith("coffee_severity")), key=lambda one: int(one.name)
    )
    return [leaf for number, leaf in enumerate(marked) if number % FOLDS == fold]


def trained(root: Path, folder: Path, every: list[Leaf], fold: int) -> Bundle:
    """The bundle of a fold, trained where it is not there yet."""
    name = f"coffee-{fold}"
    if (folder / f"{name}.fovea").is_dir():
        return open_bundle(folder / f"{name}.fovea")
    recipe = Recipe(
        backbone="starter",
        weights="starter",
        size=SIZE,
        epochs=25,
        threads=1,
        test=0.08,
        validation=0.1,
        calibration=0.06,
    )
    return train(
        domain=domain(every, {leaf.name for leaf in held_out(every, fold)}),
        root=root,
        view=resolve(ViewSettings, "view settings", []),
        role="stress",
        recipe=recipe,
        folder=folder / f"run-{fold}",
        models=folder,
        cache=folder / "cache",
        name=name,
        progress=silent(),
        stop=lambda: False,
    ).bundle


def domain(every: list[Leaf], held: set[str]) -> Domain:
    """Photos by class, with the crop domain's own augmentations; a held-out leaf has no class."""

    def read_samples(root: Path, view: ViewSettings) -> Iterable[Sample]:  # noqa: ARG001 - the contract's names
        for leaf in every:
            targets = {} if leaf.name in held else {"stress": leaf.label}
            yield Sample(source=leaf.source, targets=targets, group=leaf.name)

    info = DomainInfo(
        name="coffee",
        title="Coffee leaves",
        intended_use="Measures explanations.",
        limits="Nothing else.",
        tasks={"stress": TaskSpec(kind="classify", preprocess=SPEC)},
    )
    return Domain(info=info, read_samples=read_samples, augmentations=Registry.load().domain("crop").augmentations)


def pointing(root: Path, bundle: Bundle, held: list[Leaf]) -> tuple[Hits, list[bool], list[Explanation]]:
    """Which maps of the true class point at a mark, by how they were made; and which of the gate's are shown."""
    model = model_of(bundle)
    seen = [(leaf, square(root, leaf), mask(root, leaf)) for leaf in held if leaf.label != "healthy"]
    seen = [(leaf, pixels, marked) for leaf, pixels, marked in seen if marked.any()]
    squares = np.stack([pixels for _, pixels, _ in seen])
    found = explain_with(model, squares, [[leaf.label] for leaf, _, _ in seen])
    hits: Hits = {}
    for one, (_, pixels, marked) in zip(found, seen, strict=True):
        tried = {"fovea explain": one.map, **others(model, pixels, one)}
        for name, heat in tried.items():
            hits.setdefault(name, []).append(points_at(heat, marked))
    return hits, [one.shown for one in found], list(found)


def others(model: Model, pixels: NDArray[np.uint8], one: Explanation) -> Mapping[str, NDArray[np.float32]]:
    """The other methods at the deepest place, the same with drawn weights, and the plain rivals."""
    output = np.array([model.bundle.labels.index(one.label)], np.int64)
    asked = Asked(squares=pixels[None], outputs=output, signs=np.ones(1, np.float32))
    deepest, chosen = model.stages[-1], one.method.partition(" at ")[2]
    usual = {name: cams(model.whole, asked, method=name, stages=(deepest,))[deepest][0] for name in CAMS}
    drawn = cams(settle(model.drawn, pixels), asked, method=model.method, stages=(chosen,))[chosen][0]
    return {
        **{f"{name}, deepest": heat for name, heat in usual.items()},
        "untrained network": drawn,
        **plain_rivals(pixels),
    }


def square(root: Path, leaf: Leaf) -> NDArray[np.uint8]:
    """A photo as the network sees it."""
    found = cv2.imread(str(root / leaf.source), cv2.IMREAD_COLOR_RGB)
    if found is None:
        sys.exit(f"{leaf.source} could not be read")
    return np.asarray(preprocess(Image(pixels=np.asarray(found, np.uint8)), SPEC), np.uint8)


def mask(root: Path, leaf: Leaf) -> NDArray[np.bool_]:
    """Where people marked a symptom (red in the mask); spots too small for half a pixel count from a fifth."""
    path = root / leaf.source.replace("images", "masks").replace(".jpg", "_mask.png")
    found = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
    if found is None:
        sys.exit(f"{path} could not be read")
    red = ((found[..., 0] > 128) & (found[..., 1] < 100)).astype(np.float32)  # noqa: PLR2004 - levels of a palette
    share = cv2.resize(red, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    return np.asarray(share >= (0.5 if (share >= 0.5).any() else 0.2))  # noqa: PLR2004 - see above


def show(title: str, counted: list[tuple[Hits, list[bool]]]) -> None:
    """The share that points at a mark, and by how much fewer of each rival do."""
    hits = {name: np.array([hit for one, _ in counted for hit in one[name]]) for name in counted[0][0]}
    shown = np.array([one for _, row in counted for one in row])
    own = hits["fovea explain"]
    print(f"\n{title}: {len(own)} leaves; within {REACH:.0%} of the side")
    print(f"{'fovea explain, all maps':32s}{told(own)}")
    print(f"{'fovea explain, shown maps':32s}{told(own[shown])}   {shown.sum()} of {len(own)} shown")
    print(f"{'fovea explain, hidden maps':32s}{told(own[~shown])}")
    for name, other in hits.items():
        if name != "fovea explain":
            print(f"{name:32s}{told(other)}   lead of all maps {told(own.astype(float) - other)}")


def told(values: NDArray[np.generic]) -> str:
    """A mean with its interval."""
    if not len(values):
        return "none"
    numbers = values.astype(np.float64)
    drawn = np.random.default_rng(0).integers(0, len(numbers), (DRAWS, len(numbers)))
    low, high = np.percentile(numbers[drawn].mean(axis=1), [2.5, 97.5])
    return f"{numbers.mean():.3f} ({low:.3f} to {high:.3f})"


if __name__ == "__main__":
    main()
