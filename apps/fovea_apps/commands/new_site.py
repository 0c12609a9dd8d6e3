"""``fovea new-site``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fovea_apps.options import Asked, as_json, examples, labelled_folder, learning, role
from fovea_apps.session import Session, answer
from fovea_apps.signals import stoppable

if TYPE_CHECKING:
    from fovea.workbench import Interval, NewSite

_EPILOG = examples("fovea new-site crop photos --by camera", "fovea new-site crop photos --by group.1")


@click.command(name="new-site", epilog=_EPILOG)
@labelled_folder
@click.option(
    "--by",
    required=True,
    metavar="NAME",
    help="Attribute that tells the sites apart; or group.1.",
)
@role("What to learn")
@learning
@as_json
@click.pass_obj
def command(session: Session, *, asked: Asked, by: str, as_json: bool) -> None:
    """Tell how good a model would be at a new site: leave each camera, field or clinic out and judge it.

    Heads are fitted on a backbone that stays as it is; nothing is kept but its features.
    """
    with session.bench() as bench, session.progress() as progress, stoppable(word="") as stop:
        made = bench.judging.new_site(**asked, by=by, progress=progress, stop=stop)
    answer(made, as_json=as_json, show=_show)


def _show(made: NewSite) -> None:
    from fovea_apps import output
    from fovea_apps.judged import interval

    output.title(f"A new {made.by}: {made.figure.replace('_', ' ')}")
    rows = [
        (site.value, site.pictures, _value(site.figure), _value(site.ordinary), interval(site.cost))
        for site in made.sites
    ]
    rows.append(
        ("all", sum(s.pictures for s in made.sites), _value(made.new), _value(made.ordinary), interval(made.cost))
    )
    output.table((made.by, "pictures", "left out", "cross-validated", "cost"), rows, numbers=("pictures",))
    output.line()
    if made.spread is not None:
        output.line(f"Standard deviation between those left out: {made.spread:.3f}.")
    for site in made.sites:
        if site.strange:
            output.line(f"Only {site.value} could teach: {', '.join(site.strange)}.")
    if made.without:
        output.line(f"Left out because they have no {made.by}: {output.count(made.without, 'picture')}.")
    output.line("Cross-validated: by group, with other pictures of the same place learned from; cost: the difference.")


def _value(told: Interval | None) -> str:
    from fovea_apps.judged import number

    return number(None if told is None else told.value)
