"""One small drawn farm, trained on and worked through once for all tests of this folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fovea.workbench import Workbench, load_config, silent

MAKE = Path(__file__).parents[2] / "sample_data" / "make.py"
TINY = ["weights=none", "backbone=torchvision:mobilenet_v3_small", "size=64", "epochs=2", "threads=1", "batch_size=16"]


@pytest.fixture(scope="session")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn")
    command = [sys.executable, str(MAKE), str(folder), "--plants", "8", "--size", "128", "--workers", "1"]
    subprocess.run(command, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="session")
def walked(drawn, tmp_path_factory):
    """A home folder in which the demo was walked, and what it came to."""
    home = tmp_path_factory.mktemp("home")
    with Workbench(load_config(home=str(home), folder=home)) as bench:
        done = bench.demo("crop", data=drawn, recipe=TINY, progress=silent(), stop=lambda: False)
    return home, done


@pytest.fixture
def bench(walked):
    home, _ = walked
    with Workbench(load_config(home=str(home), folder=home)) as opened:
        yield opened
