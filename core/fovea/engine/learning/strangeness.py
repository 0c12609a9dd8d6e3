"""How strange a picture is to a network: a second answer of the served graph, beside its logits.

A linear head is sure of what lies far from all that it learned from: shown pictures without a leaf, a probe on apple
leaves lets 95 to 97 % of them pass by the energy of its logits (Liu et al., 2020) where 95 % of its own do, and 2 to
5 % by this gauge (``benchmarks/unknown.py``, three splits).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fovea.engine.certainty.calibrate import Kept
from fovea.engine.certainty.promises import Strange, needed
from fovea.engine.network import Whole
from fovea.engine.networks.depths import inside, read
from fovea.engine.networks.readout import Reading, pooled
from fovea.engine.prepared import Prepared
from fovea.serving.fusion import Attributes
from fovea.serving.network import Network

KINDS = ("classify", "multilabel", "regress")
KEPT = ("validation", "calibration")
"""Parts of the split that no gradient has seen and no figure is counted on."""
POOLS = ("mean", "std")
SIDE = 16
"""Places a side that a map is pooled over, at most."""
AXES = 64
"""Axes of a gauge that have a variance of their own, at most."""
MOST = 512
"""Pictures that gauges are fitted on, at most."""
_AT_ONCE = 16
_FLOOR = 0.01  # of a feature's variance: what is left beside the axes of few pictures would be too little


class Gauge(nn.Module):
    """Features (n, d) to how far they are from those it was fitted on, (n, 1); about 1 for those.

    The squared Mahalanobis distance by d, after Lee et al. (2018, arXiv 1807.03888), without classes, so that it serves
    every kind of task. The covariance is that of probabilistic principal components (Tipping and Bishop, 1999): a few
    axes have variances of their own, all others share one.

    Args:
        mean: of each feature, (d,).
        deviation: likewise, above 0.
        axes: of the standardised features, (d, k), orthonormal.
        variances: along the axes, (k,).
        rest: along every other.
    """

    mean: Tensor
    deviation: Tensor
    axes: Tensor
    excess: Tensor

    def __init__(self, *, mean: Tensor, deviation: Tensor, axes: Tensor, variances: Tensor, rest: float) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)
        self.register_buffer("axes", axes)
        self.register_buffer("excess", 1 / rest - 1 / variances)
        self.rest = float(rest)

    def forward(self, features: Tensor) -> Tensor:
        """Of each picture, (n, 1)."""
        scaled = (features - self.mean) / self.deviation
        whole = scaled.square().sum(dim=1, keepdim=True) / self.rest
        known = ((scaled @ self.axes).square() * self.excess).sum(dim=1, keepdim=True)
        return (whole - known) / features.shape[1]


class Gauged(nn.Module):
    """uint8 squares to logits (n, outputs) and strangeness (n, 1): what is exported.

    Strangeness is the mean over several depths of the network, each with its own gauge (as Lee et al. add up layers).
    """

    def __init__(self, whole: Whole, stages: Sequence[str], gauges: Sequence[Gauge]) -> None:
        super().__init__()
        self.whole, self.stages, self.gauges = whole, tuple(stages), nn.ModuleList(gauges)

    def forward(self, squares: Tensor) -> tuple[Tensor, Tensor]:
        """The network runs once, and is read on the way."""
        maps, logits = read(self.whole.network, self.stages, self.whole.planes(squares))
        parts = [gauge(_pooled(one)) for gauge, one in zip(self.gauges, maps, strict=True)]
        return logits, torch.cat(parts, dim=1).mean(dim=1, keepdim=True)


def fit_gauge(features: NDArray[np.float32]) -> Gauge:
    """The gauge of these features (n, d), n of at least 2."""
    wide = features.astype(np.float64)
    mean, deviation = wide.mean(axis=0), wide.std(axis=0)
    deviation = np.where(deviation > 1e-6 * (1 + np.abs(mean)), deviation, 1.0)  # one that never changes tells nothing
    scaled = (wide - mean) / deviation
    _, lengths, axes = np.linalg.svd(scaled, full_matrices=False)
    variances = lengths**2 / len(scaled)
    kept = min(AXES, len(scaled) // 4)
    rest = max(float(variances[kept:].sum()) / max(scaled.shape[1] - kept, 1), _FLOOR)
    along = np.maximum(variances[:kept], rest)
    return Gauge(
        mean=_tensor(mean),
        deviation=_tensor(deviation),
        axes=_tensor(axes[:kept].T),
        variances=_tensor(along),
        rest=rest,
    )


def _tensor(numbers: NDArray[np.float64]) -> Tensor:
    return torch.from_numpy(numbers.astype(np.float32))


@torch.no_grad()
def gauged(whole: Whole, pixels: NDArray[np.uint8], rows: NDArray[np.intp]) -> Gauged:
    """A network that has learned, with a gauge of at most MOST of the pictures it learned from, evenly chosen.

    Args:
        whole: the network.
        pixels: uint8 (n, size, size, 3).
        rows: of the pictures it learned from, at least 2.
    """
    whole = whole.to("cpu").eval()
    stages = _stages(whole.network, pixels.shape[1])
    chosen = rows[np.unique(np.linspace(0, len(rows) - 1, min(MOST, len(rows))).astype(int))]
    found: list[list[NDArray[np.float32]]] = [[] for _ in stages]
    for start in range(0, len(chosen), _AT_ONCE):
        batch = torch.from_numpy(np.ascontiguousarray(pixels[chosen[start : start + _AT_ONCE]]))
        maps, _ = read(whole.network, stages, whole.planes(batch))
        for parts, one in zip(found, maps, strict=True):
            parts.append(_pooled(one).numpy())
    return Gauged(whole, stages, [fit_gauge(np.concatenate(parts)) for parts in found])


def _pooled(one: Tensor) -> Tensor:
    """A map (n, c, h, w) as (n, 2c); of a large one, only so many places that counting them costs little."""
    step = math.ceil(one.shape[2] / SIDE)
    return pooled([one[:, :, ::step, ::step]], POOLS)


def _stages(network: nn.Module, size: int) -> tuple[str, ...]:
    if not isinstance(network, Reading):
        return inside(network, size).stages
    return tuple(f"network.{stage}" for stage in inside(network.network, size).stages)


def graph_of(run: Prepared, whole: Whole) -> nn.Module | None:
    """What is exported in the network's place; None where no strangeness is asked for, or too few groups are kept."""
    share, kind = run.recipe.familiar, run.wanted.domain.info.tasks[run.wanted.role].kind
    kept = {row.group for row, part in zip(run.survey.rows, run.parts, strict=True) if part in KEPT}
    if kind not in KINDS or not share or len(kept) < needed(share):
        return None
    return gauged(whole, run.survey.pixels, run.pictures("train").rows)


