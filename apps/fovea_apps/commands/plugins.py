"""``fovea plugins``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from fovea_apps.options import as_json, examples
from fovea_apps.session import Session, answer

if TYPE_CHECKING:
    from fovea.workbench import DomainView, PluginList, SettingView


@click.group(name="plugins", invoke_without_command=True, epilog=examples("fovea plugins", "fovea plugins show crop"))
@as_json
@click.pass_context
def command(context: click.Context, *, as_json: bool) -> None:
    """List the plugins and what each brings."""
    if context.invoked_subcommand is not None:
        return
    session = context.ensure_object(Session)
    with session.bench() as bench:
        found = bench.plugins()
    answer(found, as_json=as_json, show=_show_plugins)
    session.hint("next: fovea plugins show NAME")


def _show_plugins(found: PluginList) -> None:
    from fovea_apps import output

    rows = [
        (one.name, ", ".join(one.domains), "yes" if one.listens else "no", f"{one.distribution} {one.version}")
        for one in found.loaded
    ]
    output.table(("plugin", "domains", "listens", "from"), rows)
    for one in found.broken:
        output.line(f"Left out: {one.name} of {one.distribution}: {one.fault}")


@command.command(name="show", epilog=examples("fovea plugins show crop"))
@click.argument("name")
@as_json
@click.pass_obj
def show(session: Session, *, name: str, as_json: bool) -> None:
    """Show a domain: its roles, verbs, formats and settings; or a plugin without a domain."""
    with session.bench() as bench:
        plain = [one for one in bench.plugins().loaded if one.name == name and not one.domains]
        if not plain:
            answer(bench.domain(name), as_json=as_json, show=_show_domain)
            return
    answer(plain[0], as_json=as_json, show=lambda one: _show_listener(one.name, one.distribution, listens=one.listens))


def _show_listener(name: str, distribution: str, *, listens: bool) -> None:
    from fovea_apps import output

    does = "is told of events such as new findings" if listens else "brings nothing"
    output.line(f"Plugin {name} of {distribution} has no domain and {does}.")


def _show_domain(view: DomainView) -> None:
    from fovea_apps import output

    output.title(f"{view.name}: {view.title}")
    output.line(view.intended_use)
    output.line(f"Limits: {view.limits}")
    output.line()
    output.pairs(
        {
            "roles": ", ".join(f"{role} ({kind})" for role, kind in view.roles.items()),
            "own parts": ", ".join(name for name, own in view.parts.items() if own),
            "defaults": ", ".join(name for name, own in view.parts.items() if not own),
            "formats": ", ".join(f"{name} ({text})" for name, text in view.exports.items()),
            "streams": ", ".join(view.streams),
            "verbs": ", ".join(one.verb for one in view.actions),
        }
    )
    _show_settings("view", view.view)
    _show_settings("policy", view.policy)


def _show_settings(kind: str, settings: Sequence[SettingView]) -> None:
    from fovea_apps import output

    if settings:
        output.line()
        rows = [(f"{kind}.{one.name}", one.default, one.description) for one in settings]
        output.table(("setting", "default", "what it does"), rows)
