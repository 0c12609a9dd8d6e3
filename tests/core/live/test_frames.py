"""A stream of frames from its first to its last, in this process."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import replace
from types import SimpleNamespace

import fovea_lane
import numpy as np
import pytest
from fovea_lane import INFO, NOON, at, frame, image, sample, streaming, threads

from fovea.errors import PluginError, StoreError
from fovea.live import child, frames, unit
from fovea.live.frames import watch_frames
from fovea.plugin import Decision, Image, Result, Sample
from fovea.store.live import Live


def never():
    return False


@pytest.fixture
def play(lane):
    """Work through a stream's frames; what the process told meanwhile comes back."""

    def run(*shown, stop=never, **parts):
        def open_stream(url, view):
            for one in shown:
                if isinstance(one, Exception):
                    raise one
                if callable(one):
                    one()
                else:
                    yield one

        beats = []
        errand = lane.having(domain=streaming(open_stream, **parts)).own()
        watch_frames(errand, stop, beats.append)
        return beats

    return run


def counts(beat):
    return beat.arrived, beat.again, beat.faulty


def test_frames_are_answered_and_written(lane, play):
    beats = play(frame(0), frame(0.5, 200), frame(1))
    assert lane.told() == "0 0.5 1 |"
    assert [e.measures.values["level"] for e in lane.entries() if isinstance(e, Result)] == [0, 200, 0]
    assert [(one.state, one.end) for one in lane.decisions().values()] == [("closed", at(0.5))]
    assert counts(beats[-1]) == (3, 0, 0)


def test_a_frame_has_the_stream_s_name_whatever_it_calls_itself(lane, play):
    play(frame(0))
    (entry, _) = lane.entries()
    assert (entry.sample.source, entry.sample.unit) == ("gate", "gate")


def test_a_stream_is_told_open_before_its_first_frame_and_over_after_its_last(play):
    beats = play(frame(0))
    assert [(beat.opened, beat.over) for beat in (beats[0], beats[1], beats[-1])] == [
        (False, False),
        (True, False),
        (True, True),
    ]


def test_the_first_frame_is_told_at_once(play):
    beats = play(frame(0), frame(1))
    assert [beat.last for beat in beats[:3]] == [None, None, NOON]


def test_silence_between_frames_is_told_second_by_second(lane, play):
    play(frame(0), frame(5))
    assert lane.told() == "0 . . . . 5 |"
    assert "silence-120003" in lane.decisions()


def test_a_gap_longer_than_the_quiet_time_makes_two_stretches(lane, play):
    play(frame(0, 200), frame(60, 200), info=replace(INFO, quiet_s=2.0))
    assert lane.told() == "0 . . | 60 |"
    assert [(one.start, one.state) for one in lane.decisions().values()] == [(at(0), "closed"), (at(60), "closed")]
    assert [e.measures.values["count"] for e in lane.entries() if isinstance(e, Result)] == [1, 1]


def test_several_units_go_their_own_ways(lane, play):
    beats = play(frame(0, unit="a"), frame(0.1, unit="b"), frame(1, unit="a"), frame(4, unit="b"), frame(2, unit="a"))
    assert lane.told("a") == "0 1 2 |"
    assert lane.told("b") == "0.1 . . . 4 |"
    assert (counts(beats[-1]), beats[-1].units) == ((5, 0, 0), 0)


# Clocks


