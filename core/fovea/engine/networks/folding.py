"""What a module answers, as a map of places: convolutions', transformers' tokens, channels first or last."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

_MAP, _TOKENS = 4, 3
_FRONT = 8
"""Most tokens in front that are no place: a class, a teacher, registers."""


def fold(answer: Any, *, channels_last: bool = False) -> Tensor | None:
    """A module's answer as a map (n, c, h, w) of a square; None where it is none.

    Tokens (n, t, c) lose those in front that are no place (class, registers) and become a square: a grid of 2 by 2 can
    have four of them, a larger one eight. A map with its channels last, (n, h, w, c), is told by its square places.

    Args:
        answer: a tensor, or a tuple whose first part it is.
        channels_last: how a map of as many channels as rows is to be taken.
    """
    tensor = tensor_in(answer)
    if tensor is None or not tensor.is_floating_point():
        return None
    if tensor.ndim == _MAP:
        layout = is_channels_last(tensor)
        if layout or (layout is None and channels_last):
            return tensor.permute(0, 3, 1, 2)
        return tensor if tensor.shape[2] == tensor.shape[3] else None
    if tensor.ndim == _TOKENS:
        side = math.isqrt(tensor.shape[1])
        front = tensor.shape[1] - side * side
        if side < 2 or front > _FRONT:  # noqa: PLR2004 - one place is no map
            return None
        return tensor[:, front:].transpose(1, 2).reshape(tensor.shape[0], -1, side, side)
    return None


def unfold(folded: Tensor, tensor: Tensor) -> Tensor:
    """A map in the form of the tensor it was folded from, made of the map itself."""
    if tensor.ndim == _MAP:
        return folded.permute(0, 2, 3, 1)
    places = folded.flatten(2).transpose(1, 2)
    return torch.cat([tensor[:, : tensor.shape[1] - places.shape[1]], places], dim=1)


def tensor_in(answer: Any) -> Tensor | None:
    """An answer, or the first of several; an object's parts may go on beside one another, and none is read for all."""
    if isinstance(answer, Tensor):
        return answer
    first = answer[0] if isinstance(answer, tuple | list) and answer else None
    return first if isinstance(first, Tensor) else None


def is_channels_last(tensor: Tensor) -> bool | None:
    """Whether a map has its channels last; None where it has as many as rows."""
    if tensor.ndim != _MAP or tensor.shape[1] != tensor.shape[2]:
        return False
    return None if tensor.shape[2] == tensor.shape[3] else True


def first_tensor(answer: Any) -> Tensor:
    """The network's main answer: some networks answer several (auxiliary heads), or an object with ``logits``."""
    if isinstance(answer, Tensor):
        return answer
    if hasattr(answer, "logits"):
        return first_tensor(answer.logits)
    return first_tensor(answer[0])


@contextmanager
def hooked(
    network: nn.Module, modules: Iterable[nn.Module], hook: Callable[[nn.Module, Any, Any], Any]
) -> Iterator[None]:
    """Let a hook see, or change, what these modules answer, the network itself left out."""
    handles = [module.register_forward_hook(hook) for module in modules if module is not network]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
