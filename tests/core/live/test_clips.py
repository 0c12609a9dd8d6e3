from __future__ import annotations

import errno
import json
import os
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import cv2
import numpy as np
import pytest
from fovea_lane import NOON, at, image, sample

from fovea.errors import FoveaError
from fovea.live import clips as module
from fovea.live import film, spool
from fovea.live.clips import Clips, finish, still
from fovea.live.ring import Ring, keep
from fovea.live.spool import left_over
from fovea.plugin import Clip, Decision, Evidence, Image, Sample
from fovea.store import codec

ODD = ["gate", "a/b", "../up", "", "ü\n", "\ud800", "x" * 500]


def alarm(start=0.0, key="a1", **more):
    return Decision(key=key, subject="gate", label="seen", level="alarm", state="open", start=at(start), **more)


def closed(end, start=0.0, key="a1"):
    return replace(alarm(start, key), state="closed", end=at(end))


class Camera:
    """A unit's clips, with frames that tell their second by their brightness."""

    def __init__(self, folder, keeping=(2.0, 2.0), unit="gate"):
        self.folder, self.keeping, self.unit = folder, keeping, unit
        self.done, self.ring, self.made, self.faults = set(), Ring(keeping[0]), [], []
        self.clips = Clips(folder, "gate", unit, keeping, self.done)

    def again(self):
        """The same in a later process."""
        later = Camera(self.folder, self.keeping, self.unit)
        left = [window for window in left_over(self.folder, "gate") if window.unit == self.unit]
        later.clips = Clips(self.folder, "gate", self.unit, self.keeping, later.done, left)
        return later

    def see(self, *seconds, picture=None):
        for second in seconds:
            frame = keep(sample(second), picture or image(round(second * 10)))
            self.ring.add(frame)
            self.clips.add(frame)
            self.take(self.clips.over(frame.moment))

    def say(self, decision, now):
        self.clips.follow(decision, codec.micros(at(now)), self.ring)

    def take(self, finished):
        for one in finished:
            (self.made if isinstance(one, Clip) else self.faults).append(one)

    def end(self):
        self.take(self.clips.end())


@pytest.fixture
def camera(tmp_path):
    return Camera(tmp_path)


def shown(clip):
    """The seconds that a clip shows."""
    found, reader = [], cv2.VideoCapture(str(clip.path))
    while (read := reader.read())[0]:
        found.append(round(read[1].mean() / 10))
    reader.release()
    return found


def spooled(folder):
    return list((folder / "spool").rglob("*.jpg"))


def test_a_clip_shows_from_before_a_finding_to_after_it(camera):
    camera.see(*range(11))
    camera.say(alarm(10), 10)
    camera.see(11, 12)
    camera.say(closed(12, 10), 12)
    camera.see(13, 14)
    assert camera.made == []
    camera.see(15)
    (clip,) = camera.made
    assert shown(clip) == [8, 9, 10, 11, 12, 13, 14]
    assert (clip.unit, clip.key, clip.frames) == ("gate", "a1", 7)
    assert (clip.start, clip.end) == (at(8), at(14))
    assert spooled(camera.folder) == []


def test_a_unit_that_ends_ends_its_clips(camera):
    camera.see(0, 1)
    camera.say(alarm(1), 1)
    camera.see(2)
    camera.end()
    assert shown(camera.made[0]) == [0, 1, 2]


def test_a_finding_that_was_over_when_it_was_told_has_its_clip(camera):
    camera.see(0, 1, 2, 3)
    camera.say(closed(2, 1), 3)
    camera.see(4, 5)
    assert shown(camera.made[0]) == [0, 1, 2, 3, 4]


def test_a_finding_without_times_is_taken_as_of_now(camera):
    camera.see(0, 1, 2, 3)
    camera.say(replace(alarm(), start=None, state="closed"), 3)
    camera.see(4, 5, 6)
    assert shown(camera.made[0]) == [1, 2, 3, 4, 5]


def test_a_finding_that_began_long_ago_shows_what_is_kept(camera):
    camera.see(1, 2)
    camera.say(alarm(-(10**6)), 2)
    camera.see(3)
    camera.end()
    assert shown(camera.made[0]) == [1, 2, 3]


