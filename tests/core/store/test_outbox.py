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
