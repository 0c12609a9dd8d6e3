"""Two looks at the same picture, as different as two photos of the same subject are.

Turned, cut and scaled; lighter, darker, paler; softer or noisier. Channels never change places and colour is never
taken away: leaf diseases are told by it.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

LEAST_AREA = 0.12
_LUMA = (0.299, 0.587, 0.114)
_SOFT = (0.054, 0.244, 0.404, 0.244, 0.054)


def views(pixels: Tensor, random: torch.Generator, *, size: int) -> Tensor:
    """One look at each picture.

    Args:
        pixels: uint8 (n, side, side, 3), RGB.
        random: on the CPU; its numbers decide.
        size: side of a look in pixels.

    Returns:
        (n, 3, size, size) in [0, 1].
    """
    planes = pixels.permute(0, 3, 1, 2).float().div(255).contiguous()
    return _noisy(_soft(_light(_cut(planes, random, size), random), random), random).clamp(0, 1)


def _uniform(like: Tensor, random: torch.Generator, low: float, high: float, *shape: int) -> Tensor:
    return (torch.rand(len(like), *shape, generator=random) * (high - low) + low).to(like.device)


def _cut(planes: Tensor, random: torch.Generator, size: int) -> Tensor:
    """A turned, mirrored window of 12 to 100 % of the area and sides of up to 4 : 3, brought to the same size."""
    side = _uniform(planes, random, LEAST_AREA, 1).sqrt()
    shape = (4 / 3) ** _uniform(planes, random, -0.5, 0.5)
    mirror = (_uniform(planes, random, 0, 1).round() * 2) - 1
    angle = _uniform(planes, random, -math.pi, math.pi)
    room = (1 - side)[:, None] * _uniform(planes, random, -1, 1, 2)
    rows = [side * shape * mirror * angle.cos(), -side / shape * angle.sin(), room[:, 0]]
    rows += [side * shape * mirror * angle.sin(), side / shape * angle.cos(), room[:, 1]]
    window = torch.stack(rows, dim=1).view(-1, 2, 3)
    places = nn.functional.affine_grid(window, [len(planes), 3, size, size], align_corners=False)
    return nn.functional.grid_sample(planes, places, padding_mode="reflection", align_corners=False)


def _light(planes: Tensor, random: torch.Generator) -> Tensor:
    """Brightness, contrast and colour, each by up to 40 % more or less; the tint by up to 6 %."""
    gain, contrast, colour = (_uniform(planes, random, 0.6, 1.4, 1, 1, 1) for _ in range(3))
    planes = planes * gain * _uniform(planes, random, 0.94, 1.06, 3, 1, 1)
    middle = planes.mean(dim=(1, 2, 3), keepdim=True)
    planes = middle + contrast * (planes - middle)
    luma = torch.einsum("nchw,c->nhw", planes, torch.tensor(_LUMA, device=planes.device))[:, None]
    return luma + colour * (planes - luma)


def _soft(planes: Tensor, random: torch.Generator) -> Tensor:
    """Four in ten a little out of focus: a Gaussian of about one pixel, more or less of it."""
    line = torch.tensor(_SOFT, device=planes.device)
    kernel = (line[:, None] * line).expand(3, 1, 5, 5)
    blurred = nn.functional.conv2d(planes, kernel, padding=2, groups=3)
    amount = (_uniform(planes, random, -0.6, 0.4, 1, 1, 1) / 0.4).clamp(min=0)
    return planes + amount * (blurred - planes)


def _noisy(planes: Tensor, random: torch.Generator) -> Tensor:
    """A third with grey noise of up to 4 % deviation."""
    amount = _uniform(planes, random, -0.08, 0.04, 1, 1, 1).clamp(min=0)
    grain = torch.randn(len(planes), 1, *planes.shape[2:], generator=random).to(planes.device)
    return planes + amount * grain
