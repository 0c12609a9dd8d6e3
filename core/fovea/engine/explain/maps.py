"""Where a network's answer comes from, by gradients at one of its depths: the Grad-CAM family.

Each map is a weighted sum of a depth's planes, of which what speaks for the answer is kept:

* ``gradcam``: a plane's weight is its mean gradient (Selvaraju et al., ICCV 2017).
* ``gradcam++``: its gradients where they are positive, weighted so that several places count as one does
  (Chattopadhay et al., WACV 2018).
* ``hirescam``: every place has its own weight, the gradient there (Draelos and Carin, 2020, arXiv 2011.08891).
* ``layercam``: likewise, without the gradients below 0 (Jiang et al., IEEE TIP 2021).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from fovea.engine.network import Whole
from fovea.engine.networks.depths import read

_TINY = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be explained of some pictures.

    Args:
        squares: uint8 (n, size, size, 3).
        outputs: of each picture, the output to be explained, int64 (n,).
        signs: 1 where what raises the output is looked for, -1 where what lowers it, (n,).
    """

    squares: NDArray[np.uint8]
    outputs: NDArray[np.int64]
    signs: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.squares)

    def alone(self, row: int) -> Asked:
        """Of one picture."""
        part = slice(row, row + 1)
        return Asked(squares=self.squares[part], outputs=self.outputs[part], signs=self.signs[part])

    def planes(self, whole: Whole) -> Tensor:
        """The normalised pictures, with gradients, so that a frozen network has them too."""
        return whole.planes(torch.from_numpy(np.ascontiguousarray(self.squares))).requires_grad_()

    def chosen(self, answer: Tensor) -> Tensor:
        """The sum over the pictures of what is explained, of the network's answer (n, outputs)."""
        rows = torch.arange(len(self), device=answer.device)
        picked = answer[rows, torch.from_numpy(self.outputs).to(answer.device)]
        return (picked * torch.from_numpy(self.signs).to(answer)).sum()


def cams(whole: Whole, asked: Asked, *, method: str, stages: Sequence[str]) -> dict[str, NDArray[np.float32]]:
    """The maps of each picture at some depths of the network.

    Args:
        whole: a network in use (``eval``).
        asked: what is to be explained.
        method: one of :data:`CAMS`.
        stages: of those that :func:`fovea.engine.networks.depths.inside` names.

    Returns:
        By stage (n, size, size), at least 0, the greatest of each picture 1; 0 throughout where nothing speaks for the
        answer, as after a transformer's last layer, whose places its class token does not read.
    """
    with torch.enable_grad():
        found, answer = read(whole.network, stages, asked.planes(whole))
        gradients = torch.autograd.grad(asked.chosen(answer), found, allow_unused=True, materialize_grads=True)
    size, make = asked.squares.shape[1], CAMS[method]
    each = zip(stages, found, gradients, strict=True)
    return {stage: spread(make(maps.detach(), gradient), size) for stage, maps, gradient in each}


def spread(low: Tensor, size: int) -> NDArray[np.float32]:
    """Maps (n, h, w) as (n, size, size) between 0 and 1, what is below 0 left out."""
    wide = functional.interpolate(low.clamp(min=0)[:, None].float(), (size, size), mode="bilinear")[:, 0]
    most = wide.amax(dim=(1, 2), keepdim=True)
    return cast("NDArray[np.float32]", (wide / most.clamp(min=_TINY)).cpu().numpy())


def _gradcam(maps: Tensor, gradients: Tensor) -> Tensor:
    return (gradients.mean(dim=(2, 3), keepdim=True) * maps).sum(dim=1)


def _gradcam_plus(maps: Tensor, gradients: Tensor) -> Tensor:
    """Weights by equation 19 of the paper, whose score is the exponential of the logit."""
    squared = gradients.square()
    below = 2 * squared + (maps.sum(dim=(2, 3), keepdim=True) * squared * gradients)
    shares = squared / torch.where(below.abs() > _TINY, below, torch.ones_like(below))
    weights = (shares * gradients.clamp(min=0)).sum(dim=(2, 3), keepdim=True)
    return (weights * maps).sum(dim=1)


def _hirescam(maps: Tensor, gradients: Tensor) -> Tensor:
    return (gradients * maps).sum(dim=1)


def _layercam(maps: Tensor, gradients: Tensor) -> Tensor:
    return (gradients.clamp(min=0) * maps).sum(dim=1)


CAMS: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = MappingProxyType(
    {"gradcam": _gradcam, "gradcam++": _gradcam_plus, "hirescam": _hirescam, "layercam": _layercam}
)
"""By name, what makes (n, h, w) of maps (n, c, h, w) and the answer's gradients in them."""
