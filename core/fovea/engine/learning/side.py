"""The layer that reads what is known beside a picture, and where it begins to learn from."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from fovea.engine.networks.heads import Link, fit_heads
from fovea.engine.prepared import Prepared
from fovea.serving.fusion import Fusion

LINKS: Mapping[str, Link] = MappingProxyType({"classify": "softmax", "multilabel": "sigmoid", "regress": "identity"})
"""What a linear head's outputs are, by kind of task."""

_STRENGTH = 0.01


def side_of(weights: NDArray[np.float32]) -> nn.Linear:
    """A layer of these weights (numbers, outputs), without a bias: the network has one."""
    numbers, outputs = weights.shape
    side = nn.Linear(numbers, outputs, bias=False)
    with torch.no_grad():
        side.weight.copy_(torch.from_numpy(np.ascontiguousarray(weights.T)))
    return side


def begun_with_facts(run: Prepared) -> None:
    """Give the network of a run its layer for what is known beside the pictures, where it learns from that.

    It begins with what these numbers tell by themselves (a convex problem), so that the network learns what they leave
    open from its first step on, and both go on together. Where pixels are told apart it begins with nothing.
    """
    learned, outputs = run.pictures("train"), len(run.labels)
    if learned.facts is None:
        return
    link = LINKS.get(run.wanted.domain.info.tasks[run.wanted.role].kind)
    weights = np.zeros((learned.facts.shape[1], outputs), np.float32)
    if link is not None:
        (head,) = fit_heads(learned.facts, learned.targets, link=link, outputs=outputs, strengths=(_STRENGTH,))
        weights = head.weights
    run.whole.side = side_of(weights)


def fusion_of(run: Prepared, side: nn.Linear | None) -> Fusion | None:
    """What of it travels in a bundle."""
    if side is None:
        return None
    rows = side.weight.detach().cpu().double().T.tolist()
    return Fusion(columns=run.columns, weights=tuple(tuple(row) for row in rows))
