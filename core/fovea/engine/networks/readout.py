"""A backbone that stays as it is, read at some depths, with one linear layer on top: what a probe trains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from fovea.engine.networks.depths import read
from fovea.serving.readings import Readout

POOLS = ("mean", "std", "max")
"""What is kept of a map (n, c, h, w), c numbers each, over its places: mean, standard deviation, greatest."""


class Reading(nn.Module):
    """(n, 3, size, size) normalised floats to logits (n, outputs), by features pooled at several depths.

    Args:
        network: the backbone; its own head is not used.
        readout: where it is read, and what is kept of each map.
        outputs: number of logits.
    """

    def __init__(self, network: nn.Module, readout: Readout, outputs: int) -> None:
        super().__init__()
        self.network, self.readout = network, readout
        self.head = nn.Linear(sum(readout.channels) * len(readout.pools), outputs)

    def forward(self, planes: Tensor) -> Tensor:
        """Logits of normalised pictures."""
        return cast("Tensor", self.head(self.features(planes)))

    def features(self, planes: Tensor) -> Tensor:
        """What is pooled, (n, features): stage by stage, of each stage pool by pool."""
        maps, _ = read(self.network, self.readout.stages, planes)
        return pooled(maps, self.readout.pools)


def reading(network: nn.Module, readout: Readout, *, outputs: int) -> Reading:
    """The network of a probe, its linear layer as torch draws it."""
    return Reading(network, readout, outputs)


def pooled(maps: Sequence[Tensor], pools: Sequence[str]) -> Tensor:
    """Maps (n, c, h, w) of several depths as one row a picture, (n, sum of c * pools), float32."""
    return torch.cat([_pool(one.float(), pool) for one in maps for pool in pools], dim=1)


def _pool(one: Tensor, pool: str) -> Tensor:
    """Over both sides at once: one long side would have to be laid out anew, 0.5 of 19.5 ms a picture of ResNet-18."""
    if pool == "max":
        return one.amax(dim=(2, 3))
    mean = one.mean(dim=(2, 3), keepdim=True)
    if pool == "mean":
        return mean.flatten(1)
    return (one - mean).square().mean(dim=(2, 3)).add(1e-6).sqrt()
