from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fovea.errors import PluginError, UsageError
from fovea.plugin import READ_AND_SIGN, Clip, Decision, Evidence, Result, Sample, Tick, Unreadable
from fovea.store.values import Arrived, Ended, Scored

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def at(second):
    return NOON + timedelta(seconds=second)


def frame(words, second, unit="gate"):
    scored = words.good(Sample(source="gate", part=f"{second:04}", unit=unit, time=at(second)))
    return Arrived(unit=unit, scored=scored)


def tick(second, unit="gate"):
    return Arrived(unit=unit, tick=at(second))


def end(second, unit="gate"):
    return Arrived(unit=unit, ended=at(second))


def alarm(state="open", **more):
    return Decision(key="a1", subject="gate", label="person", level="alarm", state=state, start=NOON, **more)


@pytest.fixture
def camera(farm, words):
    """A farm with a stream, and the short words of these tests."""

    class Camera:
        batch = farm.store.open_batch(site=farm.site.id, key=farm.key)
        live = farm.store.live

        def take(self, *arrived, decided=(), faults=None):
            given = {"gate": tuple(decided)} if decided else {}
            return self.live.take(self.batch, arrived, given, workflow=READ_AND_SIGN, faults=faults)

        def entries(self, key=None):
            return list(farm.store.entries(site=farm.site.id, unit="gate", key=key or farm.key))

        def events(self):
            return [one.event.kind for one in farm.store.events.due(listener="l", now=farm.clock.now)]

    return Camera()


def told(entries):
    """Entries in short: frames by their part, ``.`` for a tick, ``|`` for an end."""
    return " ".join(e.sample.part if isinstance(e, Result) else "." if isinstance(e, Tick) else "|" for e in entries)


def test_what_came_in_comes_out_in_order(camera, words):
    camera.take(frame(words, 0), frame(words, 1), tick(2), tick(3), end(3), frame(words, 9))
    assert told(camera.entries()) == "0000 0001 . . | 0009"
    assert camera.entries()[4] == Ended(time=at(3))


def test_a_frame_keeps_its_answer_under_any_other_key(farm, camera, words):
    camera.take(frame(words, 0))
    (entry,) = camera.entries(replace(farm.key, bundles={"disease": "other"}, view_digest="other"))
    assert entry.best("disease").label == "rust"


def test_a_batch_leaves_frames_alone_and_finds_nothing_to_decide(farm, camera, words):
    camera.take(frame(words, 0), decided=[alarm()])
    batch = farm.scan(farm.picture("a"))
    leases = []
    while (lease := farm.store.lease(batch, owner="w", seconds=60)) is not None:
        leases.append((lease.kind, lease.units))
        if lease.kind == "score":
            farm.store.publish(lease, [words.good(sample) for sample in lease.samples])
        else:
            farm.store.publish_decisions(lease, {}, workflow=READ_AND_SIGN)
    assert leases == [("score", ("field",)), ("decide", ("field",))]
    assert [one.label for one in farm.store.decisions(farm.site.id)["gate"]] == ["person"]


def test_another_policy_decides_a_stream_s_unit_again(farm, camera, words):
    camera.take(frame(words, 0))
    batch = farm.scan(key=replace(farm.key, policy_digest="p2"))
    lease = farm.lease(batch)
    assert (lease.kind, lease.units) == ("decide", ("gate",))


def test_an_alarm_opens_a_case_and_closes_with_its_events(farm, camera, words):
    assert camera.take(frame(words, 0), decided=[alarm()]) == 1
    assert camera.take(frame(words, 1)) == 0
    assert camera.take(tick(2), decided=[alarm("closed", end=at(1))]) == 1
    assert len(farm.store.cases(site=farm.site.id)) == 1
    farm.store.events.delivered(farm.store.events.due(listener="l", now=farm.clock.now)[0].event.id, listener="l")
    assert camera.events() == ["finding.closed"]
    assert farm.store.verify_audit() is None


