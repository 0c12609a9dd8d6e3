"""``fovea new-site``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fovea_apps.options import as_json, examples, recipe, settings, whole_recipe
from fovea_apps.session import Session, answer
from fovea_apps.signals import stoppable

if TYPE_CHECKING:
    from fovea.workbench import Interval, NewSite

_EPILOG = examples("fovea new-site crop photos --by camera", "fovea new-site crop photos --by group.1")


@click.command(name="new-site", epilog=_EPILOG)
@click.argument("domain")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--by",
    required=True,
    metavar="NAME",
    help="Attribute that tells the sites apart; or group.1.",
)
@click.option("--role", default="", help="What to learn, where the domain has several roles.")
@settings
@recipe
@as_json
@click.pass_obj
def command(  # noqa: PLR0913 - one argument an option, all by name
    session: Session,
    *,
    domain: str,
    folder: Path,
    by: str,
    role: str,
    settings: tuple[str, ...],
    recipe: tuple[str, ...],
    weights: str | None,
    as_json: bool,
) -> None:
    """Tell how good a model would be at a new site: leave each camera, field or clinic out and judge it.

    Heads are fitted on a backbone that stays as it is; nothing is kept but its features.
    """
    with session.bench() as bench, session.progress() as progress, stoppable(word="") as stop:
        made = bench.judging.new_site(
            domain=domain,
            folder=folder,
            by=by,
            role=role,
            settings=settings,
            recipe=whole_recipe(recipe, weights=weights),
            progress=progress,
            stop=stop,
        )
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
