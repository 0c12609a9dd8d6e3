"""``fovea runs``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from fovea_apps.options import as_json, examples
from fovea_apps.session import Session, answer

if TYPE_CHECKING:
    from fovea.workbench import Run


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
    output.line()
    output.table(("recipe", "value"), [(name, output.typed(value)) for name, value in run.recipe.items()])