def test_the_same_decision_again_is_no_change(camera, words):
    camera.take(frame(words, 0), decided=[alarm()])
    assert camera.take(frame(words, 1), decided=[alarm()]) == 0


def test_earlier_decisions_stay_when_others_come(farm, camera, words):
    camera.take(frame(words, 0), decided=[alarm("closed", end=at(0))])
    camera.take(frame(words, 60), decided=[replace(alarm(), key="a2")])
    assert [one.key for one in farm.store.decisions(farm.site.id)["gate"]] == ["a1", "a2"]


def test_what_a_unit_has_seen_since_its_end_is_what_decide_must_see_again(farm, camera, words):
    camera.take(frame(words, 0), tick(1), end(1), frame(words, 60), tick(61))
    tail = camera.live.tail(site=farm.site.id, unit="gate", key=farm.key)
    assert told(tail) == "0060 ."


def test_only_units_that_go_on_are_open(farm, camera, words):
    camera.take(frame(words, 0), frame(words, 0.5, unit="yard"), end(0))
    assert camera.live.open_units(site=farm.site.id, source="gate") == ("yard",)


def test_a_frame_that_comes_again_is_known(farm, camera, words):
    camera.take(frame(words, 0))
    assert camera.live.known(site=farm.site.id, source="gate", parts=["0000", "0001"]) == {"0000"}
    assert camera.live.known(site=farm.site.id, source="yard", parts=["0000"]) == set()


def test_a_frame_that_could_not_be_answered_is_quarantined(farm, camera):
    sample = Sample(source="gate", part="1", unit="gate", time=NOON)
    camera.take(Arrived(unit="gate", scored=Scored(sample=sample, fault=Unreadable(code="odd", reason="Odd."))))
    assert [(row.source, row.part, row.code) for row in farm.store.quarantined(farm.site.id)] == [("gate", "1", "odd")]


def test_a_unit_whose_decide_failed_is_listed_and_keeps_its_decisions(farm, camera, words):
    camera.take(frame(words, 0), decided=[alarm()])
    camera.take(frame(words, 1), faults={"gate": PluginError("toy", "decide", "raised ValueError")})
    (row,) = farm.store.quarantined(farm.site.id)
    assert (row.unit, row.function) == ("gate", "decide")
    assert len(farm.store.decisions(farm.site.id)["gate"]) == 1


def test_a_file_of_a_stream_s_name_is_told(farm, camera, words):
    camera.take(frame(words, 0))
    with pytest.raises(UsageError, match="'gate' is the name of a stream of this site and of a file"):
        farm.scan(farm.picture("gate"))


def test_clips_are_kept_and_replaced_by_their_finding(farm, camera):
    clip = Clip(unit="gate", key="a1", path=Path("a1.avi"), start=NOON, end=at(9), frames=10)
    camera.live.add_clip(clip, site=farm.site.id)
    camera.live.add_clip(replace(clip, end=at(12), frames=13), site=farm.site.id)
    assert camera.live.clips(farm.site.id) == (replace(clip, end=at(12), frames=13),)


def test_evidence_of_a_stream_survives(farm, camera, words):
    camera.take(frame(words, 0), decided=[alarm(evidence=(Evidence(source="gate", part="0000"),))])
    (case,) = farm.store.cases(site=farm.site.id)
    assert case.decision.evidence[0].part == "0000"


def test_units_held_back_are_not_planned(farm):
    batch = farm.store.open_batch(site=farm.site.id, key=farm.key)
    farm.store.record_scan(batch, [farm.picture("a", unit="u1"), farm.picture("b", unit="u2")])
    farm.store.end_scan(batch)
    assert farm.store.plan(batch, hold={"u1"}).pictures == 1
    assert farm.lease(batch).units == ("u2",)
    assert farm.store.plan(batch).pictures == 1
