"""The network as it is trained and as it is exported: from uint8 squares to logits, normalisation included."""

from __future__ import annotations

import os
import time
from collections.abc import Collection
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from fovea.engine.networks.backbones import Origin, build
from fovea.engine.networks.depths import first_tensor
from fovea.engine.networks.detector import detector_like
from fovea.engine.networks.readout import reading
from fovea.engine.recipe import Machine, Recipe
from fovea.engine.tasks.segment import decoding
from fovea.engine.tasks.shape import Task, task_of
from fovea.errors import BundleRefused, UsageError
from fovea.plugin import Preprocess
from fovea.serving.bundle import Bundle


class Whole(nn.Module):
    """uint8 (n, size, size, 3) to logits (n, outputs).

    Args:
        network: (n, 3, size, size) normalised floats to logits.
        preprocess: for mean and deviation.
        side: numbers beside a picture (n, k) to what they add to its logits (n, outputs); None where there are none.
            It is no part of what is exported: see :mod:`fovea.serving.fusion`.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, preprocess: Preprocess, side: nn.Linear | None = None) -> None:
        super().__init__()
        self.network, self.side = network, side
        self.register_buffer("mean", 255 * torch.tensor(preprocess.mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", 255 * torch.tensor(preprocess.std).view(1, 3, 1, 1), persistent=False)

    def planes(self, squares: Tensor) -> Tensor:
        """Normalised floats (n, 3, size, size) of uint8 squares; in memory still channels last."""
        return (squares.permute(0, 3, 1, 2).float() - self.mean) / self.std

    def forward(self, squares: Tensor, facts: Tensor | None = None) -> Tensor:
        """Logits of uint8 squares, with those of the numbers beside them (n, k) where they are given."""
        logits = first_tensor(self.network(self.planes(squares)))
        if facts is None or self.side is None:
            return logits
        beside = cast("Tensor", self.side(facts))
        return logits + beside.reshape(*beside.shape, *[1] * (logits.ndim - 2))


def make(recipe: Recipe, *, task: Task, preprocess: Preprocess, outputs: int) -> tuple[Whole, Origin]:
    """The network of a resolved recipe, its new layers drawn from the recipe's seed.

    Raises:
        UnknownName, WeightsMissing, UsageError: see :func:`fovea.engine.networks.backbones.build`.
    """
    torch.manual_seed(recipe.seed)
    network, origin = build(
        recipe.backbone,
        weights=recipe.weights,
        size=preprocess.size,
        outputs=outputs,
        head=lambda features, count: task.head(features, count, recipe.dropout),
    )
    if task is task_of("segment"):
        network = decoding(network, size=preprocess.size, labels=outputs, dropout=recipe.dropout)
    whole = Whole(network, preprocess)
    return (whole.to(memory_format=torch.channels_last) if recipe.channels_last else whole), origin


def rebuild(bundle: Bundle) -> Whole:
    """The torch network of a bundle, as it was trained, ready for use (not for learning).

    Raises:
        BundleRefused: its weights are not those of the network that it names.
    """
    from safetensors.torch import load_file

    known = {name: value for name, value in bundle.recipe.items() if name in Recipe.model_fields}  # others are gone
    recipe = Recipe.model_validate({**known, "weights": "none"})
    whole, _ = make(recipe, task=task_of(bundle.kind), preprocess=bundle.preprocess, outputs=len(bundle.labels))
    if bundle.readout is not None:
        whole.network = reading(whole.network, bundle.readout, outputs=len(bundle.labels))
    try:
        tensors = load_file(bundle.weights)
        if bundle.kind == "anomaly":
            whole.network = detector_like(whole.network, tensors, bundle.preprocess.size)
        whole.network.load_state_dict(tensors)
    except (RuntimeError, KeyError) as error:
        fault = "its weights.safetensors is not that of the network it names; train it again"
        raise BundleRefused(str(bundle.path), fault) from error
    return whole.eval()


def is_slow_in_bf16(network: nn.Module) -> bool:
    """Whether learning in bf16 takes longer than in fp32 on a CPU that computes bf16.

    So it is where each channel is convolved by itself and normalised by batches. Measured on one thread at 128 pixels,
    a step in fp32 against bf16: mobilenet_v3_small 4.5 and 10.7 ms a picture, efficientnet_b0 25 and 39, shufflenet_v2
    7.5 and 10.2; resnet18 35 and 20, convnext_tiny 127 and 78.
    """
    parts = list(network.modules())
    alone = any(isinstance(part, nn.Conv2d) and 1 < part.groups == part.in_channels for part in parts)
    return alone and any(isinstance(part, nn.BatchNorm2d) for part in parts)


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
        memory = int(torch.cuda.mem_get_info()[0])
        return Machine(device="cuda", native_bf16=torch.cuda.is_bf16_supported(), free_cores=free, memory=memory)
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
