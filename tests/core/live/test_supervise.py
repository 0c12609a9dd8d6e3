"""Watches in real processes that die, hang and are stopped."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
import time
from dataclasses import replace
from pathlib import Path

import fovea_lane
import pytest
from fovea_lane import Lane, Result, View, at

from fovea.errors import BundleRefused, FoveaError, Locked, PluginError, StoreError
from fovea.live import Chore, supervise, tended
from fovea.live.inbox import FOLDER
from fovea.store.events import Events

pytestmark = pytest.mark.slow
HERE = str(Path(__file__).parent)


@pytest.fixture(autouse=True, scope="module")
def quick():
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(tended, "BACK_OFF_S", (0.01, 0.02))
        patched.setattr(supervise, "_POLL_S", 0.01)
        yield patched


def children():
    """Processes of ours, the dead that nobody buried among them."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "stat").read_text().rpartition(")")[2].split()
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if int(words[1]) == os.getpid() and b"resource_tracker" not in command:  # multiprocessing's, of other tests
                found.append(int(entry.name))
    return found


def parts(lane, unit):
    return [entry.sample.part for entry in lane.entries(unit) if isinstance(entry, Result)]


def told_of(events, stream):
    return [kind for kind, subject in events if subject == f"lane/{stream}"]


def status_of(summary, name):
    return next(one for one in summary.sources if one.name == name)


# Processes that die

ROUGH = {"exit": "exit", "segv": "segv", "leave": "leave", "raise": "raise"}
FRAMES = [f"{second} {200 if second in (3, 4, 5) else 0}" for second in range(8)]


class Killer:
    """Kills a stream's process once it is in the middle of an alarm."""

    def __init__(self, lane):
        self.lane, self.supervisor, self.victim, self.sent = lane, None, None, False

    def __call__(self):
        pid = self.supervisor.pids.get("killed")
        if self.victim is None and pid is not None and "3" in parts(self.lane, "killed"):
            self.victim = pid
            os.kill(pid, signal.SIGKILL)
        if self.victim is not None and pid not in {None, self.victim} and not self.sent:
            self.sent = True
            self.lane.show("killed", *FRAMES[5:], "end")
        return False


@pytest.fixture(scope="module")
def rough(tmp_path_factory, new_store):
    """One watch over cameras whose processes die in every way, and one that has no part in that."""
    with Lane.at(tmp_path_factory.mktemp("rough")) as lane:
        before = children(), threading.active_count()
        lane.show("calm", *FRAMES, "end")
        lane.show("killed", *FRAMES[:5])
        for camera, way in ROUGH.items():
            lane.show(camera, *FRAMES[:4], f"once {way}", *FRAMES[4:], "end")
        killer = Killer(lane)
        killer.supervisor = lane.supervisor("calm", "killed", *ROUGH)
        limit = time.monotonic() + 120
        summary = killer.supervisor.run(lambda: killer() or time.monotonic() > limit)
        yield lane, summary, lane.events(), (before, (children(), threading.active_count()))


def test_a_watch_ends_when_every_stream_has(rough):
    _, summary, _, _ = rough
    assert [one.state for one in summary.sources] == ["over"] * 6
    assert not summary.stopped


@pytest.mark.parametrize("camera", ["killed", *ROUGH])
def test_a_stream_goes_on_after_its_process_died_and_doubles_nothing(rough, camera):
    lane, summary, _, _ = rough
    assert parts(lane, camera) == [str(second) for second in range(8)]
    made = lane.decisions(camera)
    assert [(one.key, one.start, one.end, one.state) for one in made.values()] == [
        ("bright-120003.000000", at(3), at(5), "closed")
    ]
    assert status_of(summary, camera).restarts == 1


@pytest.mark.parametrize("camera", ["killed", *ROUGH])
def test_each_outage_is_lost_once_and_found_once(rough, camera):
    assert told_of(rough[2], camera) == ["source.lost", "source.found"]


