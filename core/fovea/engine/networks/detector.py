"""A backbone that tells how far a picture is from normal, place by place, by a memory or a Gaussian of its features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from fovea.engine.draws import seed_of
from fovea.engine.networks.depths import inside, read

DEPTHS = 2
_HOT, _LEAST_HOT = 3, 3


class Places(nn.Module):
    """(n, 3, size, size) normalised floats to features of each place, (n, dimensions, g, g).

    Two middle depths of the backbone, each averaged over 3 x 3 places (Roth et al., 2022), are brought to the finer
    one's grid and projected together by random directions that are at right angles to each other (Kim et al., 2021,
    arXiv 2105.14737): nothing about it is learned, so that adding a picture changes no other's features.

    Args:
        network: the backbone; its own head is not used.
        size: of the pictures.
        dimensions: features a place, at most as many as the two depths have channels.
        seed: of the directions.
    """

    def __init__(self, network: nn.Module, *, size: int, dimensions: int, seed: int) -> None:
        super().__init__()
        self.network = network
        seen = inside(network, size)
        self.stages = seen.stages[-1 - DEPTHS : -1] or seen.stages
        channels = [seen.channels[seen.stages.index(stage)] for stage in self.stages]
        self.names = [f"directions{number}" for number in range(len(channels))]
        for name, part in zip(self.names, directions(channels, dimensions, seed), strict=True):
            self.register_buffer(name, part[..., None, None])  # a 1 x 1 convolution

    def forward(self, planes: Tensor) -> Tensor:
        """Features of each place."""
        maps, _ = read(self.network, self.stages, planes)
        grid = maps[0].shape[2:]
        total: Tensor | None = None
        for one, name in zip(maps, self.names, strict=True):
            near = functional.avg_pool2d(one, 3, stride=1, padding=1, count_include_pad=False)
            part = functional.conv2d(near, self.get_buffer(name))  # before growing: both are linear, and this is less
            if part.shape[2:] != grid:
                part = functional.interpolate(part, size=grid, mode="bilinear", align_corners=False)
            total = part if total is None else total + part
        assert total is not None  # noqa: S101 - there is at least one stage
        return total


def directions(channels: Sequence[int], dimensions: int, seed: int) -> list[Tensor]:
    """Random directions at right angles in the space of all channels, (dimensions, c) for each depth's c."""
    every = sum(channels)
    drawn = torch.randn(every, min(dimensions, every), generator=torch.Generator().manual_seed(seed_of(seed)))
    right, _ = torch.linalg.qr(drawn)  # (every, dimensions)
    return list(right.T.split(list(channels), dim=1))


class Detector(nn.Module):
    """(n, 3, size, size) normalised floats to distances from normal, (n, 1 + g * g): the picture's, then its places'.

    The picture's is the mean of the hottest 3 % of its places, at least 3: one place alone, as PatchCore takes it, is
    noisier (area under the curve on apple leaves 0.882 against 0.883, on a camera's frames 0.907 against 0.934).

    Args:
        places: what features are read.
        normal: ``patches`` (m, d): a place's distance is that of the nearest; or ``means`` (g * g, d) and ``whitening``
            (g * g, d, d): it is the Mahalanobis distance.
    """

    def __init__(self, places: Places, normal: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.places = places
        self.has_memory = "patches" in normal
        for name, tensor in normal.items():
            self.register_buffer(name, tensor)

    def forward(self, planes: Tensor) -> Tensor:
        """Distances."""
        return self.compared(self.places(planes).flatten(2).transpose(1, 2))

    def compared(self, features: Tensor) -> Tensor:
        """Distances of places whose features, (n, g * g, d), are known."""
        away = self._from_memory(features) if self.has_memory else self._from_means(features)
        hottest = away.topk(min(max(_LEAST_HOT, away.shape[1] * _HOT // 100), away.shape[1]), dim=1).values
        return torch.cat([hottest.mean(dim=1, keepdim=True), away], dim=1)

    def _from_memory(self, features: Tensor) -> Tensor:
        patches = self.get_buffer("patches")
        centre = patches.mean(dim=0)  # smaller numbers, less cancellation
        features, patches = features - centre, patches - centre
        nearest = (patches.square().sum(dim=1) - 2 * features @ patches.T).amin(dim=2)
        return (nearest + features.square().sum(dim=2)).clamp(min=0).sqrt()

    def _from_means(self, features: Tensor) -> Tensor:
        centred = (features - self.get_buffer("means")).transpose(0, 1)  # (g * g, n, d)
        return (centred @ self.get_buffer("whitening")).square().sum(dim=2).sqrt().T


def detector_like(network: nn.Module, tensors: Mapping[str, Tensor], size: int) -> Detector:
    """A detector on a backbone that takes the tensors of another; they are not loaded yet.

    Raises:
        KeyError: they are no detector's.
    """
    dimensions = tensors["places.directions0"].shape[0]
    normal = {name: torch.empty_like(tensors[name]) for name in ("patches", "means", "whitening") if name in tensors}
    return Detector(Places(network, size=size, dimensions=dimensions, seed=0), normal)
