"""Whether an ``anomaly`` bundle is hot where people marked the anomaly, and which of its maps are worth a look.

``pixel_auroc`` ranks the pixels of all pictures by heat. It is high already where one large area is found and ten small
ones are not, so that ``aupro`` stands beside it: the share found of each connected area, every area counted alike,
averaged over the thresholds that call at most 30 % of the ordinary pixels (Bergmann et al., The MVTec Anomaly Detection
Dataset, IJCV 2021).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from fovea.engine.judging.curves import Floats
from fovea.engine.judging.marked import ORDINARY, STRANGE, Marked
from fovea.engine.judging.resampling import resamplings
from fovea.engine.pictures.survey import Row
from fovea.engine.pictures.targets import NORMAL

MOST_CALLED = 0.3
"""Share of the ordinary pixels that ``aupro`` lets be called, as in the paper."""

SHOWN = 8
"""Maps kept of each sort."""

_STEPS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Hot:
    """One picture with its map.

    Args:
        source: of the sample.
        part: of the sample.
        region: name of the region, empty for the whole picture.
        label: as in the data.
        distance: of the picture from normal.
        called: whether it was called an anomaly.
        heat: distance of each place, (g, g).
        marked: what people marked, (size, size) as in :class:`fovea.engine.judging.marked.Marked`; None: nothing.
    """

    source: str
    part: str
    region: str
    label: str
    distance: float
    called: bool
    heat: NDArray[np.float32] = field(compare=False, repr=False)
    marked: NDArray[np.uint8] | None = field(default=None, compare=False, repr=False)

    @property
    def missed(self) -> bool:
        """An anomaly that was not called one."""
        return self.label != NORMAL and not self.called


def hottest(
    rows: Sequence[Row], distances: Floats, maps: NDArray[np.float32], threshold: float, marked: Marked | None
) -> tuple[Hot, ...]:
    """The maps worth a look: of the strangest pictures, then of the anomalies missed, the least strange first.

    Args:
        rows: the pictures judged, n of them.
        distances: of each from normal, (n,).
        maps: distance of each place, (n, g, g).
        threshold: beyond which a picture is called an anomaly.
        marked: in the same order.
    """
    order = np.argsort(-distances, kind="stable").tolist()
    missed = [one for one in reversed(order) if rows[one].target != NORMAL and distances[one] <= threshold]
    chosen = list(dict.fromkeys([*order[:SHOWN], *missed[:SHOWN]]))
    return tuple(
        Hot(
            source=rows[one].source,
            part=rows[one].part,
            region=rows[one].region,
            label=str(rows[one].target),
            distance=float(distances[one]),
            called=bool(distances[one] > threshold),
            heat=maps[one],
            marked=None if marked is None else marked.places[one],
        )
        for one in chosen
    )


def judge_heat(
    maps: NDArray[np.float32], marked: Marked, group: NDArray[np.intp], groups: int, seed: int
) -> tuple[dict[str, float], dict[str, Floats]]:
    """The figures and their resamplings; none where nothing is marked strange, or nothing ordinary.

    Pixels are sorted into 500 steps of heat, finer among the hottest: that moves a figure by less than 0.001.

    Args:
        maps: distance of each place, (n, g, g); brought to the marks' size by bilinear interpolation.
        marked: in the same order.
        group: number of each picture's group, (n,).
        groups: how many there are.
        seed: of the resamplings.
    """
    sums = _sums(maps, marked.places, group, groups)
    values = _figures(sums, np.ones((1, groups)))
    if not all(np.isfinite(one).all() for one in values.values()):
        return {}, {}
    drawn = [_figures(sums, times) for times in resamplings(groups, seed, 4 * sums.shape[2])]
    spread = {name: np.concatenate([one[name] for one in drawn]) for name in values}
    return {name: float(one[0]) for name, one in values.items()}, spread


def _sums(maps: NDArray[np.float32], places: NDArray[np.uint8], group: NDArray[np.intp], groups: int) -> Floats:
    """By group and step of heat: ordinary pixels, strange pixels, shares of the areas, (groups, 3, steps)."""
    wanted = np.concatenate([np.linspace(0, 0.9, _STEPS // 2), np.linspace(0.9, 1, _STEPS // 2)[1:]])
    edges = np.unique(np.quantile(maps, wanted))
    sums = np.zeros((groups, 3, len(edges) + 1))
    for one, mask, number in zip(maps, places, group, strict=True):
        if not (mask <= STRANGE).any():
            continue
        wide = cv2.resize(np.ascontiguousarray(one), mask.shape[::-1], interpolation=cv2.INTER_LINEAR)
        step = np.searchsorted(edges, wide, side="right")
        parts = (mask == ORDINARY, mask == STRANGE)
        sums[number, :2] += [np.bincount(step[part], minlength=sums.shape[2]) for part in parts]
        count, areas = cv2.connectedComponents((mask == STRANGE).astype(np.uint8), connectivity=8)
        for area in range(1, count):
            here = step[areas == area]
            sums[number, 2] += np.bincount(here, minlength=sums.shape[2]) / len(here)
    return sums


def _figures(sums: Floats, times: Floats) -> dict[str, Floats]:
    """Both figures where group g is counted ``times[:, g]`` times: (draws,) each."""
    from_hot = np.tensordot(times, sums, 1)[..., ::-1].cumsum(axis=2)  # (draws, 3, steps)
    with np.errstate(invalid="ignore", divide="ignore"):
        called, found, areas = np.moveaxis(from_hot / from_hot[..., -1:], 1, 0)
    steps = np.diff(called, axis=1, prepend=0)
    before = np.concatenate([np.zeros((len(found), 1)), found[:, :-1]], axis=1)
    return {
        "pixel_auroc": (steps * (found + before) / 2).sum(axis=1),
        "aupro": np.array([_until(one, other) for one, other in zip(called, areas, strict=True)]),
    }


def _until(called: Floats, areas: Floats) -> float:
    """The mean height of a curve from 0 to MOST_CALLED."""
    if not (np.isfinite(called).all() and np.isfinite(areas).all()):
        return float("nan")
    along, up = np.concatenate([[0.0], called]), np.concatenate([[0.0], areas])
    inside = along < MOST_CALLED
    x = np.append(along[inside], MOST_CALLED)
    y = np.append(up[inside], np.interp(MOST_CALLED, along, up))
    return float(np.trapezoid(y, x) / MOST_CALLED)