@pytest.mark.parametrize("camera", ["calm", "killed", *ROUGH])
def test_each_alarm_opens_and_closes_once_and_has_its_clip(rough, camera):
    lane, _, events, _ = rough
    kinds = [kind for kind, subject in events if subject == f"lane/{camera}/bright-120003.000000"]
    assert (kinds.count("finding.opened"), kinds.count("finding.closed")) == (1, 1)
    assert [clip.frames for clip in lane.clips() if clip.unit == camera] == [7]


def test_one_camera_s_death_leaves_the_other_alone(rough):
    lane, summary, events, _ = rough
    calm = status_of(summary, "calm")
    assert (calm.restarts, calm.arrived, calm.again, told_of(events, "calm")) == (0, 8, 0, [])
    assert parts(lane, "calm") == [str(second) for second in range(8)]


def test_frames_that_come_again_are_counted_as_such(rough):
    killed = status_of(rough[1], "exit")
    assert killed.arrived + killed.again >= 8
    assert killed.faulty == 0


def test_nothing_of_a_watch_stays_behind(rough):
    lane, _, _, (before, after) = rough
    assert after == before
    assert list((lane.clips_folder / "spool").rglob("*.jpg")) == []


def test_it_was_shown_how_the_streams_are(rough):
    lane, summary, _, _ = rough
    assert lane.said[-1] == summary.sources
    shown = {(one.name, one.state) for statuses in lane.said for one in statuses}
    assert {("calm", "over"), ("exit", "lost"), ("exit", "over")} <= shown


# Processes that hang


@pytest.fixture(scope="module")
def hanging(tmp_path_factory, new_store, quick):
    """One watch over cameras that hang: while they are opened, between frames, and in measure."""
    with Lane.at(tmp_path_factory.mktemp("hanging")) as plain, pytest.MonkeyPatch.context() as patched:
        patched.setattr(tended, "HANG_S", 6.0)
        lane = plain.having(domain=fovea_lane.domain(silent_s=2.0), view=View(hang_on="77"))
        lane.show("opening", "once hang", *FRAMES, "end")
        lane.show("between", *FRAMES[:4], "once hang", *FRAMES[4:], "end")
        lane.show("slow", "0 0", "77 0", "end")
        supervisor = lane.supervisor("opening", "between", "slow")
        limit = time.monotonic() + 120

        def enough():
            over = {one.name: one for one in (lane.said[-1] if lane.said else ())}
            return time.monotonic() > limit or (
                len(over) == 3
                and over["opening"].state == over["between"].state == "over"
                and over["slow"].restarts > 0
            )

        patched.setattr(supervise, "_PATIENCE_S", 0.5)
        yield lane, supervisor.run(enough), lane.events()


@pytest.mark.parametrize("camera", ["opening", "between"])
def test_a_stream_that_hangs_is_opened_anew_and_goes_on(hanging, camera):
    lane, summary, events = hanging
    assert parts(lane, camera) == [str(second) for second in range(8)]
    assert told_of(events, camera) == ["source.lost", "source.found"]
    assert status_of(summary, camera).state == "over"


def test_a_process_that_hangs_in_measure_is_ended(hanging):
    lane, summary, events = hanging
    faults = {one.fault for statuses in lane.said for one in statuses if one.name == "slow"}
    assert "it gave no sign of life for 6 s" in faults
    assert told_of(events, "slow")[0] == "source.lost"
    assert status_of(summary, "slow").restarts >= 1


def test_a_stop_ends_a_process_that_hangs(hanging):
    _, summary, _ = hanging
    assert summary.stopped
    assert children() == []


# Settings that change, stops, orders that will not do


class Settings:
    """Says once that the settings changed, when it is told so."""

    def __init__(self, first, second):
        self.orders, self.change, self.asked = [first, second], False, 0

    def has_changed(self):
        changed, self.change = self.change, False
        return changed

    def take(self):
        self.asked += 1
        return self.orders[min(self.asked, 2) - 1]()