@pytest.mark.parametrize("moment", [datetime.min, datetime.max])  # noqa: DTZ901 - gets its zone below
def test_a_finding_of_the_end_of_days_costs_nothing(camera, moment):
    camera.see(0)
    camera.say(replace(alarm(), start=moment.replace(tzinfo=NOON.tzinfo)), 0)
    camera.see(1)
    camera.end()
    assert camera.faults == []


def test_what_is_no_finding_has_no_clip(camera):
    camera.see(0)
    camera.say(replace(alarm(), level="notice"), 0)
    camera.end()
    assert camera.made == []
    assert not camera.folder.joinpath("spool").exists()


def test_a_finding_that_turns_out_to_be_none_ends_its_clip(camera):
    camera.see(0)
    camera.say(alarm(), 0)
    camera.say(replace(alarm(), level="normal", end=at(0)), 0)
    camera.see(1, 2, 3)
    assert shown(camera.made[0]) == [0, 1, 2]


def test_a_domain_that_keeps_nothing_has_no_clips(tmp_path):
    camera = Camera(tmp_path, (0.0, 0.0))
    camera.say(alarm(), 0)
    camera.end()
    assert (camera.clips.wanted, camera.made, list(tmp_path.iterdir())) == (False, [], [])


def test_two_findings_at_once_have_a_clip_each(camera):
    camera.see(0, 1)
    camera.say(alarm(0), 1)
    camera.say(alarm(1, key="a2"), 1)
    camera.say(closed(1), 1)
    camera.see(2, 3, 4)
    camera.end()
    assert [(clip.key, clip.frames) for clip in camera.made] == [("a1", 4), ("a2", 5)]
    assert len({clip.path for clip in camera.made}) == 2


def test_a_finding_has_one_clip_however_often_it_is_told(camera):
    camera.see(0)
    camera.say(closed(0), 0)
    camera.see(1, 2, 3)
    camera.say(closed(0), 3)
    camera.see(4, 5, 6)
    camera.end()
    assert len(camera.made) == 1
    assert camera.done == {"a1"}


def test_a_finding_that_goes_on_and_on_has_a_clip_of_the_longest_length(camera, monkeypatch):
    monkeypatch.setattr(spool, "LONGEST_S", 5.0)
    camera.see(0)
    camera.say(alarm(), 0)
    camera.see(*range(1, 9))
    assert shown(camera.made[0]) == [0, 1, 2, 3]  # from 2 s before
    camera.say(alarm(), 9)
    camera.end()
    assert len(camera.made) == 1


def test_a_clip_takes_no_more_than_players_read(camera, monkeypatch):
    monkeypatch.setattr(spool, "LARGEST", 3 * len(keep(sample(0), image()).jpeg) - 1)
    camera.see(0)
    camera.say(alarm(), 0)
    camera.see(*range(1, 9))
    camera.end()
    assert shown(camera.made[0]) == [0, 1, 2]


def test_the_frames_that_evidence_names_are_kept(camera):
    camera.see(0, 1, 2)
    evidence = (Evidence(source="camera", part="1"), Evidence(source="camera", part="9"))
    camera.say(replace(alarm(), evidence=evidence), 2)
    assert round(cv2.imread(str(still(camera.folder, "camera", "1"))).mean() / 10) == 1
    assert not still(camera.folder, "camera", "9").exists()


def test_evidence_that_is_named_later_is_kept_too(camera):
    camera.see(0)
    camera.say(alarm(), 0)
    camera.see(1)
    camera.say(replace(alarm(), evidence=(Evidence(source="camera", part="1"),)), 1)
    assert still(camera.folder, "camera", "1").exists()


def test_stills_of_odd_names_do_not_meet(tmp_path):
    paths = {still(tmp_path, source, part) for source in ODD for part in ODD}
    assert len(paths) == len(ODD) ** 2
    assert {path.parent for path in paths} == {tmp_path / "stills"}


@pytest.mark.parametrize("key", ODD)
def test_units_and_keys_may_be_anything(tmp_path, key):
    camera = Camera(tmp_path / "clips", unit=f"unit {key}")
    camera.see(0)
    camera.say(alarm(key=key), 0)
    later = camera.again()
    later.end()
    (clip,) = later.made
    assert (clip.unit, clip.key) == (f"unit {key}", key)
    assert [path for path in tmp_path.rglob("*") if path.is_file() and tmp_path / "clips" not in path.parents] == []


