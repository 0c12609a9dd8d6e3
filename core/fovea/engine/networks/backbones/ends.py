"""A network's last layer: found in networks of any library, and replaced by a task's head."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from torch import nn

_CLASSES = 1000


def head_of(network: nn.Module) -> tuple[str, nn.Module]:
    """The last layer with a thousand outputs, or the head put in its place: (its name, the module)."""
    for name, module in network.named_modules():
        if hasattr(module, "is_head"):
            return name, module
    wide = wide_layers(network)
    if wide:
        return wide[-1]
    return [(name, module) for name, module in network.named_modules() if isinstance(module, nn.Linear | nn.Conv2d)][-1]


def wide_layers(network: nn.Module) -> list[tuple[str, nn.Module]]:
    """Layers with a thousand outputs by name: one, or several where a network was distilled."""
    layers = [(name, module) for name, module in network.named_modules() if isinstance(module, nn.Linear | nn.Conv2d)]
    return [(name, layer) for name, layer in layers if layer.weight.shape[0] == _CLASSES]


def replace_last(network: nn.Module, outputs: int, head: Callable[[int, int], nn.Module]) -> None:
    """Put a head of (features, outputs) in the place of the last layer."""
    path, last = head_of(network)
    owner, _, leaf = path.rpartition(".")
    if isinstance(last, nn.Conv2d):  # SqueezeNet ends in a 1x1 convolution, a ReLU and a mean over places
        new: nn.Module = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), head(last.in_channels, outputs))
        container = network.get_submodule(owner)
        for name in list(dict(container.named_children())):
            if name.isdecimal() and int(name) > int(leaf):
                container._modules[name] = nn.Identity()  # noqa: SLF001 - a Sequential has no other way in place
    else:
        new = head(cast("nn.Linear", last).in_features, outputs)
    new.register_buffer("is_head", torch.ones(0), persistent=False)
    setattr(network.get_submodule(owner), leaf, new)


def quicken(network: nn.Module) -> None:
    """Let batch statistics follow a short training: MobileNetV3's momentum of 0.01 needs thousands of steps."""
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):  # noqa: SLF001 - the common base has no other name
            module.momentum = max(module.momentum or 0.0, 0.1)
