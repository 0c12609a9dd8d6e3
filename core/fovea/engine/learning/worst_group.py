"""The group of pictures that is learned worst counts most.

Group DRO: Sagawa et al., ICLR 2020, arXiv 1911.08731, algorithm 1: a group's share grows with its loss, and groups come
equally often. Groups are known facts of the pictures (the camera, the field), not those that a split keeps together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fovea.engine.learning.mixing import Given
from fovea.engine.pictures.survey import Row
from fovea.errors import DataError

STEP = 0.01
"""How fast shares follow losses, by batch; the one of the authors' code."""

LABEL, UNKNOWN = "label", "unknown"
_MOST = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups:
    """Which group the pictures of a batch are of.

    Args:
        names: of the groups.
        of: of (epoch, batch): places in ``names``, int64 (n,).
    """

    names: tuple[str, ...]
    of: Callable[[int, int], Tensor]

    def even_shares(self) -> Tensor:
        """Every group as much as the others, float64 (groups,)."""
        return torch.full((len(self.names),), 1 / len(self.names), dtype=torch.float64)


def grouped(rows: Sequence[Row], by: str) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """The groups there are, and each row's place among them, (n,).

    Args:
        rows: what is learned from.
        by: names of attributes, or ``label``, joined by ``+``; a row without the attribute is of a group of its own.

    Raises:
        DataError: no row has such an attribute, all are of one group, or there are more than a hundred.
    """
    names = by.split("+")
    for name in names:
        if name != LABEL and not any(name in row.attributes for row in rows):
            known = sorted({attribute for row in rows for attribute in row.attributes})
            there = f"they have: {', '.join(known)}" if known else "they have none"
            raise DataError(f"no picture has the attribute '{name}' that worst_group asks for ({there}, and label)")
    each = ["+".join(_value(row, name) for name in names) for row in rows]
    found = sorted(set(each))
    if not 1 < len(found) <= _MOST:
        raise DataError(f"worst_group={by} tells {len(found)} of the 2 to {_MOST} groups that it needs: choose another")
    place = {name: number for number, name in enumerate(found)}
    return tuple(found), np.array([place[name] for name in each], np.int64)


def shares(places: NDArray[np.int64]) -> NDArray[np.float64]:
    """How often each picture should come, (n,): every group as often as the others."""
    counts = Counter(places.tolist())
    return np.array([1 / counts[place] for place in places.tolist()], np.float64)


@torch.no_grad()
def _moved(shares: Tensor, losses: Tensor, there: Tensor) -> Tensor:
    moved = shares.clone()
    moved[there] *= torch.exp(STEP * losses.double())
    return moved / moved.sum()


def loss(
    logits: Tensor, given: Given, loss: Callable[[Tensor, Tensor], Tensor], shares: Tensor
) -> tuple[Tensor, Tensor]:
    """The losses of a batch's groups, each counted by its share, and the shares from now on.

    Shares of groups that are not in the batch stay, and what is in it counts as a whole as much as any batch.

    Args:
        logits: (n, outputs).
        given: the batch, with its groups.
        loss: of (logits, targets).
        shares: float64 (groups,), 1 in all.
    """
    groups = given.groups if given.groups is not None else torch.zeros(len(given), dtype=torch.int64)
    there = torch.unique(groups)
    losses = torch.stack([loss(logits[groups == one], given.targets[groups == one]) for one in there])
    moved = _moved(shares, losses.detach(), there)
    counted = moved[there] / moved[there].sum()
    return (losses * counted.to(losses.dtype)).sum(), moved


def _value(row: Row, name: str) -> str:
    told = row.target if name == LABEL else row.attributes.get(name, UNKNOWN)
    if isinstance(told, tuple):
        return ",".join(f"{one:g}" if isinstance(one, float) else one for one in told) or UNKNOWN
    return f"{told:g}" if isinstance(told, float) else told
