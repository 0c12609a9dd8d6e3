"""``fovea fit``."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

import click

from fovea_apps.options import as_json, examples
from fovea_apps.session import Session, answer

if TYPE_CHECKING:
    from fovea.workbench import Change, FitView, Preview

SHOWN = 40
"""Changes that are listed; ``--json`` tells all."""


@click.command(name="fit", epilog=examples("fovea fit farm", "fovea fit farm --unit north --keep"))
@click.argument("site")
@click.option("--unit", default="", help="Only for this unit; by default for the whole site.")
@click.option("--keep", is_flag=True, help="Keep the numbers: the next batch decides with them.")
@click.option("--actor", default="", envvar="FOVEA_USER", help="Who keeps them; by default who is logged in.")
@as_json
@click.pass_obj
def command(session: Session, *, site: str, unit: str, keep: bool, actor: str, as_json: bool) -> None:
    """Learn a domain's own numbers from a site's results and reviews.

    Shows which findings the numbers would change, and whether those were reviewed as true or as false. Nothing is
    changed without --keep.
    """
    with session.bench() as bench:
        done = bench.fit(site, unit=unit, keep=keep, actor=actor or getpass.getuser())
    answer(done, as_json=as_json, show=_show)
    of_unit = f" --unit {unit}" if unit else ""
    session.hint(f"next: fovea batch {site}" if keep else f"to keep the numbers: fovea fit {site}{of_unit} --keep")


def _show(done: FitView) -> None:
    from fovea_apps import output

    output.title(f"Learned for {f'{done.unit} of ' if done.unit else ''}{done.site}")
    numbers = {name: f"{value:.6g}" if isinstance(value, float) else value for name, value in done.values.items()}
    output.pairs({**numbers, **done.arrays} or {"nothing": "the domain's fit answered no numbers"})
    output.line()
    _show_changes(done.preview)
    _show_sums(done.preview)
    if done.kept:
        output.line(f"Kept as version {done.kept}.")


def _show_changes(preview: Preview) -> None:
    from fovea_apps import output

    if not preview.changes:
        return
    rows = [
        (one.unit, one.what, _about(one), one.case, one.verdict)
        for one in sorted(preview.changes, key=lambda one: (one.what == "changed", one.unit, one.key))
    ]
    output.table(("unit", "is", "finding", "case", "reviewed as"), rows[:SHOWN], numbers=("case",))
    if len(rows) > SHOWN:
        output.line(f"and {len(rows) - SHOWN:,} more; --json tells all")
    output.line()


def _about(one: Change) -> str:
    was, now = (made and f"{made.label} ({made.level})" for made in (one.before, one.after))
    told = (one.before if one.what == "gone" else one.after) or one.before
    words = f"{was}, then {now}" if one.what == "changed" and was != now else now if one.what == "new" else was
    return f"{told.subject if told else one.key}: {words}"


def _show_sums(preview: Preview) -> None:
    from fovea_apps import output

    kinds = [one.what for one in preview.changes]
    output.line(
        f"{output.count(preview.units, 'unit')}: {output.count(preview.before, 'finding')} now, {preview.after:,} with "
        f"these numbers ({kinds.count('gone'):,} gone, {kinds.count('new'):,} new, {kinds.count('changed'):,} changed)."
    )
    output.line(
        f"Reviewed as false: {preview.false_gone:,} of {preview.said_false:,} would be gone. "
        f"Reviewed as true: {preview.true_lost:,} of {preview.said_true:,} would be lost."
    )
    if preview.apart:
        output.line(f"With numbers of their own, which stay: {', '.join(preview.apart)}.")
    for fault in preview.faults:
        output.line(f"Fault: {fault}")
