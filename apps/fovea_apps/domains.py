"""The group ``fovea DOMAIN``: a plugin's own verbs, loaded when the group is entered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fovea_apps.lazy import refuse_unknown
from fovea_apps.options import as_json, examples, settings
from fovea_apps.session import Session

if TYPE_CHECKING:
    from fovea.workbench import Workbench


class DomainGroup(click.Group):
    """The verbs of one plugin's domain.

    Args:
        name: of the domain, which is also the name its plugin is installed under.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name=name, no_args_is_help=True)
        self.domain = name
        self._verbs: dict[str, click.Command] | None = None

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The domain's verbs."""
        return list(self._load(ctx))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One of the domain's verbs."""
        return self._load(ctx).get(cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The verb that the first word means, or the nearest name there is in the refusal."""
        refuse_unknown(ctx, args[0], lambda: self._load(ctx), known=args[0] in self._load(ctx))
        return super().resolve_command(ctx, args)

    def _load(self, ctx: click.Context) -> Mapping[str, click.Command]:
        if self._verbs is None:
            with _session(ctx).bench() as bench:
                self._verbs = self._read(bench)
        return self._verbs

    def _read(self, bench: Workbench) -> dict[str, click.Command]:
        """Build the verbs and the help text.

        Raises:
            UnknownName: the plugin is installed and brings no domain of its name.
            PluginError: the plugin could not be loaded.
        """
        view = _domain(bench, self.domain)
        self.help = f"{view.title}.\n\n{view.intended_use}\n\nLimits: {view.limits}"
        verbs = [_verb(self.domain, one.verb, one.help, one.params) for one in view.actions]
        shown = f"fovea {self.domain} {verbs[0].name} --help" if verbs else f"fovea plugins show {self.domain}"
        self.epilog = examples(shown)
        return {str(verb.name): verb for verb in verbs}

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help, which is known only once the domain is loaded."""
        self._load(ctx)
        super().format_help(ctx, formatter)


def _domain(bench: Workbench, name: str) -> Any:
    """A domain's view, or the fault of its plugin where that could not be loaded."""
    from fovea.errors import PluginError, UsageError

    found = bench.plugins()
    for broken in found.broken:
        if broken.name == name:
            raise PluginError(name, "loading", str(broken.fault))
    for loaded in found.loaded:
        if loaded.name == name and not loaded.domains:
            raise UsageError(f"plugin '{name}' brings no domain, so it has no verbs; see: fovea plugins show {name}")
    return bench.domain(name)


def _session(ctx: click.Context) -> Session:
    """The run's session; while words are completed there is none yet."""
    session = ctx.find_object(Session)
    return session if session is not None else Session(home=ctx.find_root().params.get("home"))


def _verb(domain: str, verb: str, text: str, params: Any) -> click.Command:
    """A command that asks for an action's arguments and prints its report."""

    @click.pass_context
    def run(ctx: click.Context, /, *, as_json: bool, settings: tuple[str, ...], **given: Any) -> None:
        arguments = {name: value for name, value in given.items() if value is not None}
        with _session(ctx).bench() as bench:
            result = bench.act(domain, verb, arguments, settings)
        _print(result, as_json=as_json)

    wanted = " ".join(param.name.upper() for param in params if param.required)
    command = click.command(name=verb, help=text, epilog=examples(f"fovea {domain} {verb} {wanted}".rstrip()))(
        as_json(settings(run))
    )
    command.params = [*(_parameter(param) for param in params), *command.params]
    return command


def _parameter(param: Any) -> click.Parameter:
    kinds: Mapping[str, Callable[[], click.ParamType[Any]]] = {
        "text": lambda: click.STRING,
        "number": lambda: click.FLOAT,
        "path": lambda: click.Path(path_type=Path),
        "flag": lambda: click.BOOL,
    }
    if param.required:
        return click.Argument([param.name], type=kinds[param.kind](), metavar=param.name.upper())
    option = f"--{param.name.replace('_', '-')}"
    if param.kind == "flag":
        return click.Option([param.name, option], is_flag=True, default=bool(param.default), help=param.help)
    return click.Option([param.name, option], type=kinds[param.kind](), default=param.default, help=param.help)


def _print(result: Any, *, as_json: bool) -> None:
    if as_json:
        click.echo(result.json)
        return
    from fovea_apps.output import colour, width

    click.echo(result.text(width(), colour=colour()), nl=False)
