"""``fovea watch`` as a person runs it: the real console, and a stranger's plugin that knows cameras."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

pytestmark = pytest.mark.slow
CONSOLE = "import sys; from fovea_apps.cli import main; sys.exit(main())"
CONTRACT = Path(__file__).parents[1] / "contract"
sys.path.append(str(CONTRACT))
import fovea_cameras  # noqa: E402 - lies beside the tests of the contract
from toy_networks import grey, write_bundle  # noqa: E402


@dataclass
class Desk:
    """A terminal in front of a home folder, with the cameras' plugin installed."""

    home: Path
    installed: Path

    def command(self, *words):
        path = os.pathsep.join([str(self.installed), str(CONTRACT), os.environ.get("PYTHONPATH", "")])
        return {
            "args": [sys.executable, "-c", CONSOLE, "--home", str(self.home), *words],
            "env": {**os.environ, "PYTHONPATH": path, "GATE": "s3cret"},
            "text": True,
        }

    def run(self, *words, code=0):
        done = subprocess.run(**self.command(*words), capture_output=True, timeout=120, check=False)
        assert done.returncode == code, done.stderr + done.stdout
        return done

    def add(self, folder, *addresses):
        """A site called ``street`` with an empty folder and these cameras; ``desk.run`` it."""
        folder.mkdir()
        settings = [f"--set=stream.gate={address}" for address in addresses]
        name = ["--name", "street", "--domain", "cameras"]
        if not addresses:  # a folder without streams must hold something
            cv2.imwrite(str(folder / "1.png"), np.zeros((8, 8, 3), np.uint8))
        return self.run("site", "add", str(folder), *name, *settings)

    def start(self, *words):
        return subprocess.Popen(**self.command(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.fixture
def desk(tmp_path):
    about = tmp_path / "installed" / "stranger_cameras-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger-cameras\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[fovea.plugins]\ncameras = fovea_cameras\n")
    home = tmp_path / "home"
    labels, rule = ("empty", "person"), (grey(5), grey(110))
    write_bundle(home / "models", domain="cameras", role="presence", labels=labels, rule=rule, softness=30)
    return Desk(home, tmp_path / "installed")


@pytest.fixture
def gate(tmp_path):
    folder = tmp_path / "cameras" / "gate"
    folder.mkdir(parents=True)
    for number in range(20):
        level = 220 if 5 <= number < 9 else 10
        cv2.imwrite(str(folder / f"{number * 500 + 1}.png"), np.full((32, 48, 3), level, np.uint8))
    with fovea_cameras.served(folder.parent) as address:
        yield folder, f"{address}/gate"


def test_a_site_is_watched_from_its_address_to_its_report(desk, gate, tmp_path):
    folder, address = gate
    added = desk.add(tmp_path / "site", address)
    assert "0 pictures" in added.stdout
    desk.run("site", "use", "street", "presence")
    (folder / "end").touch()
    watched = desk.run("watch", "street", "--json")
    (source,) = json.loads(watched.stdout)["sources"]
    assert (source["name"], source["state"], source["arrived"], source["faulty"]) == ("gate", "over", 20, 0)
    (case,) = json.loads(desk.run("cases", "list", "--json").stdout)
    assert (case["decision"]["label"], case["decision"]["state"]) == ("person", "closed")
    again = json.loads(desk.run("watch", "street", "--json").stdout)["sources"][0]
    assert (again["arrived"], again["again"]) == (0, 20)
    report = json.loads(desk.run("report", "street", "--json").stdout)
    counted = (Path(report["json"]).parent / "tables" / "01-pictures-by-presence.csv").read_text("utf-8-sig")
    assert counted.split() == ["category,pictures", "empty,16", "person,4"]
    shown = json.loads(desk.run("site", "show", "street", "--json").stdout)
    assert shown["settings"]["streams"] == {"gate": address}


def test_ctrl_c_ends_a_watch_and_the_next_one_goes_on(desk, gate, tmp_path):
    folder, address = gate
    desk.add(tmp_path / "site", address)
    desk.run("site", "use", "street", "presence")
    watch = desk.start("watch", "street")
    for _ in range(600):
        if json.loads(desk.run("cases", "list", "--json").stdout):
            break
        time.sleep(0.1)
    watch.send_signal(signal.SIGINT)
    told, said = watch.communicate(timeout=60)
    assert watch.returncode == 130, said
    assert "stopped" in told
    assert "gate: live" in said
    (folder / "end").touch()
    assert json.loads(desk.run("watch", "street", "--json").stdout)["sources"][0]["state"] == "over"
    assert len(json.loads(desk.run("cases", "list", "--json").stdout)) == 1


def test_a_site_without_a_stream_says_how_to_name_one(desk, tmp_path):
    desk.add(tmp_path / "site")
    told = desk.run("watch", "street", code=2).stderr
    assert "no stream to watch; name one: fovea site set street stream.NAME=ADDRESS" in " ".join(told.split())


def test_every_mistake_in_addresses_is_told_and_nothing_is_stored(desk, gate, tmp_path):
    _, address = gate
    desk.add(tmp_path / "site")
    wrong = ["a=rtsp://x/1", f"B={address}", "c=toycam://me:word@x/1", "d=toycam://{env:NO}"]
    told = " ".join(desk.run("site", "set", "street", *(f"stream.{one}" for one in wrong), code=2).stderr.split())
    assert "it knows: toycam://" in told
    assert "lower-case letters, digits and hyphens" in told
    assert "write {env:NAME} in its place" in told
    assert "the environment variable NO is not set" in told
    assert json.loads(desk.run("site", "show", "street", "--json").stdout)["settings"]["streams"] == {}


def test_a_watch_loads_no_torch(desk, gate, tmp_path):
    folder, address = gate
    (folder / "end").touch()
    desk.add(tmp_path / "site", address)
    desk.run("site", "use", "street", "presence")
    refuse = tmp_path / "installed"
    for name in ("torch", "torchvision", "albumentations"):
        (refuse / f"{name}.py").write_text(f"raise SystemExit('{name} was loaded')\n")
    watched = json.loads(desk.run("watch", "street", "--json").stdout)["sources"][0]
    assert (watched["state"], watched["restarts"], watched["arrived"]) == ("over", 0, 20)


def test_a_stream_named_while_others_are_watched_is_taken_up(desk, gate, tmp_path):
    folder, address = gate
    desk.add(tmp_path / "site", address)
    desk.run("site", "use", "street", "presence")
    with (tmp_path / "said").open("w") as said:
        watch = subprocess.Popen(**desk.command("watch", "street", "--json"), stdout=subprocess.PIPE, stderr=said)
        waits_for(tmp_path / "said", "gate: live")
        desk.run("site", "set", "street", f"stream.yard={address}")
        waits_for(tmp_path / "said", "yard: live")
        (folder / "end").touch()
        told, _ = watch.communicate(timeout=120)
    assert watch.returncode == 0
    assert {one["name"]: one["arrived"] for one in json.loads(told)["sources"]} == {"gate": 0, "yard": 20}


def waits_for(path, words):
    for _ in range(600):
        if words in path.read_text():
            return
        time.sleep(0.1)
    pytest.fail(f"nobody said '{words}': {path.read_text()}")
