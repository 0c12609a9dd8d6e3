"""Textures whose spectrum falls as that of natural pictures does: amplitude near 1 / frequency.

Source: Field, Journal of the Optical Society of America A 4 (1987), doi 10.1364/JOSAA.4.002379.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from fovea.engine.pretraining.drawing.sheet import Sheet


def clouds(sheet: Sheet, *, roughest: float = 0.8, softest: float = 1.8) -> Tensor:
    """Coloured noise, (count, 3, size, size) in [0, 1].

    Args:
        sheet: what to fill.
        roughest: least exponent by which the amplitude falls with the frequency.
        softest: greatest exponent.
    """
    planes = noise(sheet, planes=3, roughest=roughest, softest=softest)
    mixing = sheet.normal(3, 3) * 0.05 + 0.14 * sheet.normal(3, 1)
    return (torch.einsum("nchw,ndc->ndhw", planes, mixing) + sheet.colours(1)[:, 0, :, None, None]).clamp(0, 1)


def noise(sheet: Sheet, *, planes: int, roughest: float = 0.8, softest: float = 1.8) -> Tensor:
    """(count, planes, size, size) of mean 0 and deviation 1, drawn out in a random direction by up to four times."""
    down = torch.fft.fftfreq(sheet.size, device=sheet.device)[:, None]
    across = torch.fft.rfftfreq(sheet.size, device=sheet.device)[None]
    angle, stretch = sheet.uniform(1, 1, high=math.pi), 4 ** sheet.uniform(1, 1)
    along = across * angle.cos() + down * angle.sin()
    aside = (down * angle.cos() - across * angle.sin()) * stretch
    frequency = (along**2 + aside**2).sqrt().clamp(min=1 / sheet.size)
    fall = frequency ** -sheet.uniform(1, 1, low=roughest, high=softest)
    drawn = torch.view_as_complex(sheet.normal(planes, sheet.size, sheet.size // 2 + 1, 2))
    field: Tensor = torch.fft.irfft2(drawn * fall[:, None], s=(sheet.size, sheet.size))
    return (field - field.mean(dim=(2, 3), keepdim=True)) / field.std(dim=(2, 3), keepdim=True).clamp(min=1e-6)


def weaves(sheet: Sheet) -> Tensor:
    """Stripes, checks and spots between two colours, bent by soft noise: (count, 3, size, size) in [0, 1]."""
    across, down = sheet.turned()
    bend = noise(sheet, planes=2, roughest=1.5, softest=2.5) * sheet.uniform(1, 1, 1, high=0.25)
    pace = 3 * 8 ** sheet.uniform(2, 1, 1)
    first, second = ((line * pace[:, i] + 6 * bend[:, i]).sin() for i, line in enumerate((across, down)))
    kind = sheet.integers(1, 1, high=3)
    wave = torch.where(kind == 0, first, torch.where(kind == 1, first * second, torch.maximum(first, second)))
    share = (wave * sheet.uniform(1, 1, low=1, high=12) + sheet.uniform(1, 1, low=-2, high=2)).sigmoid()[:, None]
    colours = sheet.colours(2)[..., None, None]
    return (share * colours[:, 0] + (1 - share) * colours[:, 1] + 0.04 * bend[:, :1]).clamp(0, 1)
