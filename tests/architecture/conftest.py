"""The source files that the rules below are about, found from the repository's root."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_SKIPPED = {"__pycache__", "build", "dist", ".venv", "demo", "out"}


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository's root."""
    return _ROOT


@pytest.fixture(scope="session")
def modules(root: Path) -> Mapping[Path, ast.Module]:
    """The parsed modules of core, plugins and apps, by path relative to the root."""
    paths = [path for room in ("core", "plugins", "apps") for path in sorted((root / room).rglob("*.py"))]
    kept = [path for path in paths if not _SKIPPED & set(path.relative_to(root).parts)]
    return {path.relative_to(root): ast.parse(path.read_text(encoding="utf-8")) for path in kept}
