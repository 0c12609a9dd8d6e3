"""``fovea export``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fovea.errors import FoveaError
from fovea_apps.options import as_json, examples
from fovea_apps.session import Session, answer

if TYPE_CHECKING:
    from fovea.workbench import Exported


@click.command(name="export", epilog=examples("fovea export farm geojson --to farm.geojson"))
@click.argument("site")
@click.argument("format_", metavar="FORMAT")
@click.option("--to", "target", type=click.Path(path_type=Path), help="File to write.")
@as_json
@click.pass_obj
def command(session: Session, *, site: str, format_: str, target: Path | None, as_json: bool) -> None:
    """Write a site's results in a format of its domain, and check what was written.

    The formats of a domain are listed by: fovea plugins show DOMAIN
    """
    with session.bench() as bench:
        done = bench.export(site, format_, target)
    answer(done, as_json=as_json, show=_show)
    if done.faults:
        raise FoveaError(f"{done.path} was written, but its check found: {'; '.join(done.faults)}")


def _show(done: Exported) -> None:
    from fovea_apps import output

    output.line(done.path)
