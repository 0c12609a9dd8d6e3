"""transformers' networks for image classification, where it is installed.

``hf:FOLDER`` is a folder with a ``config.json``, with or without weights; ``hf:ARCHITECTURE``, such as ``hf:resnet``,
is the architecture as transformers has it by default. Nothing is fetched, and no code that lies in a folder is run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from fovea.engine.networks.backbones.values import UNKNOWN_LICENCE, Backbone, Origin, Prefers
from fovea.errors import UnknownName, UsageError

_PREFIX = "hf:"
_CLASSES = 1000
_UNFIT = ("dinat", "hiera", "imagegpt", "perceiver", "shieldgemma2", "siglip2", "swiftformer", "timm_wrapper")
"""Architectures that want something else than squares of pixels or another library, or that end in several layers."""
_LICENCE = "none come with an architecture; that of the file you give"


def listed() -> Iterator[Backbone]:
    """The architectures that see pictures; folders are yours to name."""
    for name in _architectures():
        yield Backbone(name=_PREFIX + name, parameters=None, file="", on_disk=False, licence=_LICENCE)


def make(bare: str, size: int) -> nn.Module:
    """The network as its configuration says, for the size."""
    config = _config(bare)
    config.num_labels = _CLASSES
    for part in (config, getattr(config, "vision_config", config)):
        if hasattr(part, "image_size"):
            part.image_size = [size, size] if isinstance(part.image_size, list | tuple) else size
    with _quiet():
        return _network(config, bare)


def fitting(network: nn.Module, bare: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """As transformers itself renames the tensors of older files, its bare models' included."""
    config = _config(bare)
    config.num_labels = _CLASSES
    return _loaded(type(network), None, config=config, state_dict=tensors)


def pretrained(network: nn.Module, bare: str) -> tuple[dict[str, Tensor], str, Origin]:
    """The safetensors weights in the folder."""
    folder = Path(bare)
    if bare in _architectures() or not folder.is_dir():
        raise UsageError(
            f"{_PREFIX}{bare} is an architecture without weights: give the path of a safetensors file, or weights none"
        )
    if not list(folder.glob("*.safetensors")):
        raise UsageError(f"there is no safetensors file in {folder}: give the path of one, or weights none")
    tensors = _loaded(type(network), str(folder), config=_config(bare), use_safetensors=True)
    return tensors, str(folder), Origin(source=folder.name, licence=UNKNOWN_LICENCE)


def prefers(bare: str) -> Prefers | None:
    """As ``preprocessor_config.json`` in the folder has it."""
    file = Path(bare, "preprocessor_config.json")
    if bare in _architectures() or not file.is_file():
        return None
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
        mean, std = tuple(map(float, said["image_mean"])), tuple(map(float, said["image_std"]))
        side = said.get("crop_size") or said["size"]
        if isinstance(side, dict):
            side = side.get("height") or side["shortest_edge"]
        one, two, three = mean
        red, green, blue = std
        return Prefers(mean=(one, two, three), std=(red, green, blue), size=int(side))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None  # a file that says it otherwise says it in vain; the domain's own values are taken


def _architectures() -> dict[str, str]:
    """Names, and the class that classifies; of several the plain one, which transformers names first."""
    from transformers.models.auto import modeling_auto

    names = modeling_auto.MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES
    plain = {name: one if isinstance(one, str) else one[0] for name, one in names.items()}
    return {name: one for name, one in plain.items() if name not in _UNFIT}


def _config(bare: str) -> Any:
    from transformers import AutoConfig

    known = _architectures()
    if bare in known:
        with _quiet():
            config = AutoConfig.for_model(bare)
        config.architectures = [known[bare]]
        return config
    if not Path(bare, "config.json").is_file():
        if "/" in bare or Path(bare).is_dir():
            raise UsageError(f"there is no config.json in {bare}: give a folder that has one")
        raise UnknownName("backbone", _PREFIX + bare, [_PREFIX + name for name in known])
    try:
        return AutoConfig.from_pretrained(bare, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # of a damaged or foreign configuration; they have no common type
        raise UsageError(f"{bare}/config.json describes no network that transformers knows: give another") from error


def _network(config: Any, bare: str) -> nn.Module:
    from transformers import AutoModelForImageClassification

    try:
        made = AutoModelForImageClassification.from_config(config, dtype=torch.float32, trust_remote_code=False)
    except Exception as error:  # a configuration can be wrong in any way
        raise UsageError(f"{_PREFIX}{bare} describes no network that classifies pictures: choose another") from error
    return cast("nn.Module", made)


def _loaded(kind: Any, source: str | None, **how: Any) -> dict[str, Tensor]:
    """What transformers makes of weights, less what it had to draw itself."""
    with _quiet():
        try:
            made, told = kind.from_pretrained(
                source,
                local_files_only=True,
                dtype=torch.float32,
                ignore_mismatched_sizes=True,
                output_loading_info=True,
                **how,
            )
        except Exception as error:  # of damaged files; they have no common type
            raise UsageError(f"{source or 'the weights file'} is damaged or no weights file: fetch it again") from error
    given = how.get("state_dict", {})  # positions for another size: fitted later, by their own table
    other = {name: given[name] for name, *_ in told["mismatched_keys"] if name in given}
    drawn = {*told["missing_keys"], *(name for name, *_ in told["mismatched_keys"])}
    return {**{name: tensor for name, tensor in made.state_dict().items() if name not in drawn}, **other}


@contextmanager
def _quiet() -> Iterator[None]:
    """Without transformers' bars and remarks: what matters is told in a sentence of ours."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
