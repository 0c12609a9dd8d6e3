"""Iterated function systems: where a point goes that is moved by affine maps, one at random after the other.

Source of learning from them: Kataoka et al., ACCV 2020, arXiv 2101.08515; maps by singular values: Anderson and
Farrell, WACV 2022, arXiv 2110.03091.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from fovea.engine.pretraining.drawing.sheet import Sheet
from fovea.engine.pretraining.drawing.spectra import clouds

CLASSES = 100
_MAPS, _WALKERS, _STEPS, _SETTLE, _JITTER = 4, 500, 24, 8, 0.04


def fractals(sheet: Sheet, *, family: int = 0) -> tuple[Tensor, Tensor]:
    """Point clouds of iterated function systems on a soft ground, coloured by the map that came last.

    Args:
        sheet: what to fill.
        family: seed of the systems; pictures of a class share one, but for 4 % of jitter.

    Returns:
        (count, 3, size, size) in [0, 1], and the class of each in [0, CLASSES).
    """
    labels = sheet.integers(high=CLASSES)
    density = _walk(sheet, *_systems(sheet, labels, family))  # (count, maps, size, size)
    colours = sheet.colours(_MAPS)
    weight = (density * sheet.uniform(1, 1, 1, low=0.7, high=3.0)).clamp(max=1)
    total = density.sum(dim=1, keepdim=True).clamp(min=1e-6)
    ink = torch.einsum("nmhw,nmc->nchw", density / total, colours)
    cover = weight.sum(dim=1, keepdim=True).clamp(max=1)
    return cover * ink + (1 - cover) * clouds(sheet, softest=2.2), labels


def _systems(sheet: Sheet, labels: Tensor, family: int) -> tuple[Tensor, Tensor]:
    """Matrices (count, maps, 2, 2) of contractions between 0.25 and 0.8, and shifts (count, maps, 2)."""
    random = torch.Generator().manual_seed(family + 1)
    angles = torch.rand(CLASSES, _MAPS, 2, generator=random) * 2 * math.pi
    shrink = 0.25 + 0.55 * torch.rand(CLASSES, _MAPS, 2, generator=random)
    shifts = torch.rand(CLASSES, _MAPS, 2, generator=random) * 2 - 1
    chosen = labels.cpu()
    own = angles[chosen].to(sheet.device) + _JITTER * math.pi * sheet.normal(_MAPS, 2)
    sizes = shrink[chosen].to(sheet.device) * (1 + _JITTER * sheet.normal(_MAPS, 2))
    matrices = _turn(own[..., 0]) @ torch.diag_embed(sizes.clamp(0.2, 0.85)) @ _turn(own[..., 1])
    return matrices, shifts[chosen].to(sheet.device) + _JITTER * sheet.normal(_MAPS, 2)


def _turn(angle: Tensor) -> Tensor:
    return torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], dim=-1).view(*angle.shape, 2, 2)


def _walk(sheet: Sheet, matrices: Tensor, shifts: Tensor) -> Tensor:
    """How often each place was reached by each map, as the logarithm of its share: (count, maps, size, size)."""
    points = sheet.normal(_WALKERS, 2)
    picture = torch.arange(sheet.count, device=sheet.device)[:, None]
    steps, maps = [], []
    for step in range(_STEPS):
        chosen = sheet.integers(_WALKERS, high=_MAPS)
        points = (matrices[picture, chosen] @ points[..., None])[..., 0] + shifts[picture, chosen]
        if step >= _SETTLE:
            steps.append(points)
            maps.append(chosen)
    places, of_map = torch.cat(steps, dim=1), torch.cat(maps, dim=1)
    middle, spread = places.mean(dim=1, keepdim=True), places.std(dim=1, keepdim=True)
    places = (places - middle) / (spread * sheet.uniform(1, 1, low=1.6, high=2.6)).clamp(min=1e-3)
    cells = ((places.clamp(-1, 1) + 1) / 2 * (sheet.size - 1)).long()
    index = ((picture * _MAPS + of_map) * sheet.size + cells[..., 1]) * sheet.size + cells[..., 0]
    counts = torch.bincount(index.flatten(), minlength=sheet.count * _MAPS * sheet.size**2).float()
    counts = counts.view(sheet.count, _MAPS, sheet.size, sheet.size)
    return counts.log1p() / math.log(4)
