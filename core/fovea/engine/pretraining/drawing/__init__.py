"""Pictures drawn by formulas alone, in batches of tensors: nobody's photos, nobody's terms."""

from __future__ import annotations

import torch
from torch import Tensor

from fovea.engine.draws import seed_of
from fovea.engine.pretraining.drawing import fractals as _fractals
from fovea.engine.pretraining.drawing import patterns as _patterns
from fovea.engine.pretraining.drawing.fractals import fractals
from fovea.engine.pretraining.drawing.patterns import patterns
from fovea.engine.pretraining.drawing.scenes import bodies, leaves
from fovea.engine.pretraining.drawing.sheet import Sheet
from fovea.engine.pretraining.drawing.spectra import clouds, noise, weaves

CLASSES = _patterns.CLASSES + _fractals.CLASSES
"""Classes that pictures of patterns and fractals have; those of other kinds have none (-1)."""
SHARES = {"patterns": 0.3, "fractals": 0.2, "leaves": 0.2, "bodies": 0.16, "clouds": 0.07, "weaves": 0.07}
"""How much of a batch is of which kind."""
GREY = 0.3
"""Share of pictures without colour."""
_LUMA = (0.299, 0.587, 0.114)

__all__ = ["CLASSES", "GREY", "SHARES", "Sheet", "bodies", "clouds", "draw", "fractals", "leaves", "noise", "patterns"]
__all__ += ["weaves"]


def draw(count: int, *, size: int, seed: int, family: int = 0, device: str = "cpu") -> tuple[Tensor, Tensor]:
    """A batch of pictures of every kind, in random order.

    Args:
        count: pictures.
        size: side in pixels.
        seed: of this batch.
        family: seed of what the pictures of a class share; the same for all batches that are used together.
        device: where to draw.

    Returns:
        uint8 (count, size, size, 3), RGB, and int64 (count,): the class in [0, CLASSES), -1 where there is none.
    """
    pictures, labels = [], []
    for kind, (name, many) in enumerate(_numbers(count).items()):
        if many:
            sheet = Sheet(count=many, size=size, seed=seed_of(seed, kind), device=device)
            drawn, classes = _draw(name, sheet, family)
            pictures.append(drawn)
            labels.append(classes)
    last = Sheet(count=count, size=size, seed=seed_of(seed, len(SHARES)), device=device)
    drawn = _faded(torch.cat(pictures), last.uniform(1, 1, 1), last.uniform(1, 1, 1) < GREY)
    order = last.uniform().argsort()
    return (drawn * 255).round().to(torch.uint8)[order].permute(0, 2, 3, 1).contiguous(), torch.cat(labels)[order]


def _numbers(count: int) -> dict[str, int]:
    """Pictures by kind; what rounding leaves over are patterns."""
    numbers = {name: int(share * count) for name, share in SHARES.items()}
    return {**numbers, "patterns": count - sum(numbers.values()) + numbers["patterns"]}


def _draw(name: str, sheet: Sheet, family: int) -> tuple[Tensor, Tensor]:
    if name == "patterns":
        return patterns(sheet, family=family)
    if name == "fractals":
        drawn, labels = fractals(sheet, family=family)
        return drawn, labels + _patterns.CLASSES
    kinds = {"leaves": leaves, "bodies": bodies, "clouds": clouds, "weaves": weaves}
    return kinds[name](sheet), torch.full((sheet.count,), -1, device=sheet.device)


def _faded(pictures: Tensor, colour: Tensor, grey: Tensor) -> Tensor:
    """With less colour, as most photos have, and some in shades of grey (luma of ITU-R BT.601)."""
    luma = torch.einsum("nchw,c->nhw", pictures, torch.tensor(_LUMA, device=pictures.device))[:, None]
    kept = torch.where(grey, 0.0, 0.3 + 0.7 * colour)
    return luma + kept * (pictures - luma)
