"""``fovea runs``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from fovea_apps.options import as_json, examples
from fovea_apps.session import Session, answer

if TYPE_CHECKING:
    from fovea.workbench import Run, RunsCompared


@click.group(name="runs", no_args_is_help=True, epilog=examples("fovea runs list"))
def command() -> None:
    """List the trainings, finished or not."""


@command.command(name="list", epilog=examples("fovea runs list"))
@as_json
@click.pass_obj
def list_(session: Session, *, as_json: bool) -> None:
    """List the trainings, oldest first."""
    with session.bench() as bench:
        found = bench.runs()
    answer(found, as_json=as_json, show=_show_runs)
    if not found:
        session.hint("no training yet; next: fovea train DOMAIN FOLDER")


def _show_runs(found: Sequence[Run]) -> None:
    from fovea_apps import output

    rows = [(one.name, one.domain, one.role, one.state, output.moment(one.started)) for one in found]
    output.table(("name", "domain", "role", "state", "started (UTC)"), rows)


@command.command(name="show", epilog=examples("fovea runs show NAME"))
@click.argument("name")
@as_json
@click.pass_obj
def show(session: Session, *, name: str, as_json: bool) -> None:
    """Show a training: its recipe and its figures; --json tells the curves too."""
    with session.bench() as bench:
        run = bench.run(name)
    answer(run, as_json=as_json, show=_show_run)


def _show_run(run: Run) -> None:
    from fovea_apps import output
    from fovea_apps.judged import figure

    output.title(run.name)
    output.pairs(
        {
            "domain": run.domain,
            "role": run.role,
            "state": run.state,
            "started": output.moment(run.started),
            "ended": output.moment(run.ended),
            "folder": run.folder,
            **{name: figure(value) for name, value in run.figures.get("figures", {}).items()},
        }
    )
    for note in run.figures.get("notes", ()):
        output.line(f"Note: {note}.")
    output.line()
    output.table(("recipe", "value"), [(name, output.typed(value)) for name, value in run.recipe.items()])


@command.command(name="compare", epilog=examples("fovea runs compare NAME OTHER"))
@click.argument("names", metavar="NAME NAME...", nargs=-1, required=True)
@as_json
@click.pass_obj
def compare(session: Session, *, names: tuple[str, ...], as_json: bool) -> None:
    """Put trainings side by side: what differs in their recipes, their figures, and their curves."""
    with session.bench() as bench:
        compared = bench.craft.compare(names)
    answer(compared, as_json=as_json, show=_show_compared)


def _show_compared(compared: RunsCompared) -> None:
    from fovea_apps import output, sparks
    from fovea_apps.judged import figure

    numbers = [str(place + 1) for place in range(len(compared.names))]
    for number, name in zip(numbers, compared.names, strict=True):
        output.line(f"{number}: {name}")
    output.line()
    if compared.recipe:
        rows = [(name, *map(output.typed, values)) for name, values in compared.recipe.items()]
        output.table(("recipe", *numbers), rows)
    else:
        output.line("Their recipes are the same.")
    output.line()
    rows = [(name, *(None if one is None else figure(one) for one in told)) for name, told in compared.figures.items()]
    output.table(("figure", *numbers), rows)
    if compared.same_data is False:
        output.line("They learned from other pictures or labels, so their figures do not tell which recipe is better.")
    if compared.curves:
        output.line()
        rows = [(name, *map(sparks.spark, told)) for name, told in compared.curves.items()]
        output.table(("by epoch", *numbers), rows)


@command.command(name="split", epilog=examples("fovea runs split NAME > split.csv"))
@click.argument("name")
@click.pass_obj
def split(session: Session, *, name: str) -> None:
    """Print which picture was in which part, as a table (CSV) that another training can take: --recipe split=FILE."""
    with session.bench() as bench:
        table = bench.split(name)
    sys.stdout.buffer.write(table)  # names need not be text
