"""The task ``classify``: one label of several for each picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from fovea.errors import DataError
from fovea.serving.readings import Scale

_FOCUS = 2.0
_KEPT = 0.999


def read_labels(targets: Sequence[Any], name: str) -> tuple[str, ...]:  # noqa: ARG001 - a task's names
    """The labels there are, sorted; they are the outputs from now on.

    Raises:
        DataError: fewer than two.
    """
    labels = tuple(sorted(set(targets)))
    if len(labels) == 1:
        raise DataError(f"every picture is labelled '{labels[0]}': add pictures of at least one other class")
    return labels


def encode(targets: Sequence[Any], labels: Sequence[str], scale: Scale | None = None) -> NDArray[np.int64]:  # noqa: ARG001
    """Each target's place among the labels, int64 (n,)."""
    place = {label: index for index, label in enumerate(labels)}
    return np.array([place[target] for target in targets], np.int64)


def scale_of(targets: Sequence[Any], labels: Sequence[str]) -> Scale | None:  # noqa: ARG001
    """None: labels have no unit."""
    return None


def head(features: int, outputs: int, dropout: float) -> nn.Module:
    """Dropout and one linear layer: (n, features) to (n, outputs)."""
    return nn.Sequential(nn.Dropout(dropout), nn.Linear(features, outputs))


def loss(logits: Tensor, targets: Tensor, *, name: str, weights: Tensor | None, smoothing: float) -> Tensor:
    """Cross-entropy with label smoothing (Szegedy et al., 2016), weighted by class.

    ``focal`` counts what is known already for less: times (1 - p)^2 (Lin et al., ICCV 2017, arXiv 1708.02002).
    """
    if name != "focal":
        return functional.cross_entropy(logits, targets, weight=weights, label_smoothing=smoothing)
    told = functional.log_softmax(logits, dim=1)
    each = torch.ones_like(logits[0]) if weights is None else weights
    soft = functional.one_hot(targets, logits.shape[1]) * (1 - smoothing) + smoothing / logits.shape[1]
    missed = -(each * soft * (1 - told.exp()) ** _FOCUS * told).sum(dim=1)
    return missed.sum() / each[targets].sum()


def score(logits: Tensor, targets: Tensor, *, name: str, weights: Tensor | None) -> Mapping[str, float]:  # noqa: ARG001
    """``loss`` (mean negative log likelihood) and ``balanced_accuracy`` over the classes present."""
    right = (logits.argmax(1) == targets).double()
    recalls = [float(right[targets == label].mean()) for label in torch.unique(targets)]
    likelihood = functional.cross_entropy(logits.double(), targets)
    return {"loss": float(likelihood), "balanced_accuracy": sum(recalls) / len(recalls)}


def weights(targets: NDArray[Any]) -> NDArray[np.float32] | None:
    """Weights inversely proportional to each class's pictures, (labels,); their mean over the pictures is 1.

    Every label is among the targets: a split sees to that.
    """
    counts = Counter(targets.tolist())
    outputs = max(counts) + 1
    each = [len(targets) / (outputs * counts[label]) if counts[label] else 0.0 for label in range(outputs)]
    return np.array(each, np.float32)


def effective(targets: NDArray[Any]) -> NDArray[np.float32]:
    """Weights inversely proportional to each class's effective number of pictures, (labels,); their mean is 1.

    (1 - b) / (1 - b^n) for n pictures, b being 0.999: pictures of a class resemble each other, so that beyond about a
    thousand more of them add little (Cui et al., CVPR 2019, arXiv 1901.05555).
    """
    counts = np.bincount(targets)
    each = np.where(counts > 0, (1 - _KEPT) / (1 - _KEPT ** np.maximum(counts, 1)), 0.0)
    return np.asarray(each * len(targets) / (each * counts).sum(), np.float32)


def shares(targets: NDArray[Any]) -> NDArray[np.float64] | None:
    """How often each picture should come, (n,): every class as often as the others."""
    each = np.asarray(weights(targets), np.float64)
    return np.asarray(each[targets], np.float64)
