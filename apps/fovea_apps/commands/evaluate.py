"""``fovea evaluate``."""

from __future__ import annotations

from pathlib import Path

import click

from fovea_apps.options import as_json, examples, html, settings
from fovea_apps.session import Session, answer
from fovea_apps.signals import stoppable

_EPILOG = examples(
    "fovea evaluate leaves more-photos", "fovea evaluate leaves more-photos --by camera --html page.html"
)


@click.command(name="evaluate", epilog=_EPILOG)
@click.argument("model")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--by",
    multiple=True,
    metavar="NAME",
    help="Judge by this attribute of the pictures too, or by a part of their group (group.1), as often as wanted; by "
    "default by each that has 2 to 12 values.",
)
@click.option(
    "--unknown",
    type=click.Path(path_type=Path),
    help="Folder of pictures of something else: how well does the model tell them from those it knows?",
)
@click.option("--per-decision", is_flag=True, help="Judge what the domain decides on whole units, too.")
@html
@settings
@as_json
@click.pass_obj
def command(  # noqa: PLR0913 - one argument an option, all by name
    session: Session,
    *,
    model: str,
    folder: Path,
    by: tuple[str, ...],
    per_decision: bool,
    unknown: Path | None,
    html: Path | None,
    settings: tuple[str, ...],
    as_json: bool,
) -> None:
    """Judge a model on labelled pictures it has not learned from."""
    from fovea_apps.judged import show_judged

    with session.bench() as bench, session.progress() as progress, stoppable(word="") as stop:
        judged = bench.evaluate(
            model=model,
            folder=folder,
            by=by,
            per_decision=per_decision,
            unknown=unknown,
            page=html,
            settings=settings,
            progress=progress,
            stop=stop,
        )
    answer(judged, as_json=as_json, show=show_judged)
