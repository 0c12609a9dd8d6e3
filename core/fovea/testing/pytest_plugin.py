"""What pytest has of Fovea wherever Fovea is installed: a fixture, and a variable that must be set early.

pytest loads this module in every run, also in those that have nothing to do with Fovea; so it imports next to
nothing. ``-p no:fovea`` leaves it out.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import pytest

from fovea.errors import FoveaError
from fovea.testing import Conformance, check_plugin


class Required(Protocol):
    """:func:`fovea.testing.check_plugin`, failing the test where the contract is not kept."""

    def __call__(self, module: Any, folder: Path, *, settings: Sequence[str] = (), domain: str = "") -> Conformance:
        """The conformance, without a fault."""
        ...


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests() -> None:
    """Set what albumentations reads when it is imported, before a conftest imports a plugin; else it calls home."""
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")


@pytest.fixture(scope="session")
def fovea_conformance() -> Required:
    """Hold a Fovea plugin to its contract; call it with the plugin and a folder of a few pictures."""
    return _required


def _required(module: Any, folder: Path, *, settings: Sequence[str] = (), domain: str = "") -> Conformance:
    try:
        return check_plugin(module, folder, settings=settings, domain=domain).require()
    except FoveaError as error:
        faults = str(error)
    # outside of the except clause: what is told is the kit's sentences, and no chain of tracebacks
    pytest.fail(faults, pytrace=False)
