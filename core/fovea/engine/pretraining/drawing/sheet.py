"""What every way of drawing starts from: how many pictures of which size, and one stream of random numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A batch of empty pictures, and the random numbers that they are filled from.

    Numbers are drawn on the CPU and moved, so that a seed means the same pictures on every device (but for rounding).

    Args:
        count: pictures.
        size: side in pixels.
        seed: of every number.
        device: where the drawing is done.
    """

    count: int
    size: int
    seed: int
    device: str = "cpu"
    _random: torch.Generator = field(init=False, default_factory=torch.Generator)

    def __post_init__(self) -> None:
        self._random.manual_seed(self.seed)

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        """(count, *shape) numbers in [low, high)."""
        return (torch.rand(self.count, *shape, generator=self._random) * (high - low) + low).to(self.device)

    def normal(self, *shape: int) -> Tensor:
        """(count, *shape) numbers of mean 0 and deviation 1."""
        return torch.randn(self.count, *shape, generator=self._random).to(self.device)

    def integers(self, *shape: int, high: int) -> Tensor:
        """(count, *shape) whole numbers in [0, high)."""
        return torch.randint(high, (self.count, *shape), generator=self._random).to(self.device)

    def places(self) -> tuple[Tensor, Tensor]:
        """Across and down, each (1, size, size), from -1 to 1."""
        line = torch.linspace(-1, 1, self.size, device=self.device)
        down, across = torch.meshgrid(line, line, indexing="ij")
        return across[None], down[None]

    def turned(self, nearest: float = 0.6, farthest: float = 2.0) -> tuple[Tensor, Tensor]:
        """Across and down, each (count, size, size), turned, scaled and shifted at random for each picture."""
        across, down = self.places()
        angle = self.uniform(1, 1, high=2 * math.pi)
        scale = nearest * (farthest / nearest) ** self.uniform(1, 1)
        shift = self.uniform(2, 1, 1, low=-0.5, high=0.5)
        return (
            scale * (across * angle.cos() - down * angle.sin()) + shift[:, 0],
            scale * (across * angle.sin() + down * angle.cos()) + shift[:, 1],
        )

    def colours(self, many: int) -> Tensor:
        """(count, many, 3) colours in [0, 1] that lie near a random line of each picture: a palette, no rainbow."""
        centre = self.uniform(1, 3, low=0.15, high=0.85)
        along = self.uniform(1, 3, low=-0.6, high=0.6)
        steps = self.uniform(many, 1, low=-1, high=1)
        return (centre + steps * along + 0.1 * self.normal(many, 3)).clamp(0, 1)
