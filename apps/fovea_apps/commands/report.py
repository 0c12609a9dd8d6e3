"""``fovea report``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fovea_apps.options import as_json, examples
from fovea_apps.session import Session, answer

if TYPE_CHECKING:
    from fovea.workbench import ReportFiles


@click.command(name="report", epilog=examples("fovea report farm", "fovea report farm --text"))
@click.argument("site")
@click.option("--to", "folder", type=click.Path(path_type=Path), help="Folder to write to.")
@click.option("--text", "as_text", is_flag=True, help="Print the report here and write no files.")
@as_json
@click.pass_obj
def command(session: Session, *, site: str, folder: Path | None, as_text: bool, as_json: bool) -> None:
    """Write the report of a site: one page (HTML), its data (JSON) and its tables (CSV)."""
    if as_text and (as_json or folder is not None):
        raise click.UsageError("--text goes with neither --json nor --to")
    with session.bench() as bench:
        if as_text:
            from fovea_apps.output import colour, width

            click.echo(bench.report_text(site, width=width(), colour=colour()), nl=False)
            return
        files = bench.report(site, folder=folder)
    answer(files, as_json=as_json, show=show_files)
    session.hint(f"next: open {files.html}")


def show_files(files: ReportFiles) -> None:
    """Print what a report says in short and where it lies."""
    from fovea_apps import output

    output.title(files.title)
    output.line(files.summary)
    output.pairs({"page": files.html, "data": files.json, "tables": ", ".join(one.name for one in files.csv)})
