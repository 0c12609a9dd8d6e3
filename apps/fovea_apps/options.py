"""Options that many commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

_Function = TypeVar("_Function", bound=Callable[..., Any])


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
