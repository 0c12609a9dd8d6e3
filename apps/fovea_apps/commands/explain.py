"""``fovea explain``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fovea_apps.options import as_json, examples
from fovea_apps.session import QUARANTINED, Session, answer
from fovea_apps.signals import stoppable

if TYPE_CHECKING:
    from fovea.workbench import Explained

_EPILOG = examples("fovea explain leaves photo.jpg --out why", "fovea explain leaves photos --out why --label rust")


@click.command(name="explain", epilog=_EPILOG)
@click.argument("model")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(path_type=Path))
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), metavar="FOLDER", help="Where the drawings and a page go."
)
@click.option("--label", "labels", multiple=True, metavar="LABEL", help="A label to explain; else what the model says.")
@click.option(
    "--method",
    default="auto",
    metavar="NAME",
    help="gradcam, gradcam++, hirescam, layercam; of transformers also rollout, attribution.",
)
@as_json
@click.pass_context
def command(
    context: click.Context,
    *,
    model: str,
    paths: tuple[Path, ...],
    out: Path,
    labels: tuple[str, ...],
    method: str,
    as_json: bool,
) -> None:
    """Show where in pictures a model's answers come from.

    A map is shown only where it proves better than what needs no trained network.
    """
    session = context.ensure_object(Session)
    with session.bench() as bench, session.progress() as progress, stoppable(word="") as stop:
        made = bench.judging.explain(
            model=model, paths=paths, out=out, labels=labels, method=method, progress=progress, stop=stop
        )
    answer(made, as_json=as_json, show=_show)
    unreadable = sum(one.fault for one in made.maps)
    if unreadable:
        session.hint(f"{unreadable} of {output_count(made)} could not be worked with")
        context.exit(QUARANTINED)


def output_count(made: Explained) -> str:
    """How many pictures there were, in words."""
    from fovea_apps import output

    return output.count(len({one.name for one in made.maps}), "picture")


def _show(made: Explained) -> None:
    from fovea_apps import output

    rows = [
        (
            "/".join(Path(one.name).parts[-2:]),
            one.label or output.NOTHING,
            f"{one.score:.2f}" if one.sheet else output.NOTHING,
            f"{one.rival_score:.2f}" if one.sheet else output.NOTHING,
            "shown" if one.shown else one.reason,
        )
        for one in made.maps
    ]
    told = "value" if made.kind == "regress" else "label"
    output.table(("picture", told, "score", "best rival", "map"), rows, numbers=("score", "best rival"))
    output.line()
    if made.caution:
        output.line(made.caution)
    output.whole_line(made.page)
