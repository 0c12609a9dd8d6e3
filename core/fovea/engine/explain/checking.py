"""A model's explanations as a whole: how many pass the gate, and how many point at what people marked."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fovea.engine.explain.asking import Model, Squares
from fovea.engine.explain.explaining import explain_with
from fovea.engine.explain.gate import Gate
from fovea.engine.explain.rivals import plain_rivals
from fovea.engine.explain.values import Explanation
from fovea.errors import FoveaError
from fovea.serving.fusion import Attributes

REACH = 0.03
"""A map points at what lies within so much of the picture's side from its greatest place: 15 of 500 pixels, as in
Zhang et al., Excitation Backprop, IJCV 2018, who brought the pointing game up."""
ENOUGH_S = 8.0
"""Seconds of CPU time that testing a trained model's maps may take, less one picture's."""
_MOST_FAIL = 0.5
_GOLDEN = 0.618034


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a sample of pictures says of a model's explanations.

    Args:
        maps: how many were made.
        passed: share of them that passed the gate.
        pointed: where masks were given, the share of maps that point at a marked place: of ``all maps``, of the
            ``shown`` ones, and of the rivals that no network made; NaN where there is none.
    """

    maps: int
    passed: float
    pointed: Mapping[str, float]

    @property
    def caution(self) -> str:
        """See :func:`caution_of`."""
        return caution_of(self.maps, round(self.passed * self.maps))


def caution_of(maps: int, passed: int) -> str:
    """A sentence where most of some maps failed: then those that passed are to be read with care; empty otherwise."""
    if not maps or passed >= _MOST_FAIL * maps:
        return ""
    if not passed:
        return (
            f"None of {maps} maps is better than what needs no trained network, so none is shown: this model's answers "
            "hang on no single place."
        )
    return (
        f"Only {passed} of {maps} maps are better than what needs no trained network: this model's answers mostly hang "
        "on no single place, and the maps shown may be among the lucky ones."
    )


def check(
    model: Model,
    squares: Squares,
    labels: Sequence[Sequence[str]] | None = None,
    *,
    masks: Sequence[NDArray[np.bool_] | None] | None = None,
    gate: Gate | None = None,
    beside: Sequence[Attributes] | None = None,
) -> Checked:
    """Explain a sample of pictures and count.

    Args:
        model: see :func:`fovea.engine.explain.model_of`.
        squares: uint8 (n, size, size, 3).
        labels: see :func:`fovea.engine.explain.explain`.
        masks: what people marked, (size, size) a picture; None for a picture where nobody did.
        gate: how strict to be.
        beside: attributes of each picture, for a model that reads them.
    """
    return count(explain_with(model, squares, labels, gate=gate, beside=beside), squares, masks)


def try_maps(
    model: Callable[[], Model], squares: Squares, rows: NDArray[np.intp], beside: Sequence[Attributes], most: int
) -> Mapping[str, int] | None:
    """How many maps of a model's answers pass the gate, on a few pictures spread evenly.

    Each costs about 160 passes of the network, so that no further picture is begun after :data:`ENOUGH_S`.

    Args:
        model: makes it; it is not called where nothing is to be tested.
        squares: uint8 (n, size, size, 3), all that there are.
        rows: those that may be taken.
        beside: attributes of all squares.
        most: pictures to take, at most.

    Returns:
        Numbers of ``pictures``, of their ``maps``, and of those ``shown``; None where there is no picture, or where the
        network cannot be explained.
    """
    chosen = rows[np.unique(np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(np.intp))]
    if not len(chosen):
        return None
    found: list[Explanation] = []
    pictures, began = 0, time.process_time()
    try:
        asked = model()
        for row in _apart(chosen):
            found += explain_with(asked, squares[[row]], beside=[beside[row]])
            pictures += 1
            if time.process_time() - began > ENOUGH_S:
                break
    except FoveaError:
        return None
    return {"pictures": pictures, "maps": len(found), "shown": sum(one.shown for one in found)}


def _apart(rows: NDArray[np.intp]) -> list[int]:
    """The rows in an order whose beginning is spread evenly, too."""
    order = np.argsort([(place * _GOLDEN) % 1 for place in range(len(rows))], kind="stable")
    return [int(row) for row in rows[np.argsort(order)]]


def count(
    found: Sequence[Explanation], squares: Squares, masks: Sequence[NDArray[np.bool_] | None] | None = None
) -> Checked:
    """What some explanations of ``squares`` come to; see :func:`check`."""
    pointed: dict[str, list[bool]] = {}
    for one in found:
        mask = None if masks is None else masks[one.picture]
        if mask is None or not mask.any():
            continue
        tried = {"all maps": one.map, **({"shown": one.map} if one.shown else {}), **plain_rivals(squares[one.picture])}
        for name, each in tried.items():
            pointed.setdefault(name, []).append(points_at(each, mask))
    return Checked(
        maps=len(found),
        passed=float(np.mean([one.shown for one in found])) if found else 0.0,
        pointed={name: float(np.mean(hits)) for name, hits in pointed.items()},
    )


def points_at(one: NDArray[np.float32], mask: NDArray[np.bool_], reach: float = REACH) -> bool:
    """The pointing game: whether a map's greatest place lies on a marked one, or within ``reach`` of the side.

    A map that is 0 throughout points at nothing.
    """
    if not one.any():
        return False
    away = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    place = np.unravel_index(int(one.argmax()), one.shape)
    return bool(away[place] <= reach * one.shape[0])
