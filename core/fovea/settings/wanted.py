"""What the value of a setting may be, said in words from the type that its class declares."""

from __future__ import annotations

import datetime as dt
import types
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from enum import Enum
from inspect import isclass
from pathlib import PurePath
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

_SINGLE: tuple[tuple[type, str, str], ...] = (
    (bool, "true or false", ""),
    (int, "a whole number", "whole numbers"),
    (float, "a number", "numbers"),
    (str, "a text", 'texts such as ["a", "b"]'),
    (bytes, "a text", "texts"),
    (PurePath, "a path", "paths"),
    (dt.datetime, "a date and time such as 2026-05-14T09:30:00Z", "dates and times"),
    (dt.date, "a date such as 2026-05-14", "dates"),
    (dt.time, "a time of day such as 09:30", "times of day"),
)
_LISTS = (tuple, list, Sequence, AbstractSet)
_PAIR = 2


def wanted(annotation: Any, limits: Sequence[Any] = ()) -> str:
    """The values that a type with these limits allows; empty where no words are known for it.

    Args:
        annotation: of a setting, such as ``int | Literal["auto"]``.
        limits: what pydantic keeps beside it, such as ``annotated_types.Ge(1)``.

    >>> from annotated_types import Ge, Le
    >>> wanted(int | Literal["auto"], [Ge(32), Le(1024)])
    "a whole number from 32 to 1024, or 'auto'"
    """
    kind, limits = bare(annotation, limits)
    if is_union(kind):
        return _either(kind, limits)
    if get_origin(kind) is Literal:
        return _choice(repr(value) for value in get_args(kind))
    of = get_origin(kind) or kind
    if not isclass(of):
        return ""
    if issubclass(of, Enum):
        return _choice(repr(member.value) for member in of)
    if issubclass(of, _LISTS) and not issubclass(of, (str, bytes)):
        return _many(kind, limits)
    return _table(of) or _one(of, limits)


def bare(annotation: Any, limits: Sequence[Any] = ()) -> tuple[Any, tuple[Any, ...]]:
    """A type without ``Annotated`` and without ``None``, and its limits with those that stood there."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation, *more = get_args(annotation)
            limits = (*limits, *(limit for one in more for limit in getattr(one, "metadata", (one,))))
        elif is_union(annotation) and len(arms := _arms(annotation)) == 1:
            annotation = arms[0]
        else:
            return annotation, tuple(limits)


def is_union(annotation: Any) -> bool:
    """Whether it is one of several types."""
    return get_origin(annotation) in (Union, types.UnionType)


def item_of(annotation: Any, place: object) -> Any:
    """The type of what stands at ``place`` in a list, or under that name in a table; None where nobody knows."""
    kind, _ = bare(annotation)
    given, of = get_args(kind), get_origin(kind)
    if not isclass(of) or not given:
        return None
    if issubclass(of, Mapping):
        return given[-1]
    if of is tuple and not (len(given) == _PAIR and given[1] is Ellipsis):
        return given[place] if isinstance(place, int) and place < len(given) else None
    return given[0]


def _arms(annotation: Any) -> tuple[Any, ...]:
    return tuple(arm for arm in get_args(annotation) if arm is not type(None))


def _either(kind: Any, limits: Sequence[Any]) -> str:
    arms = [wanted(arm, limits) for arm in _arms(kind)]
    return ", or ".join(dict.fromkeys(arms)) if all(arms) else ""


def _choice(values: Iterable[str]) -> str:
    *others, last = values
    return f"{', '.join(others)} or {last}" if others else last


def _table(of: type) -> str:
    if issubclass(of, BaseModel):
        return f"a table of {', '.join(of.model_fields)}"
    return "a table" if issubclass(of, Mapping) else ""


def _one(of: type, limits: Sequence[Any]) -> str:
    found = next((words for base, words, _ in _SINGLE if issubclass(of, base)), "")
    if issubclass(of, (str, bytes)):
        return found + _length(limits, " characters")
    return found + _bounds(limits) if found else ""


def _many(kind: Any, limits: Sequence[Any]) -> str:
    given = get_args(kind)
    if get_origin(kind) is tuple and given and given[-1] is not Ellipsis:
        items = list(dict.fromkeys(map(wanted, given)))
        return f"a list of {len(given)}{', each ' if len(items) == 1 else ': '}{', '.join(items)}"
    count = _length(limits, "").removeprefix(" of")
    item, own = bare(given[0]) if given else (Any, ())
    plural = next((words for base, _, words in _SINGLE if isclass(item) and issubclass(item, base)), "")
    if plural and not own:
        return f"a list of{count} {plural}"
    each = wanted(item, own)
    return f"a list{f' of{count}' if count else ''}{f', each {each}' if each else ''}"


def _bounds(limits: Sequence[Any]) -> str:
    low, above, high, below = (_limit(limits, name) for name in ("ge", "gt", "le", "lt"))
    if low is not None and high is not None:
        return f" from {_plain(low)} to {_plain(high)}"
    words: tuple[tuple[Any, str], ...] = (
        (low, "of at least"),
        (above, "above"),
        (high, "of at most" if above is None else "at most"),
        (below, "below"),
    )
    told = [f"{word} {_plain(bound)}" for bound, word in words if bound is not None]
    return f" {' and '.join(told)}" if told else ""


def _length(limits: Sequence[Any], unit: str) -> str:
    least, most = _limit(limits, "min_length"), _limit(limits, "max_length")
    if least and most is not None:
        return f" of {least} to {most}{unit}"
    if unit and least == 1:
        return " that is not empty"
    if least or most is not None:
        return f" of at least {least}{unit}" if least else f" of at most {most}{unit}"
    return ""


def _limit(limits: Sequence[Any], name: str) -> Any:
    return next((bound for limit in limits if (bound := getattr(limit, name, None)) is not None), None)


def _plain(number: Any) -> str:
    return str(int(number)) if isinstance(number, float) and number.is_integer() else str(number)
