"""``fovea models``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fovea_apps.options import as_json, examples, html, settings
from fovea_apps.session import Session, answer
from fovea_apps.signals import stoppable

if TYPE_CHECKING:
    from fovea.workbench import Compared, ModelView

_HEADLINES = {
    "classify": ("balanced_accuracy", "balanced accuracy"),
    "multilabel": ("macro_average_precision", "average precision"),
    "regress": ("r2", "R2"),
    "anomaly": ("auroc", "AUROC"),
    "segment": ("miou", "mean IoU"),
}
"""The one figure of each kind of task that a list has room for, and what it is called."""


@click.group(name="models", no_args_is_help=True, epilog=examples("fovea models list", "fovea models show leaves"))
def command() -> None:
    """List the trained models."""


@command.command(name="list", epilog=examples("fovea models list"))
@as_json
@click.pass_obj
def list_(session: Session, *, as_json: bool) -> None:
    """List the models below the home folder."""
    with session.bench() as bench:
        found = bench.models()
    answer(found, as_json=as_json, show=_show_models)
    if not all(one.current for one in found):
        session.hint("to go back to a version: fovea site use SITE NAME@VERSION")
    if not found:
        session.hint("no model yet; next: fovea train DOMAIN FOLDER")


def _show_models(found: Sequence[ModelView]) -> None:
    from fovea_apps import output

    rows = [
        (
            one.name.partition("@")[0],
            _version(one),
            f"{one.domain} {one.role}",
            one.created[:10],
            _headline(one),
        )
        for one in found
    ]
    output.table(("name", "version", "for", "made", "how good"), rows)


def _headline(one: ModelView) -> str:
    from fovea_apps.judged import figure

    if one.fault:
        return f"refused: {one.fault}"
    name, called = _HEADLINES.get(one.kind, ("", ""))
    return f"{called} {figure(_figures(one.figures).get(name))}" if name else ""


@command.command(name="show", epilog=examples("fovea models show leaves"))
@click.argument("name")
@as_json
@click.pass_obj
def show(session: Session, *, name: str, as_json: bool) -> None:
    """Show a model with its figures and its card."""
    with session.bench() as bench:
        model = bench.model(name)
    answer(model, as_json=as_json, show=_show_model)


def _show_model(model: ModelView) -> None:
    from fovea_apps import output
    from fovea_apps.card import show_card

    output.title(model.name)
    output.pairs(
        {
            "domain": model.domain,
            "role": f"{model.role} ({model.kind})",
            "version": _version(model),
            "made": model.created,
            "digest": model.digest,
            "folder": model.path,
        }
    )
    output.line()
    show_card(model.card)


@command.command(name="compare", epilog=examples("fovea models compare leaves@1a2b3c4d leaves more-photos"))
@click.argument("before")
@click.argument("after")
@click.argument("folder", type=click.Path(path_type=Path))
@html
@settings
@as_json
@click.pass_obj
def compare(
    session: Session,
    *,
    before: str,
    after: str,
    folder: Path,
    html: Path | None,
    settings: tuple[str, ...],
    as_json: bool,
) -> None:
    """Judge two models on the same labelled pictures, that neither learned from."""
    with session.bench() as bench, session.progress() as progress, stoppable(word="") as stop:
        made = bench.judging.compare(
            before=before, after=after, folder=folder, settings=settings, page=html, progress=progress, stop=stop
        )
    answer(made, as_json=as_json, show=_show_compared)


def _show_compared(made: Compared) -> None:
    from fovea_apps import output
    from fovea_apps.judged import interval, number

    pictures, groups = output.count(made.pictures, "picture"), output.count(made.groups, "group")
    output.title(f"On {pictures} of {groups} that neither has learned from")
    rows = [
        (name, number(one.before.value), number(one.after.value), interval(one.difference), one.verdict)
        for name, one in made.changes.items()
    ]
    output.table(("figure", "before", "after", "difference", "so it is"), rows)
    left = ((made.learned, "learned from their group"), (made.strange, "does not know their label"))
    for pictures_left, why in left:
        if pictures_left:
            output.line(f"Left out because one of the two {why}: {output.count(pictures_left, 'picture')}.")


def _version(model: ModelView) -> str:
    return "current" if model.current else model.name.partition("@")[2]


def _figures(told: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """The headline figures, whether they stand alone or inside a whole evaluation."""
    figures: Mapping[str, Any] = (told or {}).get("figures", told or {})
    return figures
