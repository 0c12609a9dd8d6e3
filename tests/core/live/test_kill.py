"""A watch that is killed at random moments leaves what an undisturbed one does."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fovea_lane import Lane, View

from fovea.live import supervise, tended

pytestmark = pytest.mark.slow
HERE = str(Path(__file__).parent)
UNITS = ("gate", "left", "right")
DELAY_S = 0.005


def fill(lane, frames=150):
    """A camera with gaps and alarms, and one that shows two units."""
    draw, now = random.Random(7), 0.0
    gate = []
    for number in range(frames):
        now += 45 if number % 50 == 49 else draw.choice([0.04, 0.04, 0.5, 1.0, 4.0])
        gate.append(f"{now:.2f} {200 if number // 9 % 3 == 0 else 20}")
    yard = [f"{n * 0.4:.2f} {200 if n % 40 < 6 else 10} {UNITS[1 + n % 2]}" for n in range(frames)]
    lane.show("gate", *gate, "end")
    lane.show("yard", *yard, "end")


def prepared(folder, new_store):
    folder.mkdir()
    shutil.copy(new_store, folder / "lane.db")
    with Lane.at(folder) as lane:
        fill(lane)
        _ = lane.site
    return folder


def tables(folder):
    with Lane.at(folder) as plain:
        lane = plain.having(view=View(delay_s=DELAY_S))
        events = [one for one in lane.events() if one[0] in {"finding.opened", "finding.closed"}]
        spooled = [path for path in lane.clips_folder.rglob("*") if path.suffix == ".part" or "spool" in path.parts]
        left = [path.name for path in spooled if path.is_file()]
        return {**lane.tables(*UNITS), "events": sorted(events), "left": left}


def start(folder):
    path = os.pathsep.join([HERE, os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "-m", "fovea_lane", str(folder), str(DELAY_S), "gate", "yard"],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.fixture(scope="module")
def calm(tmp_path_factory, new_store):
    """What an undisturbed watch leaves."""
    folder = prepared(tmp_path_factory.mktemp("calm") / "calm", new_store)
    with Lane.at(folder) as lane:
        lane.having(view=View(delay_s=DELAY_S)).watch("gate", "yard")
    left = tables(folder)
    assert len(left["clips"]) == len(left["cases"]) > 10
    assert left["left"] == []
    return left


class Killer:
    """Kills each stream's process again and again, each time a random while after it began."""

    def __init__(self, seed, kills):
        self.draw, self.left, self.due, self.supervisor = random.Random(seed), kills, {}, None

    def __call__(self):
        for pid in self.supervisor.pids.values():
            due = self.due.setdefault(pid, time.monotonic() + self.draw.uniform(0.1, 1.5))
            if self.left and time.monotonic() > due:
                self.left -= 1
                self.due[pid] = float("inf")
                os.kill(pid, signal.SIGKILL)
        return False


def test_streams_whose_processes_are_killed_leave_the_same_tables(tmp_path, new_store, calm, monkeypatch):
    monkeypatch.setattr(tended, "BACK_OFF_S", (0.01, 0.02))
    monkeypatch.setattr(supervise, "_POLL_S", 0.01)
    folder = prepared(tmp_path / "killed", new_store)
    killer = Killer(20260501, kills=12)
    with Lane.at(folder) as lane:
        killer.supervisor = lane.having(view=View(delay_s=DELAY_S)).supervisor("gate", "yard")
        summary = killer.supervisor.run(killer)
        assert sum(one.restarts for one in summary.sources) == 12 - killer.left > 0
    assert tables(folder) == calm


def test_a_watch_that_is_killed_as_a_whole_leaves_the_same_tables(tmp_path, new_store, calm):
    draw = random.Random(20260501)
    folder = prepared(tmp_path / "killed", new_store)
    for _ in range(3):
        watch = start(folder)
        time.sleep(draw.uniform(0.7, 2.0))
        os.killpg(watch.pid, signal.SIGKILL)
        watch.communicate()
    watch = start(folder)
    _, errors = watch.communicate(timeout=120)
    assert watch.returncode == 0, errors
    assert tables(folder) == calm
