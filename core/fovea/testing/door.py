"""What an author calls. It loads the kit when it is called: pytest imports this package in every run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fovea.testing.outcome import Conformance


def check_plugin(module: Any, folder: Path, *, settings: Sequence[str] = (), domain: str = "") -> Conformance:
    """Run all of the contract that can be run without a trained model.

    Every function of the domain is called on the folder's pictures, most of them twice; a batch runs in a store
    of its own, which is thrown away. At most 200 samples of a unit are looked at, the batch takes all.

    Args:
        module: the plugin, or an object with its hook functions.
        folder: pictures as the domain reads them; a ``site.toml`` in it is read for its settings.
        settings: ``view.NAME=VALUE`` and ``policy.NAME=VALUE``, over those of the ``site.toml``.
        domain: which one, where the plugin provides several.

    Raises:
        UsageError: the folder is not there, or the plugin does not provide the domain.
        SettingsError: the settings are wrong.
    """
    from fovea.testing import kit

    return kit.check(module, folder, settings=settings, domain=domain)
