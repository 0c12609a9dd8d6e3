"""Groups of commands that load a command's module only when it is called."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import click

ENTRY_POINTS = "fovea.plugins"


@dataclass(frozen=True, slots=True)
class Lazy:
    """A verb that is not loaded yet.

    Args:
        module: of :mod:`fovea_apps.commands`; its ``command`` is the verb.
        help: the line beside the verb in ``fovea --help``.
    """

    module: str
    help: str

    def load(self) -> click.Command:
        """The verb itself."""
        found: click.Command = importlib.import_module(f"fovea_apps.commands.{self.module}").command
        return found


def plugin_names() -> tuple[str, ...]:
    """The names under which plugins are installed; no plugin is loaded for it."""
    from importlib.metadata import entry_points

    return tuple(sorted({point.name for point in entry_points(group=ENTRY_POINTS)}))


class LazyGroup(click.Group):
    """The verbs of Fovea, and one group for each installed plugin.

    Args:
        verbs: by name, in the order of ``--help``.
        settings: as :class:`click.Group` takes them.
    """

    def __init__(self, *, verbs: Mapping[str, Lazy], **settings: Any) -> None:
        super().__init__(**settings)
        self.verbs = verbs

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, the verbs first."""
        del ctx
        return [*self.verbs, *(name for name in plugin_names() if name not in self.verbs)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb or the plugin's group of that name; a plugin is not loaded by asking for its group."""
        del ctx
        if cmd_name in self.verbs:
            return self.verbs[cmd_name].load()
        if cmd_name not in plugin_names():
            return None
        from fovea_apps.domains import DomainGroup

        return DomainGroup(name=cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the first word means, or the nearest name there is in the refusal."""
        refuse_unknown(ctx, args[0], lambda: self.list_commands(ctx), known=self.get_command(ctx, args[0]) is not None)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the verbs from the table alone, so that ``--help`` loads nothing."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, verb.help) for name, verb in self.verbs.items()])
        plugins = [name for name in plugin_names() if name not in self.verbs]
        if plugins:
            with formatter.section("Verbs of installed plugins"):
                formatter.write_dl([(name, f"See fovea {name} --help.") for name in plugins])


def refuse_unknown(ctx: click.Context, word: str, names: Callable[[], Iterable[str]], *, known: bool) -> None:
    """Refuse a word that no command carries, with the nearest name.

    Args:
        ctx: of the group.
        word: as it was typed.
        names: a function that tells the names there are.
        known: True where the word is a command after all.

    Raises:
        click.UsageError: the word is unknown and no option.
    """
    if known or ctx.resilient_parsing or word.startswith("-"):
        return
    raise click.UsageError(f"No such command '{word}'.{_nearest(word, names())}", ctx)


def _nearest(word: str, names: Iterable[str]) -> str:
    import difflib

    near = difflib.get_close_matches(word, list(names), n=1)
    return f" Did you mean '{near[0]}'?" if near else ""
