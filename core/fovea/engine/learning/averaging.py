"""The running mean of a network's weights over its steps: what is validated, kept as the best, and exported.

Polyak and Juditsky (1992); as an exponential mean in Tarvainen and Valpola (2017, arXiv 1703.01780).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn


def started(network: nn.Module) -> dict[str, Tensor]:
    """A mean that has seen one step: the network's tensors as they are, copied."""
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


@torch.no_grad()
def update(average: Mapping[str, Tensor], network: nn.Module, *, decay: float, step: int) -> None:
    """Take the network's tensors of this step into the mean, in place; batch statistics too.

    The first steps count less of what was before, (1 + step) / (10 + step) of it at the most: a short training would
    otherwise keep its random start.

    Args:
        average: of :func:`started`.
        network: after the step.
        decay: share of the mean that stays, in (0, 1).
        step: how many steps were done before.
    """
    keep = min(decay, (1 + step) / (10 + step))
    for name, tensor in network.state_dict().items():
        if tensor.is_floating_point():
            average[name].lerp_(tensor, 1 - keep)
        else:
            average[name].copy_(tensor)


@contextmanager
def standing_in(network: nn.Module, average: Mapping[str, Tensor]) -> Iterator[None]:
    """The network with the mean's tensors for a while, and with its own, bit for bit, afterwards; empty: as it is."""
    if not average:
        yield
        return
    own = started(network)
    network.load_state_dict(average)
    try:
        yield
    finally:
        network.load_state_dict(own)
