"""Is a map worth showing? What happens to the answer when the places it names are taken away, or given back alone.

Deletion and insertion (Petsiuk, Das and Saenko, RISE, BMVC 2018): places are blurred out in the map's order, and
brought back into the blurred picture in the same order. A map that tells the places that matter makes the answer fall
at once in the one, and rise at once in the other. Two things differ from the paper. The ground is the blurred
picture, since black patches are something to see, too. And the shares of the picture double from step to step: with
even steps a blob in the middle of a leaf scores as high as a map of its one spot, for all that counts happens within
the first of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

SHARES = (1 / 128, 1 / 64, 1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2)
"""Shares of the picture that are taken away, and brought back."""
_SOFTNESS = 8
"""The blur's deviation is the picture's side through this: what is told of a leaf is gone, its outline is not."""
_AT_ONCE = 64

Answer = Callable[[NDArray[np.uint8]], NDArray[np.float64]]
"""Squares uint8 (n, size, size, 3) to what is explained, (n,)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """How strict the gate is.

    Args:
        margin: by how much a map's score must exceed each rival's to be shown.
        least: by how much blurring the whole picture must lower what is explained, or no place is said to carry it; in
            probability, or in deviations of a value.
    """

    margin: float = 0.05
    least: float = 0.1


def blurred(square: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The ground that places are blurred to, (size, size, 3)."""
    soft = cv2.GaussianBlur(square, (0, 0), square.shape[0] / _SOFTNESS, borderType=cv2.BORDER_REFLECT_101)
    return cast("NDArray[np.uint8]", soft)


def scores(
    answer: Answer, square: NDArray[np.uint8], maps: Sequence[NDArray[np.float32]], least: float
) -> tuple[NDArray[np.float64], float]:
    """How faithful some maps of one picture are.

    A score is the mean over :data:`SHARES` of what the map's first places take away when they alone are blurred, and of
    what they bring back when all others are, as shares of what blurring the whole picture takes away. Places drawn at
    random score about 0.14, the mean of the shares; 1 is the most where no place speaks against the answer.

    Args:
        answer: the network, told what is explained.
        square: uint8 (size, size, 3).
        maps: of this picture, each (size, size).
        least: what a smaller change by blurring is counted as.

    Returns:
        The score of each map, and by how much blurring the whole picture lowers what is explained.
    """
    ground = blurred(square)
    pictures = [square, ground]
    for one in maps:
        named = [mask[..., None] for mask in _first(one)]
        pictures += [np.where(mask, ground, square) for mask in named]
        pictures += [np.where(mask, square, ground) for mask in named]
    told = np.concatenate([answer(np.stack(pictures[i : i + _AT_ONCE])) for i in range(0, len(pictures), _AT_ONCE)])
    before, after = float(told[0]), float(told[1])
    deleted, inserted = np.moveaxis(told[2:].reshape(len(maps), 2, len(SHARES)), 1, 0)
    moved = ((before - deleted) + (inserted - after)).mean(axis=1) / 2
    return moved / max(before - after, least), before - after


def _first(one: NDArray[np.float32]) -> list[NDArray[np.bool_]]:
    """The places a map names first, one mask a share; equals come in an order that is drawn."""
    drawn = np.random.default_rng(0).permutation(one.size)
    order = np.lexsort((drawn, -one.ravel()))
    rank = np.argsort(order).reshape(one.shape)
    return [rank < max(round(share * one.size), 1) for share in SHARES]
