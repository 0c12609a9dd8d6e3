"""Batches that are killed, raced and poisoned, in real processes."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import fovea_toy
import pytest
from fovea_toy import Room, View, domain, in_order

from fovea.errors import FoveaError, PluginError

pytestmark = pytest.mark.slow
HERE = Path(__file__).parent


def start(folder, **order):
    """A batch as a program of its own, at the head of its own process group."""
    given = json.dumps({"folder": str(folder), "workers": 2, **order})
    path = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "-m", "fovea_toy", given],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finished(batch):
    told, errors = batch.communicate(timeout=120)
    assert batch.returncode == 0, errors
    return json.loads(told)


def ended_within(batch, seconds):
    try:
        batch.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def ended_before_a_moment(batch, folder, draw):
    """Wait for a random moment of its start or, more often, of its work; True where it ended before."""
    if draw.random() < 0.3:
        return ended_within(batch, draw.uniform(0.2, 1.2))
    with Room.at(folder) as room:
        before = answered(room)
        while batch.poll() is None and answered(room) == before:
            time.sleep(0.02)
    return ended_within(batch, draw.uniform(0.0, 0.5))


def answered(room):
    known = room.store.batches(room.site.id)
    return room.store.counts(known[-1]).pictures if known else 0


def kill_group(batch):
    os.killpg(batch.pid, signal.SIGKILL)
    batch.communicate()


def filled(folder, units, pictures, bundle_of=None):
    folder.mkdir()
    if bundle_of is not None:
        shutil.copytree(bundle_of / "models", folder / "models")
    with Room.at(folder) as room:
        room.fill(units=units, pictures=pictures)
        (room.job.root / "rain.csv").write_text("1\n7\n")
        _ = room.site
    return folder


def tables(folder):
    with Room.at(folder) as room:
        return room.tables()


@pytest.fixture
def hurried(monkeypatch):
    """In such a block this process looks at slow pictures without a wait."""

    @contextmanager
    def block():
        with monkeypatch.context() as patched:
            patched.setattr(fovea_toy, "pause", lambda _: None)
            yield

    return block


def undisturbed(folder, hurried, measure="per picture"):
    """The folder that the races are run over, answered by one process in peace."""
    filled(folder, units=4, pictures=30)
    with hurried(), Room.at(folder) as room:
        room.having(domain={"per picture": domain, "in order": in_order}[measure](), view=View(delay_s=0.01)).run()
    return folder


def doubles(folder):
    """Rows of predictions and measures that say the same thing twice."""
    wanted = (
        "SELECT count(*) - count(DISTINCT sample_id) FROM measures",
        "SELECT count(*) - count(DISTINCT sample_id || region) FROM predictions",
    )
    with sqlite3.connect(folder / "toy.db") as database:
        return [database.execute(one).fetchone()[0] for one in wanted]


@pytest.mark.parametrize("measure", ["per picture", "in order"])
def test_killed_at_random_moments_and_rerun_equals_undisturbed(tmp_path, hurried, measure):
    draw = random.Random(20260501)
    order = {"measure": measure, "delay_s": 0.01, "lease_seconds": 600}  # a rerun must not wait for it
    calm = undisturbed(tmp_path / "calm", hurried, measure)
    kills = rounds = 0
    while kills < 10:
        rounds += 1
        folder = filled(tmp_path / f"round-{rounds}", units=4, pictures=30, bundle_of=calm)
        while True:
            batch = start(folder, **order)
            if kills == 10 or ended_before_a_moment(batch, folder, draw):
                finished(batch)
                break
            kill_group(batch)
            kills += 1

        assert tables(folder) == tables(calm)
        assert doubles(folder) == [0, 0]


def test_two_at_once_share_the_work(tmp_path, hurried):
    calm = undisturbed(tmp_path / "calm", hurried)
    folder = filled(tmp_path / "shared", units=4, pictures=30, bundle_of=calm)
    batches = [start(folder, workers=1, delay_s=0.02, lease_seconds=5) for _ in range(2)]

    told = [finished(batch) for batch in batches]

    assert [one["pictures"] for one in told] == [120, 120]
    assert tables(folder) == tables(calm)
    assert doubles(folder) == [0, 0]


def test_a_file_that_kills_its_worker_is_quarantined_and_the_others_finish(tmp_path):
    folder = filled(tmp_path / "poisoned", units=2, pictures=10)
    with Room.at(folder) as room:
        room.put("u0/00004", "crash")

        summary = room.run(workers=2)

        assert summary.quarantined == {"bad": 1, "crash": 1}
        assert summary.scored == 18
        assert [row.source for row in room.store.quarantined(room.site.id) if row.code == "crash"] == ["u0/00004.toy"]


def test_a_killed_worker_is_replaced(tmp_path):
    folder = filled(tmp_path / "here", units=2, pictures=40)
    with Room.at(folder) as room:
        victims = []

        def kill_one():
            if not victims and answered(room):
                victims.extend(children())
                os.kill(victims[0], signal.SIGKILL)
            return False

        summary = room.having(view=View(delay_s=0.02)).run(workers=1, stop=kill_one)

        assert len(victims) == 1
        assert (summary.scored, summary.new_quarantined) == (76, 4)


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_all_stops_after_the_chunk_and_leaves_nothing_held(tmp_path, hurried, sent):
    folder = filled(tmp_path / "here", units=4, pictures=40)
    batch = start(folder, delay_s=0.03, lease_seconds=60)
    with Room.at(folder) as room:
        while not answered(room):
            time.sleep(0.05)
        os.killpg(batch.pid, sent)
        batch.communicate()

        left = room.store.counts(room.store.batches(room.site.id)[-1])
        with hurried():
            summary = room.having(view=View(delay_s=0.03)).run(workers=0)

    assert batch.returncode == 130
    assert left.leased == 0
    assert 0 < summary.known < 160
    assert summary.pictures == 160


def test_workers_that_cannot_start_end_the_batch(tmp_path, monkeypatch):
    folder = filled(tmp_path / "here", units=1, pictures=3)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with Room.at(folder) as room, pytest.raises(FoveaError, match=r"end before they begin \(exit status 1\)"):
        room.run(workers=1)


def test_workers_end_with_their_parent(tmp_path):
    folder = filled(tmp_path / "here", units=2, pictures=100)
    batch = start(folder, delay_s=0.2)
    while not (workers := children(batch.pid)):
        time.sleep(0.05)

    os.kill(batch.pid, signal.SIGKILL)
    batch.communicate()
    until = time.monotonic() + 20
    while any(alive(worker) for worker in workers) and time.monotonic() < until:
        time.sleep(0.05)

    assert not any(alive(worker) for worker in workers)


def test_what_a_worker_cannot_import_is_named(tmp_path, monkeypatch):
    folder = filled(tmp_path / "here", units=1, pictures=3)
    with Room.at(folder) as room:
        monkeypatch.setattr(sys, "path", [one for one in sys.path if one != str(HERE)])

        with pytest.raises(PluginError, match="'toy' failed in loading: a worker process cannot import it"):
            room.run(workers=1)


def test_workers_have_one_thread_and_no_torch(tmp_path):
    folder = filled(tmp_path / "here", units=1, pictures=6)
    with Room.at(folder) as room:
        room.having(domain=fovea_toy.telling()).run(workers=1)

        values = room.results()[-1].measures.values

    assert values == {"torch": 0.0, "albumentations": 0.0, "sklearn": 0.0, "threads": 1.0}


def test_an_in_order_batch_survives_a_poisoned_file(tmp_path):
    folder = filled(tmp_path / "poisoned", units=2, pictures=20)
    with Room.at(folder) as room:
        room.put("u0/00004", "crash")

        summary = room.having(domain=in_order()).run(workers=2)
        counts = [one.measures.values["count"] for one in room.results() if one.sample.unit == "u0"]

    assert summary.quarantined == {"bad": 2, "crash": 1}
    assert counts == [float(number) for number in range(1, 19)]


def children(parent=None):
    wanted = parent or os.getpid()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "stat").read_text().rpartition(")")[2].split()
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if int(words[1]) == wanted and words[0] != "Z" and b"fovea.batch.child" in command:
                found.append(int(entry.name))
    return found


def alive(process):
    try:
        return (Path("/proc") / str(process) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_of_two_batches_at_once_each_counts_its_own(tmp_path):
    folder = filled(tmp_path / "shared", 6, 20)
    batches = [start(folder, workers=1, delay_s=0.02, lease_seconds=5) for _ in range(2)]
    told = [finished(batch) for batch in batches]
    readable = sum(1 for number in range(120) if number % 17 != 16)
    assert sum(one["scored"] for one in told) == readable
