"""Backbones by name: classification networks of several libraries with their last layer replaced by a task's head.

A network keeps its library's own tensor names, so that its weights can be read wherever the library's can. Those of
torchvision are always here, timm's and transformers' where those are installed. One of torchvision's comes with weights
of our own, learned from drawn pictures alone: ``starter`` (see ``engine/networks/starter/card.md``).
"""

from __future__ import annotations

import dataclasses
import importlib.util
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from fovea.engine.networks.backbones.ends import head_of, quicken, replace_last, wide_layers
from fovea.engine.networks.backbones.values import (
    PREFIX,
    STARTER,
    STARTER_NETWORK,
    UNKNOWN_LICENCE,
    Backbone,
    Library,
    Origin,
    Prefers,
)
from fovea.engine.networks.backbones.weights import fit, read_tensors
from fovea.engine.networks.depths import first_tensor
from fovea.errors import UsageError
from fovea.plugin import Preprocess

__all__ = [
    "PREFIX",
    "STARTER",
    "STARTER_NETWORK",
    "Backbone",
    "Origin",
    "Prefers",
    "as_learned",
    "backbones",
    "build",
    "head_of",
    "prefers",
    "starter_file",
]

_STARTER_LICENCE = "MIT, our own (starter): learned from pictures drawn by formulas, from no photo"
_PACKAGES = {"torchvision": "torchvision", "timm": "timm", "hf": "transformers"}
_COUNTED = 48
_USUAL = 224


def backbones(search: str = "") -> tuple[Backbone, ...]:
    """Every backbone of the libraries that are installed; first the one that is always here.

    Args:
        search: part of the names wanted. Where it leaves few, the numbers of those are counted that no list tells.
    """
    found = [_starter()]
    for prefix, package in _PACKAGES.items():
        if importlib.util.find_spec(package):
            found.extend(_library(prefix).listed())
    chosen = [one for one in found if search in one.name]
    if len(chosen) > _COUNTED:
        return tuple(chosen)
    return tuple(one if one.parameters else dataclasses.replace(one, parameters=_count(one.name)) for one in chosen)


def build(
    name: str, *, weights: str, size: int, outputs: int, head: Callable[[int, int], nn.Module]
) -> tuple[nn.Module, Origin]:
    """A network with a new head: (n, 3, size, size) normalised floats to (n, outputs) logits.

    Those of transformers answer an object with ``logits``: see :func:`fovea.engine.networks.depths.first_tensor`.

    Args:
        name: ``torchvision:NAME``, ``timm:NAME``, ``hf:FOLDER``, ``hf:ARCHITECTURE`` or ``starter``.
        weights: ``none``, ``imagenet`` (of torchvision's and timm's), ``own`` (that lie in the folder), ``starter`` (of
            the starter), or the path of a safetensors or torch file.
        size: side of its pictures in pixels.
        outputs: number of logits.
        head: makes the new end of (features, outputs).

    Raises:
        UnknownName: there is no such backbone.
        WeightsMissing: the ImageNet weights are neither here nor to be had.
        UsageError: its library is not installed, it cannot see pictures of that size, or the weights are not for it.
    """
    prefix, bare = _parted(name)
    library = _library(prefix)
    network = library.make(bare, size)
    if len(wide_layers(network)) > 1:
        raise UsageError(f"{name} ends in several layers, as a distillation leaves it: choose another backbone")
    origin = _load(library, network, name, bare, weights)
    replace_last(network, outputs, head)
    quicken(network)
    if (shape := _answer(network, name, size)) != (2, outputs):
        raise UsageError(f"{name} answers {shape} and not one row a picture: choose another backbone")
    return network.train(), origin


def prefers(name: str, weights: str) -> Prefers | None:
    """What the pictures were like that a backbone's first weights were learned from.

    Args:
        name: of the backbone.
        weights: as a recipe names them.

    Returns:
        None where the weights do not come with the backbone, and where its library does not say.

    Raises:
        UnknownName, UsageError: there is no such backbone, or its library is not installed.
    """
    if weights not in ("imagenet", "own"):
        return None
    prefix, bare = _parted(name)
    return _library(prefix).prefers(bare)


def as_learned(preprocess: Preprocess, name: str, weights: str) -> Preprocess:
    """A task's preprocessing with the normalisation of a backbone's own weights, where those are taken and tell it.

    The size stays the task's: a backbone is made for the size asked for.

    Raises:
        UnknownName, UsageError: there is no such backbone, or its library is not installed.
    """
    told = prefers(name, weights)
    return preprocess if told is None else dataclasses.replace(preprocess, mean=told.mean, std=told.std)


def starter_file() -> Path:
    """Where the starter's weights lie: inside the package."""
    return Path(__file__).parent.with_name(STARTER) / f"{STARTER}.safetensors"


def _starter() -> Backbone:
    from fovea.engine.networks.backbones import of_torchvision

    file = starter_file()
    same = next(one for one in of_torchvision.listed() if one.name == STARTER_NETWORK)
    return dataclasses.replace(same, name=STARTER, file=file.name, on_disk=file.is_file(), licence=_STARTER_LICENCE)


def _parted(name: str) -> tuple[str, str]:
    prefix, _, bare = (STARTER_NETWORK if name == STARTER else name).partition(":")
    return (prefix, bare) if bare else ("torchvision", prefix)


def _library(prefix: str) -> Library:
    package = _PACKAGES.get(prefix)
    if package is None:
        raise UsageError(f"there are no backbones '{prefix}:': choose one of {', '.join(_PACKAGES)}")
    if importlib.util.find_spec(package) is None:
        raise UsageError(
            f"backbones {prefix}: need {package}, which is not installed: python -m pip install 'fovea[{prefix}]'"
        )
    module: Library = importlib.import_module(f"{__name__}.of_{package}")
    return module


def _load(library: Library, network: nn.Module, name: str, bare: str, weights: str) -> Origin:
    if weights == "none":
        return Origin(source="none", licence="")
    if weights == STARTER:
        if name != STARTER:
            raise UsageError(f"the weights 'starter' belong to the backbone 'starter', not to {name}")
        fit(network, read_tensors(starter_file()), name, starter_file())
        return Origin(source=STARTER, licence=_STARTER_LICENCE)
    full = PREFIX + bare if ":" not in name else name
    if weights in ("imagenet", "own"):
        tensors, source, origin = library.pretrained(network, bare)
        fit(network, tensors, full, source)
        return origin
    path = Path(weights)
    fit(network, library.fitting(network, bare, read_tensors(path)), full, path)
    return Origin(source=path.name, licence=UNKNOWN_LICENCE)


def _answer(network: nn.Module, name: str, size: int) -> tuple[int, ...]:
    try:
        with torch.no_grad():
            return tuple(first_tensor(network.eval()(torch.zeros(2, 3, size, size))).shape)
    except (RuntimeError, AssertionError, ValueError, TypeError, IndexError) as error:  # each has its own way to say so
        raise UsageError(f"{name} cannot see pictures of {size} pixels: choose another size") from error


def _count(name: str) -> int | None:
    """How many numbers a backbone holds, without room for them; None where it cannot be made so."""
    prefix, bare = _parted(name)
    try:
        library = _library(prefix)
        told = library.prefers(bare)
        with torch.device("meta"):
            network = library.make(bare, told.size if told else _USUAL)
        return sum(one.numel() for one in network.parameters())
    except Exception:  # noqa: BLE001 - a network may draw its first weights by ways that need room
        return None
