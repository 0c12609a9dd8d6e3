"""Backbones by name: torchvision's classification networks with their last layer replaced by a task's head.

A network keeps torchvision's own tensor names, so that its weights can be read wherever torchvision's can. One of them
comes with weights of our own, learned from drawn pictures alone: ``starter`` (see ``starter/card.md``).
"""

from __future__ import annotations

import re
import socket
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from fovea.errors import UnknownName, UsageError, WeightsMissing

PREFIX = "torchvision:"
STARTER = "starter"
STARTER_NETWORK = PREFIX + "mobilenet_v3_small"
"""The network that ``starter`` is, with weights of our own."""
_STARTER_LICENCE = "MIT, our own (starter): learned from pictures drawn by formulas, from no photo"
_PATIENCE_S = 10.0
_LICENCE = "BSD 3-Clause as published by torchvision; learned from ImageNet-1k, whose terms allow research"
_EXTRAS: Mapping[str, Mapping[str, object]] = {
    "googlenet": {"aux_logits": False, "init_weights": True},
    "inception_v3": {"aux_logits": False, "init_weights": True},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Backbone:
    """A backbone that there is.

    Args:
        name: as a recipe names it.
        parameters: how many numbers it holds, with ImageNet's 1000 outputs.
        file: file name of its first weights: ImageNet's, or our own.
        on_disk: whether that file lies in torchvision's cache folder.
        licence: of the weights, as far as it is known.
    """

    name: str
    parameters: int
    file: str
    on_disk: bool
    licence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a network's first weights came from, and their licence as far as it is known."""

    source: str
    licence: str


def backbones() -> tuple[Backbone, ...]:
    """Every backbone by name, with its weights' file and licence; first the one that is always here."""
    from torchvision import models

    found = [_starter()]
    for name in models.list_models(module=models):
        weights = models.get_model_weights(name).DEFAULT
        file = _cached(weights)
        found.append(
            Backbone(
                name=PREFIX + name,
                parameters=weights.meta["num_params"],
                file=file.name,
                on_disk=file.is_file(),
                licence=weights.meta.get("license") or _LICENCE,
            )
        )
    return tuple(found)


def build(
    name: str, *, weights: str, size: int, outputs: int, head: Callable[[int, int], nn.Module]
) -> tuple[nn.Module, Origin]:
    """A network with a new head: (n, 3, size, size) normalised floats to (n, outputs) logits.

    Args:
        name: ``torchvision:NAME``, or ``starter``.
        weights: ``none``, ``imagenet`` (of torchvision's), ``starter`` (of the starter), or the path of a safetensors
            or torch file.
        size: side of its pictures in pixels.
        outputs: number of logits.
        head: makes the new end of (features, outputs).

    Raises:
        UnknownName: there is no such backbone.
        WeightsMissing: the ImageNet weights are neither here nor to be had.
        UsageError: it cannot see pictures of that size, or the weights file is not for it.
    """
    bare = (STARTER_NETWORK if name == STARTER else name).removeprefix(PREFIX)
    network = _make(bare, size)
    origin = _load_starter(network, name) if weights == STARTER else _load(network, bare, weights, size)
    _replace_last(network, outputs, head)
    _quicken(network)
    try:
        with torch.no_grad():
            answer = network.eval()(torch.zeros(2, 3, size, size))
    except (RuntimeError, AssertionError, ValueError) as error:
        raise UsageError(f"{name} cannot see pictures of {size} pixels: choose another size") from error
    if answer.shape != (2, outputs):
        raise UsageError(f"{name} answers {tuple(answer.shape)} and not one row a picture: choose another backbone")
    return network.train(), origin


def starter_file() -> Path:
    """Where the starter's weights lie: inside the package."""
    return Path(__file__).with_name(STARTER) / f"{STARTER}.safetensors"


def _starter() -> Backbone:
    from torchvision import models

    file = starter_file()
    chosen = models.get_model_weights(STARTER_NETWORK.removeprefix(PREFIX)).DEFAULT
    return Backbone(
        name=STARTER,
        parameters=chosen.meta["num_params"],
        file=file.name,
        on_disk=file.is_file(),
        licence=_STARTER_LICENCE,
    )


def head_of(network: nn.Module) -> tuple[str, nn.Module]:
    """The last layer with a thousand outputs, or the head put in its place: (its name, the module)."""
    for name, module in network.named_modules():
        if hasattr(module, "is_head"):
            return name, module
    found = [(name, module) for name, module in network.named_modules() if isinstance(module, nn.Linear | nn.Conv2d)]
    wide = [(name, module) for name, module in found if 1000 in (*module.weight.shape[:1],)]  # noqa: PLR2004 - ImageNet
    return wide[-1] if wide else found[-1]


def _make(bare: str, size: int) -> nn.Module:
    from torchvision import models

    known = models.list_models(module=models)
    if bare not in known:
        raise UnknownName("backbone", PREFIX + bare, [STARTER, *(PREFIX + one for one in known)])
    extras = dict(_EXTRAS.get(bare, {}))
    if bare.startswith("vit_"):
        extras["image_size"] = size
    if bare.startswith("maxvit"):
        extras["input_size"] = (size, size)
    try:
        return cast("nn.Module", models.get_model(bare, weights=None, **extras))
    except (RuntimeError, AssertionError, ValueError) as error:
        raise UsageError(f"{PREFIX}{bare} cannot see pictures of {size} pixels: choose another size") from error


def _replace_last(network: nn.Module, outputs: int, head: Callable[[int, int], nn.Module]) -> None:
    path, last = head_of(network)
    if isinstance(last, nn.Conv2d):  # SqueezeNet ends in a 1x1 convolution, a ReLU and a mean over places
        new: nn.Module = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), head(last.in_channels, outputs))
        container = network.get_submodule(path.rpartition(".")[0])
        for name in list(dict(container.named_children())):
            if int(name) > int(path.rpartition(".")[2]):
                container._modules[name] = nn.Identity()  # noqa: SLF001 - a Sequential has no other way in place
    else:
        new = head(cast("nn.Linear", last).in_features, outputs)
    new.register_buffer("is_head", torch.ones(0), persistent=False)
    owner, _, leaf = path.rpartition(".")
    setattr(network.get_submodule(owner), leaf, new)


