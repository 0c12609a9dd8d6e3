"""``fovea evaluate``."""

from __future__ import annotations

from pathlib import Path

import click

from fovea_apps.options import as_json, examples, settings
from fovea_apps.session import Session, answer
from fovea_apps.signals import stoppable


@click.command(name="evaluate", epilog=examples("fovea evaluate leaves more-photos"))
@click.argument("model")
@click.argument("folder", type=click.Path(path_type=Path))
@settings
@as_json
@click.pass_obj
def command(session: Session, *, model: str, folder: Path, settings: tuple[str, ...], as_json: bool) -> None:
    """Judge a model on labelled pictures it has not learned from."""
    from fovea_apps.judged import show_judged

    with session.bench() as bench, session.progress() as progress, stoppable(word="") as stop:
        judged = bench.evaluate(model=model, folder=folder, settings=settings, progress=progress, stop=stop)
    answer(judged, as_json=as_json, show=show_judged)
