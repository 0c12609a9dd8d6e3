"""The toy domain ``field`` as a stranger's installed plugin, worked through by the real console and its workers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from field_site import PICTURES, SAID, draw_site, open_farm, write_bundles, write_weather

pytestmark = pytest.mark.slow
HERE = Path(__file__).parent
CONSOLE = "import sys; from fovea_apps.cli import main; sys.exit(main())"
SLOW = """
import time
from dataclasses import replace
import fovea_field
from fovea.plugin import hookimpl

def load_images(root, samples, view, side):
    for answer in fovea_field.load_images(root=root, samples=samples, view=view, side=side):
        time.sleep(0.05)
        yield answer

@hookimpl
def fovea_domains():
    return [replace(fovea_field.domain(), load_images=load_images)]
"""
"""The same domain on a slow disk, so that there is a middle to be killed in."""


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    return write_bundles(tmp_path_factory.mktemp("models"))


@pytest.fixture
def root(tmp_path):
    return draw_site(tmp_path / "farm")


@pytest.fixture
def farm(root, tmp_path, bundles):
    made = open_farm(root, tmp_path / "home", bundles)
    with made.bench:
        yield made


@pytest.fixture
def calm(root, tmp_path, bundles):
    """The same folder in another home, worked through by one process in peace."""
    made = open_farm(root, tmp_path / "calm", bundles)
    with made.bench:
        made.batch()
        yield made


def installed(folder, module):
    """A folder that makes a plugin known, as an installation of its distribution would."""
    about = folder / "fovea_field-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: fovea-field\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[fovea.plugins]\nfield = {module}\n")
    return folder


@pytest.fixture
def plain(tmp_path):
    return installed(tmp_path / "plain", "fovea_field")


@pytest.fixture
def slow(tmp_path):
    folder = installed(tmp_path / "slow", "slow_field")
    (folder / "slow_field.py").write_text(SLOW)
    return folder


def fovea(plugins, farm, *words):
    """A command as a process of its own, at the head of its own process group."""
    path = os.pathsep.join([str(plugins), str(HERE), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "-c", CONSOLE, "--quiet", *words],
        env={**os.environ, "PYTHONPATH": path, "FOVEA_HOME": str(farm.bench.config.home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def told(command):
    """What a command answers in JSON."""
    answer, errors = command.communicate(timeout=120)
    assert command.returncode == 0, errors
    return json.loads(answer)


def kill_in_the_middle(batch, farm):
    """Kill a batch and its workers once some more of the pictures are answered."""
    before = farm.looks()
    while batch.poll() is None and farm.looks() == before:
        time.sleep(0.02)
    os.killpg(batch.pid, signal.SIGKILL)
    batch.communicate()
    assert batch.returncode == -signal.SIGKILL
    assert before < farm.looks() < PICTURES


def test_killed_twice_and_run_again_equals_the_undisturbed_run(farm, calm, slow, plain):
    for _ in range(2):
        kill_in_the_middle(fovea(slow, farm, "batch", "farm", "--workers", "2"), farm)
    known = farm.looks()

    done = told(fovea(plain, farm, "batch", "farm", "--workers", "2", "--json"))

    assert (done["known"], done["scored"]) == (known, PICTURES - known)
    assert farm.left_behind() == calm.left_behind()
    assert farm.bench.verify_audit() is None


def test_the_console_finds_the_plugin_and_one_more_hour_opens_a_case(farm, calm, plain):
    first = told(fovea(plain, farm, "batch", "farm", "--workers", "2", "--json"))
    assert farm.left_behind() == calm.left_behind()

    write_weather(farm.root, hours=73)
    second = told(fovea(plain, farm, "batch", "farm", "--workers", "2", "--json"))
    (case,) = told(fovea(plain, farm, "cases", "list", "--json"))

    assert (first["scored"], first["units"], first["findings"]) == (PICTURES, 2, 0)
    assert (second["scored"], second["known"], second["decisions"], second["findings"]) == (0, PICTURES, 1, 1)
    assert (farm.said(), farm.looks()) == (SAID, PICTURES)
    assert (case["unit"], case["state"], case["decision"]["label"]) == ("north", "new", "treat")
    assert [event.kind for event in farm.events()] == ["finding.opened", "batch.finished"]