def test_other_settings_begin_with_new_processes_and_lose_no_frame(lane, quick):
    quick.setattr(supervise, "_ASK_S", 0.05)
    lane.show("gate", *(f"{second} 50" for second in range(4)))
    masked = lane.having(view=View(mask=8))
    settings = Settings(lane.orders, masked.orders)
    sent = []

    def until():
        if not sent and "3" in parts(lane, "gate"):
            settings.change = True
            sent.append("asked")
        if settings.asked == 2 and sent == ["asked"]:
            lane.show("gate", *(f"{second} 50" for second in range(4, 8)), "end")
            sent.append("shown")
        return False

    summary = lane.watch("gate", until=until, orders=settings.take, changed=settings.has_changed)
    levels = [entry.measures.values["level"] for entry in lane.entries() if isinstance(entry, Result)]
    assert levels == [50] * 4 + [0] * 4
    assert lane.events() == []
    assert summary.sources[0].restarts == 0


def test_orders_that_will_not_do_leave_the_old_ones_in_force(lane, quick, caplog):
    quick.setattr(supervise, "_ASK_S", 0.05)

    def unusable():
        raise FoveaError("the settings will not do")

    lane.show("gate", "0 50")
    settings = Settings(lane.orders, unusable)
    ended = []

    def until():
        if parts(lane, "gate") and settings.asked < 2:
            settings.change = True
        if settings.asked >= 2 and not ended:
            ended.append(lane.show("gate", "1 50", "end"))
        return False

    summary = lane.watch("gate", until=until, orders=settings.take, changed=settings.has_changed)
    assert parts(lane, "gate") == ["0", "1"]
    assert summary.sources[0].state == "over"
    assert "the settings will not do" in caplog.text


def test_a_stop_can_be_gone_on_from(lane):
    lane.show("gate", *FRAMES[:5])
    stopped = lane.watch("gate", until=lambda: "4" in parts(lane, "gate"))
    assert (stopped.stopped, stopped.sources[0].arrived, "|" in lane.told()) == (True, 5, False)
    lane.show("gate", *FRAMES[5:], "end")
    over = lane.watch("gate")
    assert (over.stopped, over.sources[0].arrived, over.sources[0].again) == (False, 3, 5)
    assert parts(lane, "gate") == [str(second) for second in range(8)]
    assert [one.state for one in lane.decisions().values()] == ["closed"]
    assert lane.events()[-1][0] == "finding.closed"


def test_a_stop_before_anything_began_is_a_stop(lane):
    assert lane.watch("gate", until=lambda: True).stopped
    assert children() == []


def test_a_refused_bundle_ends_the_watch(lane, tmp_path):
    (tmp_path / "bad.fovea").mkdir()
    broken = replace(lane, job=replace(lane.job, bundles={"light": tmp_path / "bad.fovea"}))
    with pytest.raises(BundleRefused) as told:
        lane.watch("gate", "yard", orders=broken.orders)
    assert told.value.exit_code == 5
    assert children() == []


def test_a_domain_that_a_process_cannot_import_ends_the_watch(lane, monkeypatch):
    monkeypatch.setattr("sys.path", [one for one in os.sys.path if one != HERE])
    with pytest.raises(PluginError, match="'lane' failed in loading: a worker process cannot import it"):
        lane.watch("gate")
    assert children() == []


def test_a_domain_that_cannot_be_sent_ends_the_watch_before_it_begins(lane):
    with pytest.raises(PluginError, match="it cannot be sent to a worker process"):
        lane.having(domain=fovea_lane.domain(decide=lambda entries, policy, fitted: iter(()))).watch("gate")


def test_a_site_is_watched_once(lane):
    with supervise._alone(lane.clips_folder, "lane"), pytest.raises(Locked, match="another process watches 'lane'"):
        lane.watch("gate")
    assert lane.watch("gate", until=lambda: True).stopped


def test_a_folder_that_cannot_be_locked_costs_nothing(lane):
    lane.clips_folder.write_text("a file in its place")
    assert lane.watch("gate", until=lambda: True).stopped


