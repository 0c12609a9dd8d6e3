"""The two hooks. pluggy carries discovery and listening; everything that answers is in a :class:`Domain`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from fovea.plugin.domain import Domain
    from fovea.plugin.values import Event

GROUP = "fovea.plugins"
"""The entry-point group; the name left of the ``=`` is the domain's name, or the listener's."""

hookspec = pluggy.HookspecMarker("fovea")
hookimpl = pluggy.HookimplMarker("fovea")


@hookspec
def fovea_domains() -> Sequence[Domain]:  # type: ignore[empty-body]
    """Return the domains this plugin provides; called once, at start."""


@hookspec
def fovea_on_event(event: Event, settings: Mapping[str, object]) -> None:
    """Hear of something that happened; delivered at least once, in order per subject. Optional.

    ``settings`` is the listener's own part of the settings (``[notify.NAME]`` in ``fovea.toml``). It is called in a
    thread of its own and has 20 seconds; where it raises or takes longer, that is told under the plugin's name, and
    the event comes again later.
    """
