"""The generator is a folder of scripts, not a package: put it on the import path for these tests."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "sample_data"))


@pytest.fixture(scope="session")
def small_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete set of few, small pictures, made once."""
    import make  # found only through the path set above

    out = tmp_path_factory.mktemp("sample") / "set"
    assert make.make(out, plants=1, size=96, seed=5, workers=1)
    return out
