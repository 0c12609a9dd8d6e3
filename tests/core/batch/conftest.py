from __future__ import annotations

import sys
from pathlib import Path

import pytest

HERE = str(Path(__file__).parent)
if HERE not in sys.path:
    sys.path.append(HERE)  # worker processes import the toy domain by name


@pytest.fixture
def room(tmp_path):
    import fovea_toy

    with fovea_toy.Room.at(tmp_path) as made:
        yield made
