"""``fovea events``."""

from __future__ import annotations

import getpass
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from fovea_apps.options import as_json, examples
from fovea_apps.session import Session, answer

if TYPE_CHECKING:
    from fovea.workbench import Delivered, EventView

SHOWN = 5
"""Different errors that are listed below the events."""


@click.group(name="events", no_args_is_help=True, epilog=examples("fovea events list", "fovea events retry notify"))
def command() -> None:
    """List what listeners have not heard; tell them; try again."""


@command.command(name="list", epilog=examples("fovea events list", "fovea events list --dead"))
@click.option("--dead", is_flag=True, help="Those that were given up on.")
@as_json
@click.pass_obj
def list_(session: Session, *, dead: bool, as_json: bool) -> None:
    """List the events that listeners have not heard yet, oldest first."""
    with session.bench() as bench:
        found = bench.events(dead=dead)
    answer(found, as_json=as_json, show=_show)
    if dead:
        session.hint("once mended: fovea events retry" if found else "nothing was given up on")
    else:
        session.hint("next: fovea events deliver" if found else "every listener has heard everything")


def _show(found: Sequence[EventView]) -> None:
    from fovea_apps import output

    if not found:
        return
    rows = [
        (output.moment(one.time), one.kind, one.subject, one.listener, one.failures or "", _next(one)) for one in found
    ]
    output.table(("when", "event", "about", "to", "failed", "next"), rows, numbers=("failed",))
    errors = dict.fromkeys(one.error for one in found if one.error)
    for error in list(errors)[:SHOWN]:
        output.line(error)
    if len(errors) > SHOWN:
        output.line(f"and {len(errors) - SHOWN} other errors; --json tells all")


def _next(one: EventView) -> str:
    from fovea_apps import output

    words = {"due": "now", "behind": "after its elder", "dead": "never"}
    return output.moment(one.again) if one.again else words.get(one.state, one.state)


@command.command(name="deliver", epilog=examples("fovea events deliver"))
@as_json
@click.pass_obj
def deliver(session: Session, *, as_json: bool) -> None:
    """Tell listeners what is due to them now.

    Batches and reviews do it by themselves; what a listener failed on comes again after half a minute and, failing
    further, ever later, for about a day.
    """
    with session.bench() as bench:
        done = bench.deliver()
    answer(done, as_json=as_json, show=_show_delivered)


def _show_delivered(done: Delivered) -> None:
    from fovea_apps import output

    names = sorted({*done.told, *done.failed, *done.dead})
    for name in names:
        output.line(f"{name}: {', '.join(_counted(done, name))}.")
        if name in done.errors:
            output.line(f"  {' '.join(done.errors[name].split())}")
    if not names:
        output.line("Nothing is due.")


def _counted(done: Delivered, name: str) -> list[str]:
    from fovea_apps import output

    said: Mapping[str, Mapping[str, int]] = {
        "heard {}": done.told,
        "failed on {}, which come again": done.failed,
        "gave up on {}": done.dead,
    }
    return [text.format(output.count(of[name], "event")) for text, of in said.items() if name in of]


@command.command(name="retry", epilog=examples("fovea events retry", "fovea events retry notify"))
@click.argument("listener", required=False)
@click.option("--actor", default="", envvar="FOVEA_USER", help="Who asks; by default who is logged in.")
@as_json
@click.pass_obj
def retry(session: Session, *, listener: str | None, actor: str, as_json: bool) -> None:
    """Try again what was given up on, for one listener or for all."""
    from fovea_apps import output

    with session.bench() as bench:
        number = bench.retry_events(listener, actor=actor or getpass.getuser())
    answer(
        {"retried": number},
        as_json=as_json,
        show=lambda _: output.line(f"{output.count(number, 'event')} will be told again."),
    )
    if number:
        session.hint("next: fovea events deliver")
