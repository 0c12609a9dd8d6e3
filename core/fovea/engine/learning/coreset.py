"""A few points that stand for many: the greedy k-centre choice, exact, at the price of a few passes over the points."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

_HOPEFULS = 1024
_ROWS = 512
_SAME = 1e-6
"""Two points this near to each other, as a share of the mean squared length, are one."""


@torch.no_grad()
def coreset(points: Tensor, size: int) -> Tensor:
    """Choose points one after the other, each the farthest from those chosen (Sener, Savarese, 2018, arXiv 1708.00489).

    The textbook's step runs over all points for each choice and is bound by memory. Here a pass finds the points that
    are farthest, and choices are made among these alone as long as the best of them is no nearer than the best of all
    others was in that pass: distances only shrink, so the choice is the very one that the textbook makes, up to
    rounding. The next pass takes all choices since the last in one matrix product.

    Args:
        points: float32 (n, d), on the CPU.
        size: how many to choose, at most n.

    Returns:
        Their places, int64 (at most size,), in the order of choice; the first is the one nearest to the mean. Fewer
        where the points chosen so far already hold every different point.
    """
    points = points - points.mean(dim=0)  # smaller numbers, less cancellation
    norms = points.square().sum(dim=1)
    near = torch.full_like(norms, torch.inf)
    fresh = norms.argmin().view(1)
    chosen = [fresh]
    left = size - 1
    while left > 0 and len(fresh):
        _shrink(near, points, norms, fresh)
        fresh = _choose(near, points, norms, left)
        chosen.append(fresh)
        left -= len(fresh)
    return torch.cat(chosen)[:size]


def radius(points: Tensor, chosen: Tensor) -> float:
    """The largest distance of a point from the nearest of those chosen."""
    points = points - points.mean(dim=0)
    norms = points.square().sum(dim=1)
    near = torch.full_like(norms, torch.inf)
    _shrink(near, points, norms, chosen)
    return float(near.max().clamp(min=0).sqrt())


def _shrink(near: Tensor, points: Tensor, norms: Tensor, fresh: Tensor) -> None:
    """Let squared distances, (n,), know of freshly chosen points."""
    columns, theirs = points[fresh].T.contiguous(), norms[fresh]
    for start in range(0, len(points), _ROWS):
        rows = slice(start, start + _ROWS)
        nearest = torch.addmm(theirs, points[rows], columns, alpha=-2).amin(dim=1) + norms[rows]
        near[rows] = torch.minimum(near[rows], nearest)
    near[fresh] = 0.0


def _choose(near: Tensor, points: Tensor, norms: Tensor, most: int) -> Tensor:
    """As many choices as can be told without another pass, at most ``most``."""
    farthest, places = near.topk(min(_HOPEFULS + 1, len(near)))
    bound = max(float(farthest[-1]) if len(near) > _HOPEFULS else 0.0, _SAME * float(norms.mean()))
    places = places[:_HOPEFULS]
    left, some, theirs = farthest[:_HOPEFULS].numpy().copy(), points[places].numpy(), norms[places].numpy()
    twice, away = -2 * some, np.empty_like(left)  # numpy: a step is so short that torch's calls would cost half of it
    chosen: list[int] = []
    while len(chosen) < most:
        best = int(left.argmax())
        if left[best] < bound or left[best] <= 0:
            break
        chosen.append(best)
        np.matmul(twice, some[best], out=away)
        away += theirs
        away += theirs[best]
        np.minimum(left, away, out=left)
        left[best] = 0.0
    return places[torch.tensor(chosen, dtype=torch.long)]
