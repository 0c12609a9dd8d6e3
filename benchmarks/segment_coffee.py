"""Leaf and symptom on coffee leaves, pixel by pixel: a small decoder on the starter, beside two readers of colours.

    FOVEA_REAL_DATA=/path/to/data python benchmarks/segment_coffee.py [seed=0] [epochs=25] ...

The 120 leaves of ``crop/coffee_severity`` have masks of three classes: background, leaf, symptom. Every reader answers
on the same squares of the same test leaves. *Majority* says background everywhere; *always leaf* tells the leaf from
its ground by saturation and never a symptom; *hue* tells the symptom by hue besides. Their thresholds are the best on
the leaves that the network learns from. Words such as ``epochs=40`` are settings of the recipe.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from itertools import product
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fovea.engine.judging.masks import judge_masks, tally
from fovea.engine.judging.resampling import Judgement
from fovea.engine.pictures.survey import Survey, Wanted, survey
from fovea.engine.recipe import Recipe
from fovea.engine.train import Trained, train
from fovea.plugin import (
    UNTOLD,
    Augment,
    Domain,
    DomainInfo,
    Mask,
    Preprocess,
    Sample,
    TaskSpec,
    ViewSettings,
    albumentations,
    find_files,
)
from fovea.progress import silent
from fovea.serving.bundle import Bundle
from fovea.settings import resolve

SIZE = 160
CLASSES = {"0,0,0": "background", "0,176,0": "leaf", "255,0,0": "symptom"}
WISHES = {
    "backbone": "starter",
    "epochs": 25,
    "batch_size": 16,
    "monitor": "miou",
    "calibration": 0.1,
    "test": 0.25,
    "threads": 1,
    "audit": False,
}
FIGURES = ("miou", "mean_dice", "pixel_accuracy", "share_mae", "ece", "ece_before")


def main() -> None:
    """Train once, judge the three readers, print a table."""
    if "FOVEA_REAL_DATA" not in os.environ:
        sys.exit("set FOVEA_REAL_DATA to the folder of real pictures")
    root = Path(os.environ["FOVEA_REAL_DATA"]) / "crop" / "coffee_severity"
    recipe = resolve(Recipe, "recipe", [WISHES, dict(word.split("=", 1) for word in sys.argv[1:])])
    with tempfile.TemporaryDirectory() as place:
        room, began, cpu = Path(place), time.monotonic(), time.process_time()
        done = train(
            domain=domain(),
            root=root,
            view=ViewSettings(),
            role="area",
            recipe=recipe,
            folder=room / "run",
            models=room / "models",
            cache=room / "cache",
            name="coffee",
            progress=silent(),
            stop=lambda: False,
        )
        took = time.monotonic() - began, time.process_time() - cpu
        spec = done.bundle.preprocess
        seen = survey(
            Wanted(domain=domain(), root=root, view=ViewSettings(), role="area", spec=spec),
            room / "cache" / "surveys",
            silent(),
        )
        show(done, seen, took)


def domain() -> Domain:
    """The leaves as a domain of its own; nobody noted which leaves are of one plant, so each stands alone."""
    info = DomainInfo(
        name="coffee",
        title="Coffee leaves",
        intended_use="A benchmark.",
        limits="Nothing else.",
        tasks={"area": TaskSpec(kind="segment", preprocess=Preprocess(size=SIZE, fit="squash"))},
    )
    return Domain(info=info, read_samples=read, augmentations=changes)


def read(root: Path, view: ViewSettings) -> list[Sample]:  # noqa: ARG001 - the contract's names
    """Each picture with its mask."""
    return [
        Sample(source=path, targets={"area": Mask(source=mask_of(path), classes=CLASSES)})
        for path in find_files(root)
        if path.startswith("images/")
    ]


def mask_of(path: str) -> str:
    """``images/train/1.jpg`` has ``masks/train/1_mask.png``."""
    return path.replace("images/", "masks/").replace(".jpg", "_mask.png")


def changes(role: str, size: int) -> Augment:  # noqa: ARG001 - the contract's names
    """A leaf on a bench has no up and no left."""
    return albumentations(
        [
            ("HorizontalFlip", {"p": 0.5}),
            ("VerticalFlip", {"p": 0.5}),
            ("Affine", {"scale": (0.85, 1.15), "translate_percent": 0.05, "rotate": (-15, 15), "p": 0.7}),
            ("RandomBrightnessContrast", {"brightness_limit": 0.15, "contrast_limit": 0.15, "p": 0.5}),
        ]
    )


def show(done: Trained, seen: Survey, took: tuple[float, float]) -> None:
    """Print the figures of every reader on the test leaves."""
    parts = [done_part(done, row.group) for row in seen.rows]
    learned, tested = (np.flatnonzero([part == name for part in parts]) for name in ("train", "test"))
    cuts = best_cuts(seen, learned)
    readers = {"always leaf": colours(seen, tested, (cuts[0], -1)), "hue": colours(seen, tested, cuts)}
    print(
        f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, seed {done.recipe.seed}"
    )
    print(f"learned from {len(learned)} leaves, judged on {len(tested)}; {took[0]:.0f} s, {took[1]:.0f} s of CPU")
    told = {"network": done.evaluation.figures}
    told |= {name: judged(done.bundle, seen, tested, places).figures for name, places in readers.items()}
    for name, figures in told.items():
        line = [f"{one} {(f := figures[one]).value:.4f} ({f.low:.4f} to {f.high:.4f})" for one in FIGURES[:4]]
        print(f"{name:12s}" + "  ".join(line))
    print("majority    " + "  ".join(f"{name} {value:.4f}" for name, value in done.evaluation.baselines.items()))
    ece = [f"{name} {done.evaluation.figures[name].value:.4f}" for name in FIGURES[4:]]
    print("network     " + "  ".join(ece) + f"  temperature {done.bundle.temperature:.2f}")
    for name, places in {"network": None, **readers}.items():
        classes = done.evaluation.classes if places is None else judged(done.bundle, seen, tested, places).classes
        print(f"{name:12s}", [f"{c.label}: IoU {c.iou:.3f} off by {c.share_mae:.4f}" for c in classes])


def done_part(done: Trained, group: str) -> str:
    """The part of the split that a group is in."""
    import json

    return str(json.loads((done.folder / "split.json").read_text(encoding="ascii"))[group])


def best_cuts(seen: Survey, rows: NDArray[np.intp]) -> tuple[int, int]:
    """Least saturation of a leaf and greatest hue of a symptom with the greatest mean IoU on these leaves."""
    assert seen.masks is not None  # noqa: S101 - every survey of masks has them
    some = rows[:: max(1, len(rows) // 30)]
    truth = seen.masks[some]
    wanted = {cut: mean_iou(truth, colours(seen, some, cut)) for cut in product(range(15, 120, 10), range(8, 45, 3))}
    return max(wanted, key=lambda cut: wanted[cut])


def colours(seen: Survey, rows: NDArray[np.intp], cut: tuple[int, int]) -> NDArray[np.uint8]:
    """0 background, 1 leaf, 2 symptom by saturation and hue (0 to 179), (n, size, size)."""
    saturation, hue = cut
    places = []
    for row in rows:
        planes = cv2.cvtColor(seen.pixels[row], cv2.COLOR_RGB2HSV)
        leaf = planes[..., 1] >= saturation
        places.append(np.where(leaf, np.where(planes[..., 0] <= hue, 2, 1), 0).astype(np.uint8))
    return np.stack(places)


def mean_iou(truth: NDArray[np.uint8], said: NDArray[np.uint8]) -> float:
    """Over the three classes."""
    known = truth != UNTOLD
    table = np.bincount(truth[known].astype(int) * 3 + said[known], minlength=9).reshape(3, 3)
    both = np.diag(table)
    return float((both / (table.sum(0) + table.sum(1) - both)).mean())


def judged(bundle: Bundle, seen: Survey, rows: NDArray[np.intp], places: NDArray[np.uint8]) -> Judgement:
    """The figures of labels, counted as the network's are."""
    assert seen.masks is not None  # noqa: S101 - every survey of masks has them
    logits = np.moveaxis(np.eye(3, dtype=np.float32)[places], -1, 1) * 9
    return judge_masks(bundle, tally(bundle, logits, seen.masks[rows]), np.arange(len(rows)), len(rows), 0)


if __name__ == "__main__":
    main()
