"""Things before others: dead leaves, and bodies with light and shadow on them.

Source of dead leaves: Lee, Mumford and Huang, International Journal of Computer Vision 41 (2001),
doi 10.1023/A:1011109015675; of learning from them: Baradad et al., NeurIPS 2021, arXiv 2106.05963.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from fovea.engine.pretraining.drawing.sheet import Sheet
from fovea.engine.pretraining.drawing.spectra import clouds, noise, weaves

_LEAVES, _BODIES, _LOBES = 40, 4, 5


def leaves(sheet: Sheet) -> Tensor:
    """Flat shapes that hide each other, their sizes falling by a power: (count, 3, size, size) in [0, 1]."""
    picture = clouds(sheet)
    grain = noise(sheet, planes=1) * sheet.uniform(1, 1, 1, high=0.12)
    colours, across_down = sheet.colours(_LEAVES), sheet.places()
    for leaf in range(_LEAVES):
        radius = 0.09 / (1 - 0.96 * sheet.uniform(1, 1)).sqrt() * (2.0 if leaf < _LEAVES // 2 else 1.0)
        near, slope = _outline(sheet, across_down, radius)
        inside = ((1 - near) * radius * sheet.size / 2).clamp(0, 1)[:, None]  # one pixel of soft edge
        shade = 0.15 * sheet.uniform(1, 1, low=-1) * slope / radius
        fill = colours[:, leaf, :, None, None] + shade[:, None] + grain
        picture = inside * fill + (1 - inside) * picture
    return picture.clamp(0, 1)


def bodies(sheet: Sheet) -> Tensor:
    """Rounded bodies with a texture, lit from one side and throwing a shadow: (count, 3, size, size) in [0, 1]."""
    picture = clouds(sheet, softest=2.4)
    light = sheet.uniform(1, 1, high=2 * math.pi)
    texture = weaves(sheet)
    for _ in range(_BODIES):
        radius = sheet.uniform(1, 1, low=0.15, high=0.9)
        near, _ = _outline(sheet, sheet.places(), radius)
        inside = ((1 - near) * radius * sheet.size / 2).clamp(0, 1)[:, None]
        height = (1 - near.clamp(max=1) ** 2).clamp(min=1e-4).sqrt() * radius
        lit = _lit(height, light, sheet.size)[:, None]
        mix = sheet.uniform(1, 1, 1)
        base = mix * texture + (1 - mix) * sheet.colours(1)[:, 0, :, None, None]
        shadow = (1.25 - near).clamp(0, 0.25)[:, None] * sheet.uniform(1, 1, 1, high=2)
        picture = inside * base * lit + (1 - inside) * picture * (1 - shadow)
        texture = texture.roll((sheet.size // 3, sheet.size // 5), dims=(2, 3)).flip(1)
    return picture.clamp(0, 1)


def _outline(sheet: Sheet, places: tuple[Tensor, Tensor], radius: Tensor) -> tuple[Tensor, Tensor]:
    """Distance from the middle of a lobed shape in its own radii, and distance along one direction."""
    middle = sheet.uniform(2, 1, 1, low=-1, high=1)
    angle, flat = sheet.uniform(1, 1, high=2 * math.pi), sheet.uniform(1, 1, low=1, high=2.5)
    x, y = places[0] - middle[:, 0], places[1] - middle[:, 1]
    along, aside = x * angle.cos() + y * angle.sin(), (y * angle.cos() - x * angle.sin()) * flat
    turn = torch.atan2(aside, along)
    lobes = sheet.integers(1, 1, high=_LOBES) + 2
    depth = sheet.uniform(1, 1, high=0.4) * (sheet.uniform(1, 1) < 0.6)  # noqa: PLR2004 - share of shapes with lobes
    return (along**2 + aside**2).sqrt() / (radius * (1 + depth * (lobes * turn).cos())), along


def _lit(height: Tensor, light: Tensor, size: int) -> Tensor:
    """Lambert's law on a height field (count, size, size): how bright each place is, 0.25 to about 1.2."""
    down, across = torch.gradient(height * size / 2, dim=(1, 2))
    steep = (1 + across**2 + down**2).sqrt()
    return 0.25 + 0.95 * ((0.7 - across * light.cos() * 0.7 - down * light.sin() * 0.7) / steep).clamp(min=0)
