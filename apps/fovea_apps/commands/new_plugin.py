"""``fovea new-plugin``."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from fovea_apps.lazy import LazyGroup
from fovea_apps.options import examples
from fovea_apps.session import Session

_EPILOG = examples("fovea new-plugin tyres", "fovea new-plugin wheat-rust --folder work/wheat")


@click.command(name="new-plugin", epilog=_EPILOG)
@click.argument("name")
@click.option(
    "--folder", type=click.Path(path_type=Path), help="Where to write it: a new or empty folder; by default fovea-NAME."
)
@click.pass_context
def command(context: click.Context, *, name: str, folder: Path | None) -> None:
    """Write a plugin of your own to start from.

    It is a project that can be installed, passes its tests and can be trained as it stands. NAME is its domain's:
    lower-case letters, digits and hyphens.
    """
    from fovea_apps import output

    session = context.ensure_object(Session)
    _refuse_verb(context, name)
    with session.bench() as bench:
        made = bench.new_plugin(name, folder=folder)
    output.line(f"Wrote the plugin '{made.name}' into {made.folder}:")
    output.line()
    output.pairs(made.files)
    if not session.quiet:
        output.line()
        output.line("Next:")
        for one in _next(made.name, made.folder):
            click.echo(f"  {output.safe(one)}")  # in one piece on any terminal, since it is to be copied


def _next(name: str, folder: Path) -> tuple[str, str, str]:
    """Three commands to copy."""
    tested = shlex.quote(f"{folder}[test]")
    return (
        f"python -m pip install --editable {tested}",
        f"python -m pytest {shlex.quote(str(folder))}",
        f"fovea train {name} PICTURES",
    )


def _refuse_verb(context: click.Context, name: str) -> None:
    """Refuse a verb's name: ``fovea NAME`` would stay the verb, and hide what the plugin brings."""
    from fovea.errors import UsageError

    group = context.find_root().command
    if isinstance(group, LazyGroup) and name in group.verbs:
        raise UsageError(f"'{name}' is a command of fovea; choose another name for the plugin")
