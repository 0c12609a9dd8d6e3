"""What a map must beat: what can be had without looking at the network's answer, or without what it has learned."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, cast

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from fovea.engine.network import Whole

_CELL = 8
"""Saturation and edges are told by cells of so many pixels: about as finely as a network's own maps."""


def plain_rivals(square: NDArray[np.uint8]) -> Mapping[str, NDArray[np.float32]]:
    """Maps of a picture that no network made, each (size, size) between 0 and 1.

    Args:
        square: uint8 (size, size, 3).
    """
    size = square.shape[0]
    grid = max(size // _CELL, 2)
    saturation = cv2.cvtColor(square, cv2.COLOR_RGB2HSV)[..., 1].astype(np.float32)
    grey = cv2.cvtColor(square, cv2.COLOR_RGB2GRAY).astype(np.float32)
    edges = np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    return {
        "a centre blob": centre_blob(size),
        "a map of saturation": _coarse(saturation, grid),
        "a map of edges": _coarse(np.asarray(edges, np.float32), grid),
    }


def centre_blob(size: int) -> NDArray[np.float32]:
    """A round blob in the middle, (size, size). Only its order counts, and that is the same for every width."""
    across = (np.arange(size, dtype=np.float32) + 0.5) / size - 0.5
    return np.exp(-(across[:, None] ** 2 + across[None] ** 2) / (2 * 0.2**2))


def _coarse(fine: NDArray[np.float32], grid: int) -> NDArray[np.float32]:
    size = fine.shape[0]
    low = cv2.resize(fine, (grid, grid), interpolation=cv2.INTER_AREA)
    wide = cv2.resize(low, (size, size), interpolation=cv2.INTER_LINEAR)
    return np.asarray(wide / max(float(wide.max()), 1e-6), np.float32)


def unlearned(whole: Whole, seed: int = 0) -> Whole:
    """The same network with weights as they are drawn at the start (Adebayo et al., NeurIPS 2018, full randomisation).

    What no module draws by itself keeps its values in another order. It is to be settled before it is used.
    """
    drawn = copy.deepcopy(whole)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        for module in drawn.modules():
            if hasattr(module, "reset_parameters"):
                cast("Any", module).reset_parameters()
            else:
                for parameter in module.parameters(recurse=False):
                    parameter.copy_(parameter.flatten()[torch.randperm(parameter.numel())].view_as(parameter))
    return drawn.eval()


@torch.no_grad()
def settle(drawn: Whole, square: NDArray[np.uint8]) -> Whole:
    """Take a drawn network's batch statistics from one picture and its mirror images: without, it answers nothing.

    From no other picture, so that an explanation does not depend on the pictures beside it.
    """
    norms = [module for module in drawn.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]  # noqa: SLF001
    for norm in norms:
        norm.reset_running_stats()
        norm.train()
        norm.momentum = None  # the mean over what is seen, not a moving one
    mirrored = [square, square[:, ::-1], square[::-1], square[::-1, ::-1]]
    if norms:
        drawn(torch.from_numpy(np.stack(mirrored)))
    return drawn.eval()
