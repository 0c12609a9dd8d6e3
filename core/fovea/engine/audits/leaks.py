"""The leak audit: the same picture, or the next one of a burst, in two groups that a split would take for strangers."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fovea.engine.audits.bursts import neighbours
from fovea.engine.audits.candidates import EXACT, Candidate, Sketches
from fovea.engine.audits.registration import agreement, subject_agreement
from fovea.engine.audits.windows import Bytes, families, grey_squares
from fovea.engine.pictures.split import Part
from fovea.engine.pictures.survey import Row
from fovea.plugin import Kind
from fovea.progress import Progress

PairKind: TypeAlias = Literal["exact", "near", "burst"]

NEAR = 0.88
"""Agreement from which two pictures are one: of 628 planted copies of leaves and films that were compared, one lay
below (0.877), and pictures of two plants or patients reached 0.85."""

BURST = 0.6
"""Agreement of their fine structure from which two pictures taken one after the other may be of one subject."""

_MOST_LOOKS, _LEAST_LOOKS = 3, 600
_LEAST_LIKE = 0.5
_STRANGERS, _FEWEST_STRANGERS = 400, 20
_ABOVE_STRANGERS = 2.2
_SURELY = 0.8
_FLAT = 1.0
_LABELLED = ("classify", "multilabel", "anomaly")
_CROPPED = 0.9
_TURNED: tuple[tuple[str, ...], ...] = (
    (),
    ("mirrored",),
    ("turned",),
    ("turned", "mirrored"),
    ("turned",),
    ("mirrored",),
    ("turned",),
    ("turned", "mirrored"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two pictures that should not be on two sides of a split.

    Args:
        first: place of one among the rows.
        second: place of the other, greater than ``first``.
        kind: ``exact``: the same pixels. ``near``: the same picture, changed. ``burst``: the same subject, taken one
            after the other.
        score: how far their fine structure agrees, 0 to 1.
        how: how the one became the other, in words.
    """

    first: int
    second: int
    kind: PairKind
    score: float
    how: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaks:
    """What the leak audit found.

    Args:
        pairs: of pictures in different groups, the surest first.
        contradictions: the same picture with two answers, in whatever groups, the surest first.
        groups: the group of each row, where groups that share a picture are one.
        merged: how many groups fewer that makes.
        unlooked: pairs that look alike and were not compared closely, because there were too many.
        thorough: False where each picture was compared with a part of the others, because there are very many.
    """

    pairs: tuple[Pair, ...]
    contradictions: tuple[Pair, ...]
    groups: tuple[str, ...]
    merged: int
    unlooked: int = 0
    thorough: bool = True


def find_leaks(pixels: NDArray[np.uint8], rows: Sequence[Row], kind: Kind, progress: Progress) -> Leaks:
    """Find the same picture in two groups, and with two answers.

    A picture is known again when it was cropped to about 80 %, mirrored, turned by quarters, compressed, blurred,
    lightened, or scanned up to about 3 degrees aslant. Time grows with the square of the number of pictures: 1,000
    take seconds, 10,000 minutes.

    Args:
        pixels: uint8 (n, size, size, 3).
        rows: n of them.
        kind: of the task; only labels can contradict one another.
        progress: told how far it is, in pictures and then in pairs.
    """
    if len(rows) < 2:  # noqa: PLR2004 - a pair
        return gathered(rows, (), kind)
    apart = _apart(rows, kind)
    progress.start("look for pictures that come twice", 2 * len(rows))
    grey = grey_squares(pixels)
    progress.advance(len(rows))
    sketches = Sketches(grey, families())
    looks = _best_first(sketches, sketches.nearest(apart, progress))
    progress.finish()
    few = looks[: max(_MOST_LOOKS * len(rows), _LEAST_LOOKS)]
    near = list(_looked_at(grey, [one for one in few if rows[one.copy].digest != rows[one.original].digest], progress))
    bursts = {pair for pair in neighbours(rows) if apart[pair[0]] != apart[pair[1]]}
    bursts -= {(pair.first, pair.second) for pair in near}
    unlike = sorted((a, b) for a, b in bursts if rows[a].digest != rows[b].digest)
    found = [*_exact(rows, grey, kind), *near, *_one_subject(grey, unlike, apart, progress)]
    told = gathered(rows, found, kind)
    return dataclasses.replace(told, unlooked=len(looks) - len(few), thorough=len(rows) <= EXACT)


def _best_first(sketches: Sketches, pairs: Iterable[tuple[int, int]]) -> list[Candidate]:
    """Each pair once, in the order in which it looks most alike, if that is alike enough."""
    ways = sorted({*pairs, *((b, a) for a, b in pairs)})
    every = sorted(sketches.explain(ways), key=lambda one: (-one.likeness, one.copy, one.original))
    best: dict[tuple[int, int], Candidate] = {}
    for one in every:
        best.setdefault(_ordered(one), one)
    return [one for one in best.values() if one.likeness >= _LEAST_LIKE]


def _looked_at(grey: Bytes, candidates: Sequence[Candidate], progress: Progress) -> Iterator[Pair]:
    progress.start("compare pictures that look alike", len(candidates))
    for one in candidates:
        score = agreement(grey[one.original], grey[one.copy], one)
        first, second = _ordered(one)
        if score >= NEAR:
            yield Pair(first=first, second=second, kind="near", score=score, how=_how(one))
        progress.advance()
    progress.finish()


