"""``fovea backbones``."""

from __future__ import annotations

from typing import Any

import click

from fovea_apps.options import as_json, examples
from fovea_apps.session import Session, answer


@click.command(name="backbones", epilog=examples("fovea backbones"))
@as_json
@click.pass_obj
def command(session: Session, *, as_json: bool) -> None:
    """List the networks that training can start from."""
    with session.bench() as bench:
        found = bench.backbones()
    answer(found, as_json=as_json, show=_show)
    session.hint("next: fovea train DOMAIN FOLDER --recipe backbone=NAME")


def _show(found: tuple[Any, ...]) -> None:
    from fovea_apps import output

    rows = [(one.name, f"{one.parameters / 1e6:.1f}", "yes" if one.on_disk else "no") for one in found]
    output.table(("name", "million numbers", "weights here"), rows, numbers=("million numbers",))
    for licence in sorted({one.licence for one in found if one.licence}):
        output.line(f"Weights: {licence}.")
