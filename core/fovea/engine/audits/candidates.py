"""Which pairs of pictures may show the same picture: small whitened views compared by matrix products, all with all.

Every picture of a set may look like the set (films of chests, leaves on a bench), so that plain likeness says little.
What is common is taken away: the mean of the views, and by whitening the directions in which all of them differ
(Jégou and Chum, Negative evidences and co-occurrences in image retrieval, ECCV 2012).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fovea.engine.audits.windows import TURNS, Bytes, Family, Floats, Window, turned_views, unit, views
from fovea.progress import Progress

LIKE = 0.6
"""Likeness from which a pair is looked at closely: 227 of 228 planted copies of chest films lie above."""

FEW = 100
"""Of fewer pictures nothing can be said to be common, and more of them are looked at closely."""

_NEAREST, _NEAREST_OF_FEW = 4, 10
_DIRECTIONS = 64
_FLOOR = 1e-2
_BLOCK = 256


@dataclass(frozen=True, slots=True)
class Candidate:
    """Two pictures that may be one.

    Args:
        copy: place of the one that may be a crop of the other.
        original: place of the other.
        turn: how the copy is turned first, see :func:`fovea.engine.audits.windows.turned`.
        asked: window of the turned copy.
        window: of the original, that looks like it.
        likeness: -1 to about 1.
    """

    copy: int
    original: int
    turn: int
    asked: Window
    window: Window
    likeness: float


class _Comparison:
    """Views of one window of every picture, and how the others are to be seen beside them.

    Args:
        asked: window of the copy.
        window: of the original.
        through: whitened views through it, (n, directions).
        turned: whitened views of the copies, in each turn.
    """

    def __init__(self, asked: Window, window: Window, through: Floats, turned: Sequence[Floats]) -> None:
        self.asked, self.window, self.turned = asked, window, turned
        self.mean = _common(through)
        originals = unit(through - self.mean)
        self.originals = originals - _common(originals)
        self.common = [_common(unit(one - self.mean)) for one in turned]

    def copies(self, turn: int, rows: slice | NDArray[np.intp]) -> Floats:
        """Some pictures as the copy. What all pictures have in common when turned so is taken away after all else."""
        return np.asarray(unit(self.turned[turn][rows] - self.mean) - self.common[turn], np.float32)


class Sketches:
    """Whitened views of all pictures.

    Args:
        grey: uint8 (n, SIDE, SIDE).
        families: which windows are compared with which.
    """

    def __init__(self, grey: Bytes, families: Sequence[Family]) -> None:
        self.count = len(grey)
        self.comparisons = tuple(one for family in families for one in _comparisons(grey, family))

    def __len__(self) -> int:
        return self.count

    def nearest(self, apart: NDArray[np.intp], progress: Progress) -> set[tuple[int, int]]:
        """Pairs (copy, original): for each picture the nearest few that are LIKE it.

        Args:
            apart: (n,) pictures of one number are not compared.
            progress: advanced once a picture.
        """
        found: set[tuple[int, int]] = set()
        for start in range(0, self.count, _BLOCK):
            block = slice(start, min(start + _BLOCK, self.count))
            likeness = self._likeness(block)
            likeness[apart[block, None] == apart] = -1
            found.update(_above(likeness, start))
            progress.advance(block.stop - block.start)
        return found

    def _likeness(self, block: slice) -> Floats:
        """The greatest likeness over all windows and turns, (block, n)."""
        best = np.full((block.stop - block.start, self.count), -1, np.float32)
        product = np.empty_like(best)
        for comparison in self.comparisons:
            for turn in range(TURNS):
                np.matmul(comparison.copies(turn, block), comparison.originals.T, out=product)
                np.maximum(best, product, out=best)
        return best

    def explain(self, pairs: Sequence[tuple[int, int]]) -> list[Candidate]:
        """How each pair (copy, original) looks most alike."""
        copy, original = np.array(pairs, np.intp).reshape(-1, 2).T
        best, chosen = np.full(len(pairs), -2, np.float32), np.zeros(len(pairs), np.intp)
        ways: list[tuple[Window, Window, int]] = []
        for comparison in self.comparisons:
            for turn in range(TURNS):
                alike = np.einsum("nd,nd->n", comparison.copies(turn, copy), comparison.originals[original])
                chosen[alike > best] = len(ways)
                np.maximum(best, alike, out=best)
                ways.append((comparison.asked, comparison.window, turn))
        told = zip(pairs, (ways[place] for place in chosen), best, strict=True)
        return [Candidate(c, o, turn, asked, window, float(like)) for (c, o), (asked, window, turn), like in told]


def _comparisons(grey: Bytes, family: Family) -> Iterator[_Comparison]:
    seen = views(grey, family.asked)
    whitening = _whitening(seen)
    all_turned = tuple(one @ whitening for one in turned_views(seen))
    for window in family.windows:
        yield _Comparison(family.asked, window, views(grey, window) @ whitening, all_turned)


def _common(seen: Floats) -> Floats:
    """What all pictures have in common; of a few it would be what they are."""
    return np.asarray(seen.mean(axis=0) * (len(seen) >= FEW), np.float32)


def _whitening(seen: Floats) -> Floats:
    """The map (numbers, directions) onto the directions of greatest variance, each brought to about the same."""
    if len(seen) < FEW:
        return np.eye(seen.shape[1], dtype=np.float32)
    _, spread, directions = np.linalg.svd(seen - seen.mean(axis=0), full_matrices=False)
    variance = spread**2 / len(seen)
    kept = directions[:_DIRECTIONS]
    scale = np.sqrt(variance[: len(kept)] + _FLOOR * max(float(variance[0]), 1e-9))
    return np.asarray(kept.T / scale, np.float32)


def _above(likeness: Floats, start: int) -> Iterator[tuple[int, int]]:
    """The nearest few of each row that are LIKE it."""
    count = likeness.shape[1]
    few = min(_NEAREST if count >= FEW else _NEAREST_OF_FEW, count)
    nearest = np.argpartition(-likeness, few - 1, axis=1)[:, :few]
    rows, places = np.nonzero(np.take_along_axis(likeness, nearest, axis=1) >= LIKE)
    return ((int(row) + start, int(nearest[row, place])) for row, place in zip(rows, places, strict=True))
