"""What the registry's tests share: a plugin written to a file that can be imported, as a stranger's would be."""

from __future__ import annotations

import importlib
import sys
import textwrap
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

from fovea.plugin import Domain, DomainInfo
from fovea.registry.loading import _Found

Import = Callable[[str, str], ModuleType]


@pytest.fixture
def written(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Import]:
    """Writes a module of this name and text, and imports it; forgotten after the test."""
    made: list[str] = []
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(name: str, text: str) -> ModuleType:
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(text), encoding="utf-8")
        importlib.invalidate_caches()
        made.append(name)
        return importlib.import_module(name)

    yield write
    for name in made:
        sys.modules.pop(name, None)


@pytest.fixture
def found() -> Callable[..., _Found]:
    """An entry point as the registry finds it, which loads to ``plugin``."""

    def find(name: str, plugin: object, distribution: str = "stranger") -> _Found:
        return _Found(name=name, distribution=distribution, version="1.0", load=lambda: plugin)

    return find


@pytest.fixture
def domain() -> Callable[..., Domain]:
    """A domain with this name that reads nothing, changed as the test says."""

    def make(name: str = "wheat", **parts: Any) -> Domain:
        info = DomainInfo(name=name, title="Wheat", intended_use="Sorts wheat photos.", limits="Not for grading.")
        return Domain(**{"info": info, "read_samples": _nothing, **parts})

    return make


def _nothing(root: Any, view: Any) -> Iterator[Any]:
    return iter(())
