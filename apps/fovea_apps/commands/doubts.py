"""``fovea doubts``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fovea_apps.options import Asked, as_json, examples, labelled_folder, learning, role
from fovea_apps.session import Session, answer
from fovea_apps.signals import stoppable

if TYPE_CHECKING:
    from fovea.workbench import Doubts

_EPILOG = examples("fovea doubts crop photos", "fovea doubts crop photos --most 100 --json")


@click.command(name="doubts", epilog=_EPILOG)
@labelled_folder
@role("Whose labels")
@click.option("--most", type=click.IntRange(min=1), default=40, show_default=True, help="How many to tell.")
@learning
@as_json
@click.pass_obj
def command(session: Session, *, asked: Asked, most: int, as_json: bool) -> None:
    """Look for labels that are probably wrong, and for pictures that are there twice with different ones.

    Each picture is asked about by a model that has learned from other groups only. Nothing is changed.
    """
    with session.bench() as bench, session.progress() as progress, stoppable(word="") as stop:
        found = bench.craft.doubts(**asked, most=most, progress=progress, stop=stop)
    answer(found, as_json=as_json, show=_show)


def _show(found: Doubts) -> None:
    from fovea_apps import output

    if found.contradictions:
        output.title("The same picture with different labels")
        output.table(("picture", "label"), [row for same in found.contradictions for row in same])
        output.line()
    asked = output.count(found.pictures, "labelled picture")
    if not found.first:
        output.line(f"No label of {asked} is doubtful.")
        return
    output.title(f"Look at these first: {len(found.first)} of {output.count(found.found, 'doubtful label')} on {asked}")
    rows = [
        (" ".join(filter(None, (one.source, one.part, one.region))), one.given, one.said, f"{one.sure:.2f}")
        for one in found.first
    ]
    output.table(("picture", "labelled", "rather", "surer by"), rows, numbers=("surer by",))
