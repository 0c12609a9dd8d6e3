from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import fovea_lane
import pytest
from fovea_lane import INFO, NOON, at, image, sample, threads

from fovea.errors import FoveaError
from fovea.live import unit as module
from fovea.live.clips import Clips
from fovea.live.deciding import Decider
from fovea.live.ring import Ring
from fovea.live.unit import Unit
from fovea.plugin import Decision, Fitted, Result, Tick
from fovea.serving.score import Job, Scorer


class Clock:
    """Our own clock, which goes when it is told to."""

    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        return self.now

    def pass_(self, seconds):
        self.now += seconds


class Notes:
    """A ledger that only remembers."""

    def __init__(self):
        self.entries, self.made, self.faults, self.clips, self.complaints = [], [], [], [], []

    def take(self, arrived, made, fault):
        self.entries.append(arrived)
        self.made += made
        self.faults += [fault] if fault is not None else []

    def clip(self, clip):
        self.clips.append(clip)

    def complain(self, fault):
        self.complaints.append(fault)

    @property
    def told(self):
        return " ".join(
            one.scored.sample.part if one.scored else f"|{short(one.ended)}" if one.ended else f".{short(one.tick)}"
            for one in self.entries
        )


def short(time):
    return f"{(time - NOON).total_seconds():g}"


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(module, "clock", SimpleNamespace(monotonic=made.monotonic))
    return made


@pytest.fixture
def make(tmp_path, clock):
    made = []

    def unit(*, view=None, quiet_s=5.0, keep=(2.0, 2.0), **parts):
        domain = fovea_lane.domain(info=replace(INFO, quiet_s=quiet_s, keep=keep), **parts)
        job = Job(domain=domain, root=tmp_path, view=view or fovea_lane.View())
        one = Unit(
            name="gate",
            course=Scorer(job).course("gate"),
            decider=Decider(domain, fovea_lane.Policy(), Fitted()),
            ring=Ring(keep[0]),
            clips=Clips(tmp_path / "clips", "gate", "gate", keep, set()),
            quiet_s=quiet_s,
            ledger=Notes(),
        )
        made.append(one)
        return one

    yield unit
    for one in made:
        one.close()


def see(unit, *seconds, level=0):
    """Frames in stream time, with the silences before them."""
    for second in seconds:
        unit.silence_until(at(second))
        unit.frame(sample(second), image(level), at(second))


# Silence by the stream's time


def test_a_second_without_a_frame_is_told(make):
    unit = make()
    see(unit, 0, 1, 4)
    assert unit.ledger.told == "0 1 .2 .3 4"


@pytest.mark.parametrize("second, told", [(0.04, ""), (1, ""), (1.01, " .1"), (2, " .1"), (2.5, " .1 .2")])
def test_the_second_of_the_next_frame_is_its_own(make, second, told):
    unit = make()
    see(unit, 0, second)
    assert unit.ledger.told == f"0{told} {second:g}"


def test_seconds_are_counted_from_the_last_frame(make):
    unit = make()
    see(unit, 0.5, 2.7)
    assert unit.ledger.told == "0.5 .1.5 .2.5 2.7"


def test_a_gap_longer_than_the_quiet_time_ends_the_unit(make):
    unit = make()
    see(unit, 0)
    unit.silence_until(at(9))
    assert unit.ended
    assert unit.ledger.told == "0 .1 .2 .3 .4 .5 |5"


def test_a_gap_as_long_as_the_quiet_time_does_not(make):
    unit = make()
    see(unit, 0, 5)
    assert not unit.ended
    assert unit.ledger.told == "0 .1 .2 .3 .4 5"


def test_a_quiet_time_that_is_no_whole_number_ends_at_the_last_whole_second(make):
    unit = make(quiet_s=2.5)
    see(unit, 0)
    unit.silence_until(at(60))
    assert unit.ledger.told == "0 .1 .2 |2"


def test_a_quiet_time_of_nothing_makes_each_frame_a_stretch(make):
    unit = make(quiet_s=0.0)
    see(unit, 0)
    unit.silence_until(at(0.04))
    assert unit.ledger.told == "0 |0"


def test_a_gap_of_years_tells_no_more_than_the_quiet_time(make):
    unit = make()
    see(unit, 0)
    unit.silence_until(at(10**9))
    assert len(unit.ledger.entries) == 7


def test_time_that_goes_back_is_no_silence(make):
    unit = make()
    see(unit, 10, 8, 11)
    assert unit.ledger.told == "10 8 11"


