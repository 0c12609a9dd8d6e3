"""Weights files: read without executing anything in them, and fitted into a network or refused in one sentence."""

from __future__ import annotations

import math
import re
import socket
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

import torch
from torch import Tensor, nn

from fovea.engine.networks.backbones.ends import head_of
from fovea.errors import UsageError

_PATIENCE_S = 10.0
_TABLE = 3


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors or torch file by name; nothing in it is executed.

    Raises:
        UsageError: it is not there, damaged, or holds anything but weights.
    """
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


def fit(network: nn.Module, tensors: Mapping[str, Tensor], name: str, source: object) -> None:
    """Load all but the last layer.

    Args:
        network: whose own names the tensors have.
        tensors: by name; those that the network has no use for (auxiliary heads) are left.
        name: of the backbone, for the message.
        source: of the tensors, for the message.

    Raises:
        UsageError: some are missing or of another shape.
    """
    last = head_of(network)[0] + "."
    mine = {name: tensor for name, tensor in network.state_dict().items() if not name.startswith(last)}
    there = {name: _resampled(tensors[name], mine[name]) for name in mine if name in tensors}
    missing = [name for name in mine if name not in there and not name.endswith("num_batches_tracked")]
    other = [name for name in there if there[name].shape != mine[name].shape]
    if missing or other:
        count, example = len(missing) + len(other), (missing + other)[0]
        raise UsageError(
            f"the weights file {source} does not fit {name}: {count} of {len(mine)} tensors are missing or of "
            f"another shape, such as {example}; choose the backbone it was made for"
        )
    network.load_state_dict(there, strict=False)


def _resampled(tensor: Tensor, wanted: Tensor) -> Tensor:
    """A transformer's table of positions (1, t, c) for another number of places; anything else as it is.

    What stands in front of the places (class, registers) stays. Bicubic, as in Dosovitskiy et al., 2021 (arXiv
    2010.11929, section 3.2) and in every library's own loading.
    """
    old, new = tensor.shape, wanted.shape
    if len(old) != _TABLE or len(new) != _TABLE or old == new or (old[0], old[2]) != (new[0], new[2]):
        return tensor
    sides = math.isqrt(old[1]), math.isqrt(new[1])
    front = old[1] - sides[0] ** 2
    if old[0] != 1 or front != new[1] - sides[1] ** 2:
        return tensor
    square = tensor[:, front:].float().transpose(1, 2).reshape(1, old[2], sides[0], sides[0])
    resized = nn.functional.interpolate(square, (sides[1], sides[1]), mode="bicubic", antialias=True)
    return torch.cat([tensor[:, :front], resized.flatten(2).transpose(1, 2).to(tensor.dtype)], dim=1)


@contextmanager
def impatient() -> Iterator[None]:
    """A download that gives up after seconds: libraries' own wait as long as the network lets them."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_PATIENCE_S)
    try:
        with redirect_stdout(sys.stderr):  # its "Downloading" would end up in what a program reads
            yield
    finally:
        socket.setdefaulttimeout(before)
