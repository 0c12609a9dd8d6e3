from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

HERE = str(Path(__file__).parent)
if HERE not in sys.path:
    sys.path.append(HERE)  # the streams' processes import the toy domain by name


@pytest.fixture(scope="session")
def new_store(tmp_path_factory):
    """A store with its tables and nothing in them: to make them takes longer than most tests."""
    import fovea_lane

    folder = tmp_path_factory.mktemp("new")
    with fovea_lane.Lane.at(folder) as made:
        return Path(str(made.store.location))


@pytest.fixture
def lane(tmp_path, new_store):
    import fovea_lane

    shutil.copy(new_store, tmp_path / "lane.db")
    with fovea_lane.Lane.at(tmp_path) as made:
        yield made
