"""Two pictures as one: blended (mixup) or with a piece of the other pasted in (cutmix).

Zhang et al., mixup (ICLR 2018, arXiv 1710.09412); Yun et al., CutMix (ICCV 2019, arXiv 1905.04899). What is blended
with what and how much follows from (seed, step): the order of an epoch is drawn by sample, and each picture's other one
is the one before it in its batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from fovea.engine.draws import seed_of
from fovea.engine.pictures.data import Batch
from fovea.engine.recipe import Recipe

_SALT = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A batch as the network is shown it.

    Args:
        pixels: (n, size, size, 3), uint8, or float32 in [0, 255] where blended.
        targets: (n, ...).
        others: targets of the pictures that were mixed in, (n, ...); None where none were.
        share: of the loss that is the picture's own, in [0, 1].
        groups: int64 (n,), which group each picture is of; None where that does not matter.
        facts: numbers beside the pictures, (n, k); None where pixels are all.
    """

    pixels: Tensor
    targets: Tensor
    others: Tensor | None = None
    share: float = 1.0
    groups: Tensor | None = None
    facts: Tensor | None = None

    @classmethod
    def of(cls, batch: Batch, device: str, groups: Tensor | None = None) -> Given:
        """A batch as it is, on the device that learns."""
        return cls(
            pixels=batch.pixels.to(device, non_blocking=True),
            targets=batch.targets.to(device, non_blocking=True),
            groups=None if groups is None else groups.to(device),
            facts=None if batch.facts is None else batch.facts.to(device, non_blocking=True),
        )

    def __len__(self) -> int:
        return len(self.targets)

    def logits(self, network: Callable[..., Tensor]) -> Tensor:
        """What a network says of it."""
        return network(self.pixels) if self.facts is None else network(self.pixels, self.facts)

    def loss(self, logits: Tensor, loss: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        """The loss on both targets, each by its share: cross-entropies are linear in the target."""
        own = loss(logits, self.targets)
        return own if self.others is None else self.share * own + (1 - self.share) * loss(logits, self.others)

    def pieces(self, count: int) -> Iterator[Given]:
        """The batch in so many pieces of nearly equal size, none of one picture alone where that can be."""
        places = torch.arange(len(self), device=self.targets.device)
        for some in places.tensor_split(min(count, max(len(self) // 2, 1))):
            yield replace(
                self,
                pixels=self.pixels[some],
                targets=self.targets[some],
                others=None if self.others is None else self.others[some],
                groups=None if self.groups is None else self.groups[some],
                facts=None if self.facts is None else self.facts[some],
            )

    def blended(self, share: float) -> Tensor | None:
        """The numbers beside the pictures, mixed as the pictures are."""
        return None if self.facts is None else self.facts.roll(1, 0).lerp_(self.facts, share)


def mixed(given: Given, recipe: Recipe, step: int) -> Given:
    """A batch with each picture mixed with the one before it, as the recipe asks; as it is where it asks for nothing.

    Where both ways are asked for, an even draw decides for each batch. The share is drawn from Beta(a, a), a being the
    recipe's number. What is pasted brings its part of a mask along; otherwise the share is that of the area.
    """
    if not recipe.mixup and not recipe.cutmix:
        return given
    draws = np.random.default_rng(seed_of(recipe.seed, _SALT, step))
    is_cut = bool(recipe.cutmix) and (not recipe.mixup or draws.random() < 0.5)  # noqa: PLR2004 - an even draw
    alpha = recipe.cutmix if is_cut else recipe.mixup
    share = float(draws.beta(alpha, alpha))
    if is_cut:
        return _pasted(given, share, draws)
    pixels = given.pixels.float()
    return replace(
        given,
        pixels=pixels.roll(1, 0).lerp_(pixels, share),
        others=given.targets.roll(1, 0),
        share=share,
        facts=given.blended(share),
    )


def _pasted(given: Given, share: float, draws: np.random.Generator) -> Given:
    height, width = given.pixels.shape[1:3]
    rows, columns = (_span(side, (1 - share) ** 0.5, draws.random()) for side in (height, width))
    pixels = given.pixels.clone()
    pixels[:, rows, columns] = given.pixels.roll(1, 0)[:, rows, columns]
    own = 1 - (rows.stop - rows.start) * (columns.stop - columns.start) / (height * width)
    facts = given.blended(own)
    if given.targets.shape[1:] == (height, width):  # a mask
        targets = given.targets.clone()
        targets[:, rows, columns] = given.targets.roll(1, 0)[:, rows, columns]
        return replace(given, pixels=pixels, targets=targets, facts=facts)
    return replace(given, pixels=pixels, others=given.targets.roll(1, 0), share=own, facts=facts)


def _span(side: int, share: float, centre: float) -> slice:
    """A span of this share of a side about a centre in [0, 1), cut off at the ends."""
    half = round(side * share / 2)
    middle = int(centre * side)
    return slice(max(0, middle - half), min(side, middle + half))
