"""Mistakes in settings as sentences: the setting as the user wrote it, what is wanted, what was given."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel, SecretBytes, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_core.core_schema import ErrorType

from fovea.settings.wanted import bare, is_union, item_of, wanted

_PYDANTICS = frozenset(get_args(ErrorType))
_OWN_SENTENCE = ("value_error", "assertion_error")
_LENGTHS = ("too_short", "too_long")
_LONGEST = 60


def sentences(
    model: type[BaseModel], error: ValidationError, *, prefix: str = "", names: Mapping[str, str] | None = None
) -> list[str]:
    """One sentence a mistake.

    Args:
        model: the class that refused.
        error: its refusal.
        prefix: what the user writes before a setting's name, such as ``recipe.``.
        names: settings that the user wrote under another name, such as an environment variable's.
    """
    faults = error.errors(include_url=False)
    places = [_find(model, fault["loc"], prefix, names or {}) for fault in faults]
    told: dict[str, str] = {}
    for fault, place in zip(faults, places, strict=True):
        inside = any(one["loc"][: len(fault["loc"])] == fault["loc"] and one is not fault for one in faults)
        if fault["type"] in _LENGTHS and inside:
            continue  # a list is too short only for want of the items that are told already
        if place.name not in told or fault["type"] in _OWN_SENTENCE:  # a union is refused once by each of its types
            told[place.name] = f"{place.name}: {_sentence(fault, place)}"
    return list(told.values())


def shown(value: object) -> str:
    """A value as it may stand in a sentence: short, on one line, written as in a settings file."""
    if isinstance(value, str):
        return _short(f"'{value}'", "'")
    try:
        return _short(json.dumps(value, ensure_ascii=False, default=str), "")
    except (TypeError, ValueError, RecursionError):
        return f"a {type(value).__name__}"


def near(name: str, known: Iterable[str]) -> str:
    """What to say of a name that is none: the known name most like it, or all there are."""
    known = sorted(known)
    found = difflib.get_close_matches(name, known, n=1)
    return f"did you mean '{found[0]}'?" if found else f"there is: {', '.join(known) or 'none'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where a mistake is, and what is known of that place."""

    name: str
    annotation: Any = None
    limits: tuple[Any, ...] = ()
    description: str = ""
    siblings: tuple[str, ...] = ()

    @property
    def is_secret(self) -> bool:
        return bare(self.annotation)[0] in (SecretStr, SecretBytes)

    @property
    def wanted(self) -> str:
        told = wanted(self.annotation, self.limits)
        has_form = any(getattr(limit, "pattern", None) for limit in self.limits)
        return f"{told} of another form ({self.description})" if told and has_form else told


def _find(model: type[BaseModel], loc: Sequence[str | int], prefix: str, names: Mapping[str, str]) -> _Place:
    """Walk down to a mistake; of a union the walk enters none of the types, since the mistake is in all of them."""
    place = _Place(name=prefix.rstrip(".: ") or "settings", annotation=model)
    for depth, part in enumerate(loc):
        kind, _ = bare(place.annotation, place.limits)
        if kind is None or is_union(kind):
            break
        name = names.get(str(part), f"{prefix}{part}") if depth == 0 else _joined(place.name, part)
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            place = _field(kind, str(part), name)
        else:
            place = _Place(name=name, annotation=item_of(kind, part))
    return place


def _field(model: type[BaseModel], part: str, name: str) -> _Place:
    fields = {field.alias or own: field for own, field in model.model_fields.items()}
    if part not in fields:
        return _Place(name=name, siblings=tuple(fields))
    found = fields[part]
    return _Place(
        name=name, annotation=found.annotation, limits=tuple(found.metadata), description=found.description or ""
    )


def _joined(name: str, part: str | int) -> str:
    """``masks, item 2, polygon``: people count from one."""
    if isinstance(part, int):
        return f"{name}, item {part + 1}"
    return f"{name}, {part}" if ", item " in name else f"{name}.{part}"


def _sentence(fault: ErrorDetails, place: _Place) -> str:
    kind, want = fault["type"], place.wanted
    if kind == "extra_forbidden":
        return f"there is no such setting; {near(str(fault['loc'][-1]), place.siblings)}"
    if kind == "missing":
        return f"it is missing; want {want}" if want else "it is missing"
    if kind in _OWN_SENTENCE:
        return str(fault["ctx"]["error"]) or fault["msg"]
    if kind not in _PYDANTICS and not fault["msg"].startswith("Input "):
        return _in_our_words(fault["msg"])
    given = "" if place.is_secret else f", not {shown(fault['input'])}"
    return f"want {want}{given}" if want else f"{_in_our_words(fault['msg'])}{given}"


def _in_our_words(message: str) -> str:
    """Another's sentence, for types that we have no words for."""
    for begin in ("Input should be ", "Input must be ", "Input is not "):
        if message.startswith(begin):
            return f"want {message.removeprefix(begin)}"
    return message[:1].lower() + message[1:]


def _short(text: str, end: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 4]}...{end}"
