"""Every example in a docstring is run, and does what it says."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = (
    "core/fovea",
    "apps/fovea_apps",
    *(f"plugins/{n}/fovea_{n}" for n in ("crop", "medical", "notify", "security")),
)


def with_examples() -> list[str]:
    """Names of the modules whose text holds an example; the others need not be imported."""
    return [
        ".".join(path.relative_to((ROOT / package).parent).with_suffix("").parts).removesuffix(".__init__")
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        if ">>>" in path.read_text("utf-8")
    ]


def test_there_are_examples():
    assert "fovea.settings" in with_examples()


@pytest.mark.parametrize("name", with_examples())
def test_the_examples_of_a_module_do_what_they_say(name):
    outcome = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert outcome.attempted > 0
    assert outcome.failed == 0
