"""torchvision's classification networks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from fovea.engine.networks.backbones.values import PREFIX, STARTER, Backbone, Origin, Prefers
from fovea.engine.networks.backbones.weights import impatient, read_tensors
from fovea.errors import UnknownName, UsageError, WeightsMissing

_LICENCE = "BSD 3-Clause as published by torchvision; learned from ImageNet-1k, whose terms allow research"
_EXTRAS: Mapping[str, Mapping[str, object]] = {
    "googlenet": {"aux_logits": False, "init_weights": True},
    "inception_v3": {"aux_logits": False, "init_weights": True},
}


def listed() -> Iterator[Backbone]:
    """All of torchvision's classification networks."""
    from torchvision import models

    for name in models.list_models(module=models):
        weights = _weights(name)
        file = _cached(weights)
        yield Backbone(
            name=PREFIX + name,
            parameters=weights.meta["num_params"],
            file=file.name,
            on_disk=file.is_file(),
            licence=weights.meta.get("license") or _LICENCE,
        )


def make(bare: str, size: int) -> nn.Module:
    """The network without auxiliary heads; transformers are made for the size."""
    from torchvision import models

    _refuse_unknown(bare)
    extras = dict(_EXTRAS.get(bare, {}))
    if bare.startswith("vit_"):
        extras["image_size"] = size
    if bare.startswith("maxvit"):
        extras["input_size"] = (size, size)
    try:
        return cast("nn.Module", models.get_model(bare, weights=None, **extras))
    except (RuntimeError, AssertionError, ValueError) as error:
        raise UsageError(f"{PREFIX}{bare} cannot see pictures of {size} pixels: choose another size") from error


def fitting(network: nn.Module, bare: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:  # noqa: ARG001 - Library's
    """DenseNet's files are older than its code: ``norm.1`` is ``norm1`` now (torchvision renames likewise)."""
    if not bare.startswith("densenet"):
        return tensors
    pattern = re.compile(
        r"^(.*denselayer\d+\.(?:norm|relu|conv))\.((?:[12])\.(?:weight|bias|running_mean|running_var))$"
    )
    return {pattern.sub(r"\1\2", name): tensor for name, tensor in tensors.items()}


def pretrained(network: nn.Module, bare: str) -> tuple[dict[str, Tensor], str, Origin]:
    """The best ImageNet weights that torchvision names, from its cache folder or downloaded into it."""
    weights = _weights(bare)
    file = _cached(weights)
    tensors = read_tensors(file) if file.is_file() else _downloaded(weights, bare, file)
    if hasattr(network, "transform_input"):  # Inception's and GoogLeNet's were learned from pictures in [-1, 1]
        setattr(network, "transform_input", True)  # noqa: B010 - Module types its attributes as tensors
    origin = Origin(source=f"{PREFIX}{bare}.{weights.name}", licence=weights.meta.get("license") or _LICENCE)
    return fitting(network, bare, tensors), str(file), origin


def prefers(bare: str) -> Prefers | None:
    """As torchvision's own transforms have it; Inception and GoogLeNet turn that into their range themselves."""
    _refuse_unknown(bare)
    preset = _weights(bare).transforms()
    return Prefers(mean=tuple(preset.mean), std=tuple(preset.std), size=preset.crop_size[0])


def _refuse_unknown(bare: str) -> None:
    from torchvision import models

    known = models.list_models(module=models)
    if bare not in known:
        raise UnknownName("backbone", PREFIX + bare, [STARTER, *(PREFIX + one for one in known)])


def _weights(bare: str) -> Any:
    from torchvision import models

    return models.get_model_weights(bare).DEFAULT


def _cached(weights: Any) -> Path:
    return Path(torch.hub.get_dir(), "checkpoints", weights.url.rpartition("/")[2])


def _downloaded(weights: Any, bare: str, file: Path) -> dict[str, Tensor]:
    try:
        with impatient():
            return cast("dict[str, Tensor]", weights.get_state_dict(progress=False, check_hash=True, weights_only=True))
    except (OSError, RuntimeError) as error:
        raise WeightsMissing(PREFIX + bare, file.name, str(file.parent)) from error
