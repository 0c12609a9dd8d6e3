"""Compositional pattern networks: colours that a small random network gives to each place.

Source: Stanley, Genetic Programming and Evolvable Machines 8 (2007), doi 10.1007/s10710-007-9028-8.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from fovea.engine.pretraining.drawing.sheet import Sheet
from fovea.engine.pretraining.drawing.spectra import noise

CLASSES = 200
_WIDTH, _LAYERS, _INPUTS, _JITTER = 15, 4, 5, 0.06


def patterns(sheet: Sheet, *, family: int = 0) -> tuple[Tensor, Tensor]:
    """Pictures of random networks from (across, down, radius, waves, noise) to a colour.

    Args:
        sheet: what to fill.
        family: seed of the networks; pictures of a class share one, but for 6 % of jitter.

    Returns:
        (count, 3, size, size) in [0, 1], and the class of each in [0, CLASSES).
    """
    labels = sheet.integers(high=CLASSES)
    across, down = sheet.turned()
    waves = (3 * across).sin() * (3 * down).cos()
    soft = 0.15 * noise(sheet, planes=1, roughest=1.2, softest=2.4)[:, 0]
    layer = torch.stack([across, down, (across**2 + down**2).sqrt(), waves, soft], dim=-1).flatten(1, 2)
    random = torch.Generator().manual_seed(family)
    widths = [_INPUTS, *[_WIDTH] * _LAYERS, 3]
    for depth, (wide, next_wide) in enumerate(pairwise(widths)):
        shared = torch.randn(CLASSES, wide + 1, next_wide, generator=random).to(sheet.device)
        own = shared[labels] * (1 + _JITTER * sheet.normal(wide + 1, next_wide))
        scale = (1.7 if depth else 1.2) / wide**0.5
        layer = torch.baddbmm(own[:, -1:] * 0.7, layer, own[:, :-1], alpha=scale)
        layer = layer.sigmoid() if depth == _LAYERS else _bend(layer)
    return layer.view(-1, sheet.size, sheet.size, 3).permute(0, 3, 1, 2), labels


def _bend(layer: Tensor) -> Tensor:
    """A third of the units each by sine, tanh and a Gaussian."""
    third = _WIDTH // 3
    first, second, last = torch.tensor_split(layer, (third, 2 * third), dim=-1)
    return torch.cat([(1.5 * first).sin(), second.tanh(), (-(last**2)).exp() * 2 - 1], dim=-1)
