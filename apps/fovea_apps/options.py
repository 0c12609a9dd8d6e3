"""Options that many commands share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypedDict, TypeVar

import click

_Function = TypeVar("_Function", bound=Callable[..., Any])


class Asked(TypedDict):
    """What is learned from: as the workbench wants it."""

    domain: str
    folder: Path
    role: str
    settings: tuple[str, ...]
    recipe: tuple[str, ...]


def examples(*lines: str) -> str:
    """The end of a command's help: lines to copy."""
    title = "Example:" if len(lines) == 1 else "Examples:"
    return "\n".join(["\b", title, *(f"  {line}" for line in lines)])


def as_json(function: _Function) -> _Function:
    """Add ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")(function)


def html(function: _Function) -> _Function:
    """Add ``--html FILE``."""
    return click.option(
        "--html", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write it as a page, too."
    )(function)


def settings(function: _Function) -> _Function:
    """Add ``--set NAME=VALUE``, as often as wanted."""
    return click.option(
        "--set",
        "settings",
        multiple=True,
        metavar="NAME=VALUE",
        help="A setting of the domain, such as view.pattern='{field}/{name}'.",
    )(function)


def labelled_folder(function: _Function) -> _Function:
    """Add DOMAIN and FOLDER."""
    function = click.argument("folder", type=click.Path(path_type=Path))(function)
    return click.argument("domain")(function)


def role(what: str) -> Callable[[_Function], _Function]:
    """Add ``--role NAME``; ``what`` begins its help."""
    return click.option("--role", default="", help=f"{what}, where the domain has several roles.")


def learning(function: Callable[..., None]) -> Callable[..., None]:
    """Add ``--set``, ``--recipe`` and ``--weights``; they reach the command with folder and role as one ``asked``."""

    @functools.wraps(function)
    def gathered(*given: Any, weights: str | None, **options: Any) -> None:
        asked = Asked(**{name: options.pop(name) for name in Asked.__annotations__})  # type: ignore[typeddict-item]
        asked["recipe"] = whole_recipe(asked["recipe"], weights=weights)
        function(*given, asked=asked, **options)

    return settings(recipe(gathered))


def recipe(function: _Function) -> _Function:
    """Add ``--recipe NAME=VALUE``, as often as wanted, and ``--weights`` as a short word for one of them."""
    function = click.option(
        "--weights",
        metavar="WHICH",
        help="First weights: imagenet (the default; of the backbone starter: starter), none, or a file.",
    )(function)
    return click.option(
        "--recipe",
        "recipe",
        multiple=True,
        metavar="NAME=VALUE",
        help="A setting of the training, such as epochs=3 or backbone=torchvision:resnet18.",
    )(function)


def whole_recipe(recipe: tuple[str, ...], **words: str | None) -> tuple[str, ...]:
    """The recipe's settings with those among them that have an option of their own, where it was given."""
    return (*recipe, *(f"{name}={value}" for name, value in words.items() if value is not None))
