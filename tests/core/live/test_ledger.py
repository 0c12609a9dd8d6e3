from __future__ import annotations

from dataclasses import replace

import fovea_lane
import pytest
from fovea_lane import at, sample

from fovea.errors import PluginError, StoreError
from fovea.live import ledger as module
from fovea.live.ledger import Ledger
from fovea.live.pulse import Pulse
from fovea.plugin import Decision, Measures, Unreadable
from fovea.store.values import Arrived, Scored


def good(seconds, unit="gate"):
    one = replace(sample(seconds, unit), source="gate")
    return Arrived(unit=unit, scored=Scored(sample=one, measures=Measures(values={"level": 1.0})))


def bad(seconds, fault=None):
    one = replace(sample(seconds, "gate"), source="gate")
    return Arrived(unit="gate", scored=Scored(sample=one, fault=fault or Unreadable(code="odd", reason="Odd.")))


def alarm(end, state="open", **more):
    facts = {"subject": "gate", "label": "seen", "level": "alarm", **more}
    return Decision(key="a1", state=state, start=at(0), end=at(end), **facts)


class Books:
    """A ledger on a real store, and how often it wrote there."""

    def __init__(self, lane):
        self.lane, self.beats, self.writes = lane, [], 0
        self.pulse = Pulse(self.beats.append)
        batch = lane.store.open_batch(site=lane.site.id, key=lane.key)
        self.ledger = Ledger(lane.store, batch, self.pulse, fovea_lane.INFO.workflow)

    def take(self, arrived, *made, fault=None):
        self.ledger.take(arrived, made, fault)

    @property
    def written(self):
        return self.lane.told()

    @property
    def end(self):
        return {key: (one.end - at(0)).total_seconds() for key, one in self.lane.decisions().items()}


@pytest.fixture
def books(lane, monkeypatch):
    monkeypatch.setattr(module, "FLUSH_S", 3600.0)
    return Books(lane)


def test_frames_wait_for_each_other(books, monkeypatch):
    monkeypatch.setattr(module, "FLUSH", 3)
    books.take(good(0))
    books.take(good(1))
    assert books.written == ""
    books.take(good(2))
    assert books.written == "0 1 2"


def test_frames_do_not_wait_for_ever(books, monkeypatch):
    monkeypatch.setattr(module, "FLUSH_S", 0.0)
    books.take(good(0))
    assert books.written == "0"


def test_who_is_patient_waits_and_who_is_not_writes(books):
    books.take(good(0))
    books.ledger.flush(patient=True)
    assert books.written == ""
    books.ledger.flush()
    assert books.written == "0"


def test_a_new_decision_is_written_at_once_with_what_led_to_it(books):
    books.take(good(0))
    books.take(good(1), alarm(1))
    assert (books.written, books.end) == ("0 1", {"a1": 1})


@pytest.mark.parametrize("news", [{"state": "closed"}, {"level": "warning"}, {"label": "gone"}, {"review": True}])
def test_a_decision_that_says_something_else_is_written_at_once(books, news):
    books.take(good(0), alarm(0))
    books.take(good(1), alarm(1, **news))
    assert books.end == {"a1": 1}


def test_an_alarm_that_only_goes_on_waits_with_the_frames(books):
    for second in range(10):
        books.take(good(second), alarm(second))
    assert (books.written, books.end) == ("0", {"a1": 0})
    books.ledger.flush()
    assert books.end == {"a1": 9}
    assert len(books.lane.store.decision_history(site=books.lane.site.id, unit="gate", key="a1")) == 2


def test_an_alarm_that_opens_and_closes_on_one_frame_is_opened_and_closed(books):
    books.take(good(0), alarm(0), alarm(0, state="closed"))
    assert [one.state for one in books.lane.decisions().values()] == ["closed"]


def test_decisions_of_two_units_are_kept_apart(books):
    books.take(good(0), alarm(0))
    books.take(good(1, "yard"), alarm(1))
    assert books.end == {"a1": 0}
    assert len(books.lane.decisions("yard")) == 1


def test_what_is_remembered_of_decisions_has_a_limit(books, monkeypatch):
    monkeypatch.setattr(module, "_TOLD", 5)
    for second in range(30):
        books.take(good(second), replace(alarm(second), key=f"a{second}"))
    assert len(books.ledger._told) <= 6


def test_an_end_is_written_at_once(books):
    books.take(good(0))
    books.take(Arrived(unit="gate", ended=at(1)))
    assert books.written == "0 |"


def test_a_fault_of_decide_is_written_at_once(books):
    books.take(good(0), fault=PluginError("lane", "decide", "raised ValueError"))
    assert [row.function for row in books.lane.store.quarantined(books.lane.site.id)] == ["decide"]
    assert books.pulse.beat.fault == "plugin 'lane' failed in decide: raised ValueError"


def test_a_unit_whose_decide_failed_stays_at_fault_until_it_is_decided_on_again(books):
    fault = PluginError("lane", "decide", "raised ValueError")
    for second in range(3):
        books.take(good(second), fault=fault)
    assert books.written == "0"
    books.ledger.flush()
    assert len(books.lane.store.quarantined(books.lane.site.id)) == 1
    books.take(good(3))
    books.ledger.flush()
    assert books.lane.store.quarantined(books.lane.site.id) == ()


def test_frames_are_counted_once_they_are_written(books):
    books.take(good(0))
    books.take(bad(1))
    assert (books.pulse.beat.arrived, books.pulse.beat.faulty) == (0, 1)
    books.ledger.flush()
    assert (books.pulse.beat.arrived, books.pulse.beat.faulty) == (1, 1)


def test_decisions_are_counted_where_they_changed(books):
    books.take(good(0), alarm(0))
    books.take(good(1), alarm(0, state="closed"))
    assert books.pulse.beat.findings == 2


def test_frames_without_an_answer_are_written_down_up_to_a_number(books, monkeypatch):
    monkeypatch.setattr(module, "FAULTY", 5)
    for second in range(20):
        books.take(bad(second, PluginError("lane", "measure", f"tripped {second}")))
    books.take(good(20))
    books.ledger.flush()
    assert len(books.lane.store.quarantined(books.lane.site.id)) == 5
    assert books.written == "20"
    assert (books.pulse.beat.faulty, books.pulse.beat.fault) == (20, "plugin 'lane' failed in measure: tripped 19")


def test_a_frame_is_known_before_and_after_it_is_written(books):
    one = good(0).scored.sample
    assert not books.ledger.knows(one)
    books.take(good(0))
    assert books.ledger.knows(one)
    books.ledger.flush()
    assert books.ledger.knows(one)
    assert not books.ledger.knows(replace(one, source="yard"))


def test_what_could_not_be_written_waits_on(books, monkeypatch):
    def full(*_, **__):
        raise StoreError("the disk is full")

    books.take(good(0))
    with monkeypatch.context() as patched:
        patched.setattr(type(books.lane.store.live), "take", full)
        with pytest.raises(StoreError):
            books.take(good(1), alarm(1))
    books.ledger.flush()
    assert (books.written, books.end) == ("0 1", {"a1": 1})


def test_a_complaint_is_told(books):
    books.ledger.complain("the disk is full")
    books.pulse.now()
    assert books.beats[-1].fault == "the disk is full"


def test_a_sign_of_life_is_given_however_much_there_is_to_write(books, monkeypatch):
    monkeypatch.setattr("fovea.live.pulse.BEAT_S", 0.0)
    for second in range(5):
        books.take(good(second))
    assert len(books.beats) == 5


def test_signs_of_life_are_a_second_apart(books):
    for second in range(5):
        books.take(good(second))
    assert len(books.beats) == 1
