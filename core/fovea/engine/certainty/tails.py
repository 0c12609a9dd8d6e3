"""From which distance on a picture is called an anomaly, counted on normal pictures kept for that."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fovea.engine.certainty.calibrate import half_width, line
from fovea.errors import DataError
from fovea.serving.readings import Tail

_MOST_STEPS = 256
_LEAST_GROUPS = 2
_LEAST_ANOMALIES = 8


def tail_of(
    distances: NDArray[np.float64], strange: NDArray[np.bool_], groups: Sequence[str], false_alarms: float
) -> Tail:
    """How distances are read.

    The threshold is conformal by group, as in :func:`fovea.engine.certainty.calibrate.half_width`: a normal picture
    of a new group lies beyond it in at most the stated share of cases. With too few groups to say so (19 for 0.05)
    it is the greatest distance of a normal picture, and the share is 1 in so many groups and one.

    A probability is calibrated by Platt's line where at least 8 anomalies of 2 groups were kept.

    Args:
        distances: of pictures that nothing was learned from, (n,).
        strange: which of them are anomalies, (n,).
        groups: of each.
        false_alarms: share of normal pictures of new groups that may be called anomalies, in (0, 1).

    Raises:
        DataError: none of them is normal.
    """
    if strange.all():
        raise DataError(
            "no normal picture was kept to say from where on one is strange: set calibration above 0, or add normal "
            "pictures of other groups"
        )
    near = distances[~strange]
    named = [group for group, is_strange in zip(groups, strange, strict=True) if not is_strange]
    threshold = half_width(near, named, 1 - false_alarms)
    steps, reached = _steps(near, named)
    slope, offset = _platt(distances, strange, groups)
    return Tail(
        threshold=float(near.max()) if threshold is None else threshold,
        false_alarms=1 / (len(set(named)) + 1) if threshold is None else false_alarms,
        distances=steps,
        shares=reached,
        slope=slope,
        offset=offset,
    )


def _steps(near: NDArray[np.float64], groups: Sequence[str]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Distances, ascending, and the share of normal pictures that are nearer; every group counts alike."""
    _, place, counts = np.unique(
        [group.encode("utf-8", "surrogatepass") for group in groups], return_inverse=True, return_counts=True
    )
    order = np.argsort(near, kind="stable")
    reached = np.cumsum(1 / counts[place[order]]) / (len(counts) + 1)
    kept = np.unique(np.linspace(0, len(near) - 1, min(len(near), _MOST_STEPS)).round().astype(int))
    return tuple(near[order][kept].tolist()), tuple(reached[kept].tolist())


def _platt(
    distances: NDArray[np.float64], strange: NDArray[np.bool_], groups: Sequence[str]
) -> tuple[float | None, float]:
    of = {group for group, is_strange in zip(groups, strange, strict=True) if is_strange}
    if strange.sum() < _LEAST_ANOMALIES or len(of) < _LEAST_GROUPS:
        return None, 0.0
    middle, spread = float(distances.mean()), max(float(distances.std()), 1e-9)
    standard = ((distances - middle) / spread)[:, None].astype(np.float32)
    slope, offset = line(standard, strange.astype(np.int64)[:, None], 0)
    return slope / spread, offset - slope * middle / spread