def test_a_unit_falls_silent_while_another_goes_on(lane, play, monkeypatch):
    now = [1000.0]

    def later():
        now[0] += 0.7

    monkeypatch.setattr(unit, "clock", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(frames, "_POLL_S", 0.0)
    monkeypatch.setattr(frames, "_AHEAD", 1)
    others = [one for second in range(1, 8) for one in (later, frame(second, unit="b"))]
    play(frame(0, unit="a"), *others, info=replace(INFO, quiet_s=3.0))
    assert lane.told("a") == "0 . . . |"
    assert lane.told("b") == "1 2 3 4 5 6 7 |"


def test_a_stream_that_brings_nothing_is_silent_by_our_own_clock(lane, play, monkeypatch):
    now, told = [1000.0], threading.Event()
    monkeypatch.setattr(unit, "clock", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(frames, "_POLL_S", 0.001)

    def wait():
        until = time.monotonic() + 20
        while not lane.told().endswith("|") and time.monotonic() < until:
            now[0] += 0.25
            time.sleep(0.005)
        told.set()

    play(frame(0), wait, info=replace(INFO, quiet_s=3.0))
    assert told.is_set()
    assert lane.told() == "0 . . . |"


def test_what_we_were_held_up_by_is_nobody_s_silence(lane, play, monkeypatch):
    now = [1000.0]

    def slow(pairs, view, fitted):
        for one, _ in pairs:
            if one.part == "1":
                now[0] += 10
            yield fovea_lane.Measures(values={"level": 0.0})

    clock = SimpleNamespace(monotonic=lambda: now[0])
    monkeypatch.setattr(unit, "clock", clock)
    monkeypatch.setattr(frames, "time", clock)
    play(frame(0, unit="a"), frame(1, unit="b"), frame(2, unit="a"), measure=slow)
    assert lane.told("a") == "0 . 2 |"


# Frames that come late, or again


def test_a_late_frame_is_taken(lane, play):
    play(frame(0), frame(2), frame(1), frame(3))
    assert lane.told() == "0 1 . 2 3 |"


def test_frames_of_one_moment_are_all_taken(lane, play):
    beats = play(*((sample(0, part=part), image()) for part in "abc"), (sample(1, part="d"), image()))
    assert lane.told() == "a b c d |"
    assert counts(beats[-1]) == (4, 0, 0)


def test_a_frame_that_comes_again_at_once_is_known(lane, play):
    beats = play(frame(0), frame(0), frame(1), frame(0), frame(1))
    assert lane.told() == "0 1 |"
    assert counts(beats[-1]) == (2, 3, 0)


def test_a_stream_that_is_opened_again_doubles_nothing(lane, play):
    shown = [frame(0), frame(1, 200), frame(2)]
    play(*shown)
    before = lane.tables("gate")
    beats = play(*shown)
    assert lane.tables("gate") == before
    assert counts(beats[-1]) == (0, 3, 0)


def test_what_is_new_when_it_is_opened_again_is_a_stretch_of_its_own(lane, play):
    play(frame(0))
    play(frame(0), frame(1))
    assert lane.told() == "0 | 1 |"


# Going on where another process left off


def held(event=None):
    """A stream that goes on until the test lets go of it."""
    return lambda: (event or threading.Event()).wait(5)


@pytest.fixture
def stopped(lane, play, monkeypatch):
    """Watch frames, and stop once all of them were written."""
    monkeypatch.setattr("fovea.live.ledger.FLUSH_S", 0.0)

    def run(*shown, **parts):
        wanted = " ".join(one[0].part for one in shown)
        done = threading.Event()
        beats = play(*shown, lambda: done.wait(20), stop=lambda: told(lane).endswith(wanted), **parts)
        done.set()
        return beats

    return run


def told(lane):
    return " ".join(word for word in lane.told().split() if word not in "|.")


def test_a_stop_leaves_the_unit_open(lane, stopped):
    beats = stopped(frame(0), frame(1, 200))
    assert "|" not in lane.told()
    assert not beats[-1].over
    assert [one.state for one in lane.decisions().values()] == ["open"]


def test_a_stop_loses_no_frame_that_came(lane, play, monkeypatch):
    read, slow = threading.Event(), threading.Event()
    monkeypatch.setattr(frames, "_AHEAD", 8)

    def measure(pairs, view, fitted):
        for _ in pairs:
            read.wait(20)
            slow.set()
            yield fovea_lane.Measures(values={"level": 0.0})

    play(*(frame(second) for second in range(4)), read.set, held(slow), stop=slow.is_set, measure=measure)
    assert told(lane) == "0 1 2 3"


def test_a_watch_that_goes_on_ends_as_one_that_was_never_stopped(tmp_path, lane, stopped, play):
    shown = [frame(second, 200 if second in (2, 3, 4) else 0) for second in (0, 1, 2, 3, 4, 5, 8, 9)]
    stopped(*shown[:4])
    stopped(*shown[:6])
    play(*shown)
    with fovea_lane.Lane.at(tmp_path / "calm") as calm:
        watch_frames(calm.having(domain=streaming(lambda url, view: iter(shown))).own(), never, lambda _: None)
        assert lane.tables("gate") == calm.tables("gate")
    assert len(lane.clips()) == 1


def test_a_camera_that_shows_nothing_twice_goes_on(lane, stopped, play):
    stopped(frame(0), frame(1, 200))
    play(frame(2, 200), frame(3))
    assert lane.told() == "0 1 2 3 |"
    assert [(one.start, one.end, one.state) for one in lane.decisions().values()] == [(at(1), at(2), "closed")]


def test_ticks_go_on(lane, stopped, play):
    stopped(frame(0), frame(4))
    play(frame(7))
    assert lane.told() == "0 . . . 4 . . 7 |"


def test_a_clip_goes_on(lane, stopped, play):
    stopped(frame(0), frame(1, 200))
    play(frame(2, 200), frame(3), frame(4), frame(5))
    (clip,) = lane.clips()
    assert (clip.start, clip.end, clip.frames) == (at(0), at(4), 5)


def test_a_clip_of_a_unit_that_was_over_is_finished(lane, play, monkeypatch):
    def dead(*_, **__):
        raise StoreError("gone")

    with monkeypatch.context() as patched:
        patched.setattr(Live, "add_clip", dead)
        beats = play(frame(0), frame(1, 200))
    assert (lane.clips(), beats[-1].fault) == ((), "gone")
    play()
    assert [clip.frames for clip in lane.clips()] == [2]
    assert list(lane.clips_folder.rglob("*.jpg")) == [next((lane.clips_folder / "stills").iterdir())]


def test_a_long_past_is_gone_through_with_signs_of_life(lane, stopped, play, monkeypatch):
    stopped(*(frame(second) for second in range(5)))
    monkeypatch.setattr("fovea.live.pulse.BEAT_S", 0.0)
    beats = play()
    assert sum(not beat.opened for beat in beats) >= 5


def test_nothing_of_a_watch_stays_behind(stopped, play):
    stopped(frame(0), frame(1))
    play(frame(2))
    until = time.monotonic() + 10
    while threads("decide") and time.monotonic() < until:
        time.sleep(0.001)
    assert threads("decide") == 0


# What streams, plugins and stores do


def test_what_came_before_a_stream_broke_is_kept(lane, play):
    with pytest.raises(PluginError, match=r"'lane' failed in streams\['own'\]\.open: raised OSError: dead"):
        play(frame(0), frame(1), OSError("dead"))
    assert lane.told() == "0 1"


@pytest.mark.parametrize(
    "item, fault",
    [
        (7, "yielded int, want a pair of Sample and Image"),
        ((1, 2, 3), "yielded tuple, want a pair of Sample and Image"),
        ((image(), sample(0)), "yielded Image in place of a Sample"),
        ((sample(0), None), "answered NoneType None for gate, want an Image"),
        ((Sample(source="c", time=NOON), image()), "yielded a frame without a time or without a part"),
        ((Sample(source="c", part="1"), image()), "yielded a frame without a time or without a part"),
        ((Sample(source="c", part="1", time=NOON.replace(tzinfo=None)), image()), "without a zone; give it one"),
        ((Sample(source="c", part="1", time="noon"), image()), "has time 'noon', want a datetime with a zone"),
        ((Sample(source="c", part=1, time=NOON), image()), "has part int 1, want text"),
        ((Sample(source="c", part="1", unit=["a"], time=NOON), image()), "has unit list"),
        ((sample(0), Image(pixels=np.zeros((3, 3, 4), np.uint8))), "have shape (3, 3, 4), want"),
    ],
)
def test_what_is_no_frame_gets_its_sentence_under_the_plugin_s_name(lane, play, item, fault):
    with pytest.raises(PluginError) as told_of:
        play(frame(0), item)
    assert str(told_of.value).startswith("plugin 'lane' failed in streams['own'].open: ")
    assert fault in str(told_of.value)
    assert lane.told() == "0"


def test_frames_that_cannot_be_measured_are_quarantined_up_to_a_number(lane, play, monkeypatch):
    monkeypatch.setattr("fovea.live.ledger.FAULTY", 5)
    beats = play(
        *((sample(second, part=f"bad {second}"), image()) for second in range(20)),
        frame(20),
        measure=lambda pairs, view, fitted: failing(pairs),
    )
    assert counts(beats[-1]) == (1, 0, 20)
    assert len(lane.store.quarantined(lane.site.id)) == 5
    assert told(lane) == "20"


def failing(pairs):
    for one, _ in pairs:
        if one.part.startswith("bad"):
            raise ValueError("tripped")
        yield fovea_lane.Measures(values={"level": 0.0})


def test_a_decide_that_fails_is_told_and_the_frames_go_on(lane, play):
    def broken(entries, policy, fitted):
        for entry in entries:
            if entry.sample.part == "1":
                raise ValueError("cannot")
        yield

    beats = play(frame(0), frame(1), frame(2), decide=broken)
    assert lane.told() == "0 1 2 |"
    assert [(row.unit, row.function) for row in lane.store.quarantined(lane.site.id)] == [("gate", "decide")]
    assert "raised ValueError: cannot" in beats[-1].fault


def test_the_next_stretch_is_decided_on_anew_after_a_fault(lane, play):
    def touchy(entries, policy, fitted):
        for entry in entries:
            if not isinstance(entry, Result):
                raise ValueError("cannot stand silence")  # noqa: TRY004 - a plugin's own
            yield Decision(key=entry.sample.part, subject="gate", label="seen")

    play(frame(0), frame(60), decide=touchy, info=replace(INFO, quiet_s=5.0))
    assert list(lane.decisions()) == ["0", "60"]


def test_a_store_that_cannot_be_written_ends_the_process_with_its_sentence(play, monkeypatch):
    def full(*_, **__):
        raise StoreError("the disk is full")

    monkeypatch.setattr(Live, "take", full)
    with pytest.raises(StoreError, match="the disk is full"):
        play(frame(0), frame(1))


def test_a_folder_of_clips_that_cannot_be_made_costs_clips_only(lane, play):
    lane.clips_folder.write_text("a file in its place")
    beats = play(frame(0), frame(1, 200), frame(2))
    assert lane.told() == "0 1 2 |"
    assert len(lane.decisions()) == 1
    assert "a clip could not be written" in beats[-1].fault


def test_a_mask_is_on_everything_that_is_kept(lane):
    import cv2

    masked = lane.having(
        domain=streaming(lambda url, view: iter([frame(0, 200), frame(1)])), view=fovea_lane.View(mask=4)
    )
    watch_frames(masked.own(), never, lambda _: None)
    pictures = [cv2.imread(str(path)) for path in lane.clips_folder.rglob("*.jpg")]
    assert [picture[:, :2].max() < 60 < picture[:, 6:].min() for picture in pictures] == [True]


def test_units_have_their_own_policy_and_view(lane):
    def open_stream(url, view):
        assert view.delay_s == 0.001
        yield from (frame(0, 50, "gate"), frame(1, 50, "b"))

    own = lane.having(domain=streaming(open_stream), unit_views={"gate": fovea_lane.View(delay_s=0.001, mask=8)}).own()
    own = replace(own, policies={"b": fovea_lane.Policy(above=10)})
    watch_frames(own, never, lambda _: None)
    assert [len(lane.decisions(name)) for name in ("gate", "b")] == [0, 1]
    assert [lane.entries(name)[0].measures.values["level"] for name in ("gate", "b")] == [0, 50]


def test_a_process_does_the_kind_of_work_its_stream_brings(lane, monkeypatch):
    (lane.folder / "drop").mkdir()
    (lane.folder / "drop" / "end").touch()
    files, camera = lane.sources("drop", "gate")
    lane.show("gate", "0 0", "end")
    assert child._work(lane.errand(files), never, lambda _: None) == 0
    assert child._work(lane.errand(camera), never, lambda _: None) == 0
    assert lane.told() == "0 |"


def test_secrets_are_filled_in_where_the_stream_is_opened(lane, monkeypatch):
    opened = []

    def open_stream(url, view):
        opened.append(url)
        yield frame(0)

    monkeypatch.setenv("LANE_WORD", "barley")
    wanting = lane.having(domain=streaming(open_stream))
    own = wanting.own()
    own = replace(own, source=replace(own.source, address="own://me:{env:LANE_WORD}@gate"))
    watch_frames(own, never, lambda _: None)
    assert opened == ["own://me:barley@gate"]
    assert "barley" not in (lane.folder / "lane.db").read_bytes().decode("latin-1")
    assert os.environ["LANE_WORD"] == "barley"
