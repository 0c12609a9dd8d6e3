from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from fovea.errors import UnknownName
from fovea.plugin import Event


def event(words, name, subject="s", **facts) -> Event:
    time = words.start.astimezone(ZoneInfo("Europe/Berlin"))
    return Event(id=name, kind="test", subject=subject, site="farm", time=time, facts=facts)


def due(farm, listener="mail", later=0.0) -> list[str]:
    now = farm.clock.now + timedelta(seconds=later)
    return [one.event.id for one in farm.store.events.due(listener=listener, now=now)]


def test_an_event_comes_back_as_it_was(farm, words):
    told = event(words, "e1", share=0.5, who=["ann"])
    assert farm.store.events.announce(told)
    assert farm.store.events.due(listener="mail", now=words.start)[0].event == told


def test_an_event_is_queued_once(farm, words):
    assert farm.store.events.announce(event(words, "e1"))
    assert not farm.store.events.announce(event(words, "e1"))
    assert due(farm) == ["e1"]


def test_what_was_delivered_is_due_no_more_for_that_listener_only(farm, words):
    farm.store.events.announce(event(words, "e1"))
    farm.store.events.delivered("e1", listener="mail")
    assert (due(farm, "mail"), due(farm, "mqtt")) == ([], ["e1"])


def test_events_of_one_subject_wait_for_their_elders(farm, words):
    for name, subject in (("e1", "x"), ("e2", "x"), ("e3", "y")):
        farm.store.events.announce(event(words, name, subject))
    assert due(farm) == ["e1", "e3"]
    farm.store.events.delivered("e1", listener="mail")
    assert due(farm) == ["e2", "e3"]


def test_what_failed_comes_again_at_its_time_and_holds_back_its_subject(farm, words):
    farm.store.events.announce(event(words, "e1"))
    farm.store.events.announce(event(words, "e2"))
    farm.store.events.failed("e1", listener="mail", error="no route", next_time=farm.clock.now + timedelta(seconds=30))
    assert due(farm) == []
    (again,) = farm.store.events.due(listener="mail", now=farm.clock.now + timedelta(seconds=31))
    assert (again.event.id, again.attempts, again.error) == ("e1", 1, "no route")


def test_attempts_are_counted(farm, words):
    farm.store.events.announce(event(words, "e1"))
    for _ in range(3):
        farm.store.events.failed("e1", listener="mail", error="no", next_time=words.start)
    assert farm.store.events.due(listener="mail", now=farm.clock.now)[0].attempts == 3


def test_a_dead_letter_is_listed_and_lets_the_next_one_through(farm, words):
    farm.store.events.announce(event(words, "e1"))
    farm.store.events.announce(event(words, "e2"))
    farm.store.events.failed("e1", listener="mail", error="refused", next_time=None)
    assert due(farm) == ["e2"]
    assert [(one.event.id, one.error) for one in farm.store.events.dead_letters()] == [("e1", "refused")]
    assert farm.store.events.dead_letters("mqtt") == ()


def test_a_dead_letter_can_be_brought_back(farm, words):
    farm.store.events.announce(event(words, "e1"))
    farm.store.events.failed("e1", listener="mail", error="refused", next_time=None)
    farm.store.events.failed("e1", listener="mail", error="try again", next_time=words.start)
    assert due(farm) == ["e1"]


def test_a_late_failure_does_not_undo_a_delivery(farm, words):
    farm.store.events.announce(event(words, "e1"))
    farm.store.events.delivered("e1", listener="mail")
    farm.store.events.failed("e1", listener="mail", error="time out", next_time=words.start)
    assert due(farm, later=9) == []


def test_at_most_the_limit_is_told_oldest_first(farm, words):
    for number in range(5):
        farm.store.events.announce(event(words, f"e{number}", f"s{number}"))
    assert [one.event.id for one in farm.store.events.due(listener="m", now=words.start, limit=2)] == ["e0", "e1"]


def test_an_unknown_event_cannot_be_delivered(farm):
    with pytest.raises(UnknownName):
        farm.store.events.delivered("nothing", listener="mail")


def claim(farm, name, listener="mail"):
    return farm.store.events.claim(name, listener=listener, now=farm.clock.now, seconds=60)


def test_what_one_has_claimed_is_nobody_elses_until_its_time_is_over(farm, words):
    for name, subject in (("e1", "x"), ("e2", "x"), ("e3", "y")):
        farm.store.events.announce(event(words, name, subject))
    assert claim(farm, "e1").event.id == "e1"
    assert claim(farm, "e1") is None
    assert due(farm) == ["e3"]
    farm.clock.pass_(60)
    assert due(farm) == ["e1", "e3"]
    assert claim(farm, "e1").event.id == "e1"


def test_what_is_over_cannot_be_claimed(farm, words):
    farm.store.events.announce(event(words, "e1"))
    farm.store.events.delivered("e1", listener="mail")
    assert claim(farm, "e1") is None


def test_a_claim_holds_for_one_listener_only(farm, words):
    farm.store.events.announce(event(words, "e1"))
    assert None not in (claim(farm, "e1", "mail"), claim(farm, "e1", "mqtt"))


def test_a_claim_that_ran_out_counts_as_a_failure(farm, words):
    farm.store.events.announce(event(words, "e1"))
    claim(farm, "e1")
    farm.clock.pass_(60)
    again = claim(farm, "e1")
    assert (again.attempts, bool(again.error)) == (1, True)


def test_a_claim_that_failed_counts_once(farm, words):
    farm.store.events.announce(event(words, "e1"))
    claim(farm, "e1")
    farm.store.events.failed("e1", listener="mail", error="no", next_time=farm.clock.now)
    assert claim(farm, "e1").attempts == 1


def test_those_that_failed_least_come_first(farm, words):
    for name in ("e1", "e2"):
        farm.store.events.announce(event(words, name, name))
    farm.store.events.failed("e1", listener="mail", error="no", next_time=words.start)
    assert due(farm) == ["e2", "e1"]


def test_meeting_a_listener_again_and_asking_what_is_due_wait_for_no_writer(farm):
    farm.store.events.meet("mail", now=farm.clock.now)
    with farm.store._database.write():
        farm.store.events.meet("mail", now=farm.clock.now)
        assert due(farm) == []


def test_what_is_owed_is_listed_with_what_became_of_it_so_far(farm, words):
    for name in ("e1", "e2", "e3"):
        farm.store.events.announce(event(words, name, "x"))
    farm.store.events.delivered("e1", listener="mail")
    later = words.start + timedelta(hours=1)
    farm.store.events.failed("e2", listener="mail", error="no", next_time=later)
    owed = farm.store.events.owed(listener="mail", now=farm.clock.now)
    told = [(one.event.id, one.attempts, one.error, one.not_before) for one in owed]
    assert told == [("e2", 1, "no", later), ("e3", 0, "", None)]


def test_giving_dead_letters_another_life_is_audited(farm, words):
    for name in ("e1", "e2"):
        farm.store.events.announce(event(words, name, name))
        for listener in ("mail", "mqtt"):
            farm.store.events.failed(name, listener=listener, error="refused", next_time=None)
    assert farm.store.events.retry("mail", now=farm.clock.now, actor="ann") == 2
    assert (due(farm, "mail"), due(farm, "mqtt")) == (["e1", "e2"], [])
    row = farm.store.audit_rows()[-1]
    assert (row.action, row.subject, row.actor, row.facts["count"]) == ("events.retried", "mail", "ann", 2)
    assert farm.store.events.retry(now=farm.clock.now, actor="ann") == 2
    assert farm.store.verify_audit() is None
