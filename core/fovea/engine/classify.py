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


def read_labels(targets: Sequence[Any]) -> tuple[str, ...]:
    """The labels there are, sorted; they are the outputs from now on.

    Raises:
        DataError: fewer than two.
    """
    labels = tuple(sorted(set(targets)))
    if len(labels) == 1:
        raise DataError(f"every picture is labelled '{labels[0]}': add pictures of at least one other class")
    return labels


def encode(targets: Sequence[Any], labels: Sequence[str]) -> NDArray[np.int64]:
    """Each target's place among the labels, int64 (n,)."""
    place = {label: index for index, label in enumerate(labels)}
    return np.array([place[target] for target in targets], np.int64)


def head(features: int, outputs: int, dropout: float) -> nn.Module:
    """Dropout and one linear layer: (n, features) to (n, outputs)."""
    return nn.Sequential(nn.Dropout(dropout), nn.Linear(features, outputs))


def loss(logits: Tensor, targets: Tensor, *, weights: Tensor | None, smoothing: float) -> Tensor:
    """Cross-entropy with label smoothing (Szegedy et al., 2016), weighted by class."""
    return functional.cross_entropy(logits, targets, weight=weights, label_smoothing=smoothing)


def score(logits: Tensor, targets: Tensor) -> Mapping[str, float]:
    """``loss`` (mean negative log likelihood) and ``balanced_accuracy`` over the classes present."""
    right = (logits.argmax(1) == targets).double()
    recalls = [float(right[targets == label].mean()) for label in torch.unique(targets)]
    likelihood = functional.cross_entropy(logits.double(), targets)
    return {"loss": float(likelihood), "balanced_accuracy": sum(recalls) / len(recalls)}


def class_weights(targets: NDArray[np.int64], outputs: int) -> NDArray[np.float32]:
    """Weights inversely proportional to each class's pictures; their mean over the pictures is 1."""
    counts = Counter(targets.tolist())
    weights = [len(targets) / (outputs * counts[label]) if counts[label] else 0.0 for label in range(outputs)]
    return np.array(weights, np.float32)
