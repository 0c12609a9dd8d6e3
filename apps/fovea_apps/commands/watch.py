"""``fovea watch``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fovea_apps.options import as_json, examples
from fovea_apps.session import Session, answer
from fovea_apps.signals import stoppable

if TYPE_CHECKING:
    from fovea.workbench import WatchSummary

STOPPED = 130


@click.command(
    name="watch",
    epilog=examples("fovea site set street stream.gate=rtsp://guard:{env:GATE}@10.0.0.7/main", "fovea watch street"),
)
@click.argument("site")
@as_json
@click.pass_context
def command(context: click.Context, *, site: str, as_json: bool) -> None:
    """Watch the streams of a site until they end, or Ctrl-C.

    Each stream has a process of its own, which is started anew when it breaks or falls silent. Killed or stopped, a
    watch goes on where it was when it is run again.
    """
    from fovea_apps.streams import shown

    session = context.ensure_object(Session)
    with session.bench() as bench, shown(quiet=session.quiet) as show, stoppable() as stop:
        done = bench.watch(site, show=show, stop=stop)
    answer(done, as_json=as_json, show=show_watch)
    session.hint(f"next: fovea cases list --site {site}, fovea report {site}")
    if done.stopped:
        context.exit(STOPPED)


def show_watch(done: WatchSummary) -> None:
    """Print what a watch came to."""
    from fovea_apps import output
    from fovea_apps.progress import duration

    word = "stopped" if done.stopped else "over"
    output.line(f"Watched {output.count(len(done.sources), 'stream')} for {duration(done.seconds)}; {word}.")
    headings = ("stream", "state", "brought", "again", "faulty", "restarts", "decisions")
    rows = [
        (one.name, one.state, one.arrived, one.again, one.faulty, one.restarts, one.findings) for one in done.sources
    ]
    output.table(headings, rows, numbers=headings[2:])
    for one in done.sources:
        if one.fault:
            output.line(f"{one.name}: {one.fault}")
