"""Whether sets of labels hold the true one as often as they say, over many splits of real photos.

    FOVEA_REAL_DATA=/path/to/data python benchmarks/conformal.py

Features of the backbone `starter` at five depths, read once; on each of 50 splits by group a logistic regression on
three fifths of the pictures, temperature and sets on one fifth by the engine's own functions, coverage on the last one.
Coverage is promised for a picture of a new group, so every group counts alike; beside it stands that by pictures.
Ends with status 1 where the mean coverage of a subject lies outside [0.88, 0.93] for a stated 0.90.
"""

from __future__ import annotations

import os
import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from starter_probe import Features, Subject, chest, deep, field_bean, lab_apple

from fovea.engine.certainty.calibrate import Kept, calibrated
from fovea.engine.certainty.promises import Wishes, certain
from fovea.engine.pictures.split import split
from fovea.plugin import Preprocess
from fovea.serving.answers import answers
from fovea.serving.bundle import Bundle
from fovea.serving.certainty import possible_of
from fovea.serving.preprocess import PREPROCESS_ID

SPLITS = 50
COVERAGE = 0.9
FRACTIONS = {"train": 0.6, "validation": 0.0, "calibration": 0.2, "test": 0.2}
LOW, HIGH = 0.88, 0.93
STRENGTH = 1e-2

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Held:
    """One split's figures: coverage by group and by picture, labels a set, accuracy, and coverage of each label."""

    by_group: float
    by_picture: float
    size: float
    accuracy: float
    of_label: Floats


def main() -> None:
    """Read, split, count, print a table."""
    if "FOVEA_REAL_DATA" not in os.environ:
        sys.exit("set FOVEA_REAL_DATA to the folder of real pictures")
    root, fits = Path(os.environ["FOVEA_REAL_DATA"]), True
    torch.set_num_threads(1)
    print(f"{time.strftime('%Y-%m-%d')}, {SPLITS} splits by group, stated coverage {COVERAGE:g}")
    print(f"{'':12s}{'coverage':>9s}{'spread':>8s}{'pictures':>10s}{'labels':>8s}{'accuracy':>10s}   coverage by label")
    for subject in (lab_apple(root), field_bean(root), chest(root)):
        held = list(judged(subject, deep(subject.pixels, "starter")))
        groups = np.array([one.by_group for one in held])
        pictures, size, accuracy = (
            float(np.mean([getattr(one, name) for one in held])) for name in ("by_picture", "size", "accuracy")
        )
        labels = ", ".join(f"{share:.3f}" for share in np.nanmean([one.of_label for one in held], axis=0))
        print(
            f"{subject.name:12s}{groups.mean():9.3f}{groups.std():8.3f}{pictures:10.3f}{size:8.2f}{accuracy:10.3f}"
            f"   {labels}",
            flush=True,
        )
        fits &= LOW <= groups.mean() <= HIGH
    sys.exit(not fits)


def judged(subject: Subject, features: Features) -> Iterator[Held]:
    """One answer a split."""
    groups = np.array([f"{group:06d}" for group in subject.groups])
    for seed in range(SPLITS):
        parts = split(groups=groups.tolist(), labels=subject.truth.astype(str), fractions=FRACTIONS, seed=seed)
        part = np.array([parts[group] for group in groups])
        learn, keep, test = (part == name for name in ("train", "calibration", "test"))
        model = make_pipeline(StandardScaler(), LogisticRegression(C=STRENGTH, max_iter=500))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(features[learn], subject.truth[learn])
        kept = Kept(logits=logits(model, features[keep]), targets=subject.truth[keep], groups=groups[keep].tolist())
        bundle = calibrated(draft(subject), kept, shares=(), aim="f1")
        bundle = certain(bundle, kept, Wishes(coverage=COVERAGE))
        yield count(bundle, logits(model, features[test]), subject.truth[test], groups[test])


def draft(subject: Subject) -> Bundle:
    """A bundle of these labels, without a network."""
    labels = tuple(str(label) for label in range(subject.truth.max() + 1))
    return Bundle(
        name="probe",
        domain="none",
        role="label",
        kind="classify",
        labels=labels,
        preprocess=Preprocess(),
        preprocess_id=PREPROCESS_ID,
    )


def logits(model: object, features: Features) -> NDArray[np.float32]:
    """(n, labels); of two labels, scikit-learn tells one line only."""
    told = np.asarray(model.decision_function(features), np.float32)  # type: ignore[attr-defined]
    return told if told.ndim > 1 else np.stack([-told / 2, told / 2], axis=1)


def count(bundle: Bundle, told: NDArray[np.float32], truth: NDArray[np.int64], groups: NDArray[np.str_]) -> Held:
    """What the sets of one split came to."""
    said = answers(bundle, told)
    held = possible_of(bundle, said)
    hit = held[np.arange(len(truth)), truth].astype(np.float64)
    group = np.unique(groups, return_inverse=True)[1]
    of_label = [hit[truth == label].mean() if (truth == label).any() else np.nan for label in range(said.shape[1])]
    return Held(
        by_group=float((np.bincount(group, hit) / np.bincount(group)).mean()),
        by_picture=float(hit.mean()),
        size=float(held.sum(axis=1).mean()),
        accuracy=float((said.argmax(axis=1) == truth).mean()),
        of_label=np.array(of_label),
    )


if __name__ == "__main__":
    main()