@pytest.mark.parametrize("month", [3, 10])
def test_a_night_on_which_the_clocks_change_is_no_silence(make, month):
    unit, zone = make(), ZoneInfo("Europe/Berlin")
    day = {3: 29, 10: 25}[month]  # at one in UTC
    begins = datetime(2026, month, day, 0, 59, 58, tzinfo=UTC)
    for second in (0, 1, 2, 3, 6):
        time = (begins + timedelta(seconds=second)).astimezone(zone)
        unit.silence_until(time)
        unit.frame(replace(sample(0, part=str(second)), time=time), image(), time)
    ticks = [one.tick for one in unit.ledger.entries if one.tick]
    assert [(tick - begins).total_seconds() for tick in ticks] == [4, 5]
    assert {tick.tzinfo for tick in ticks} == {zone}
    assert not unit.may_know((begins + timedelta(seconds=7)).astimezone(zone))


# Silence by our own clock


def test_our_own_clock_tells_seconds_too(make, clock):
    unit = make()
    see(unit, 0)
    for _ in range(5):
        clock.pass_(0.5)
        unit.silence()
    assert unit.ledger.told == "0 .1 .2"


def test_our_own_clock_ends_a_unit(make, clock):
    unit = make()
    see(unit, 0)
    clock.pass_(60)
    unit.silence()
    unit.silence()
    assert unit.ended
    assert unit.ledger.told == "0 .1 .2 .3 .4 .5 |5"


def test_a_frame_sets_our_own_clock_back(make, clock):
    unit = make()
    see(unit, 0)
    clock.pass_(4)
    see(unit, 1)
    clock.pass_(4)
    unit.silence()
    assert unit.ledger.told == "0 1 .2 .3 .4 .5"


def test_no_second_is_told_by_both_clocks(make, clock):
    unit = make()
    see(unit, 0)
    clock.pass_(2.2)
    unit.silence()
    see(unit, 4)
    assert unit.ledger.told == "0 .1 .2 .3 4"


def test_a_frame_that_comes_late_by_our_clock_unsays_nothing(make, clock):
    unit = make()
    see(unit, 0)
    clock.pass_(3)
    unit.silence()
    see(unit, 1)
    assert unit.ledger.told == "0 .1 .2 .3 1"


def test_what_held_us_up_is_no_silence(make, clock):
    unit = make()
    see(unit, 0)
    clock.pass_(3)
    unit.wait(3)
    unit.silence()
    assert unit.ledger.told == "0"


def test_a_stream_that_is_still_at_what_it_brought_before_is_not_silent(make, clock):
    unit = make()
    see(unit, 0)
    clock.pass_(2)
    unit.silence()
    for _ in range(10):
        clock.pass_(0.9)
        unit.hold()
        unit.silence()
    assert unit.ledger.told == "0 .1 .2"


def test_a_unit_without_a_frame_is_not_silent(make, clock):
    unit = make()
    clock.pass_(60)
    unit.silence()
    unit.silence_until(at(60))
    assert unit.ledger.entries == []


# Decisions and the end


def test_what_is_decided_is_written_with_its_entry(make):
    unit = make()
    see(unit, 0, 1, level=200)
    assert [(one.state, one.end) for one in unit.ledger.made] == [("open", at(0)), ("open", at(1))]


def test_silence_is_decided_on(make):
    unit = make()
    see(unit, 0, 5)
    assert [one.key for one in unit.ledger.made] == ["silence-120003"]


def test_the_end_is_decided_on_and_written_once(make):
    unit = make()
    see(unit, 0, level=200)
    unit.end()
    unit.end()
    assert unit.ledger.told == "0 |0"
    assert [one.state for one in unit.ledger.made] == ["open", "closed"]


def test_the_end_comes_after_the_silence_that_was_told(make, clock):
    unit = make()
    see(unit, 0)
    clock.pass_(2)
    unit.silence()
    unit.end()
    assert unit.ledger.told == "0 .1 .2 |2"


def test_the_end_of_a_unit_ends_its_thread(make):
    unit = make()
    see(unit, 0)
    unit.end()
    unit.decider._thread.join(10)
    assert threads("decide") == 0


def test_a_unit_that_brought_nothing_ends_in_silence(make):
    unit = make()
    unit.end()
    assert unit.ledger.entries == []


def test_a_fault_of_decide_is_told_with_whatever_comes_after(make):
    def broken(entries, policy, fitted):
        for _ in entries:
            raise ValueError("cannot")
        yield

    unit = make(decide=broken)
    see(unit, 0, 1, 2)
    unit.end()
    assert unit.ledger.told == "0 1 2 |2"
    assert [str(fault) for fault in unit.ledger.faults] == [
        "plugin 'lane' failed in decide: raised ValueError: cannot"
    ] * 4


def test_a_frame_that_cannot_be_measured_is_written_with_its_fault(make):
    unit = make(view=fovea_lane.View(trip_on="1"))
    see(unit, 0, 1, 2)
    assert [one.scored.fault is not None for one in unit.ledger.entries] == [False, True, False]
    assert [one.scored.measures.values.get("count") for one in unit.ledger.entries] == [1, None, 1]


