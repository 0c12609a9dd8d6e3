"""``fovea batch``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

from fovea_apps.options import as_json, examples
from fovea_apps.session import QUARANTINED, Session, answer
from fovea_apps.signals import stoppable

if TYPE_CHECKING:
    from fovea.workbench import BatchSummary

Precision = Literal["auto", "bf16", "fp32"]


@click.command(name="batch", epilog=examples("fovea batch farm", "fovea batch farm --workers 4"))
@click.argument("site")
@click.option("--workers", type=click.IntRange(min=0), help="Worker processes; by default one a core.")
@click.option("--precision", type=click.Choice(["auto", "bf16", "fp32"]), default="auto", help="Of the network.")
@as_json
@click.pass_context
def command(context: click.Context, *, site: str, workers: int | None, precision: Precision, as_json: bool) -> None:
    """Work through all pictures of a site.

    Only what is new or changed is worked on; stopped or killed, it goes on where it was when it is run again.
    """
    session = context.ensure_object(Session)
    with session.bench() as bench, session.progress() as progress, stoppable() as stop:
        done = bench.batch(site, workers=workers, precision=precision, progress=progress, stop=stop)
        outdated = bench.outdated(site)
    answer(done, as_json=as_json, show=show_batch)
    if done.quarantined:
        session.hint(f"see what and why: fovea quarantine list {site}")
    for one in outdated:
        session.hint(f"there is a newer {one.name}: fovea site use {site} {one.name}")
    session.hint(f"next: fovea report {site}")
    if done.quarantined or done.faults:
        context.exit(QUARANTINED)


def show_batch(done: BatchSummary) -> None:
    """Print what a batch came to, in sentences."""
    from fovea_apps import output
    from fovea_apps.progress import duration

    rate = f", {done.rate:.1f} pictures/s" if done.rate else ""
    output.line(
        f"{output.count(done.pictures, 'picture')}: {done.scored:,} scored now, {done.known:,} known from before "
        f"({duration(done.seconds)}{rate})."
    )
    output.line(
        f"{output.count(done.units, 'unit')} decided, {output.count(done.decisions, 'decision')} made or changed, "
        f"{output.count(done.findings, 'finding')} in all."
    )
    if done.quarantined:
        codes = ", ".join(f"{number} {code}" for code, number in sorted(done.quarantined.items()))
        output.line(f"{output.count(sum(done.quarantined.values()), 'picture')} in quarantine: {codes}.")
    for fault in done.faults:
        output.line(f"Fault: {fault}")