def test_frames_of_one_moment_are_all_shown(camera):
    for part in "abc":
        frame = keep(replace(sample(0), part=part), image())
        camera.ring.add(frame)
    camera.say(alarm(), 0)
    camera.end()
    assert camera.made[0].frames == 3


def test_frames_of_other_sizes_are_fitted_to_the_first(camera):
    camera.see(3)
    camera.say(alarm(3), 3)
    camera.see(5, picture=image(50, (20, 40)))
    camera.see(6, picture=image(60, (1, 1)))
    camera.end()
    assert shown(camera.made[0]) == [3, 5, 6]


@pytest.mark.parametrize("picture", [np.full((6, 8), 0.2, np.float32), np.full((6, 8), 51, np.uint8)])
def test_grey_frames_and_frames_of_fractions_are_shown(camera, picture):
    camera.see(1)
    camera.say(alarm(1), 1)
    camera.see(2, picture=Image(pixels=picture))
    camera.end()
    assert shown(camera.made[0]) == [1, 5]


def test_a_clip_is_shown_in_its_camera_s_zone_on_the_night_the_clocks_change(tmp_path):
    zone = ZoneInfo("Europe/Berlin")
    begins = datetime(2026, 10, 25, 0, 59, 58, tzinfo=NOON.tzinfo)  # 02:59:58 there; at 03:00 it is 02:00
    camera = Camera(tmp_path)
    for second in range(8):
        time = (begins + timedelta(seconds=second)).astimezone(zone)
        frame = keep(Sample(source="camera", part=str(second), time=time), image(second * 10))
        camera.ring.add(frame)
        camera.clips.add(frame)
        camera.take(camera.clips.over(frame.moment))
        if second == 1:
            camera.clips.follow(replace(alarm(), start=time), frame.moment, camera.ring)
        if second == 4:
            camera.clips.follow(replace(closed(0), end=time), frame.moment, camera.ring)
    (clip,) = camera.made
    assert shown(clip) == list(range(7))
    assert clip.start.tzinfo == zone
    assert (clip.end - NOON) - (clip.start - NOON) == timedelta(seconds=6)


# Processes that are killed, and disks that are full


def test_a_process_that_is_killed_inside_an_alarm_has_lost_nothing_of_it(camera):
    camera.see(0, 1)
    camera.say(alarm(1), 1)
    camera.see(2)
    later = camera.again()
    later.see(3)
    later.say(closed(3, 1), 3)
    later.see(4, 5, 6)
    assert shown(later.made[0]) == [0, 1, 2, 3, 4, 5]


def test_the_end_of_a_finding_survives_a_kill(camera):
    camera.see(0)
    camera.say(closed(0), 0)
    later = camera.again()
    later.see(1, 2, 3, 4)
    assert shown(later.made[0]) == [0, 1, 2]


def test_a_frame_that_comes_again_after_a_kill_is_shown_once(camera):
    camera.see(0)
    camera.say(alarm(), 0)
    camera.see(1)
    later = camera.again()
    later.see(1, 2)
    later.end()
    assert shown(later.made[0]) == [0, 1, 2]


def test_a_clip_whose_taking_was_cut_off_is_made_again(camera):
    camera.see(0)
    camera.say(alarm(), 0)
    finished = camera.clips.end()
    first = next(finished)
    finished.close()  # the store could not be written
    later = camera.again()
    later.end()
    assert later.made == [first]
    assert spooled(camera.folder) == []


def test_windows_are_their_stream_s_own(camera):
    camera.see(0)
    camera.say(alarm(), 0)
    assert list(left_over(camera.folder, "yard")) == []
    assert [window.key for window in left_over(camera.folder, "gate")] == ["a1"]


def test_a_spool_that_was_being_removed_is_removed(camera):
    camera.see(0)
    camera.say(alarm(), 0)
    (note,) = camera.folder.rglob("window.json")
    note.unlink()
    assert list(left_over(camera.folder, "gate")) == []
    assert spooled(camera.folder) == []


