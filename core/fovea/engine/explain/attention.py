"""Where a transformer's answer comes from: attention followed through its layers.

* ``rollout``: mean attention of each layer and the way around it, multiplied from layer to layer (Abnar and Zuidema,
  ACL 2020). It says what is looked at, the same for every label.
* ``attribution``: attention weighted by the answer's gradient in it, of which what speaks for the answer is kept, added
  up from layer to layer (Chefer, Gur and Wolf, ICCV 2021, arXiv 2103.15679, equations 5 and 6).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from fovea.engine.explain.maps import Asked, spread
from fovea.engine.network import Whole
from fovea.engine.networks.depths import first_tensor

ATTENTIONS = ("rollout", "attribution")


def attends(network: nn.Module) -> bool:
    """Whether its tokens look at each other in layers of torch's own attention, and so can be followed."""
    found = [module for module in network.modules() if isinstance(module, nn.MultiheadAttention)]
    return bool(found) and all(module.batch_first and module.in_proj_weight is not None for module in found)


def attention_maps(whole: Whole, asked: Asked, *, method: str) -> NDArray[np.float32]:
    """What each picture's answer is drawn from.

    Args:
        whole: a network in use (``eval``) that :func:`attends`.
        asked: what is to be explained.
        method: one of :data:`ATTENTIONS`.

    Returns:
        (n, size, size) between 0 and 1, the greatest of each picture 1.
    """
    layers: list[Tensor] = []
    with torch.enable_grad(), _watched(whole.network, layers):
        answer = first_tensor(whole.network(asked.planes(whole)))
        gradients = torch.autograd.grad(asked.chosen(answer), layers) if method == "attribution" else None
    found = [layer.detach() for layer in layers]
    flow = roll_out(found) if gradients is None else _attribute(found, gradients)
    return spread(_of_places(flow), asked.squares.shape[1])


def roll_out(layers: Sequence[Tensor]) -> Tensor:
    """The flow (n, t, t) from the first layer's tokens to the last's, of attentions (n, heads, t, t).

    Half of each layer is the way around it; so every row keeps the sum 1.
    """
    own = torch.eye(layers[0].shape[-1], device=layers[0].device)
    flow = own.expand(layers[0].shape[0], -1, -1)
    for layer in layers:
        flow = (0.5 * layer.mean(dim=1) + 0.5 * own) @ flow
    return flow


def _attribute(layers: Sequence[Tensor], gradients: Sequence[Tensor]) -> Tensor:
    flow = torch.eye(layers[0].shape[-1], device=layers[0].device).expand(layers[0].shape[0], -1, -1)
    for layer, gradient in zip(layers, gradients, strict=True):
        flow = flow + (layer * gradient).clamp(min=0).mean(dim=1) @ flow
    return flow


def _of_places(flow: Tensor) -> Tensor:
    """The part of the flow (n, t, t) that starts at places, (n, side, side).

    It is read where the class token ends, or over all tokens where there is none. The least is taken off: every place
    gets that.
    """
    tokens = flow.shape[-1]
    side = math.isqrt(tokens)
    extra = tokens - side * side
    row = flow[:, 0, extra:] if extra else flow.mean(dim=1)
    return (row - row.amin(dim=1, keepdim=True)).reshape(-1, side, side)


@contextmanager
def _watched(network: nn.Module, layers: list[Tensor]) -> Iterator[None]:
    """Let each attention also tell what it looks at, with gradients; torch's own answers it apart from them."""

    def attend(module: nn.MultiheadAttention, given: tuple[Any, ...], named: Mapping[str, Any], answer: Any) -> Any:
        tokens = given[0] if given else named["query"]
        queries, keys, values = functional.linear(tokens, module.in_proj_weight, module.in_proj_bias).chunk(3, dim=-1)
        shape = (*tokens.shape[:2], module.num_heads, module.head_dim)
        parts = [one.reshape(shape).transpose(1, 2) for one in (queries, keys, values)]
        looks = (parts[0] @ parts[1].transpose(2, 3) / math.sqrt(module.head_dim)).softmax(dim=-1)
        layers.append(looks)
        mixed = (looks @ parts[2]).transpose(1, 2).flatten(2)
        return module.out_proj(mixed), *answer[1:]

    found = [module for module in network.modules() if isinstance(module, nn.MultiheadAttention)]
    handles = [module.register_forward_hook(attend, with_kwargs=True) for module in found]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
