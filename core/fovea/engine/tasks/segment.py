"""The task ``segment``: a label for every pixel, by a light decoder on maps of several depths of the backbone.

The decoder is a feature pyramid (Lin et al., CVPR 2017, arXiv 1612.03144) that ends at a quarter of the square's side:
each map is projected to WIDTH channels, the deeper sum is enlarged and added, and one convolution tells the labels,
whose logits are enlarged to the square. Targets are masks, uint8 (n, size, size), 255 where nothing is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from fovea.engine.networks.depths import inside, read
from fovea.engine.pictures.masks import ordered
from fovea.engine.pictures.targets import indicators
from fovea.errors import DataError
from fovea.plugin import UNTOLD
from fovea.serving.readings import Scale

WIDTH = 64
_GROUPS = 8
_STAGES = 4
_REDUCTION = 4
_MOST_WEIGHT = 10.0


def read_labels(targets: Sequence[Any], name: str) -> tuple[str, ...]:  # noqa: ARG001 - a task's names
    """The labels that the masks show, the background first, the others sorted; they are the outputs from now on.

    Raises:
        DataError: fewer than two.
    """
    labels = ordered({label for target in targets for label in target})
    if len(labels) == 1:
        raise DataError(f"every mask shows '{labels[0]}' and nothing else: add pictures that show at least one other")
    return labels


def encode(targets: Sequence[Any], labels: Sequence[str], scale: Scale | None = None) -> NDArray[np.float32]:  # noqa: ARG001
    """1 where a picture shows a label and 0 elsewhere, float32 (n, labels); the masks themselves lie beside."""
    return indicators(targets, labels).astype(np.float32)


def scale_of(targets: Sequence[Any], labels: Sequence[str]) -> Scale | None:  # noqa: ARG001
    """None: labels have no unit."""
    return None


def head(features: int, outputs: int, dropout: float) -> nn.Module:  # noqa: ARG001 - a task's names
    """The end of the backbone, which is not used: what tells the labels is the decoder."""
    return nn.Linear(features, outputs)


def weights(targets: NDArray[Any]) -> NDArray[np.float32] | None:
    """How much a pixel of each label counts, (labels,): by the inverse root of its share, 1 on average, at most 10.

    The root, since weights of the inverse share itself let a rare label spread far beyond its place.

    Args:
        targets: pixels of each label in each picture, (n, labels).
    """
    pixels = np.asarray(targets, np.float64).sum(axis=0)
    share = pixels / max(pixels.sum(), 1)
    rooted = np.sqrt(share)
    each = np.divide(1, rooted, out=np.zeros_like(rooted), where=rooted > 0) / max(rooted.sum(), 1e-12)
    return np.asarray(np.minimum(each, _MOST_WEIGHT), np.float32)


def shares(targets: NDArray[Any]) -> NDArray[np.float64] | None:
    """How often each picture should come, (n,): by the inverse root of how many pictures show its rarest label.

    Repeat factors: Gupta et al., LVIS, CVPR 2019.
    """
    there = np.asarray(targets) > 0
    often = np.maximum(there.mean(axis=0), 1e-12)
    return np.asarray(np.maximum((there / np.sqrt(often)).max(axis=1), 1), np.float64)


def loss(logits: Tensor, targets: Tensor, *, name: str, weights: Tensor | None, smoothing: float) -> Tensor:
    """Weighted cross-entropy of the pixels with a label, to which ``cross_entropy_dice`` adds soft Dice.

    Dice: Milletari et al., V-Net, 3DV 2016 (arXiv 1606.04797), over the labels that the batch shows.

    Args:
        logits: (n, labels, size, size).
        targets: uint8 (n, size, size), 255 where nothing is known.
        name: ``cross_entropy_dice`` or ``cross_entropy``.
        weights: of the labels.
        smoothing: share of certainty taken from each label.
    """
    truth = targets.long()
    entropy = functional.cross_entropy(
        logits, truth, weight=weights, ignore_index=UNTOLD, label_smoothing=smoothing, reduction="sum"
    )
    known = truth != UNTOLD
    counted = known.float() if weights is None else weights[truth.clamp(max=len(weights) - 1)] * known
    entropy = entropy / counted.sum().clamp(min=1e-6)
    return entropy if name == "cross_entropy" else entropy + _lost_overlap(logits, truth, known)


def _lost_overlap(logits: Tensor, truth: Tensor, known: Tensor) -> Tensor:
    """1 less the mean of Dice over the labels there are, in [0, 1]."""
    labels = logits.shape[1]
    said = logits.softmax(dim=1) * known[:, None]
    there = functional.one_hot(truth.where(known, 0), labels).permute(0, 3, 1, 2) * known[:, None]
    both, either = ((said * there).sum(dim=(0, 2, 3)), (said + there).sum(dim=(0, 2, 3)))
    shown = (there.sum(dim=(0, 2, 3)) > 0).float()
    dice = 2 * both / either.clamp(min=1)
    return 1 - (dice * shown).sum() / shown.sum().clamp(min=1)


def score(logits: Tensor, targets: Tensor, *, name: str, weights: Tensor | None) -> Mapping[str, float]:
    """``loss``, as it is learned by, and ``miou``: mean over the labels there are of intersection over union."""
    return score_all([(logits, targets)], name=name, weights=weights)


def score_all(pairs: Iterable[tuple[Tensor, Tensor]], *, name: str, weights: Tensor | None) -> Mapping[str, float]:
    """As :func:`score`, of (logits, targets) batch by batch: maps of many pictures would fill the memory."""
    lost, pictures = 0.0, 0
    confusion: Tensor | None = None
    for logits, targets in pairs:
        labels = logits.shape[1]
        known = targets != UNTOLD
        place = targets[known].long() * labels + logits.argmax(dim=1)[known]
        counted = torch.bincount(place, minlength=labels * labels).reshape(labels, labels)
        confusion = counted if confusion is None else confusion + counted
        lost += len(targets) * float(loss(logits, targets, name=name, weights=weights, smoothing=0.0))
        pictures += len(targets)
    if confusion is None:
        return {}
    table = confusion.double()
    both, true = table.diagonal(), table.sum(dim=1)
    union = (true + table.sum(dim=0) - both).clamp(min=1)
    return {"loss": lost / pictures, "miou": float((both / union)[true > 0].mean())}


class Segmenter(nn.Module):
    """(n, 3, size, size) normalised floats to logits (n, labels, size, size).

    Args:
        backbone: read at ``stages``; its own answer is not used.
        stages: names of its modules, shallow to deep.
        channels: of each stage's map.
        labels: how many.
        dropout: share of the channels left out before the labels are told.
    """

    def __init__(
        self, backbone: nn.Module, stages: Sequence[str], channels: Sequence[int], labels: int, dropout: float
    ) -> None:
        super().__init__()
        self.backbone, self.stages = backbone, tuple(stages)
        self.project = nn.ModuleList(
            nn.Sequential(nn.Conv2d(c, WIDTH, 1), nn.GroupNorm(_GROUPS, WIDTH)) for c in channels
        )
        self.mix = nn.Sequential(
            nn.Conv2d(WIDTH, WIDTH, 3, padding=1), nn.GroupNorm(_GROUPS, WIDTH), nn.ReLU(), nn.Dropout2d(dropout)
        )
        self.tell = nn.Conv2d(WIDTH, labels, 1)

    def forward(self, planes: Tensor) -> Tensor:
        """Logits of normalised pictures."""
        maps, _ = read(self.backbone, self.stages, planes)
        projected = [project(one) for project, one in zip(self.project, maps, strict=True)]
        total = projected[-1]
        for one in reversed(projected[:-1]):
            total = one + _enlarged(total, one.shape[-1])
        small = _enlarged(functional.relu(total), planes.shape[-1] // _REDUCTION)
        return _enlarged(cast("Tensor", self.tell(self.mix(small))), planes.shape[-1])


def _enlarged(maps: Tensor, side: int) -> Tensor:
    if maps.shape[-1] == side:
        return maps
    return functional.interpolate(maps, size=(side, side), mode="bilinear", align_corners=False)


@torch.no_grad()
def decoding(network: nn.Module, *, size: int, labels: int, dropout: float) -> Segmenter:
    """A backbone with a decoder, read at the deepest four depths of at most a quarter of the square's side.

    Args:
        network: (n, 3, size, size) normalised floats to one row a picture.
        size: side of the square in pixels.
        labels: how many are told.
        dropout: before they are.

    Raises:
        UsageError: the backbone has no maps inside.
    """
    seen = inside(network, size)
    was_training = network.training
    maps, _ = read(network.eval(), seen.stages, torch.zeros(1, 3, size, size))
    network.train(was_training)
    sides = [one.shape[-1] for one in maps]
    small = [place for place, side in enumerate(sides) if side <= size // _REDUCTION] or [len(sides) - 1]
    chosen = small[-_STAGES:]
    return Segmenter(
        network,
        [seen.stages[place] for place in chosen],
        [seen.channels[place] for place in chosen],
        labels,
        dropout,
    )
