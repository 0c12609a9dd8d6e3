"""The network as it is trained and as it is exported: from uint8 squares to logits, normalisation included."""

from __future__ import annotations

import os
import time
from collections.abc import Collection
from pathlib import Path
from typing import Self, cast

import torch
from torch import Tensor, nn

from fovea.engine.backbones import Origin, build, head_of
from fovea.engine.recipe import Machine, Recipe
from fovea.engine.task import Task
from fovea.errors import UsageError
from fovea.plugin import Preprocess


class Whole(nn.Module):
    """uint8 (n, size, size, 3) to logits (n, outputs).

    Args:
        network: (n, 3, size, size) normalised floats to logits.
        preprocess: for mean and deviation.
        frozen: True leaves all but the head as it is, batch statistics included.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, preprocess: Preprocess, *, frozen: bool = False) -> None:
        super().__init__()
        self.network, self.frozen = network, frozen
        self.register_buffer("mean", 255 * torch.tensor(preprocess.mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", 255 * torch.tensor(preprocess.std).view(1, 3, 1, 1), persistent=False)
        if frozen:
            network.requires_grad_(requires_grad=False)
            head_of(network)[1].requires_grad_(requires_grad=True)

    def forward(self, squares: Tensor) -> Tensor:
        """Logits of uint8 squares."""
        planes = squares.permute(0, 3, 1, 2).float()  # (n, 3, size, size); in memory still channels last
        return cast("Tensor", self.network((planes - self.mean) / self.std))

    def train(self, mode: bool = True) -> Self:  # noqa: FBT001, FBT002 - torch's signature
        """Switch between learning and use; what is frozen stays in use."""
        super().train(mode)
        if self.frozen:
            self.network.eval()
            head_of(self.network)[1].train(mode)
        return self


def make(recipe: Recipe, *, task: Task, preprocess: Preprocess, outputs: int) -> tuple[Whole, Origin]:
    """The network of a resolved recipe, its new layers drawn from the recipe's seed.

    Raises:
        UnknownName, WeightsMissing, UsageError: see :func:`fovea.engine.backbones.build`.
    """
    torch.manual_seed(recipe.seed)
    network, origin = build(
        recipe.backbone,
        weights=recipe.weights,
        size=preprocess.size,
        outputs=outputs,
        head=lambda features, count: task.head(features, count, recipe.dropout),
    )
    whole = Whole(network, preprocess, frozen=recipe.freeze == "backbone")
    return (whole.to(memory_format=torch.channels_last) if recipe.channels_last else whole), origin


def look_at_machine(wanted: str) -> Machine:
    """The machine at hand, for a wanted device (``auto``, ``cpu`` or ``cuda``).

    Threads on cores that others use cost more than they bring: torch's threads wait for the slowest in every layer
    (measured on 2 cores with a busy neighbour: 1.3 s a step on one thread, 7.3 s on two).

    Raises:
        UsageError: there is no such device here.
    """
    there = torch.cuda.is_available()
    if wanted == "cuda" and not there:
        raise UsageError("there is no CUDA device here: train with device auto or cpu")
    free = _free_cores()
    if there and wanted != "cpu":
        return Machine(device="cuda", native_bf16=torch.cuda.is_bf16_supported(), free_cores=free)
    capable = torch.cpu.get_capabilities()
    native = any(capable.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))
    return Machine(device="cpu", native_bf16=native, free_cores=free)


def _free_cores(seconds: float = 0.4) -> int:
    """How many of this process's cores idle at this moment, at least 1.

    The load average would not do: a minute later it still counts an installation that ran just before.
    """
    ours = {f"cpu{core}" for core in os.sched_getaffinity(0)}
    before = _idle_ticks(ours)
    time.sleep(seconds)
    idle = (_idle_ticks(ours) - before) / os.sysconf("SC_CLK_TCK") / seconds
    return min(max(1, round(idle)), len(ours)) if before else len(ours)


def _idle_ticks(cores: Collection[str]) -> int:
    """Ticks that these cores have idled or waited for a disk since the start (proc(5)); 0 where nobody counts."""
    try:
        lines = Path("/proc/stat").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[4]) + int(line.split()[5]) for line in lines if line.split(maxsplit=1)[0] in cores)