def _quicken(network: nn.Module) -> None:
    """Let batch statistics follow a short training: MobileNetV3's momentum of 0.01 needs thousands of steps."""
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):  # noqa: SLF001 - the common base has no other name
            module.momentum = max(module.momentum or 0.0, 0.1)


def _load_starter(network: nn.Module, name: str) -> Origin:
    """Our own weights; they were learned by the network that carries their name, and by no other."""
    if name != STARTER:
        raise UsageError(f"the weights 'starter' belong to the backbone 'starter', not to {name}")
    file = starter_file()
    _fit(network, _read(file), STARTER_NETWORK.removeprefix(PREFIX), file, 0)
    return Origin(source=STARTER, licence=_STARTER_LICENCE)


def _load(network: nn.Module, bare: str, weights: str, size: int) -> Origin:
    if weights == "none":
        return Origin(source="none", licence="")
    if weights == "imagenet":
        from torchvision import models

        chosen = models.get_model_weights(bare).DEFAULT
        _fit(network, _imagenet(bare, chosen), bare, _cached(chosen), size)
        if hasattr(network, "transform_input"):
            setattr(network, "transform_input", True)  # noqa: B010 - Module types its attributes as tensors
        return Origin(source=f"{PREFIX}{bare}.{chosen.name}", licence=chosen.meta.get("license") or _LICENCE)
    path = Path(weights)
    _fit(network, _read(path), bare, path, size)
    return Origin(source=path.name, licence="that of the file given; not known to this program")


def _cached(weights: Any) -> Path:
    return Path(torch.hub.get_dir(), "checkpoints", weights.url.rpartition("/")[2])


