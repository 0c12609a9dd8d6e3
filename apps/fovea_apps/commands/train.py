"""``fovea train``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fovea_apps.options import Asked, as_json, examples, labelled_folder, learning, role, whole_recipe
from fovea_apps.session import Session, answer
from fovea_apps.signals import stoppable

if TYPE_CHECKING:
    from fovea.workbench import TrainedView

_SHOWN = 5
_EPILOG = examples("fovea train crop photos --name leaves", "fovea train crop photos --mode auto --budget 10m")


@click.command(name="train", epilog=_EPILOG)
@labelled_folder
@click.option("--name", default="", help="Name of the model; by default DOMAIN-ROLE.")
@role("What to learn")
@click.option(
    "--mode",
    type=click.Choice(("full", "probe", "auto")),
    help="full: all of the network learns; probe: only a head, in minutes; auto: both, and the better one stays.",
)
@click.option("--budget", metavar="TIME", help="Time for --mode auto, such as 10m or 2h.")
@learning
@as_json
@click.pass_obj
def command(
    session: Session,
    *,
    asked: Asked,
    name: str,
    mode: str | None,
    budget: str | None,
    as_json: bool,
) -> None:
    """Train a model on a folder of labelled pictures.

    A training that was stopped goes on where it was when the same command is run again.
    """
    asked["recipe"] = whole_recipe(asked["recipe"], mode=mode, budget=budget)
    with session.bench() as bench, session.progress() as progress, stoppable() as stop:
        trained = bench.train(
            **asked,
            name=name,
            progress=progress,
            stop=stop,
        )
    answer(trained, as_json=as_json, show=show_trained)
    session.hint(f"next: fovea site use SITE {trained.name}")


def show_trained(trained: TrainedView) -> None:
    """Print what a training came to."""
    from fovea_apps import judged, output
    from fovea_apps.progress import duration

    judged.show_judged(trained.judged)
    output.line()
    output.line(f"Model {trained.name} is ready after {duration(trained.seconds)}: {trained.path}")
    if unknown := getattr(trained, "unknown", ()):
        shown = ", ".join(map(output.safe, unknown[:_SHOWN])) + (", ..." if len(unknown) > _SHOWN else "")
        output.line(f"Named by the split, but not here: {output.count(len(unknown), 'picture')} ({shown}).")
    for note in trained.notes:
        output.line(f"Note: {note}.")
    if trained.before:
        output.line(f"The version before is kept as {trained.before}; sites that use it go on with it.")
