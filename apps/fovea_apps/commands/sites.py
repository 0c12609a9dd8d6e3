"""``fovea site``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fovea_apps.options import as_json, examples, settings
from fovea_apps.session import Session, answer

if TYPE_CHECKING:
    from fovea.workbench import Site, SiteSummary

_MOST_UNITS = 12
_KINDS = ("view", "policy")


@click.group(name="site", no_args_is_help=True, epilog=examples("fovea site add photos --name farm --domain crop"))
def command() -> None:
    """Add a site, list sites, change their settings and models."""


@command.command(name="add", epilog=examples("fovea site add photos --name farm --domain crop"))
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--name", default="", help="Short name of the site; by default from site.toml or the folder's name.")
@click.option("--domain", default="", help="The domain that reads it; by default from site.toml.")
@click.option("--title", default="", help="Name for people.")
@settings
@as_json
@click.pass_obj
def add(
    session: Session, *, folder: Path, name: str, domain: str, title: str, settings: tuple[str, ...], as_json: bool
) -> None:
    """Add a site and tell what is found there."""
    with session.bench() as bench:
        summary = bench.add_site(root=folder, name=name, domain=domain, title=title, settings=settings)
    answer(summary, as_json=as_json, show=_show_summary)
    session.hint(f"next: fovea site use {summary.site.name} MODEL, then fovea batch {summary.site.name}")


def _show_summary(summary: SiteSummary) -> None:
    from fovea_apps import output

    site = summary.site
    found = output.count(summary.samples, "picture")
    output.line(
        f"Site {site.name} ({site.domain}): {found}, {output.count(summary.records, 'record')}, "
        f"{output.count(len(summary.units), 'unit')}."
    )
    _show_counts("unit", summary.units)
    _show_counts("label", summary.labels)
    for one in summary.examples:
        output.line(f"read as: {one}")


def _show_counts(heading: str, counts: Mapping[str, int]) -> None:
    from fovea_apps import output

    if not counts:
        return
    output.line()
    rows = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    output.table((heading, "pictures"), rows[:_MOST_UNITS], numbers=("pictures",))
    if len(rows) > _MOST_UNITS:
        output.line(f"and {len(rows) - _MOST_UNITS} more; --json tells them all")


@command.command(name="list", epilog=examples("fovea site list"))
@as_json
@click.pass_obj
def list_(session: Session, *, as_json: bool) -> None:
    """List the sites."""
    with session.bench() as bench:
        found = bench.sites()
    answer(found, as_json=as_json, show=_show_sites)
    if not found:
        session.hint("no site yet; next: fovea site add FOLDER --domain DOMAIN")


def _show_sites(found: Sequence[Site]) -> None:
    from fovea_apps import output

    output.table(("name", "domain", "title", "folder"), [(one.name, one.domain, one.title, one.root) for one in found])


@command.command(name="show", epilog=examples("fovea site show farm"))
@click.argument("site")
@as_json
@click.pass_obj
def show(session: Session, *, site: str, as_json: bool) -> None:
    """Show a site: its models and the settings that hold there."""
    with session.bench() as bench:
        facts = {
            "site": bench.site(site),
            "models": bench.line_up(site),
            "older": [one.role for one in bench.outdated(site)],
            "settings": bench.site_settings(site),
        }
    answer(facts, as_json=as_json, show=_show_site)


def _show_site(facts: Mapping[str, Any]) -> None:
    from fovea.workbench import plain
    from fovea_apps import output

    site, settings = facts["site"], plain(facts["settings"])
    output.title(site.title)
    output.pairs({"name": site.name, "domain": site.domain, "folder": site.root})
    output.line()
    models = [
        (one.role, one.name, one.digest[:8] if one.role in facts["older"] else "current") for one in facts["models"]
    ]
    output.table(("role", "model", "version"), models)
    if settings.get("fault"):
        output.line(f"Fault: {settings['fault']}")
    output.line()
    if settings.get("streams"):
        output.table(("stream", "address"), settings["streams"].items())
        output.line()
    units = settings.get("units", {})
    rows = [("", kind, name, output.typed(value)) for kind in _KINDS for name, value in settings[kind].items()]
    rows += [
        (unit, kind, name, output.typed(value))
        for unit, kinds in units.items()
        for kind, values in kinds.items()
        for name, value in values.items()
    ]
    output.table(("unit", "kind", "setting", "value"), rows)


@command.command(name="use", epilog=examples("fovea site use farm leaves"))
@click.argument("site")
@click.argument("model")
@as_json
@click.pass_obj
def use(session: Session, *, site: str, model: str, as_json: bool) -> None:
    """Let a model serve its role at a site."""
    from fovea_apps import output

    with session.bench() as bench:
        entry = bench.use(site, model)
    answer(entry, as_json=as_json, show=lambda one: output.line(f"{one.name} serves '{one.role}' at {site}."))
    session.hint(f"next: fovea batch {site}")


@command.command(name="set", epilog=examples("fovea site set farm policy.sure=0.7"))
@click.argument("site")
@click.argument("settings", nargs=-1, required=True, metavar="NAME=VALUE...")
@click.option("--unit", default="", help="Only for this unit.")
@click.pass_obj
def set_(session: Session, *, site: str, settings: tuple[str, ...], unit: str) -> None:
    """Change settings of a site or of one unit: view.NAME=VALUE, policy.NAME=VALUE, stream.NAME=ADDRESS.

    An empty ADDRESS takes a stream away. A password in an address is written {env:NAME} and read from that variable.
    """
    with session.bench() as bench:
        bench.change_settings(site, settings, unit)
    session.hint(f"next: fovea batch {site}")
