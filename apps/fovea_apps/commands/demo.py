"""``fovea demo``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fovea_apps.options import as_json, examples, recipe, whole_recipe
from fovea_apps.session import Session, answer
from fovea_apps.signals import stoppable

if TYPE_CHECKING:
    from fovea.workbench import DemoResult


@click.command(name="demo", epilog=examples("fovea demo crop --data sample"))
@click.argument("domain", default="crop")
@click.option(
    "--data", required=True, type=click.Path(path_type=Path), help="Folder with train (labelled) and site (the rest)."
)
@recipe
@as_json
@click.pass_context
def command(
    context: click.Context, *, domain: str, data: Path, recipe: tuple[str, ...], weights: str | None, as_json: bool
) -> None:
    """Train, work through and report on sample data in one go.

    Sample data hold broken files on purpose, so quarantined ones are no reason for another exit code here.
    """
    session = context.ensure_object(Session)
    with session.bench() as bench, session.progress() as progress, stoppable() as stop:
        asked = whole_recipe(recipe, weights=weights)
        done = bench.demo(domain, data=data, recipe=asked, progress=progress, stop=stop)
    answer(done, as_json=as_json, show=_show)
    session.hint(f"next: open {done.report.html}")


def _show(done: DemoResult) -> None:
    from fovea_apps import output
    from fovea_apps.commands.batch import show_batch
    from fovea_apps.commands.report import show_files
    from fovea_apps.commands.train import show_trained

    show_trained(done.trained)
    output.line()
    show_batch(done.batch)
    output.line()
    show_files(done.report)
