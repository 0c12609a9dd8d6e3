"""The task ``regress``: one value or several for each picture, learned in units of their own spread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from fovea.engine.tasks import classify
from fovea.errors import DataError
from fovea.serving.readings import Scale


def read_labels(targets: Sequence[Any], name: str) -> tuple[str, ...]:
    """The names of the values: the target's own for one, numbered from 1 for several.

    Raises:
        DataError: a value is the same in every picture.
    """
    count = len(targets[0])
    names = (name,) if count == 1 else tuple(f"{name} {place}" for place in range(1, count + 1))
    _refuse_constant(targets, names, "every picture")
    return names


def _refuse_constant(targets: Sequence[Any], names: Sequence[str], where: str) -> None:
    for place, one in enumerate(names):
        if len({target[place] for target in targets}) == 1:
            raise DataError(
                f"{where} has the same value of '{one}', {targets[0][place]:g}: there is nothing to learn; "
                "add pictures with others"
            )


def encode(targets: Sequence[Any], labels: Sequence[str], scale: Scale | None = None) -> NDArray[np.float32]:
    """Values less their mean, in deviations, float32 (n, outputs)."""
    values = np.array(targets, np.float64).reshape(-1, len(labels))
    return np.asarray(values if scale is None else (values - scale.means) / scale.deviations, np.float32)


def scale_of(targets: Sequence[Any], labels: Sequence[str]) -> Scale | None:
    """Mean and deviation of the values that are learned from.

    Raises:
        DataError: a value is the same in all of them.
    """
    _refuse_constant(targets, labels, "every picture that is learned from")
    values = np.array(targets, np.float64)
    return Scale(means=tuple(values.mean(axis=0).tolist()), deviations=tuple(values.std(axis=0).tolist()))


def head(features: int, outputs: int, dropout: float) -> nn.Module:
    """Dropout and one linear layer: (n, features) to (n, outputs)."""
    return classify.head(features, outputs, dropout)


def weights(targets: NDArray[Any]) -> NDArray[np.float32] | None:  # noqa: ARG001 - a task's names
    """None: every picture counts alike."""
    return None


def shares(targets: NDArray[Any]) -> NDArray[np.float64] | None:  # noqa: ARG001 - a task's names
    """None: every picture comes once an epoch."""
    return None


def loss(logits: Tensor, targets: Tensor, *, name: str, weights: Tensor | None, smoothing: float) -> Tensor:  # noqa: ARG001
    """The mean square error in deviations, or Huber's (1964), which is linear beyond one deviation."""
    return functional.mse_loss(logits, targets) if name == "mse" else functional.huber_loss(logits, targets)


def score(logits: Tensor, targets: Tensor, *, name: str, weights: Tensor | None) -> Mapping[str, float]:
    """``loss``, as it is learned by, and ``r2``: 1 less the mean square error in these pictures' own variances."""
    from sklearn.metrics import r2_score

    told = {"loss": float(loss(logits, targets, name=name, weights=weights, smoothing=0.0))}
    enough = len(targets) > 1 and bool(torch.isfinite(logits).all())
    return {**told, "r2": float(r2_score(targets.numpy(), logits.numpy())) if enough else 0.0}
