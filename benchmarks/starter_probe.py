"""What the starter's features are worth on real photos, beside the same network at random start and hand-made features.

    FOVEA_REAL_DATA=/path/to/data python benchmarks/starter_probe.py [WEIGHTS.safetensors]

Nothing is tuned here but the strength of a logistic regression, by inner folds. Every reader answers on the same five
outer folds, which no group straddles. Features are the mean and deviation of five blocks' planes. In brackets stand
95 % intervals of the starter's lead, drawn by group: where one holds 0, the starter is not shown to be better.
"""

from __future__ import annotations

import os
import platform
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from fovea.engine.networks.backbones import build
from fovea.plugin import Preprocess, Sample
from fovea.registry import Registry
from fovea.settings import resolve

SIZE = 160
BLOCKS = (1, 3, 6, 8, 11)
DRAWS = 1000
FOLDS, INNER = 5, 3
STRENGTHS = [1e-4, 1e-3, 1e-2, 1e-1]

Features = NDArray[np.float32]
Judge = Callable[[NDArray[np.float64]], float]


@dataclass(frozen=True)
class Subject:
    """Labelled pictures: uint8 (n, SIZE, SIZE, 3), the class of each, and what must stay together."""

    name: str
    pixels: NDArray[np.uint8]
    truth: NDArray[np.int64]
    groups: NDArray[np.int64]
    figure: str


@dataclass(frozen=True)
class Answers:
    """Probabilities (n, classes) given to each picture by the fold that did not learn from it."""

    shares: NDArray[np.float64]
    fold: NDArray[np.int64]


def main() -> None:
    """Read, probe, print a table."""
    if "FOVEA_REAL_DATA" not in os.environ:
        sys.exit("set FOVEA_REAL_DATA to the folder of real pictures")
    root = Path(os.environ["FOVEA_REAL_DATA"])
    weights = sys.argv[1] if len(sys.argv) > 1 else "starter"
    readers = {
        "starter": lambda pixels: deep(pixels, weights),
        "random start": lambda pixels: deep(pixels, "none"),
        "HOG and colours": by_hand,
    }
    cores, load = os.cpu_count(), os.getloadavg()[0]
    print(
        f"{time.strftime('%Y-%m-%d')}, {platform.machine()}, {cores} cores, load {load:.1f}, torch {torch.__version__}"
    )
    print(f"{'':14s}{'features':18s}{'figure':24s}{'value':>7s}   the starter's lead")
    for subject in (lab_apple(root), field_bean(root), chest(root)):
        _compare(subject, {name: probe(subject, read(subject.pixels)) for name, read in readers.items()})


def _compare(subject: Subject, answers: dict[str, Answers]) -> None:
    times = _drawn(subject.groups)
    judged = {name: np.array([judge(subject, one, w) for w in times]) for name, one in answers.items()}
    for name, values in judged.items():
        line = f"{subject.name:14s}{name:18s}{subject.figure:24s}{values[0]:7.3f}"
        if name != "starter":
            lead = judged["starter"] - values
            low, high = np.nanpercentile(lead[1:], [2.5, 97.5])
            line += f"   {lead[0]:+.3f} ({low:+.3f} to {high:+.3f})"
        print(line, flush=True)


def _drawn(groups: NDArray[np.int64]) -> NDArray[np.float64]:
    """How often each picture counts: once, then in DRAWS draws of groups with replacement."""
    many = groups.max() + 1
    drawn = np.random.default_rng(0).multinomial(many, np.full(many, 1 / many), DRAWS)
    return np.concatenate([np.ones((1, len(groups))), drawn[:, groups]]).astype(np.float64)


def judge(subject: Subject, answers: Answers, weight: NDArray[np.float64]) -> float:
    """Balanced accuracy over all folds, or the mean of the folds' areas under the ROC curve."""
    if subject.figure == "AUC":
        return float(np.nanmean([_area(subject, answers, weight, answers.fold == fold) for fold in range(FOLDS)]))
    right = answers.shares.argmax(axis=1) == subject.truth
    of_class = [subject.truth == label for label in np.unique(subject.truth)]
    shares = [weight[mask] @ right[mask] / weight[mask].sum() for mask in of_class if weight[mask].sum()]
    return float(np.mean(shares))


def _area(subject: Subject, answers: Answers, weight: NDArray[np.float64], among: NDArray[np.bool_]) -> float:
    counted = among & (weight > 0)
    if len(np.unique(subject.truth[counted])) < 2:  # noqa: PLR2004 - a curve needs both classes
        return float("nan")
    return float(roc_auc_score(subject.truth[counted], answers.shares[counted, 1], sample_weight=weight[counted]))


def probe(subject: Subject, features: Features) -> Answers:
    """A logistic regression on standardised features, its strength chosen by grouped inner folds."""
    shares = np.zeros((len(features), subject.truth.max() + 1))
    fold = np.zeros(len(features), np.int64)
    outer = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0)
    for number, (learn, test) in enumerate(outer.split(features, subject.truth, subject.groups)):
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
        inner = StratifiedGroupKFold(INNER, shuffle=True, random_state=0)
        scoring = "roc_auc" if subject.figure == "AUC" else "balanced_accuracy"
        search = GridSearchCV(model, {"logisticregression__C": STRENGTHS}, cv=inner, scoring=scoring)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            search.fit(features[learn], subject.truth[learn], groups=subject.groups[learn])
        shares[test], fold[test] = search.predict_proba(features[test]), number
    return Answers(shares, fold)


