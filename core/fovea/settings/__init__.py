"""Settings come in layers, and every mistake is told at once.

View and policy settings of a domain resolve per unit: default < bundle < site < unit. Secrets are never stored:
a text ``env:NAME`` stands for the environment variable and is looked up where it is used.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, overload

from pydantic import BaseModel, ValidationError

from fovea.errors import SettingsError
from fovea.settings.mistakes import near, sentences, shown

Model = TypeVar("Model", bound=BaseModel)
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")


def resolve(
    model: type[Model],
    where: str,
    layers: Iterable[Mapping[str, Any]],
    *,
    prefix: str = "",
    names: Mapping[str, str] | None = None,
) -> Model:
    """The settings that these layers give, later ones over earlier ones.

    Args:
        model: the class the domain brings.
        where: what to call them in an error, such as ``view settings of 'crop'``.
        layers: names and values; a whole value replaces its elder, nothing is merged inside a value.
        prefix: what the user writes before a setting's name, such as ``view.``.
        names: settings that the user wrote under another name, such as an environment variable's.

    Raises:
        SettingsError: naming every mistake, with the nearest name where one is misspelt.
    """
    merged: dict[str, Any] = {}
    for layer in layers:
        merged.update(layer)
    try:
        return model.model_validate(merged)
    except ValidationError as error:
        raise SettingsError(where, sentences(model, error, prefix=prefix, names=names)) from None


@overload
def together(first: Callable[[], A], second: Callable[[], B], /) -> tuple[A, B]: ...
@overload
def together(first: Callable[[], A], second: Callable[[], B], third: Callable[[], C], /) -> tuple[A, B, C]: ...
def together(*asks: Callable[[], Any]) -> tuple[Any, ...]:
    """What each of these answers, or the mistakes that all of them find in settings, at once.

    Raises:
        SettingsError: naming every mistake of every question, each once.
    """
    answers: list[Any] = []
    refused: list[SettingsError] = []
    for ask in asks:
        try:
            answers.append(ask())
        except SettingsError as error:
            refused.append(error)
    if len(refused) > 1:
        raise SettingsError("", tuple(dict.fromkeys(one for error in refused for one in error.mistakes)))
    if refused:
        raise refused[0]
    return tuple(answers)


def digest(*values: BaseModel | Mapping[str, Any] | str) -> str:
    """16 hexadecimal digits of the SHA-256 of these values' canonical JSON: equal settings, equal digest.

    >>> digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    True
    """
    plain = [value.model_dump(mode="json") if isinstance(value, BaseModel) else value for value in values]
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def parse(texts: Iterable[str], where: str, *, prefix: str = "") -> dict[str, Any]:
    """``NAME=VALUE`` texts as settings; values are JSON where they read as JSON, texts otherwise.

    ``prefix`` is what stands before a name in an error.

    >>> parse(["sure=0.7", "pattern={field}/{name}"], "settings")
    {'sure': 0.7, 'pattern': '{field}/{name}'}

    Raises:
        SettingsError: for texts without ``=``.
    """
    texts = list(texts)
    wrong = [f"{prefix}{text}: want NAME=VALUE" for text in texts if "=" not in text]
    if wrong:
        raise SettingsError(where, wrong)
    pairs = (text.split("=", 1) for text in texts)
    return {name.strip(): _value(value) for name, value in pairs}


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def secret(reference: str) -> str:
    """The secret behind ``env:NAME``.

    Raises:
        SettingsError: where the text is no reference, or the variable is not set; the text itself is not repeated.
    """
    if not reference.startswith("env:"):
        raise SettingsError("secret", ["want a reference such as env:MAIL_PASSWORD, not the secret itself"])
    name = reference.removeprefix("env:")
    if name not in os.environ:
        raise SettingsError("secret", [f"the environment variable {name} is not set"])
    return os.environ[name]


__all__ = ["digest", "near", "parse", "resolve", "secret", "shown", "together"]