# Files, and what is done beside


def test_files_are_brought_and_what_is_done_with_them_is_done_before_the_end(lane):
    lane.sources("drop")
    drop = lane.folder / "drop"
    for name in "ab":
        (drop / f"{name}.txt").write_text(name)
    seen = []

    def sweep(stop):
        seen.append(sorted(path.name for path in lane.job.root.rglob("*.txt")))
        if len(seen[-1]) == 2:
            (drop / "end").touch()
        return False

    chores = [Chore(name="sweeping", run=sweep, every_s=0.0, on_arrival=True)]
    summary = lane.watch("drop", chores=chores)
    assert seen[-1] == ["a.txt", "b.txt"]
    assert (summary.sources[0].state, summary.sources[0].arrived) == ("over", 2)
    assert sorted(path.name for path in (lane.job.root / FOLDER / "drop").iterdir()) == ["a.txt", "b.txt"]
    assert list(drop.glob("*.txt")) == []
    assert lane.events() == []


# A store that is out of reach


def test_a_store_that_is_out_of_reach_is_told_and_tried_again(lane, quick):
    quick.setattr(supervise, "_ASK_S", 0.05)
    path = Path(str(lane.store.location))
    lane.show("gate", *FRAMES[:4])
    lane.show("gate", "once exit", *FRAMES[4:], "end")
    marks = []

    def until():
        if not marks and lane.said and lane.said[-1][0].state == "lost":
            marks.append("lost")
        return False

    blocked = Blocked(path)
    summary = lane.watch("gate", until=lambda: blocked(lane) or until())
    assert blocked.faults
    assert "the database" in blocked.faults[0]
    assert summary.sources[0].state == "over"
    assert parts(lane, "gate") == [str(second) for second in range(8)]
    assert told_of(lane.events(), "gate") == ["source.lost", "source.found"]


class Blocked:
    """Takes the database away once the stream brought something, and brings it back once that was told."""

    def __init__(self, path):
        self.path, self.away, self.faults, self.done = path, path.with_name("away"), [], False

    def __call__(self, lane):
        state = lane.said[-1][0] if lane.said else None
        if not self.away.exists() and not self.done and state is not None and state.state == "lost":
            self.path.rename(self.away)
            self.path.mkdir()
        if self.away.exists() and "the database" in state.fault:
            self.faults.append(state.fault)
            self.path.rmdir()
            self.away.rename(self.path)
            self.done = True
        return False


def test_events_wait_for_a_store_that_cannot_be_written(lane, quick, monkeypatch, caplog):
    quick.setattr(supervise, "_ASK_S", 0.05)
    announce, refused = Events.announce, []

    def full(self, event):
        if len(refused) < 3:
            refused.append(event.kind)
            raise StoreError("the disk is full")
        return announce(self, event)

    monkeypatch.setattr(Events, "announce", full)
    lane.show("gate", *FRAMES[:4], "once exit", *FRAMES[4:], "end")
    summary = lane.watch("gate")
    assert summary.sources[0].state == "over"
    assert told_of(lane.events(), "gate") == ["source.lost", "source.found"]
    assert [record.getMessage() for record in caplog.records] == ["the disk is full"]


def test_a_store_that_cannot_be_asked_for_changes_is_no_end(lane, quick, caplog):
    quick.setattr(supervise, "_ASK_S", 0.01)

    def changed():
        raise StoreError("the database is locked")

    lane.show("gate", *FRAMES, "end")
    assert lane.watch("gate", changed=changed).sources[0].state == "over"
    assert [record.getMessage() for record in caplog.records] == ["the database is locked"]


def test_nothing_is_written_twice(rough):
    lane = rough[0]
    with sqlite3.connect(str(lane.store.location)) as database:
        (doubles,) = database.execute("SELECT count(*) - count(DISTINCT sample_id) FROM measures").fetchone()
    assert doubles == 0
