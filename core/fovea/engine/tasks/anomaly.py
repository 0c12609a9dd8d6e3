"""The task ``anomaly``: normal pictures are learned from, and what is far from all of them is strange.

Nothing learns by gradient: see :mod:`fovea.engine.learning.normality`. Pictures with any other label only calibrate and
judge.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from fovea.engine.pictures.split import Part
from fovea.engine.pictures.targets import NORMAL
from fovea.errors import DataError
from fovea.serving.anomaly import ANOMALY
from fovea.serving.readings import Scale


def read_labels(targets: Sequence[Any], name: str) -> tuple[str, ...]:
    """``normal`` and ``anomaly``.

    Raises:
        DataError: no picture is normal.
    """
    if NORMAL not in targets:
        there = ", ".join(f"'{label}'" for label in sorted(set(targets))[:5])
        raise DataError(
            f"no picture has the target '{name}' with the label '{NORMAL}', which is what is learned from "
            f"(there is: {there})"
        )
    return (NORMAL, ANOMALY)


def only_judged(parts: Mapping[str, Part], groups: Sequence[str], targets: Sequence[Any]) -> dict[str, Part]:
    """The parts of a split where nothing is chosen by validation, and anomalies are not learned from.

    Groups of ``validation``, and those of ``train`` without a normal picture, go to ``calibration``.
    """
    has_normal = {group for group, target in zip(groups, targets, strict=True) if target == NORMAL}
    return {
        group: "calibration" if part == "validation" or (part == "train" and group not in has_normal) else part
        for group, part in parts.items()
    }


def encode(targets: Sequence[Any], labels: Sequence[str], scale: Scale | None = None) -> NDArray[np.int64]:  # noqa: ARG001 - a task's names
    """0 for a normal picture, 1 for any other, int64 (n,)."""
    return np.array([int(target != NORMAL) for target in targets], np.int64)


def scale_of(targets: Sequence[Any], labels: Sequence[str]) -> Scale | None:  # noqa: ARG001
    """None: labels have no unit."""
    return None


def head(features: int, outputs: int, dropout: float) -> nn.Module:  # noqa: ARG001
    """One linear layer, which is not used: the backbone is read before its end."""
    return nn.Linear(features, outputs)


def weights(targets: NDArray[Any]) -> NDArray[np.float32] | None:  # noqa: ARG001
    """None: one class is learned from."""
    return None


def shares(targets: NDArray[Any]) -> NDArray[np.float64] | None:  # noqa: ARG001
    """None: one class is learned from."""
    return None


def loss(logits: Tensor, targets: Tensor, *, name: str, weights: Tensor | None, smoothing: float) -> Tensor:  # noqa: ARG001
    """The mean distance of normal pictures, (n, 1 + places) to one number; nothing is made to shrink it."""
    return logits[targets == 0, 0].mean()


def score(logits: Tensor, targets: Tensor, *, name: str, weights: Tensor | None) -> Mapping[str, float]:
    """``loss``: see :func:`loss`."""
    return {"loss": float(loss(logits, targets, name=name, weights=weights, smoothing=0.0))}
