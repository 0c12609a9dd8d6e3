"""A headline figure of some of the pictures beside that of the rest: sums over sums, so that every draw is quick.

Every figure here is a mean over *cells* of what was right there over what there was: the share of a label's pictures
told right (balanced accuracy), the share of those with a label and of those without it (several labels at once), the
error of a value, the area that is told right over all that shows a label or is said to (mean IoU). It counts what a
bundle *says*, at its operating point, and does not depend on how common a label is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from fovea.engine.judging.curves import Floats
from fovea.plugin import Kind

Bools: TypeAlias = NDArray[np.bool_]
Measure: TypeAlias = Callable[[Bools, Floats], tuple[Floats, Floats, Floats]]
"""(which pictures are here, how often each group counts) to (figure here, figure here and figure of the rest over what
both have), (draws,) each."""

FIGURES: Mapping[Kind, str] = MappingProxyType(
    {
        "classify": "balanced_accuracy",
        "multilabel": "balanced_accuracy",
        "anomaly": "balanced_accuracy",
        "regress": "mae",
        "segment": "miou",
    }
)
"""What is compared, by kind of task."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """What n pictures come to, cell by cell.

    Args:
        right: what was told right of each cell, or by how much it was off, (n, cells).
        of: how much there was, (n, cells).
        there: which pictures show the cell, bool (n, cells); a cell that none shows does not count.
        most: the greatest that a cell can come to.
    """

    right: Floats
    of: Floats
    there: Bools
    most: float = 1.0


def of_classes(truth: NDArray[np.intp], said: NDArray[np.intp], labels: int) -> Cells:
    """A cell a label: the share of its pictures given it.

    Args:
        truth: place of each picture's label, (n,).
        said: place of the label said of it, (n,).
        labels: how many there are.
    """
    there = truth[:, None] == np.arange(labels)
    return Cells(right=(there & (said == truth)[:, None]).astype(np.float64), of=there.astype(np.float64), there=there)


def of_labels(truth: Bools, said: Bools) -> Cells:
    """Two cells a label: the share of the pictures with it that it is said of, and of those without that it is not.

    Args:
        truth: which picture has which label, (n, labels).
        said: which label is said of which picture, (n, labels).
    """
    there = np.concatenate([truth, ~truth], axis=1)
    right = np.concatenate([truth & said, ~truth & ~said], axis=1)
    return Cells(right=right.astype(np.float64), of=there.astype(np.float64), there=there)


def of_values(truth: Floats, said: Floats) -> Cells:
    """A cell a value: how far off it is, (n, values) each."""
    off = np.abs(truth - said)
    return Cells(right=off, of=np.ones_like(off), there=np.ones(off.shape, bool), most=np.inf)


def of_areas(tables: Floats) -> Cells:
    """A cell a label: pixels told right over those that show it or are said to.

    Args:
        tables: pixels by (true, said) label of each picture, (n, labels, labels).
    """
    both, true, said = np.einsum("nll->nl", tables), tables.sum(axis=2), tables.sum(axis=1)
    return Cells(right=both, of=true + said - both, there=true > 0)


def measure_of(cells: Cells, group: NDArray[np.intp], groups: int) -> Measure:
    """What counts the figure on some of the pictures and on the rest.

    Args:
        cells: of n pictures.
        group: number of each picture's group, (n,).
        groups: how many there are.
    """
    parts = np.stack([cells.right, cells.of, cells.there], axis=2)

    def measure(here: Bools, times: Floats) -> tuple[Floats, Floats, Floats]:
        sums = np.zeros((groups, 2, *parts.shape[1:]))  # side, cell, (right, of, there)
        np.add.at(sums, (group, (~here).astype(int)), parts)
        right, of, shown = np.moveaxis(np.tensordot(times, sums, 1), 3, 0)  # (draws, side, cell) each
        there = shown > 0
        each = np.divide(right, of, out=np.zeros_like(right), where=of > 0)
        both = there[:, 0] & there[:, 1]
        return mean(each[:, 0], there[:, 0]), mean(each[:, 0], both), mean(each[:, 1], both)

    return measure


def mean(figures: Floats, there: Bools) -> Floats:
    """The mean over the cells that are there, (draws,); not a number where none is."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(there, figures, 0).sum(axis=1) / there.sum(axis=1))
