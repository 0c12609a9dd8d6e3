"""Which pairs of pictures may show the same picture: small whitened views compared by matrix products, all with all.

Every picture of a set may look like the set (films of chests, leaves on a bench), so that plain likeness says little.
What is common is taken away: the mean of the views, and by whitening the directions in which all of them differ
(Jégou and Chum, Negative evidences and co-occurrences in image retrieval, ECCV 2012).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fovea.engine.audits.windows import TURNS, Bytes, Family, Floats, Window, turned_views, unit, views
from fovea.progress import Progress

LIKE = 0.6
"""Likeness from which a pair is looked at closely: 227 of 228 planted copies of chest films lie above."""

EXACT = 20_000
"""Of more pictures, not all are compared with all."""

FEW = 100
"""Of fewer pictures nothing can be said to be common, and more of them are looked at closely."""

_NEAREST, _NEAREST_OF_FEW = 4, 10
_DIRECTIONS = 64
_FLOOR = 1e-2
_BLOCK, _WIDE = 256, 2048
_HELD = 5_000
_CELLS, _PROBED = 1.0, 12
_MOST_WAITING = 2_000_000


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
    """Whitened views of all pictures; those of many are made when they are wanted, and let go.

    Args:
        grey: uint8 (n, SIDE, SIDE).
        families: which windows are compared with which.
    """

    def __init__(self, grey: Bytes, families: Sequence[Family]) -> None:
        self._grey, self._families = grey, families
        self._ways = sum(len(family.windows) for family in families)
        self._held = tuple(self._made()) if len(grey) <= _HELD else None

    def __len__(self) -> int:
        return len(self._grey)

    def _made(self) -> Iterator[_Comparison]:
        return (one for family in self._families for one in _comparisons(self._grey, family))

    def _comparisons(self) -> Iterable[_Comparison]:
        return self._made() if self._held is None else self._held

    def nearest(self, apart: NDArray[np.intp], progress: Progress, *, exact: int = EXACT) -> set[tuple[int, int]]:
        """Pairs (copy, original): for each picture the nearest few that are LIKE it.

        Args:
            apart: (n,) pictures of one number are not compared.
            progress: advanced once a picture.
            exact: of more pictures than this each is compared with those that lie in the same directions only.
        """
        count = len(self)
        cells = 1 if count <= exact else round(_CELLS * count**0.5)
        found = _Nearest(count)
        for number, comparison in enumerate(self._comparisons()):
            originals = comparison.originals
            pivots = originals[np.linspace(0, count - 1, cells).astype(np.intp)]
            members = _members(originals, pivots)
            for turn in range(TURNS):
                copies = comparison.copies(turn, slice(None))
                for asking, there in _meetings(copies, pivots, members):
                    likeness = copies[asking] @ originals[there].T
                    like = np.flatnonzero(likeness >= LIKE)
                    one, other = asking[like // len(there)], there[like % len(there)]
                    different = apart[one] != apart[other]
                    found.add(one[different], other[different], likeness.ravel()[like[different]])
            found.shorten()
            progress.advance(count * (number + 1) // self._ways - count * number // self._ways)
        return found.pairs()

    def explain(self, pairs: Sequence[tuple[int, int]]) -> list[Candidate]:
        """How each pair (copy, original) looks most alike."""
        copy, original = np.array(pairs, np.intp).reshape(-1, 2).T
        best, chosen = np.full(len(pairs), -2, np.float32), np.zeros(len(pairs), np.intp)
        ways: list[tuple[Window, Window, int]] = []
        for comparison in self._comparisons():
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


class _Nearest:
    """The nearest few of each picture, as far as they are known.

    Args:
        count: of pictures.
    """

    def __init__(self, count: int) -> None:
        self._count, self._few = count, _NEAREST if count >= FEW else _NEAREST_OF_FEW
        self._one, self._other = (np.empty(0, np.int64) for _ in range(2))
        self._likeness = np.empty(0, np.float32)
        self._new: list[tuple[NDArray[np.intp], NDArray[np.intp], Floats]] = []
        self._waiting = 0

    def add(self, one: NDArray[np.intp], other: NDArray[np.intp], likeness: Floats) -> None:
        """Further pairs; one may come again."""
        self._new.append((one, other, likeness))
        self._waiting += len(one)
        if self._waiting > _MOST_WAITING:
            self.shorten()

    def shorten(self) -> None:
        """Forget all but the nearest few of each."""
        one, other, likeness = (
            np.concatenate([old, *new])
            for old, new in zip(
                (self._one, self._other, self._likeness),
                zip(*self._new, strict=True) if self._new else ((), (), ()),
                strict=True,
            )
        )
        self._new, self._waiting = [], 0
        order = np.lexsort((other, -likeness))
        _, first = np.unique((one * self._count + other)[order], return_index=True)
        kept = order[first]
        kept = kept[np.lexsort((other[kept], -likeness[kept], one[kept]))]
        starts = np.searchsorted(one[kept], one[kept])
        kept = kept[np.arange(len(kept)) - starts < self._few]
        self._one, self._other, self._likeness = one[kept], other[kept], likeness[kept]

    def pairs(self) -> set[tuple[int, int]]:
        """(picture, one of its nearest)."""
        self.shorten()
        return set(zip(self._one.tolist(), self._other.tolist(), strict=True))


def _members(originals: Floats, pivots: Floats) -> list[NDArray[np.intp]]:
    """Which originals lie nearest to which pivot."""
    nearest = (originals @ pivots.T).argmax(axis=1) if len(pivots) > 1 else np.zeros(len(originals), np.intp)
    order = np.argsort(nearest, kind="stable")
    return np.split(order, np.searchsorted(nearest[order], np.arange(1, len(pivots))))


def _meetings(
    copies: Floats, pivots: Floats, members: Sequence[NDArray[np.intp]]
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Which copies are to be compared with which originals: those of the few pivots nearest to the copy."""
    if len(pivots) > 1:
        few = min(_PROBED, len(pivots))
        nearest = np.argpartition(copies @ -pivots.T, few - 1, axis=1)[:, :few].ravel()
        order = np.argsort(nearest, kind="stable")
        asking = np.split(order // few, np.searchsorted(nearest[order], np.arange(1, len(pivots))))
    else:
        asking = [np.arange(len(copies))]
    for some, there in zip(asking, members, strict=True):
        for start in range(0, len(some) if len(there) else 0, _BLOCK):
            for begin in range(0, len(there), _WIDE):
                yield some[start : start + _BLOCK], there[begin : begin + _WIDE]