def _imagenet(bare: str, weights: Any) -> dict[str, Tensor]:
    file = _cached(weights)
    if file.is_file():
        return _read(file)
    try:
        with _impatient():
            return cast("dict[str, Tensor]", weights.get_state_dict(progress=False, check_hash=True, weights_only=True))
    except (OSError, RuntimeError) as error:
        raise WeightsMissing(PREFIX + bare, file.name, str(file.parent)) from error


@contextmanager
def _impatient() -> Iterator[None]:
    """A download that gives up after seconds: torchvision's own waits as long as the network lets it."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_PATIENCE_S)
    try:
        with redirect_stdout(sys.stderr):  # its "Downloading" would end up in what a program reads
            yield
    finally:
        socket.setdefaulttimeout(before)


def _read(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors or torch file; nothing in it is executed."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not path.is_file():
        raise UsageError(f"there is no weights file {path}")
    try:
        if path.suffix == ".safetensors":
            return _tensors(load_file(path), path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            content = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, ValueError, EOFError, KeyError, SafetensorError) as error:
        raise UsageError(f"{path} is damaged or no weights file: fetch it again") from error
    except Exception as error:  # pickle's refusals have no common type
        raise UsageError(f"{path} holds more than weights and was not opened: give a safetensors file") from error
    return _tensors(content, path)


def _tensors(content: object, path: Path) -> dict[str, Tensor]:
    for wrapper in ("state_dict", "model", "model_state_dict"):
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            content = content[wrapper]
    tensors = {k: v for k, v in content.items() if isinstance(v, Tensor)} if isinstance(content, dict) else {}
    if not tensors:
        raise UsageError(f"{path} holds no tensors by name: give a state dict")
    return {
        re.sub(r"^(module\.|model\.|backbone\.|_orig_mod\.)+", "", name): tensor for name, tensor in tensors.items()
    }


def _fit(network: nn.Module, tensors: dict[str, Tensor], bare: str, path: Path, size: int) -> None:
    """Load all but the last layer, or say in one sentence what does not fit."""
    tensors = _renamed(_positioned(network, tensors, bare, size), bare)
    last = head_of(network)[0] + "."
    mine = {name: tensor for name, tensor in network.state_dict().items() if not name.startswith(last)}
    missing = [name for name in mine if name not in tensors and not name.endswith("num_batches_tracked")]
    other = [name for name in mine if name in tensors and tensors[name].shape != mine[name].shape]
    if missing or other:
        count, example = len(missing) + len(other), (missing + other)[0]
        raise UsageError(
            f"the weights file {path} does not fit {PREFIX}{bare}: {count} of {len(mine)} tensors are missing or of "
            f"another shape, such as {example}; choose the backbone it was made for"
        )
    network.load_state_dict({name: tensors[name] for name in mine if name in tensors}, strict=False)


def _positioned(network: nn.Module, tensors: dict[str, Tensor], bare: str, size: int) -> dict[str, Tensor]:
    """A vision transformer's positions, resampled where the pictures have another size."""
    if not bare.startswith("vit_") or "encoder.pos_embedding" not in tensors:
        return tensors
    from torchvision.models.vision_transformer import interpolate_embeddings

    patch = cast("int", network.patch_size)
    return cast("dict[str, Tensor]", interpolate_embeddings(size, patch, cast("Any", dict(tensors))))


def _renamed(tensors: dict[str, Tensor], bare: str) -> dict[str, Tensor]:
    """DenseNet's files are older than its code: ``norm.1`` is ``norm1`` now (torchvision renames likewise)."""
    if not bare.startswith("densenet"):
        return tensors
    pattern = re.compile(
        r"^(.*denselayer\d+\.(?:norm|relu|conv))\.((?:[12])\.(?:weight|bias|running_mean|running_var))$"
    )
    return {pattern.sub(r"\1\2", name): tensor for name, tensor in tensors.items()}
