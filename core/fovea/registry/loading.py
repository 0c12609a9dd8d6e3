"""Finding plugins, one entry point at a time: a broken one is named and skipped, and the rest go on."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, EntryPoint, distributions
from typing import Any

import pluggy

from fovea.errors import FoveaError, PluginError, UnknownName
from fovea.plugin import GROUP, Domain, Event, hooks
from fovea.registry import checks
from fovea.registry.guard import guard, own_parts

_log = logging.getLogger("fovea.registry")
_OURS = "fovea"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A plugin that loaded: its entry point's name, who brought it, and the domains it provides."""

    name: str
    distribution: str
    version: str
    domains: tuple[str, ...]
    listens: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """A plugin, or one of its domains, that was left out, and why."""

    name: str
    distribution: str
    fault: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    name: str
    distribution: str
    version: str
    load: Any


class Registry:
    """The plugins there are. Made once in ``main`` and passed down; never a module's own."""

    def __init__(self, found: Iterable[_Found]) -> None:
        self._manager = pluggy.PluginManager("fovea")
        self._manager.add_hookspecs(hooks)
        self._domains: dict[str, Domain] = {}
        self._owner: dict[str, str] = {}
        self._of_plugin: dict[str, str] = {}
        self._loaded: list[Loaded] = []
        self._broken: list[Broken] = []
        for plugin in found:
            self._take(plugin)

    @classmethod
    def load(cls) -> Registry:
        """Load every entry point of the group ``fovea.plugins``, ours first, then by distribution and name."""
        # albumentations calls home when it is imported, unless it is told not to before.
        os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
        return cls(sorted(_installed(), key=lambda f: (f.distribution != _OURS, f.distribution, f.name)))

    @classmethod
    def of(cls, *modules: Any) -> Registry:
        """A registry of exactly these plugin modules (or objects with hook functions): for tests and authors.

        Raises:
            PluginError: where one of them is broken; an author wants to know at once.
        """
        os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
        registry = cls(
            _Found(name=_name(module), distribution=_name(module), version="", load=lambda module=module: module)
            for module in modules
        )
        for broken in registry.broken:
            raise PluginError(broken.name, "loading", broken.fault)
        return registry

    @property
    def domains(self) -> Mapping[str, Domain]:
        """Guarded domains by name."""
        return self._domains

    @property
    def loaded(self) -> tuple[Loaded, ...]:
        """The plugins that loaded, in the order they did."""
        return tuple(self._loaded)

    @property
    def broken(self) -> tuple[Broken, ...]:
        """What was left out, and why."""
        return tuple(self._broken)

    def domain(self, name: str) -> Domain:
        """A guarded domain.

        Raises:
            UnknownName: where no plugin provides it.
        """
        if name not in self._domains:
            raise UnknownName("domain", name, sorted(self._domains))
        return self._domains[name]

    def listeners(self) -> tuple[str, ...]:
        """Names of the plugins that hear events."""
        return tuple(impl.plugin_name for impl in self._manager.hook.fovea_on_event.get_hookimpls())

    def tell(self, listener: str, event: Event, settings: Mapping[str, object]) -> str | None:
        """Tell one listener of an event; its failure is returned as a sentence and stops nothing."""
        for implementation in self._manager.hook.fovea_on_event.get_hookimpls():
            if implementation.plugin_name != listener:
                continue
            given = {"event": event, "settings": settings}
            try:
                implementation.function(**{name: given[name] for name in implementation.argnames})
            except Exception as error:  # noqa: BLE001 - one listener's failure is not another's
                _log.debug("listener '%s' failed on %s", listener, event.id, exc_info=True)
                return f"listener '{listener}' failed: {type(error).__name__}: {error}"
        return None

    def _take(self, found: _Found) -> None:
        if self._manager.has_plugin(found.name):  # before loading: leaving it out must not remove the elder
            fault = f"the plugin name '{found.name}' is taken by '{self._of_plugin[found.name]}'; choose another"
            self._broken.append(Broken(name=found.name, distribution=found.distribution, fault=fault))
            return
        try:
            plugin = found.load()
            self._register(plugin, found)
            domains = self._provided(found)
        except FoveaError as error:
            self._leave_out(found, str(error))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a stranger's import must not stop the others
            text = " ".join(str(error).split())
            self._leave_out(found, f"it does not load: {type(error).__name__}: {text}")
        else:
            names = tuple(name for name in (self._add(domain, found) for domain in domains) if name)
            self._loaded.append(
                Loaded(
                    name=found.name,
                    distribution=found.distribution,
                    version=found.version,
                    domains=names,
                    listens=found.name in self.listeners(),
                )
            )

    def _register(self, plugin: Any, found: _Found) -> None:
        unmarked = [
            name
            for name in dir(plugin)
            if name.startswith("fovea_")
            and callable(getattr(plugin, name))
            and not hasattr(getattr(plugin, name), "fovea_impl")
            and not hasattr(getattr(plugin, name), "fovea_spec")
        ]
        if unmarked:
            raise PluginError(found.name, unmarked[0], "it is not marked; write @hookimpl above it")
        self._manager.register(plugin, name=found.name)
        self._of_plugin[found.name] = found.distribution
        known = {"fovea_domains", "fovea_on_event"}
        strangers = [caller.name for caller in self._manager.get_hookcallers(plugin) or [] if caller.name not in known]
        if strangers:
            near = checks.near(strangers[0], known)
            raise PluginError(found.name, strangers[0], f"there is no such hook; did you mean {near}?")

    def _provided(self, found: _Found) -> list[Domain]:
        for implementation in self._manager.hook.fovea_domains.get_hookimpls():
            if implementation.plugin_name == found.name:
                answer: Any = implementation.function()
                if fault := checks.domains_fault(answer):
                    raise PluginError(found.name, "fovea_domains", fault)
                return list(answer)
        return []

    def _add(self, domain: Domain, found: _Found) -> str:
        """Add one domain; a later plugin that claims a taken name is refused, whoever it is."""
        name = str(getattr(domain.info, "name", "?"))
        if name in self._domains and self._owner[name] == found.distribution:
            fault = f"it gives two domains the name '{name}'; the second is left out"
            self._broken.append(Broken(name=found.name, distribution=found.distribution, fault=fault))
            return ""
        if name in self._domains:
            fault = f"the domain name '{name}' is taken by '{self._owner[name]}'; choose another"
            self._broken.append(Broken(name=found.name, distribution=found.distribution, fault=fault))
            return ""
        try:
            self._domains[name] = guard(domain)
        except PluginError as error:
            self._broken.append(Broken(name=found.name, distribution=found.distribution, fault=str(error)))
            return ""
        self._owner[name] = found.distribution
        return name

    def _leave_out(self, found: _Found, fault: str) -> None:
        if self._manager.has_plugin(found.name):
            self._manager.unregister(name=found.name)
        self._broken.append(Broken(name=found.name, distribution=found.distribution, fault=fault))


def _name(module: Any) -> str:
    return str(getattr(module, "__name__", type(module).__name__))


def _installed() -> Iterator[_Found]:
    seen: set[str] = set()
    for distribution in distributions():
        metadata: Any = distribution.metadata
        name = metadata["Name"]
        if name is None or name in seen:  # the first on the path hides the others, as it does for imports
            continue
        seen.add(name)
        for entry in distribution.entry_points:
            if entry.group == GROUP:
                yield _found(entry, distribution, name)


def _found(entry: EntryPoint, distribution: Distribution, name: str) -> _Found:
    return _Found(name=entry.name, distribution=name, version=distribution.version, load=entry.load)


__all__ = ["Broken", "Loaded", "Registry", "own_parts"]
