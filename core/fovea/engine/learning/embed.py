"""Pictures to features, as fast as the machine at hand can: through OpenVINO on a CPU, through torch on a GPU."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fovea.engine.export import convert
from fovea.engine.learning.loop import autocast
from fovea.engine.network import Whole
from fovea.engine.networks.depths import read
from fovea.engine.networks.readout import pooled
from fovea.engine.recipe import Recipe
from fovea.serving.bundle import Precision
from fovea.serving.network import request
from fovea.serving.readings import Readout


class Eyes(nn.Module):
    """uint8 (n, size, size, 3) to what is pooled of a network's maps, (n, features)."""

    def __init__(self, whole: Whole, readout: Readout) -> None:
        super().__init__()
        self.whole, self.readout = whole, readout

    def forward(self, squares: Tensor) -> Tensor:
        """Features of uint8 squares."""
        maps, _ = read(self.whole.network, self.readout.stages, self.whole.planes(squares))
        return pooled(maps, self.readout.pools)


def embedder(
    whole: Whole, readout: Readout, *, size: int, recipe: Recipe, folder: Path
) -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
    """What makes features of uint8 squares (n, size, size, 3): float32 (n, sum of channels * pools).

    Args:
        whole: the network, which stays as it is.
        readout: where it is read.
        size: of the squares in pixels.
        recipe: resolved: its device, precision and threads.
        folder: where the exported graph is kept.
    """
    eyes = Eyes(whole, readout).eval()
    if recipe.device == "cuda":
        return _on_gpu(eyes.to("cuda"), recipe)
    made: list[Callable[[NDArray[np.uint8]], NDArray[np.float32]]] = []

    def embed(squares: NDArray[np.uint8]) -> NDArray[np.float32]:
        if not made:  # exported only where a picture is new to the cache
            graph = folder / "eyes.xml"
            folder.mkdir(parents=True, exist_ok=True)
            convert(eyes, size=size, path=graph)
            made.append(request(graph, threads=int(recipe.threads), precision=_precision(recipe)))
        return made[0](squares)

    return embed


def _precision(recipe: Recipe) -> Precision:
    return "bf16" if recipe.precision == "bf16" else "fp32"


def _on_gpu(eyes: Eyes, recipe: Recipe) -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
    @torch.no_grad()
    def embed(squares: NDArray[np.uint8]) -> NDArray[np.float32]:
        with autocast(recipe):
            return np.asarray(eyes(torch.from_numpy(squares).to("cuda")).float().cpu().numpy(), np.float32)

    return embed
