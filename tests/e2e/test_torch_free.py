"""Every command that uses a model runs where torch, torchvision and albumentations cannot be imported at all."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

CONSOLE = "import sys; from fovea_apps.cli import main; sys.exit(main())"


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """A folder in front of all others on the path, in which these libraries refuse to be loaded."""
    folder = tmp_path_factory.mktemp("bare")
    for name in ("torch", "torchvision", "albumentations"):
        (folder / f"{name}.py").write_text(f"raise SystemExit('{name} was loaded')\n")
    return folder


@pytest.fixture(scope="module")
def home(walked, tmp_path_factory):
    """A copy of the walked home: what is done here is nobody else's business."""
    copied = tmp_path_factory.mktemp("torch-free") / "home"
    shutil.copytree(walked[0], copied)
    return copied


def run(bare, home, *words):
    path = os.pathsep.join([str(bare), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-c", CONSOLE, "--home", str(home), *words]
    return subprocess.run(
        command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize(
    "words",
    [
        ("evaluate", "demo-crop", "{data}/train"),
        ("predict", "demo-crop", "{data}/site"),
        ("report", "{site}"),
        ("export", "{site}", "geojson"),
        ("cases", "list"),
        ("models", "list"),
        ("runs", "list"),
        ("plugins",),
        ("quarantine", "list", "{site}"),
        ("events", "list"),
        ("audit",),
    ],
    ids=lambda words: words[0],
)
def test_a_command_runs_without_torch(bare, home, drawn, site, words):
    told = [word.format(data=drawn, site=site) for word in words]
    done = run(bare, home, *told)
    assert "was loaded" not in done.stderr
    assert done.returncode in {0, 3}, done.stderr


def test_a_batch_runs_without_torch_in_all_its_processes(bare, home, site):
    run(bare, home, "site", "set", site, "view.max_megapixels=99")  # a new view looks at every picture again
    done = run(bare, home, "batch", site, "--workers", "1")
    assert "was loaded" not in done.stderr
    assert done.returncode == 3, done.stderr
    assert " 0 scored" not in done.stdout


def test_the_libraries_really_refuse(bare, home, drawn):
    assert "torch was loaded" in run(bare, home, "train", "crop", str(drawn / "train")).stderr


@pytest.fixture(scope="module")
def site(home):
    from fovea.workbench import Workbench, load_config

    with Workbench(load_config(home=str(home), folder=home)) as bench:
        return bench.sites()[0].name
