"""Columns of numbers for a plain reader: facts of any type, a few pixels, or a thumbnail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]

_BINS = 8
_MOST_WORDS = 50
_FAR = 3.0


def of_facts(facts: Sequence[Mapping[str, str | float]], fit: NDArray[np.intp]) -> dict[str, Floats]:
    """The columns of each fact, (n, ...) by its name; a fact that is the same in all of ``fit`` is left out.

    A fact that is a number in some pictures and a word in others is taken as words.

    Args:
        facts: of each picture.
        fit: the pictures that bins and words are taken from.
    """
    names = sorted({name for place in fit for name in facts[place]})
    told: dict[str, Floats] = {}
    for name in names:
        values = [one.get(name) for one in facts]
        words = any(isinstance(value, str) for value in values)
        columns = of_words([_word(value) for value in values], fit) if words else of_numbers(_numbers(values), fit)
        if columns.shape[1] and np.ptp(columns[fit], axis=0).any():
            told[name] = columns
    return told


def of_numbers(values: Floats, fit: NDArray[np.intp]) -> Floats:
    """Columns of numbers (n, k), NaN where unknown: each standardised, in eight bins of equal count, and unknown."""
    columns: list[Floats] = []
    for column in values.T:
        there = np.isfinite(column)
        known = column[fit][there[fit]]
        if not len(known) or not np.ptp(known):
            columns.append((~there).astype(float)[:, None])
            continue
        spread = (column - known.mean()) / known.std()
        edges = np.unique(np.quantile(known, np.arange(1, _BINS) / _BINS))
        place = np.searchsorted(edges, column, side="right")
        bins = (place[:, None] == np.arange(len(edges) + 1)) & there[:, None]
        straight = np.where(there, np.clip(spread, -_FAR, _FAR), 0.0)
        columns.append(np.column_stack([straight, bins, ~there]).astype(float))
    return np.column_stack(columns) if columns else np.empty((len(values), 0))


def of_words(words: Sequence[str], fit: NDArray[np.intp]) -> Floats:
    """One column for each word that at least two pictures of ``fit`` have, of the most frequent ones."""
    counts = Counter(words[place] for place in fit)
    kept = sorted(word for word, count in counts.most_common(_MOST_WORDS) if count > 1)
    return np.array([[word == one for one in kept] for word in words], float).reshape(len(words), len(kept))


def _word(value: str | float | None) -> str:
    return "" if value is None else str(value)


def _numbers(values: Sequence[str | float | None]) -> Floats:
    return np.array([[np.nan if value is None else float(value)] for value in values])


def border(pixels: NDArray[np.uint8]) -> Floats:
    """Eight pixels on the edge, corners and middles of the sides, (n, 24): they show next to nothing of a subject.

    After Noyan, Uncovering bias in the PlantVillage dataset (arXiv 2206.04374), where they reach 49 % on 38 classes.
    """
    last = pixels.shape[1] - 1
    middle = last // 2
    places = [(0, 0), (0, middle), (0, last), (middle, 0), (middle, last), (last, 0), (last, middle), (last, last)]
    rows, columns = np.array(places).T
    return np.asarray(pixels[:, rows, columns], float).reshape(len(pixels), -1)


def thumbnails(pixels: NDArray[np.uint8], fit: NDArray[np.intp], *, side: int = 32, directions: int = 64) -> Floats:
    """The pictures at 32 pixels, told by the directions in which those of ``fit`` differ most, (n, directions)."""
    import cv2

    small = [cv2.resize(square, (side, side), interpolation=cv2.INTER_AREA).ravel() for square in pixels]
    flat = np.asarray(small, np.float32)
    flat -= flat[fit].mean(axis=0)
    _, _, axes = np.linalg.svd(flat[fit[:: max(len(fit) // 1000, 1)]], full_matrices=False)
    told = np.asarray(flat @ axes[:directions].T, float)
    return np.asarray(told / np.maximum(told[fit].std(axis=0), 1e-6))
