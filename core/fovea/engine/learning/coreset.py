"""A few points that stand for many: the greedy k-centre choice, exact, at the price of a few passes over the points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

_HOPEFULS = 1024
_FAN = 12
"""How many times more points a level has than the one below it: 6 to 16 cost alike within the noise."""
_ROWS = 2048
_SAME = 1e-6
"""Two points this near to each other, as a share of the mean squared length, are one."""


@dataclass(frozen=True, slots=True)
class _Cloud:
    """Points among which is chosen.

    Args:
        points: (n, d), as they came: a copy about their middle would cost as much as a pass.
        norms: their squared distances from ``middle``, (n,).
        near: squared distances from the nearest of those chosen, (n,); shrinks as choices are made.
        middle: (d,); lengths are counted from it, which makes numbers smaller and cancels less.
    """

    points: Tensor
    norms: Tensor
    near: Tensor
    middle: Tensor

    def part(self, rows: Tensor) -> _Cloud:
        """Some of the points, copied."""
        points, norms, near = (tensor.index_select(0, rows) for tensor in (self.points, self.norms, self.near))
        return _Cloud(points, norms, near, self.middle)


@torch.no_grad()
def coreset(points: Tensor, size: int) -> Tensor:
    """Choose points one after the other, each the farthest from those chosen (Sener, Savarese, 2018, arXiv 1708.00489).

    The textbook's step runs over all points for each choice and is bound by memory. Here a pass finds the points that
    are farthest, and choices are made among these alone as long as the best of them is no nearer than the best of all
    others was in that pass: distances only shrink, so the choice is the very one that the textbook makes, up to
    rounding. The farthest points find the farthest of themselves the same way, down to about a thousand. The next pass
    takes all choices since the last in one matrix product.

    Args:
        points: float32 (n, d), on the CPU.
        size: how many to choose, at most n.

    Returns:
        Their places, int64 (at most size,), in the order of choice; the first is the one nearest to the mean. Fewer
        where the points chosen so far already hold every different point.
    """
    cloud = _cloud(points)
    first = cloud.norms.argmin().view(1)
    _shrink(cloud, first)
    return torch.cat([first, _among(cloud, _SAME * float(cloud.norms.mean()), size - 1)])


def radius(points: Tensor, chosen: Tensor) -> float:
    """The largest distance of a point from the nearest of those chosen."""
    cloud = _cloud(points)
    _shrink(cloud, chosen)
    return float(cloud.near.max().clamp(min=0).sqrt())


def _cloud(points: Tensor) -> _Cloud:
    middle = points.mean(dim=0)
    norms = torch.cat([(rows - middle).square_().sum(dim=1) for rows in torch.split(points, _ROWS)])
    return _Cloud(points, norms, torch.full_like(norms, torch.inf), middle)


def _among(cloud: _Cloud, floor: float, most: int) -> Tensor:
    """Choose until ``most`` are chosen or no point is farther than ``floor``, a squared distance."""
    if len(cloud.near) <= _HOPEFULS:
        return _one_by_one(cloud, floor, most)
    chosen: list[Tensor] = []
    while most > 0:
        rows, bound = _farthest(cloud.near)
        fresh = rows[_among(cloud.part(rows), max(bound, floor), most)]
        if not len(fresh):
            break
        chosen.append(fresh)
        most -= len(fresh)
        if most > 0:
            _shrink(cloud, fresh)
    return torch.cat(chosen) if chosen else torch.empty(0, dtype=torch.long)


def _farthest(near: Tensor) -> tuple[Tensor, float]:
    """Places of the farthest points, in their order, and how far the best of all others is."""
    few = len(near) // _FAN
    few = few if few > _HOPEFULS else _HOPEFULS - 1
    last = len(near) - few - 1
    order = np.argpartition(near.numpy(), last)  # several times quicker than a sorted choice of so many
    return torch.from_numpy(np.sort(order[last + 1 :])), float(near[order[last]])


def _shrink(cloud: _Cloud, fresh: Tensor) -> None:
    """Let the squared distances know of freshly chosen points."""
    centres = cloud.points[fresh] - cloud.middle
    theirs = (cloud.norms[fresh] + 2 * (centres @ cloud.middle))[:, None]
    centres *= -2
    pieces = (torch.split(tensor, _ROWS) for tensor in (cloud.points, cloud.norms, cloud.near))
    for points, norms, near in zip(*pieces, strict=True):
        nearest = torch.addmm(theirs, centres, points.T).amin(dim=0)  # a least one down the columns is the quicker one
        torch.minimum(near, nearest.add_(norms), out=near)
    cloud.near[fresh] = 0.0


def _one_by_one(cloud: _Cloud, floor: float, most: int) -> Tensor:
    """The textbook's steps."""
    left, some, theirs = cloud.near.numpy(), (cloud.points - cloud.middle).numpy(), cloud.norms.numpy()
    twice, away = -2 * some, np.empty_like(left)  # numpy: a step is so short that torch's calls would cost half of it
    chosen: list[int] = []
    while len(chosen) < most:
        best = int(left.argmax())
        if left[best] < floor or left[best] <= 0:
            break
        chosen.append(best)
        np.matmul(twice, some[best], out=away)
        away += theirs
        away += theirs[best]
        np.minimum(left, away, out=left)
        left[best] = 0.0
    return torch.tensor(chosen, dtype=torch.long)
