"""``fovea quarantine``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from fovea_apps.options import as_json, examples
from fovea_apps.session import Session, answer

if TYPE_CHECKING:
    from fovea.workbench import FaultRow


@click.group(name="quarantine", no_args_is_help=True, epilog=examples("fovea quarantine list farm"))
def command() -> None:
    """List the pictures that could not be worked with; try them again."""


@command.command(name="list", epilog=examples("fovea quarantine list farm"))
@click.argument("site")
@as_json
@click.pass_obj
def list_(session: Session, *, site: str, as_json: bool) -> None:
    """List what could not be worked with, and why."""
    with session.bench() as bench:
        found = bench.quarantine(site)
    answer(found, as_json=as_json, show=_show)
    session.hint(f"once mended: fovea quarantine retry {site}" if found else "nothing in quarantine")


def _show(found: Sequence[FaultRow]) -> None:
    from fovea_apps import output

    rows = [
        (f"{one.source} {one.part}".strip() or f"unit {one.unit}", one.code, one.reason, output.moment(one.time))
        for one in found
    ]
    output.table(("what", "code", "why", "since"), rows)


@command.command(name="retry", epilog=examples("fovea quarantine retry farm"))
@click.argument("site")
@click.option("--source", help="Only this file; by default all.")
@as_json
@click.pass_obj
def retry(session: Session, *, site: str, source: str | None, as_json: bool) -> None:
    """Let the next batch try again."""
    import getpass

    from fovea_apps import output

    with session.bench() as bench:
        number = bench.retry(site, source, actor=getpass.getuser())
    answer(
        {"retried": number},
        as_json=as_json,
        show=lambda _: output.line(f"{output.count(number, 'picture')} will be tried again."),
    )
    session.hint(f"next: fovea batch {site}")