def _one_subject(
    grey: Bytes, pairs: Sequence[tuple[int, int]], apart: NDArray[np.intp], progress: Progress
) -> Iterator[Pair]:
    """Those of pictures taken one after the other that agree as no two drawn by chance do."""
    if not pairs:
        return
    enough = _enough(grey, apart)
    progress.start("compare pictures taken one after the other", len(pairs))
    for first, second in pairs:
        score = subject_agreement(grey[first], grey[second], enough)
        if score >= enough:
            yield Pair(first=first, second=second, kind="burst", score=score, how="taken one after the other")
        progress.advance()
    progress.finish()


def _enough(grey: Bytes, apart: NDArray[np.intp]) -> float:
    """What two pictures must reach to be of one subject: BURST, or more in a set whose strangers are alike.

    That is _ABOVE_STRANGERS times as far above the median of pairs drawn by chance as their ninth decile is, but at
    most _SURELY: where subjects are few, pairs by chance may show one. In a set of one scene nothing is told.
    """
    drawn = np.random.default_rng(0).integers(0, len(grey), (_STRANGERS, 2))
    strangers = [subject_agreement(grey[a], grey[b], 1.0) for a, b in drawn.tolist() if apart[a] != apart[b]]
    if len(strangers) < _FEWEST_STRANGERS:
        return BURST
    middle, high = np.quantile(strangers, (0.5, 0.9)).tolist()
    above = max(BURST, middle + _ABOVE_STRANGERS * (high - middle))
    return float(min(above, _SURELY) if middle < BURST else above)


def _ordered(one: Candidate) -> tuple[int, int]:
    return min(one.copy, one.original), max(one.copy, one.original)


def _how(one: Candidate) -> str:
    cropped = ("cropped",) if one.window.side < _CROPPED * one.asked.side else ()
    words = (*cropped, *_TURNED[one.turn])
    return " and ".join(words) if words else "nearly the same pixels"


def gathered(rows: Sequence[Row], pairs: Iterable[Pair], kind: Kind) -> Leaks:
    """What these pairs come to."""
    every = sorted(pairs, key=lambda pair: (-pair.score, pair.first, pair.second))
    across = tuple(pair for pair in every if rows[pair.first].group != rows[pair.second].group)
    contrary = tuple(
        pair for pair in every if pair.kind != "burst" and _differ(rows[pair.first], rows[pair.second], kind)
    )
    groups = merged_groups(rows, across)
    fewer = len({row.group for row in rows}) - len(set(groups))
    return Leaks(pairs=across, contradictions=contrary, groups=groups, merged=fewer)


def merged_groups(rows: Sequence[Row], pairs: Iterable[Pair]) -> tuple[str, ...]:
    """The group of each row where groups with a pair between them are one, under the first of their names."""
    lead: dict[str, str] = {row.group: row.group for row in rows}

    def of(name: str) -> str:
        while lead[name] != name:
            lead[name] = name = lead[lead[name]]
        return name

    for pair in pairs:
        one, other = sorted((of(rows[pair.first].group), of(rows[pair.second].group)))
        lead[other] = one
    return tuple(of(row.group) for row in rows)


def across_parts(leaks: Leaks, parts: Sequence[Part]) -> tuple[Pair, ...]:
    """Those pairs whose pictures are in different parts of the split."""
    return tuple(pair for pair in leaks.pairs if parts[pair.first] != parts[pair.second])


def counted(leaks: Leaks, parts: Sequence[Part]) -> Mapping[str, int]:
    """Pairs by kind across groups, and how many pictures of ``test`` have a double among those learned from."""
    seen = {
        place
        for pair in leaks.pairs
        for place, other in ((pair.first, pair.second), (pair.second, pair.first))
        if parts[place] == "test" and parts[other] != "test"
    }
    kinds = {kind: sum(pair.kind == kind for pair in leaks.pairs) for kind in ("exact", "near", "burst")}
    return {**kinds, "across_parts": len(across_parts(leaks, parts)), "test_pictures": len(seen)}


def _differ(one: Row, other: Row, kind: Kind) -> bool:
    """Whether two pictures have contradicting answers; values and masks may differ by how they were measured."""
    return kind in _LABELLED and one.target != other.target


def _exact(rows: Sequence[Row], grey: Bytes, kind: Kind) -> Iterator[Pair]:
    """A chain through the pictures of one digest, so that each group and answer is linked to the next.

    Pictures without any structure, such as a black frame, show nothing that could be known again.
    """
    same: defaultdict[str, list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        if grey[place].std() >= _FLAT:
            same[row.digest].append(place)
    for places in same.values():
        in_order = sorted(places, key=lambda place: (str(rows[place].target), rows[place].group, place))
        for first, second in map(sorted, pairwise(in_order)):
            if rows[first].group != rows[second].group or _differ(rows[first], rows[second], kind):
                yield Pair(first=first, second=second, kind="exact", score=1.0, how="the same pixels")


def _apart(rows: Sequence[Row], kind: Kind) -> NDArray[np.intp]:
    """A number for each picture; those of one number need no comparison: one group that agrees."""
    names = [(row.group, str(row.target) if kind in _LABELLED else "") for row in rows]
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return np.array([numbers[name] for name in names], np.intp)
