"""Which attributes a training reads beside its pictures, and what they were among the pictures learned from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fovea.engine.pictures.survey import Row
from fovea.errors import DataError, UnknownName
from fovea.serving.fusion import Column, as_category, as_number, encode, is_told

MOST_VALUES = 50
"""A text of more values than that names pictures more than it tells about them."""

_ALIKE = "the attribute {name} is the same in all pictures learned from, so it tells nothing: leave it out"


def columns_of(names: Sequence[str], rows: Sequence[Row], learned: Sequence[Row]) -> tuple[Column, ...]:
    """The columns that these attributes become.

    An attribute whose every value is a number, be it written as text, is a number; any other is a category.

    Args:
        names: of attributes.
        rows: all pictures, whose attributes must fit too.
        learned: those learned from, which say what is usual.

    Raises:
        UnknownName: no picture has such an attribute.
        DataError: an attribute is a number here and a text there, is the same in all pictures learned from, or has
            too many values.
    """
    known = sorted({name for row in rows for name in row.attributes})
    for name in names:
        if name not in known:
            raise UnknownName("attribute of these pictures", name, known)
    return tuple(_column(name, rows, learned) for name in dict.fromkeys(names))


def table_of(columns: Sequence[Column], rows: Sequence[Row]) -> NDArray[np.float32]:
    """The numbers of these pictures, (n, ...); see :func:`fovea.serving.fusion.encode`."""
    return encode(columns, [row.attributes for row in rows])


def _column(name: str, rows: Sequence[Row], learned: Sequence[Row]) -> Column:
    missing = float(np.mean([not _is_told(row, name) for row in learned]))
    told = [row for row in rows if _is_told(row, name)]
    _refuse_two_types(name, told)
    of = [row.attributes[name] for row in learned if _is_told(row, name)]
    numbers = [as_number(row.attributes[name]) for row in told]
    if all(number is not None for number in numbers):
        values = np.array([as_number(value) for value in of], np.float64)
        if len(values) < 2 or values.std() <= 1e-9 * (1 + abs(values.mean())):  # noqa: PLR2004 - a spread needs two
            raise DataError(_ALIKE.format(name=name))
        return Column(name=name, mean=float(values.mean()), deviation=float(values.std()), missing=missing)
    counts = Counter(as_category(value) for value in of)
    if len(counts) > MOST_VALUES:
        fault = f"the attribute {name} has {len(counts)} values among the pictures learned from (at most {MOST_VALUES})"
        raise DataError(f"{fault}, so that it names pictures rather than describes them: leave it out")
    if len(counts) + (missing > 0) < 2:  # noqa: PLR2004 - to differ needs two
        raise DataError(_ALIKE.format(name=name))
    return Column(name=name, values=tuple(sorted(counts)), missing=missing)


def _is_told(row: Row, name: str) -> bool:
    return is_told(row.attributes.get(name))


def _refuse_two_types(name: str, told: Sequence[Row]) -> None:
    """A value given as a number in one picture, and as a text that is none in another, is a mistake in the data."""
    number = next((row for row in told if not isinstance(row.attributes[name], str)), None)
    text = next((row for row in told if as_number(row.attributes[name]) is None), None)
    if number is not None and text is not None:
        one, other = (f"{row.attributes[name]!r} in {row.source}" for row in (number, text))
        raise DataError(f"the attribute {name} is {one} and {other}: make it a number everywhere, or a text")