def deep(pixels: NDArray[np.uint8], weights: str) -> Features:
    """Mean and deviation of the planes of five blocks, (n, 448)."""
    torch.manual_seed(0)
    network, _ = build("starter", weights=weights, size=SIZE, outputs=2, head=nn.Linear)
    seen: list[torch.Tensor] = []
    for block in BLOCKS:
        network.get_submodule(f"features.{block}").register_forward_hook(lambda *call: seen.append(call[-1]))
    spec, found = Preprocess(), []
    mean, std = (torch.tensor(numbers).view(1, 3, 1, 1) for numbers in (spec.mean, spec.std))
    with torch.no_grad():
        network.eval()
        for start in range(0, len(pixels), 32):
            seen.clear()
            planes = torch.from_numpy(pixels[start : start + 32]).permute(0, 3, 1, 2).float() / 255
            network((planes - mean) / std)
            found.append(torch.cat([part(one) for one in seen for part in (_mean, _deviation)], dim=1).numpy())
    return np.concatenate(found)


def _mean(planes: torch.Tensor) -> torch.Tensor:
    return planes.mean(dim=(2, 3))


def _deviation(planes: torch.Tensor) -> torch.Tensor:
    return planes.std(dim=(2, 3))


def by_hand(pixels: NDArray[np.uint8]) -> Features:
    """HOG of 9 directions in cells of 16 pixels, and 16 bins each of hue, saturation and value."""
    return np.stack([np.concatenate([_hog(square), _colours(square)]) for square in pixels])


def _hog(square: NDArray[np.uint8], cell: int = 16, bins: int = 9) -> Features:
    """Dalal and Triggs (CVPR 2005), each cell brought to length 1."""
    down, across = np.gradient(cv2.cvtColor(square, cv2.COLOR_RGB2GRAY).astype(np.float32))
    place = ((np.arctan2(down, across) % np.pi) / np.pi * bins).astype(int) % bins
    cells = SIZE // cell
    row, column = np.indices(place.shape) // cell
    index = (row * cells + column) * bins + place
    table = np.bincount(index.ravel(), np.hypot(down, across).ravel(), cells * cells * bins).reshape(-1, bins)
    return np.asarray(table / np.sqrt((table**2).sum(axis=1, keepdims=True) + 1e-5), np.float32).ravel()


def _colours(square: NDArray[np.uint8]) -> Features:
    planes = cv2.cvtColor(square, cv2.COLOR_RGB2HSV)
    counts = [np.histogram(planes[..., c], 16, (0, (180, 256, 256)[c]))[0] for c in range(3)]
    return np.asarray(np.concatenate(counts) / square[..., 0].size, np.float32)


def lab_apple(root: Path) -> Subject:
    """Four classes of leaves on a bench; grouped by the run of the camera, as the crop domain tells it."""
    domain = Registry.load().domain("crop")
    folder = root / "crop" / "lab_apple"
    view = resolve(domain.info.view, "view settings of 'crop'", [])
    samples = [one for one in domain.read_samples(root=folder, view=view) if isinstance(one, Sample)]
    labels = [str(one.targets["disease"]) for one in samples]
    return _subject("lab_apple", [folder / one.source for one in samples], labels, [one.group for one in samples])


def field_bean(root: Path) -> Subject:
    """Three classes of leaves in the field; nobody noted which photos are of one plant, so each stands alone."""
    paths = sorted((root / "crop" / "field_bean").glob("*/*.jpg"))
    return _subject("field_bean", paths, [path.parent.name for path in paths], [path.name for path in paths])


def chest(root: Path) -> Subject:
    """Bacterial against viral pneumonia on films of children, grouped by patient."""
    folder = root / "medical" / "chest_xray"
    lines = [line.split(",") for line in (folder / "labels.csv").read_text(encoding="utf-8").splitlines()[1:]]
    told = [(folder / file, kind, group) for file, _, kind, group, *_ in lines if kind in ("bacteria", "virus")]
    paths, kinds, groups = zip(*told, strict=True)
    return _subject("chest_xray", paths, kinds, groups, figure="AUC")


def _subject(
    name: str, paths: Sequence[Path], labels: Sequence[str], groups: Sequence[str], figure: str = "balanced accuracy"
) -> Subject:
    squares = [cv2.resize(_picture(path), (SIZE, SIZE), interpolation=cv2.INTER_AREA) for path in paths]
    truth, together = (np.unique(list(words), return_inverse=True)[1] for words in (labels, groups))
    return Subject(name, np.stack(squares), truth.astype(np.int64), together.astype(np.int64), figure)


def _picture(path: Path) -> NDArray[np.uint8]:
    found = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
    if found is None:
        sys.exit(f"{path} could not be read")
    return np.asarray(found, np.uint8)


if __name__ == "__main__":
    main()