def strange_of(run: Prepared, network: Network, kept: Kept, told: NDArray[np.float32] | None) -> Strange:
    """How strange the pictures kept for calibration were, and those for validation, which no gradient has seen either.

    Args:
        run: for the pictures.
        network: served.
        kept: for calibration.
        told: of those; None where the network does not tell it.
    """
    validation = run.pictures("validation").rows
    others = look_all(network, run.survey.pixels, validation, run.beside)[1] if network.gauged else None
    groups = [*kept.groups, *(run.survey.rows[row].group for row in validation)]
    parts = [part for part in (told, others) if part is not None]
    return Strange(told=np.concatenate([np.empty(0, np.float32), *parts]), groups=groups)


def look_all(
    network: Network, pixels: NDArray[np.uint8], rows: NDArray[np.intp], beside: Sequence[Attributes]
) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """Logits of these rows of the squares, (n, outputs), and how strange each is to the network, (n,), where told.

    ``beside`` has the attributes of each square.
    """
    parts = [rows[:0], *(rows[start : start + _AT_ONCE] for start in range(0, len(rows), _AT_ONCE))]
    seen = [network.look(pixels[some], [beside[row] for row in some]) for some in parts]
    logits, strange = zip(*seen, strict=True)
    return np.concatenate(logits), np.concatenate(strange) if network.gauged else None