@pytest.mark.parametrize("note", ["", "{", "[]", "7", '{"key": "a"}', "\x00" * 20])
def test_a_note_that_a_power_cut_tore_costs_the_clip(camera, note):
    camera.see(0)
    camera.say(alarm(), 0)
    next(camera.folder.rglob("window.json")).write_text(note)
    assert list(left_over(camera.folder, "gate")) == []
    assert spooled(camera.folder) == []


@pytest.mark.parametrize("torn", [b"", b"\x00" * 300, None])
def test_a_frame_that_a_power_cut_tore_is_left_out(camera, torn):
    camera.see(0)
    camera.say(alarm(), 0)
    camera.see(1, 2)
    first = min(spooled(camera.folder))
    first.write_bytes(first.read_bytes()[:-10] if torn is None else torn)
    camera.end()
    assert shown(camera.made[0]) == [1, 2]


def test_a_spool_without_a_whole_frame_gives_no_clip(camera):
    camera.see(0)
    camera.say(alarm(), 0)
    for path in spooled(camera.folder):
        path.write_bytes(b"")
    camera.end()
    assert (camera.made, camera.faults, spooled(camera.folder)) == ([], [], [])


def test_a_clip_without_a_frame_is_none(camera):
    camera.say(alarm(), 0)
    camera.end()
    assert (camera.made, camera.faults) == ([], [])


def full(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_told_when_a_frame_is_spooled(camera, monkeypatch):
    camera.see(0)
    camera.say(alarm(), 0)
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(FoveaError, match=r"a clip could not be written to .*: No space left on device"):
        camera.see(1)
    monkeypatch.undo()
    camera.see(2)
    camera.end()
    assert shown(camera.made[0]) == [0, 2]


def test_a_full_disk_when_a_finding_opens_lets_the_next_word_of_it_open_the_clip(camera, monkeypatch):
    camera.see(0)
    monkeypatch.setattr(Path, "mkdir", full)
    with pytest.raises(FoveaError, match="No space left"):
        camera.say(alarm(), 0)
    monkeypatch.undo()
    camera.say(alarm(), 0)
    camera.end()
    assert shown(camera.made[0]) == [0]


def test_a_disk_that_fills_up_while_a_film_is_made_costs_the_clip_and_is_freed(camera, monkeypatch):
    camera.see(0)
    camera.say(alarm(), 0)
    monkeypatch.setattr(os, "fsync", full)
    camera.end()
    assert [str(fault) for fault in camera.faults] == [
        f"a clip could not be made in {camera.folder}: No space left on device"
    ]
    assert (camera.made, spooled(camera.folder), list(camera.folder.rglob("*.part"))) == ([], [], [])


def test_whatever_comes_in_the_way_of_a_film_costs_the_clip(camera, monkeypatch):
    camera.see(0)
    camera.say(alarm(), 0)
    monkeypatch.setattr(module, "write_film", lambda *_: 1 / 0)
    camera.end()
    assert "division by zero" in str(camera.faults[0])
    assert spooled(camera.folder) == []


def test_a_window_of_a_unit_that_is_over_can_be_finished_without_it(camera):
    camera.see(0, 1)
    camera.say(alarm(1), 1)
    (window,) = left_over(camera.folder, "gate")
    (clip,) = finish(camera.folder, window)
    assert shown(clip) == [0, 1]


def test_a_note_holds_what_a_later_process_must_know(camera):
    camera.see(0)
    camera.say(closed(0), 0)
    told = json.loads(next(camera.folder.rglob("window.json")).read_text())
    moments = {"start": codec.micros(at(-2)), "until": codec.micros(at(2))}
    assert told == {"stream": "gate", "unit": "gate", "key": "a1", "zone": "UTC", **moments}


def test_the_film_is_told_of_its_speed(camera, monkeypatch):
    speeds = []
    monkeypatch.setattr(module, "write_film", lambda *given: speeds.append(given[3]) or film.write_film(*given))
    camera.see(0)
    camera.say(alarm(), 0)
    camera.see(0.25, 0.5, 0.75, 1)
    camera.end()
    assert speeds == [pytest.approx(4.0)]
