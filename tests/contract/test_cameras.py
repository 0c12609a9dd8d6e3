"""Shape a: two cameras with a mask each, a gap, an alarm that a kill -9 hits inside, a false one and its preview."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import fovea_cameras
import numpy as np
import pytest
from fovea_cameras import NOON
from toy_networks import grey, write_bundle

from fovea.fitting import fit, preview
from fovea.plugin import Result, Tick
from fovea.registry import Registry
from fovea.workbench import sites
from fovea.workbench.bench import Workbench
from fovea.workbench.config import Config

HERE = Path(__file__).parent
pytestmark = pytest.mark.slow

EMPTY, DIM, BRIGHT, SECRET = 10, 125, 220, 255
MASKS = {"gate": (0, 0, 0.5, 1), "yard": (0.5, 0, 1, 1)}
"""The left half of the one and the right half of the other are nobody's business, and white as a lamp."""


def second(number):
    return NOON + timedelta(seconds=number)


@dataclass
class Street:
    """Two cameras on loopback, and a site that watches them."""

    folder: Path
    home: Path
    address: str

    def show(self, camera, seconds, level):
        """Frames of one camera; files appear whole, as the server looks for them all the time."""
        pixels = np.full((32, 48, 3), level, np.uint8)
        left, _, right, _ = MASKS[camera]
        pixels[:, round(48 * left) : round(48 * right)] = SECRET
        for number in seconds:
            beside = self.folder / camera / f"{number}.part.png.tmp"
            beside.write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
            beside.rename(self.folder / camera / f"{number * 1000 + 1}.png")

    def end(self):
        for camera in MASKS:
            (self.folder / camera / "end").touch()

    def bench(self):
        return Workbench(Config(home=self.home, workers=0), registry=Registry.of(fovea_cameras))

    def prepare(self):
        with self.bench() as bench:
            bundle = write_bundle(
                bench.config.models,
                domain="cameras",
                role="presence",
                labels=("empty", "person"),
                rule=(grey(5), grey(110)),
                softness=30,
            )
            site = bench.store.add_site(name="street", title="Street", domain="cameras", root=self.folder)
            bench.use("street", bundle.name)
            streams = {name: f"{self.address}/{name}" for name in MASKS}
            bench.store.put_settings(site=site.id, kind="stream", data=streams)
            for name, mask in MASKS.items():
                bench.store.put_settings(site=site.id, kind="view", unit=name, data={"mask": list(mask)})

    def watch(self):
        path = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
        return subprocess.Popen(
            [sys.executable, "-m", "watch_site", "fovea_cameras", str(self.home), "street"],
            env={**os.environ, "PYTHONPATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def until(self, watch, what):
        """Wait until the store says so."""
        with self.bench() as bench:
            for _ in range(1200):
                if what(bench):
                    return
                assert watch.poll() is None, watch.communicate()[1]
                time.sleep(0.05)
        pytest.fail("it did not come to that")


def finished(watch):
    told, errors = watch.communicate(timeout=120)
    assert watch.returncode == 0, errors
    return {source["name"]: source for source in json.loads(told)}


def alarms(bench):
    return {d.key: d for d in bench.store.decisions(bench.site("street").id).get("gate", ()) if d.level == "alarm"}


def before_the_kill(street):
    street.show("gate", range(5), EMPTY)  # then 5 s of nothing
    street.show("gate", [10], EMPTY)
    street.show("gate", [11, 12, 13], DIM)
    street.show("gate", [14], EMPTY)
    street.show("gate", [20, 21], BRIGHT)
    street.show("yard", range(22), EMPTY)


def after_the_kill(street):
    street.show("gate", [22, 23], BRIGHT)
    street.show("gate", range(24, 28), EMPTY)
    street.show("yard", range(22, 28), EMPTY)
    street.end()


def made_street(folder):
    for camera in MASKS:
        (folder / "cameras" / camera).mkdir(parents=True)
    return folder / "cameras", folder / "home"


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """A street whose watch was killed inside the second alarm, and went on."""
    cameras, home = made_street(tmp_path_factory.mktemp("killed"))
    with fovea_cameras.served(cameras) as address:
        street = Street(cameras, home, address)
        street.prepare()
        before_the_kill(street)
        watch = street.watch()
        street.until(watch, lambda bench: "person-120020" in alarms(bench))
        os.killpg(watch.pid, signal.SIGKILL)
        watch.communicate()
        after_the_kill(street)
        finished(street.watch())
        yield street


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    cameras, home = made_street(tmp_path_factory.mktemp("undisturbed"))
    with fovea_cameras.served(cameras) as address:
        street = Street(cameras, home, address)
        street.prepare()
        before_the_kill(street)
        after_the_kill(street)
        statuses = finished(street.watch())
        assert {name: (one["state"], one["arrived"], one["faulty"]) for name, one in statuses.items()} == {
            "gate": ("over", 18, 0),
            "yard": ("over", 28, 0),
        }
        yield street


def entries(bench, unit="gate"):
    site = bench.site("street")
    return list(bench.store.entries(site=site.id, unit=unit, key=bench.store.batches(site.id)[-1].key))


def test_alarms_open_and_close_once_each_whatever_was_killed(killed):
    with killed.bench() as bench:
        made = alarms(bench)
        assert [(d.key, d.state) for d in made.values()] == [("person-120011", "closed"), ("person-120020", "closed")]
        assert round((made["person-120020"].end - second(23)).total_seconds()) == 0
        states = [
            one.decision.state
            for one in bench.store.decision_history(site=bench.site("street").id, unit="gate", key="person-120020")
        ]
        assert states == sorted(states, reverse=True)
        assert states.count("closed") == 1
        assert len(bench.cases(site="street")) == 2
        assert bench.verify_audit() is None


def test_a_killed_watch_ends_with_what_an_undisturbed_one_does(killed, undisturbed):
    with killed.bench() as one, undisturbed.bench() as other:
        assert alarms(one) == alarms(other)
        frames = [[e.sample.part for e in entries(bench) if isinstance(e, Result)] for bench in (one, other)]
        assert frames[0] == frames[1]


def test_each_alarm_is_announced_once(killed):
    with killed.bench() as bench:
        told, seen = [], True
        while seen:
            seen = bench.store.events.due(listener="test", now=datetime.now(UTC))
            for one in seen:
                bench.store.events.delivered(one.event.id, listener="test")
                told.append((one.event.kind, one.event.subject))
        for key in ("person-120011", "person-120020"):
            assert told.count(("finding.opened", f"street/gate/{key}")) == 1
            assert told.count(("finding.closed", f"street/gate/{key}")) == 1


def test_a_gap_is_told_second_by_second(undisturbed):
    with undisturbed.bench() as bench:
        ticks = {round((e.time - NOON).total_seconds()) for e in entries(bench) if isinstance(e, Tick)}
        assert {5, 6, 7, 8, 9} <= ticks
        notices = [d.key for d in bench.store.decisions(bench.site("street").id)["gate"] if d.label == "silent"]
        assert "silence-120007" in notices


def test_each_frame_is_answered_once(killed):
    with killed.bench() as bench:
        parts = [e.sample.part for e in entries(bench) if isinstance(e, Result)]
        assert len(parts) == len(set(parts)) == 18
        assert {len(e.predictions["presence"]) for e in entries(bench) if isinstance(e, Result)} == {1}


def test_each_camera_has_its_own_mask(killed):
    with killed.bench() as bench:
        assert [e.best("presence").label for e in entries(bench, "yard") if isinstance(e, Result)] == ["empty"] * 28


def film(path):
    frames, reader = [], cv2.VideoCapture(str(path))
    while (read := reader.read())[0]:
        frames.append(read[1])
    reader.release()
    return np.array(frames)


def test_clips_show_what_led_to_an_alarm_and_never_what_is_masked(killed):
    with killed.bench() as bench:
        clips = {clip.key: clip for clip in bench.store.live.clips(bench.site("street").id)}
        assert {key: clip.frames for key, clip in clips.items()} == {"person-120011": 5, "person-120020": 6}
        for clip in clips.values():
            frames = film(clip.path)
            assert len(frames) == clip.frames
            assert frames[:, :, :20].max() < 60  # the left half was white; JPEG blurs an edge
        assert film(clips["person-120020"].path)[0, :, 30:].mean() > 200


def test_nothing_on_disk_shows_what_is_masked(killed):
    pictures = [path for path in killed.home.rglob("*") if path.suffix in {".jpg", ".png"}]
    assert len(pictures) == 2  # the frames that the evidence names
    for path in pictures:
        assert cv2.imread(str(path))[:, :20].max() < 60


def test_a_false_alarm_is_previewed_away_and_the_true_one_stays(killed):
    with killed.bench() as bench:
        false, true = bench.cases(site="street")
        bench.move(false.number, verb="judge", actor="guard", verdict="false")
        bench.move(true.number, verb="judge", actor="guard", verdict="true")
        site, domain = bench.site("street"), bench.registry.domain("cameras")
        job, policies = sites.job_of(bench.store, domain, site), sites.policies_of(bench.store, domain, site)
        before = alarms(bench)
        other = fit(store=bench.store, site=site, job=job, policies=policies)
        shown = preview(store=bench.store, site=site, job=job, policies=policies, fitted=other)
        gone = [(one.key, one.case, one.verdict) for one in shown.changes if one.what == "gone"]
        assert gone == [("person-120011", false.number, "false")]
        assert [one.key for one in shown.changes if one.what != "gone"] == []
        assert alarms(bench) == before
