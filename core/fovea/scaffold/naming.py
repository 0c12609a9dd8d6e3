"""Which names a new plugin may have: those that the registry, Python and installers all take, and nobody else has."""

from __future__ import annotations

import importlib.util
import re

from fovea.errors import UsageError
from fovea.plugin import DomainInfo
from fovea.registry import Registry
from fovea.registry.checks import info_fault

OURS = "fovea-"


def package_of(name: str) -> str:
    """The import package of the plugin that brings the domain ``name``.

    >>> package_of("wheat-rust")
    'fovea_wheat_rust'
    """
    return f"{OURS}{name}".replace("-", "_")


def check_name(name: str, registry: Registry) -> None:
    """Refuse a name that no plugin can have, or that another one has.

    Raises:
        UsageError: saying what is wrong with the name, and the nearest one that would do.
    """
    if fault := _fault(name):
        near = re.sub(r"[ _.-]+", "-", name.lower()).removeprefix(OURS).strip("-")
        hint = "" if _fault(near) else f"; did you mean '{near}'?"
        raise UsageError(f"{fault}{hint}")
    if owner := _owner(name, registry):
        raise UsageError(f"the name '{name}' is taken: '{owner}' is installed and brings it; choose another")
    if importlib.util.find_spec(package_of(name)) is not None:
        raise UsageError(
            f"there is already a Python package {package_of(name)} here; choose another name than '{name}'"
        )


def _fault(name: str) -> str | None:
    if name[:1].isdigit():
        return f"the name '{name}' must begin with a letter"
    if fault := info_fault(DomainInfo(name=name, title="", intended_use="", limits="")):
        return fault
    if name.startswith(OURS):
        return f"'{name}' is the name of a project; want the domain's alone, without {OURS}"
    if name.endswith("-") or "--" in name:  # installers would make another name of it
        return f"the name '{name}' must have a letter or a digit on both sides of a hyphen"
    return None


def _owner(name: str, registry: Registry) -> str | None:
    """The distribution that brings a plugin or a domain of that name, loaded or broken."""
    for loaded in registry.loaded:
        if name in (loaded.name, *loaded.domains):
            return loaded.distribution
    return next((broken.distribution for broken in registry.broken if broken.name == name), None)
