"""What is known beside a picture (an age, a camera, a variety), as numbers that a head reads beside the features.

A linear head that reads features and these numbers together answers the sum of two terms, one of each: ``[f, a] W =
f W1 + a W2``. So the network stays what it is, a graph of pictures, and the second term is added to what it answers.
A distance from normal is no sum: it is divided by the factor by which such pictures are usually farther off.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from fovea.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fovea.plugin import Kind

Attributes: TypeAlias = Mapping[str, str | float]

MISSING = frozenset({"", "-", "?", "n/a", "na", "nan", "none", "null", "unknown"})
"""What people write where they know nothing, in small letters."""

MOST = 4.0
"""Deviations from the mean beyond which a number counts as that far: a mistyped age does not decide alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One attribute, as it was among the pictures learned from.

    Args:
        name: of the attribute.
        values: of a category, those that were learned from; empty for a number.
        mean: of a number; a missing one counts as this.
        deviation: of a number, above 0.
        missing: share of the pictures learned from that lack it, in [0, 1].
    """

    name: str
    values: tuple[str, ...] = ()
    mean: float = 0.0
    deviation: float = 1.0
    missing: float = 0.0

    @property
    def numbers(self) -> int:
        """How many numbers it becomes: one a value, or the number itself, and one that says it is missing."""
        return max(len(self.values), 1) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Fusion:
    """Which attributes a bundle reads beside a picture, and how much they weigh.

    Args:
        columns: the attributes.
        weights: for each number of :func:`encode`, what it adds to each output: to logits, or to values in
            deviations; for ``anomaly`` to the logarithm of the distance that is usual.
    """

    columns: tuple[Column, ...]
    weights: tuple[tuple[float, ...], ...]

    def is_sound(self, outputs: int) -> bool:
        """Whether there is one finite weight for each number and output."""
        return (
            len(self.weights) == sum(column.numbers for column in self.columns) > 0
            and all(len(row) == outputs and all(map(math.isfinite, row)) for row in self.weights)
            and all(0 < column.deviation < math.inf and math.isfinite(column.mean) for column in self.columns)
        )


def encode(columns: Sequence[Column], rows: Sequence[Attributes]) -> NDArray[np.float32]:
    """Attributes as numbers, (n, sum of the columns' numbers).

    A number is counted in deviations from its mean, a category is 1 at its value and 0 elsewhere. One that is missing,
    or a category's value that nothing was learned of, is all 0 but for the last number of its column, which is 1.

    Raises:
        DataError: a number is a text that is none.
    """
    import numpy as np

    told = [[number for column in columns for number in _numbers(column, row.get(column.name))] for row in rows]
    return np.array(told, np.float32).reshape(len(rows), sum(column.numbers for column in columns))


def fused(fusion: Fusion, kind: Kind, outputs: NDArray[np.float32], rows: Sequence[Attributes]) -> NDArray[np.float32]:
    """A network's outputs (n, ...) with what is known beside each picture.

    Raises:
        DataError: see :func:`encode`.
    """
    import numpy as np

    beside = encode(fusion.columns, rows).astype(np.float64) @ np.array(fusion.weights, np.float64)
    wide = outputs.astype(np.float64)
    if kind == "anomaly":
        return np.asarray(wide * np.exp(-beside), np.float32)
    return np.asarray(wide + beside.reshape(*beside.shape, *[1] * (outputs.ndim - 2)), np.float32)


def is_told(value: str | float | None) -> bool:
    """Whether an attribute says anything."""
    return value is not None and not (isinstance(value, str) and value.strip().casefold() in MISSING)


def as_number(value: str | float) -> float | None:
    """A number, also where it is written as a text; None where it is none, or not finite."""
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def as_category(value: Any) -> str:
    """A category's value as text: 2.0 and "2" are the same."""
    return value.strip() if isinstance(value, str) else f"{value:g}"


def _numbers(column: Column, value: str | float | None) -> list[float]:
    if column.values:
        said = as_category(value) if is_told(value) else ""
        return [*(float(one == said) for one in column.values), float(said not in column.values)]
    if value is None or not is_told(value):
        return [0.0, 1.0]
    number = as_number(value)
    if number is None:
        fault = f"the attribute {column.name} is {value!r}, and the model learned it as a number"
        raise DataError(f"{fault}: mend it, or leave it out where it is not known")
    return [min(max((number - column.mean) / column.deviation, -MOST), MOST), 0.0]
