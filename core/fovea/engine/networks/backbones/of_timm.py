"""timm's networks, where it is installed: ``timm:NAME``, or ``timm:NAME.TAG`` for one of several weights."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from fovea.engine.networks.backbones.values import Backbone, Origin, Prefers
from fovea.engine.networks.backbones.weights import impatient, read_tensors
from fovea.errors import UnknownName, UsageError, WeightsMissing

_PREFIX = "timm:"
_PATIENCE_S = 10.0
_UNSTATED = "not stated by timm: look it up before use"
_NEAREST = 5


def listed() -> Iterator[Backbone]:
    """All of timm's networks."""
    import timm

    for name in timm.list_models():
        facts = timm.get_pretrained_cfg(name)
        yield Backbone(
            name=_PREFIX + name,
            parameters=None,
            file=_file(name, facts).name if facts.has_weights else "",
            on_disk=bool(facts.has_weights and _on_disk(name, facts)),
            licence=_licence(facts) if facts.has_weights else "none come with it",
        )


def make(bare: str, size: int) -> nn.Module:
    """The network; those of one size are made for this one."""
    import timm

    if not timm.is_model(bare):
        import difflib

        near = difflib.get_close_matches(bare, timm.list_models(), n=_NEAREST)
        raise UnknownName("backbone", _PREFIX + bare, [_PREFIX + one for one in near])
    facts = _facts(bare)
    extras = {"img_size": size} if facts is not None and facts.fixed_input_size else {}
    try:
        return cast("nn.Module", timm.create_model(bare, pretrained=False, num_classes=1000, **extras))
    except (TypeError, RuntimeError, AssertionError, ValueError) as error:
        raise UsageError(f"{_PREFIX}{bare} cannot see pictures of {size} pixels: choose another size") from error


def fitting(network: nn.Module, bare: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """As the network's own module in timm renames and resamples the tensors of published files."""
    import timm

    module = importlib.import_module(timm.model_entrypoint(bare).__module__)
    mend = getattr(module, "checkpoint_filter_fn", None) or getattr(module, "_filter_fn", None)
    if mend is None:
        return tensors
    try:
        return cast("dict[str, Tensor]", mend(dict(tensors), network))
    except (KeyError, RuntimeError, AttributeError, TypeError, ValueError, AssertionError):
        return tensors  # of another network: what does not fit is told by name


def pretrained(network: nn.Module, bare: str) -> tuple[dict[str, Tensor], str, Origin]:
    """The weights that timm names for it, from torch's cache folder, the hub's, or downloaded into that."""
    facts = _facts(bare)
    if facts is None or not facts.has_weights:
        raise UsageError(f"timm has no weights for {_PREFIX}{bare}: give the path of a weights file, or weights none")
    if facts.custom_load:
        raise UsageError(f"timm's weights for {_PREFIX}{bare} are in a format of their own: choose another backbone")
    path = _on_disk(bare, facts) or _downloaded(bare, facts)
    origin = Origin(source=f"{_PREFIX}{_full(bare, facts)}", licence=_licence(facts))
    return fitting(network, bare, read_tensors(path)), str(path), origin


def prefers(bare: str) -> Prefers | None:
    """As timm has it for the weights."""
    facts = _facts(bare)
    if facts is None or len(facts.mean) != 3:  # noqa: PLR2004 - RGB
        return None
    return Prefers(mean=tuple(facts.mean), std=tuple(facts.std), size=facts.input_size[1])


def _facts(bare: str) -> Any:
    import timm

    try:
        return timm.get_pretrained_cfg(bare)
    except RuntimeError as error:  # of a tag that the network has not
        tagged = timm.list_pretrained(f"{bare.partition('.')[0]}.*")
        raise UnknownName("backbone", _PREFIX + bare, [_PREFIX + one for one in tagged]) from error


def _licence(facts: Any) -> str:
    return f"{facts.license} by timm's own word" if facts.license not in (None, "unknown") else _UNSTATED


def _full(bare: str, facts: Any) -> str:
    return bare if "." in bare or not facts.tag else f"{bare}.{facts.tag}"


def _file(bare: str, facts: Any) -> Path:
    """Where a person can put the weights."""
    return Path(torch.hub.get_dir(), "checkpoints", f"{_full(bare, facts)}.safetensors")


def _on_disk(bare: str, facts: Any) -> Path | None:
    own = _file(bare, facts)
    if own.is_file():
        return own
    if facts.url:
        downloaded = own.with_name(Path(facts.url).name)
        if downloaded.is_file():
            return downloaded
    return _in_hub(facts)


def _in_hub(facts: Any) -> Path | None:
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(facts.hf_hub_id, _hub_name(facts)) if facts.hf_hub_id else None
    return Path(found) if isinstance(found, str) else None


def _hub_name(facts: Any) -> str:
    return facts.hf_hub_filename or "model.safetensors"


def _downloaded(bare: str, facts: Any) -> Path:
    own = _file(bare, facts)
    missing = WeightsMissing(_PREFIX + bare, own.name, str(own.parent))
    if not facts.hf_hub_id:
        raise missing
    from huggingface_hub import hf_hub_download

    try:
        with impatient():
            return Path(hf_hub_download(facts.hf_hub_id, _hub_name(facts), etag_timeout=_PATIENCE_S))
    except Exception as error:  # the hub's refusals have no common type
        raise missing from error
