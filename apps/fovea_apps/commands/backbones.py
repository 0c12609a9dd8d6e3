"""``fovea backbones``."""

from __future__ import annotations

from typing import Any

import click

from fovea_apps.options import as_json, examples
from fovea_apps.session import Session, answer

_LONG = "timm:"
_FEW = 3


@click.command(name="backbones", epilog=examples("fovea backbones", "fovea backbones --search resnet18"))
@click.option("--search", default="", metavar="TEXT", help="Only those with TEXT in their names; all of timm's too.")
@as_json
@click.pass_obj
def command(session: Session, *, search: str, as_json: bool) -> None:
    """List the networks that training can start from."""
    with session.bench() as bench:
        found = bench.backbones(search)
    answer(found, as_json=as_json, show=lambda found: _show(found, search))
    session.hint("next: fovea train DOMAIN FOLDER --recipe backbone=NAME")


def _show(found: tuple[Any, ...], search: str) -> None:
    from fovea_apps import output

    shown = [one for one in found if search or not one.name.startswith(_LONG)]
    rows = [(one.name, _millions(one.parameters), _here(one)) for one in shown]
    output.table(("name", "million numbers", "weights here"), rows, numbers=("million numbers",))
    for licence in sorted({one.licence for one in shown if one.licence}):
        names = [one.name for one in shown if one.licence == licence]
        whose = ", ".join(names) if len(names) <= _FEW else f"{len(names)} networks, {names[0]} to {names[-1]}"
        output.line(f"Weights of {whose}: {licence}.")
    if len(found) > len(shown):
        output.line(f"Not shown: {len(found) - len(shown)} of timm. Look for some with --search TEXT.")
    if not found:
        output.line(f"No network has '{search}' in its name.")


def _millions(parameters: int | None) -> str:
    return "" if parameters is None else f"{parameters / 1e6:.1f}"


def _here(one: Any) -> str:
    if not one.file:
        return "none"
    return "yes" if one.on_disk else "no"
