"""``fovea pretrain``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from fovea_apps.options import as_json, examples
from fovea_apps.session import Session, answer
from fovea_apps.signals import stoppable

_EPILOG = examples("fovea pretrain weights --minutes 120", "fovea pretrain weights --minutes 120 --threads 8 --seed 3")


@click.command(name="pretrain", epilog=_EPILOG)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--minutes", default=60.0, show_default=True, help="How long to learn; drawing comes before it.")
@click.option("--steps", default=0, help="How many batches to learn from, instead of minutes.")
@click.option("--pictures", default=24_000, show_default=True, help="How many pictures to draw.")
@click.option("--batch", default=192, show_default=True, help="Pictures a step.")
@click.option("--size", default=96, show_default=True, help="Side of the drawn pictures in pixels.")
@click.option("--look", default=80, show_default=True, help="Side of what the network is shown of them.")
@click.option("--threads", default=0, help="CPU threads; by default the cores that are free.")
@click.option("--device", type=click.Choice(("auto", "cpu", "cuda")), default="auto", help="Where to learn.")
@click.option("--seed", default=0, show_default=True, help="Of every random number.")
@as_json
@click.pass_obj
def command(session: Session, /, *, folder: Path, as_json: bool, **plan: float | str) -> None:
    """Learn first weights from drawn pictures, without any photo.

    The weights fit the backbone starter. A run that was stopped goes on where it was when the same command is run
    again.
    """
    with session.bench() as bench, session.progress() as progress, stoppable() as stop:
        done = bench.pretrain(folder, progress=progress, stop=stop, **plan)
    answer(done, as_json=as_json, show=_show)
    session.hint(f"next: fovea train DOMAIN FOLDER --recipe backbone=starter --weights {done.weights}")


def _show(done: Any) -> None:
    from fovea_apps import output
    from fovea_apps.progress import duration

    output.line(f"Learned {done.plan.steps:,} steps of {done.plan.batch:,} pictures in {duration(done.seconds)}.")
    output.line(f"Last loss {done.loss:.3f}; {done.known_again:.0%} of the pictures were known again.")
    output.line(f"Weights: {done.weights}")