# Going on where another process left off


def tail(*seconds, level=0):
    measured = fovea_lane.Measures(values={"level": float(level), "count": 1.0})
    return [Result(sample=sample(second), measures=measured) for second in seconds]


def test_decide_is_brought_to_where_it_was_and_nothing_is_written(make):
    unit = make()
    unit.resume(tail(0, 1, level=200))
    assert unit.ledger.entries == []
    see(unit, 2)
    assert [(one.key, one.state) for one in unit.ledger.made] == [("bright-120000.000000", "closed")]


def test_silence_goes_on_where_it_was(make, clock):
    unit = make()
    unit.resume([*tail(0), Tick(time=at(1)), Tick(time=at(2))])
    unit.silence()
    assert unit.ledger.entries == []
    clock.pass_(1)
    unit.silence()
    assert unit.ledger.told == ".3"
    assert [one.key for one in unit.ledger.made] == ["silence-120003"]


def test_what_was_silent_while_nobody_watched_is_told_when_a_frame_comes(make):
    unit = make()
    unit.resume([*tail(0), Tick(time=at(1))])
    see(unit, 4)
    assert unit.ledger.told == ".2 .3 4"


def test_a_fault_of_before_holds_on(make):
    def broken(entries, policy, fitted):
        for _ in entries:
            raise ValueError("cannot")
        yield

    unit = make(decide=broken)
    unit.resume(tail(0))
    see(unit, 1)
    assert len(unit.ledger.faults) == 1


def test_frames_until_the_last_may_be_known(make):
    unit = make()
    unit.resume(tail(0, 2))
    assert [unit.may_know(at(second)) for second in (-1, 1, 2, 2.01)] == [True, True, True, False]


def test_frames_of_this_stretch_bring_measure_to_where_it_was(make):
    unit = make()
    unit.resume(tail(5, 6))
    for second in (3, 4, 5, 6):  # the first two were of a stretch that ended
        unit.show(sample(second), image(), at(second))
    see(unit, 7)
    assert unit.ledger.entries[0].scored.measures.values["count"] == 3


def test_frames_that_come_again_are_what_a_clip_begins_with(make):
    unit = make(view=fovea_lane.View(mask=4))
    unit.resume(tail(5, 6))
    for second in (5, 6):
        unit.show(sample(second), image(100), at(second))
    unit.show(sample(5), image(100), at(5))
    see(unit, 7, level=200)
    unit.end()
    (clip,) = unit.ledger.clips
    assert (clip.frames, clip.start) == (3, at(5))


def test_what_comes_again_of_long_ago_is_not_kept(make):
    unit = make()
    unit.resume(tail(0, 100))
    unit.show(sample(0), image(), at(0))
    assert list(unit.ring.since(0)) == []


# Clips


def test_a_clip_that_cannot_be_kept_costs_the_clip_only(make, monkeypatch):
    def full(*_):
        raise FoveaError("the disk is full")

    unit = make()
    monkeypatch.setattr(Clips, "add", full)
    monkeypatch.setattr(Clips, "follow", full)
    see(unit, 0, 1, level=200)
    unit.end()
    assert unit.ledger.told == "0 1 |1"
    assert len(unit.ledger.made) == 3
    assert unit.ledger.complaints == ["the disk is full"] * 5


def test_whatever_comes_in_the_way_of_a_clip_is_told(make, monkeypatch):
    unit = make()
    monkeypatch.setattr(module, "keep", lambda *_: 1 / 0)
    see(unit, 0)
    assert unit.ledger.told == "0"
    assert unit.ledger.complaints == ["a clip could not be kept: ZeroDivisionError: division by zero"]


def test_a_clip_that_the_ledger_cannot_take_costs_nothing_else(make, monkeypatch):
    def full(*_):
        raise FoveaError("the disk is full")

    unit = make()
    monkeypatch.setattr(Notes, "clip", full)
    see(unit, 0, level=200)
    unit.end()
    assert unit.ledger.told == "0 |0"
    assert unit.ledger.complaints == ["the disk is full"]


def test_a_domain_that_keeps_nothing_keeps_no_frames(make):
    unit = make(keep=(0.0, 0.0))
    see(unit, 0, level=200)
    assert list(unit.ring.since(0)) == []


def test_a_decision_that_is_none_s_finding_is_followed_too(make):
    def calm(entries, policy, fitted):
        for _ in entries:
            yield Decision(key="a", subject="gate", label="calm")

    unit = make(decide=calm)
    see(unit, 0)
    unit.end()
    assert unit.ledger.clips == []
