"""Known answers as the engine keeps them, by kind of task; without torch, since evaluation needs them too."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from fovea.errors import DataError
from fovea.plugin import Kind, Mask
from fovea.registry.checks import MASK, is_mask

Known: TypeAlias = str | tuple[str, ...] | tuple[float, ...]
"""A label (``classify``), labels in order (``multilabel``, and those of a mask), or values (``regress``)."""

NONE = ""
"""The stratum of a picture that has none of the labels."""

NORMAL = "normal"
"""The label of the pictures that a task of kind ``anomaly`` learns from; any other label is an anomaly."""

ALL = "value"
"""The stratum of every picture that has a value."""

_BINS = 5


def known(kind: Kind, target: object, leave_out: Collection[str]) -> Known | None:
    """A sample's target as the engine keeps it; None where its only label is left out.

    Raises:
        ValueError: saying what was wanted.
    """
    if kind == "multilabel":
        if not isinstance(target, frozenset) or not all(isinstance(one, str) and one for one in target):
            raise ValueError("a frozenset of texts")
        return tuple(sorted(target - set(leave_out)))
    if kind == "regress":
        return _values(target)
    if kind == "segment":
        if not is_mask(target):
            raise ValueError(MASK)
        return tuple(sorted(set(cast("Mask", target).classes.values()) - set(leave_out))) or None
    if not isinstance(target, str) or not target:
        raise ValueError("text")
    return None if target in leave_out else target


def _values(target: object) -> tuple[float, ...]:
    values: tuple[Any, ...] = target if isinstance(target, tuple) else (target,)
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v) for v in values)
    if not values or not numbers:
        raise ValueError("a finite number or a tuple of them")
    return tuple(map(float, values))


def restored(kind: Kind, target: Any) -> Known:
    """A target that came back from JSON."""
    return tuple(target) if kind in ("multilabel", "regress", "segment") else str(target)


def strata(kind: Kind, targets: Sequence[Known]) -> list[tuple[str, ...]]:
    """What each picture counts as in a split: its label or labels, or for values the fifth that each lies in."""
    if kind in ("classify", "anomaly"):
        return [(cast("str", target),) for target in targets]
    if kind in ("multilabel", "segment"):
        return [cast("tuple[str, ...]", target) or (NONE,) for target in targets]
    values = np.array(targets, np.float64).reshape(len(targets), -1)
    edges = np.quantile(values, np.arange(1, _BINS) / _BINS, axis=0)  # (4, outputs)
    bins = (values[:, None, :] >= edges).sum(axis=1)  # (n, outputs)
    return [(ALL, *(f"{name}:{place}" for name, place in enumerate(row))) for row in bins]


def unbound(kind: Kind, of: Sequence[Sequence[str]]) -> frozenset[str]:
    """The strata that need not be both learned and tested: pictures with no label, fifths of the values, anomalies."""
    if kind in ("regress", "anomaly"):
        return frozenset(name for names in of for name in names if name not in (ALL, NORMAL))
    return frozenset({NONE}) if kind == "multilabel" else frozenset()


def indicators(targets: Sequence[Any], labels: Sequence[str]) -> NDArray[np.bool_]:
    """Which picture has which label, bool (n, labels)."""
    return np.array([[label in target for label in labels] for target in targets], bool).reshape(-1, len(labels))


def refuse_ragged(names: Sequence[str], targets: Sequence[Known]) -> None:
    """Refuse values of which there are not as many in every picture, with a DataError that names one."""
    for name, target in zip(names, targets, strict=True):
        if len(target) != len(targets[0]):
            raise DataError(
                f"{name} has {len(target)} values and {names[0]} has {len(targets[0])}: "
                "give every picture as many, in the same order"
            )
