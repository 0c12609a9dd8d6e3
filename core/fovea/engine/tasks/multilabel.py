"""The task ``multilabel``: any number of labels for each picture, each told for itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from fovea.engine.pictures.targets import indicators
from fovea.engine.tasks import classify
from fovea.errors import DataError
from fovea.plugin.values import JOIN
from fovea.serving.readings import Scale

_MOST_WEIGHT = 20.0
_FOCUS = 2.0
_ALPHA = 0.25
_EASY_NEGATIVES = 4.0
_MARGIN = 0.05


def read_labels(targets: Sequence[Any], name: str) -> tuple[str, ...]:  # noqa: ARG001 - a task's names
    """The labels there are, sorted; they are the outputs from now on.

    Raises:
        DataError: there is none, one is in every picture, or one cannot be told apart in a joined answer.
    """
    counts = Counter(label for target in targets for label in target)
    if not counts:
        raise DataError(f"none of the {len(targets)} pictures has a label: there is nothing to learn; label some")
    everywhere = sorted(label for label, count in counts.items() if count == len(targets))
    if everywhere:
        raise DataError(
            f"every picture has the label '{everywhere[0]}', so that it cannot be learned: "
            f"add pictures without it, or leave it out (leave_out)"
        )
    joined = sorted(label for label in counts if JOIN in label)
    if joined:
        raise DataError(f"the label '{joined[0]}' holds '{JOIN}', which stands between labels: name it otherwise")
    return tuple(sorted(counts))


def encode(targets: Sequence[Any], labels: Sequence[str], scale: Scale | None = None) -> NDArray[np.float32]:  # noqa: ARG001
    """1 where a picture has a label and 0 elsewhere, float32 (n, labels)."""
    return indicators(targets, labels).astype(np.float32)


def scale_of(targets: Sequence[Any], labels: Sequence[str]) -> Scale | None:  # noqa: ARG001
    """None: labels have no unit."""
    return None


def head(features: int, outputs: int, dropout: float) -> nn.Module:
    """Dropout and one linear layer: (n, features) to (n, outputs)."""
    return classify.head(features, outputs, dropout)


def weights(targets: NDArray[Any]) -> NDArray[np.float32] | None:
    """How much a picture that has a label counts against one that has it not, by label: their ratio, (labels,).

    At most 20 and at least 1/20: the few pictures of a rarer label would drown all others.
    """
    have = targets.sum(axis=0, dtype=np.float64)
    ratio = (len(targets) - have) / np.maximum(have, 1)
    return np.asarray(np.clip(ratio, 1 / _MOST_WEIGHT, _MOST_WEIGHT), np.float32)


def shares(targets: NDArray[Any]) -> NDArray[np.float64] | None:
    """How often each picture should come: as its rarest label asks for, the root of its ratio, at least 1, (n,).

    Repeat factors: Gupta et al., LVIS, CVPR 2019.
    """
    rarity = np.maximum(np.sqrt(np.asarray(weights(targets), np.float64)), 1)
    return np.asarray(np.maximum((targets * rarity).max(axis=1), 1), np.float64)


def loss(logits: Tensor, targets: Tensor, *, name: str, weights: Tensor | None, smoothing: float) -> Tensor:
    """The mean over pictures and labels of one of three losses.

    ``bce``: cross-entropy of each label for itself, weighted. ``focal``: Lin et al., ICCV 2017, gamma 2, alpha 0.25.
    ``asymmetric``: Ridnik et al., ICCV 2021, gamma 0 and 4, margin 0.05. The latter two balance by themselves and
    take no weights.
    """
    soft = targets * (1 - smoothing) + smoothing / 2
    if name == "bce":
        return functional.binary_cross_entropy_with_logits(logits, soft, pos_weight=weights)
    said = torch.sigmoid(logits)
    missed, false_call = -functional.logsigmoid(logits), -functional.logsigmoid(-logits)
    if name == "focal":
        missed = _ALPHA * (1 - said) ** _FOCUS * missed
        false_call = (1 - _ALPHA) * said**_FOCUS * false_call
    else:
        shifted = (said - _MARGIN).clamp(min=0)
        false_call = shifted**_EASY_NEGATIVES * -torch.log1p(-shifted.clamp(max=1 - 1e-6))
    return (soft * missed + (1 - soft) * false_call).mean()


def score(logits: Tensor, targets: Tensor, *, name: str, weights: Tensor | None) -> Mapping[str, float]:
    """``loss``, as it is learned by, and ``average_precision``: the mean over the labels that some pictures have."""
    from sklearn.metrics import average_precision_score

    truth = targets.numpy()
    there = truth.any(axis=0)
    told = {"loss": float(loss(logits, targets, name=name, weights=weights, smoothing=0.0))}
    mean = average_precision_score(truth[:, there], logits.numpy()[:, there]) if there.any() else 0.0
    return {**told, "average_precision": float(mean)}
