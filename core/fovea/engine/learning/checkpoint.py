"""Where a training stands, written whole or not at all after every epoch and at every stop.

All randomness is a function of (seed, epoch, sample), and the rate one of the curves, so a checkpoint needs no state of
a random generator or of a schedule: weights, optimizer, place and what the loop counts are enough to go on bit for bit.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(slots=True, kw_only=True)
class State:
    """Where a training stands.

    Args:
        key: digest of recipe, data and split; a checkpoint of another key is not gone on from.
        epoch: epochs done.
        step: batches done of the epoch under way.
        total: sum of the loss over the pictures of the epoch under way, float64 ().
        curves: figures by name, one mapping an epoch.
        best_epoch: epoch (from 1) whose weights are kept, 0 before the first.
        best_score: its figure; greater is better.
        average: the running mean of the network's tensors, by name; empty where the recipe keeps none.
        shares: how much each group counts, float64 (groups,), 1 in all; empty where all count alike.
        pieces: into how many a batch is cut, so that it fits into memory.
    """

    key: str
    epoch: int = 0
    step: int = 0
    total: Tensor = field(default_factory=lambda: torch.zeros((), dtype=torch.float64))
    curves: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    best_score: float = float("-inf")
    average: dict[str, Tensor] = field(default_factory=dict)
    shares: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.float64))
    pieces: int = 1


def write(path: Path, state: State, network: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Write all that is needed to go on; what was there before stays until the new file is complete."""
    content = {name: getattr(state, name) for name in State.__dataclass_fields__}
    write_atomically(path, {"state": content, "network": network.state_dict(), "optimizer": optimizer.state_dict()})


def read(path: Path, key: str, network: nn.Module, optimizer: torch.optim.Optimizer) -> State:
    """Go on from a checkpoint, or from the start where there is none of this key."""
    content: Any = _open(path)
    if content is None or content["state"]["key"] != key:
        return State(key=key)
    network.load_state_dict(content["network"])
    optimizer.load_state_dict(content["optimizer"])
    return State(**content["state"])


def keep_best(path: Path, state: State, network: nn.Module) -> None:
    """Keep the weights of this epoch as the best so far."""
    write_atomically(path, {"key": state.key, "network": network.state_dict()})


def load_best(path: Path, key: str, network: nn.Module) -> None:
    """Give the network the weights of the best epoch, where one was kept for this key."""
    content: Any = _open(path)
    if content is not None and content["key"] == key:
        network.load_state_dict(content["network"])


def write_atomically(path: Path, content: object) -> None:
    """``torch.save`` to a file beside, flush it to the disk, and only then give it the name."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("wb") as stream:
            torch.save(content, stream)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _open(path: Path) -> object:
    return torch.load(path, map_location="cpu", weights_only=True) if path.is_file() else None
