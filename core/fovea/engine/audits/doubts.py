"""Labels that are probably wrong: "look at these first".

Confident learning: Northcutt, Jiang and Chuang, JAIR 2021, arXiv 1911.00068. Probabilities are of models that did not
learn from the picture they are asked about; a picture counts as doubtful where another label than the given one is said
as surely as pictures of that label usually are.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fovea.engine.pictures.survey import Row
from fovea.engine.pictures.targets import Known
from fovea.progress import Progress

Floats = NDArray[np.float64]

_FAR = 3.5
"""Robust deviations from which a value is doubtful (Iglewicz and Hoaglin, 1993)."""

_NOTES = "notes.json"

_TO_DEVIATION = 1.4826
"""A normal distribution's standard deviation, of its median absolute deviation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """A label or a value that is probably wrong.

    Args:
        place: of the picture, from 0.
        given: what it is labelled.
        said: what it seems to be.
        sure: how much more probable that is than what is given, in (0, 1]; of a value, how many robust deviations the
            two are apart.
    """

    place: int
    given: str
    said: str
    sure: float


def doubts(said: Floats, given: NDArray[np.intp], names: Sequence[str]) -> tuple[Doubt, ...]:
    """Doubtful labels of pictures with one label each, the most doubtful first.

    Args:
        said: out-of-fold probabilities, (n, labels).
        given: place of each picture's label, (n,).
        names: of the labels.
    """
    places = np.arange(len(given))
    usual = np.array(
        [said[given == label, label].mean() if (given == label).any() else np.inf for label in range(len(names))]
    )
    sure = np.where(said >= usual, said, -1.0)
    best = sure.argmax(axis=1)
    margin = said[places, best] - said[places, given]
    doubtful = np.flatnonzero((sure.max(axis=1) >= 0) & (best != given) & (margin > 0))
    return ranked(
        Doubt(place=int(one), given=names[given[one]], said=names[best[one]], sure=float(margin[one]))
        for one in doubtful
    )


def doubts_of_labels(said: Floats, given: NDArray[np.bool_], names: Sequence[str]) -> tuple[Doubt, ...]:
    """Doubtful labels of pictures with any number of them: each label for itself, against its absence.

    Args:
        said: out-of-fold probabilities, (n, labels).
        given: which picture has which label, (n, labels).
        names: of the labels.
    """
    found = [
        Doubt(place=one.place, given=one.given, said=one.said, sure=one.sure)
        for label, name in enumerate(names)
        for one in doubts(
            np.stack([1 - said[:, label], said[:, label]], axis=1),
            given[:, label].astype(np.intp),
            (f"no {name}", name),
        )
    ]
    return ranked(found)


def doubts_of_values(said: Floats, given: Floats, names: Sequence[str]) -> tuple[Doubt, ...]:
    """Doubtful values: those whose distance from what is said is far out among all distances.

    Args:
        said: out-of-fold values, (n, outputs), in the target's own unit.
        given: likewise.
        names: of the values.
    """
    found: list[Doubt] = []
    for output, name in enumerate(names):
        off = given[:, output] - said[:, output]
        spread = _TO_DEVIATION * float(np.median(np.abs(off - np.median(off))))
        if spread <= 0:
            continue
        apart = np.abs(off - np.median(off)) / spread
        found += [
            Doubt(
                place=int(one),
                given=f"{name} {given[one, output]:.4g}",
                said=f"{name} {said[one, output]:.4g}",
                sure=float(apart[one]),
            )
            for one in np.flatnonzero(apart > _FAR)
        ]
    return ranked(found)


def ranked(found: Iterable[Doubt]) -> tuple[Doubt, ...]:
    """The surest doubts first; where they are as sure, in the pictures' order."""
    return tuple(sorted(found, key=lambda one: (-one.sure, one.place)))


def contradictions(rows: Sequence[Row]) -> tuple[tuple[Row, ...], ...]:
    """The same square with different answers, each with all rows that show it, in the rows' order."""
    alike: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        alike[row.digest].append(row)
    return tuple(tuple(same) for same in alike.values() if len({row.target for row in same}) > 1)


def note_contradictions(folder: Path, rows: Sequence[Row], progress: Progress) -> None:
    """Write a sentence on contradictions among these rows into the run's folder, and show how many there are."""
    found = contradictions(rows)
    sentences = [_sentence(found)] if found else []
    (folder / _NOTES).write_text(json.dumps(sentences, indent=2), encoding="ascii")
    if found:
        progress.start("compare the answers", len(rows))
        progress.show(contradictions=len(found))
        progress.advance(len(rows))
        progress.finish()


def add_notes(folder: Path, sentences: Sequence[str]) -> None:
    """Write further sentences into the run's folder, each once."""
    every = dict.fromkeys((*notes_of(folder), *sentences))
    (folder / _NOTES).write_text(json.dumps(list(every), indent=2), encoding="ascii")


def notes_of(folder: Path) -> tuple[str, ...]:
    """The sentences that :func:`note_contradictions` left in a run's folder."""
    path = folder / _NOTES
    return tuple(json.loads(path.read_text(encoding="ascii"))) if path.is_file() else ()


def _sentence(found: Sequence[Sequence[Row]]) -> str:
    one = found[0][0]
    other = next(row for row in found[0] if row.target != one.target)
    count = "1 picture is" if len(found) == 1 else f"{len(found)} pictures are"
    return (
        f"{count} there more than once with different answers, such as {one.source} ({told(one.target)}) and "
        f"{other.source} ({told(other.target)}): all are listed by fovea doubts"
    )


def told(target: Known) -> str:
    """A known answer in words."""
    if isinstance(target, str):
        return target
    return ", ".join(f"{one:g}" if isinstance(one, float) else one for one in target) or "none"


def folds(groups: Sequence[str], strata: Sequence[str], *, count: int, seed: int) -> NDArray[np.intp]:
    """Which of ``count`` parts each picture is asked in, (n,): groups stay together, strata spread out.

    Group by group in an order drawn from the seed, each goes where its commonest stratum is rarest so far.
    """
    members: defaultdict[str, list[int]] = defaultdict(list)
    for place, group in enumerate(groups):
        members[group].append(place)
    held: Counter[tuple[str, int]] = Counter()
    parts = np.empty(len(groups), np.intp)
    for number in np.random.default_rng(seed).permutation(len(members)):
        places = list(members.values())[number]
        stratum = Counter(strata[place] for place in places).most_common(1)[0][0]
        part = min(range(count), key=lambda one: (held[stratum, one], held["", one], one))
        held[stratum, part] += len(places)
        held["", part] += len(places)
        parts[places] = part
    return parts
