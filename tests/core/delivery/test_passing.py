from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest

from fovea.delivery import Delivered
from fovea.plugin import hookimpl
from fovea.registry import Registry


def test_each_listener_hears_each_event_once_with_its_own_settings(post):
    post.announce("e1", "e2")
    done = post.deliver("bell", "horn", settings={"horn": {"to": "me"}})
    assert done == Delivered(told={"bell": 2, "horn": 2})
    assert post.heard == [
        ("bell", "e1", {}),
        ("bell", "e2", {}),
        ("horn", "e1", {"to": "me"}),
        ("horn", "e2", {"to": "me"}),
    ]
    post.heard.clear()
    assert post.deliver("bell", "horn") == Delivered()
    assert post.heard == []


def test_at_most_the_limit_is_told_to_one_listener(post):
    post.announce("e1", "e2", "e3")
    assert post.deliver(limit=2).told == {"bell": 2}
    assert post.deliver(limit=2).told == {"bell": 1}
    assert post.take() == ["e1", "e2", "e3"]


def test_what_failed_comes_again_and_holds_back_its_juniors_only(post):
    post.announce("e1", "e2", subject="gate")
    post.announce("other")
    post.broken = {"e1"}
    done = post.deliver()
    assert (done.told, done.failed, done.dead) == ({"bell": 1}, {"bell": 1}, {})
    assert done.errors == {"bell": "listener 'bell' failed: OSError: no line"}
    assert sorted(post.take()) == ["e1", "other"]

    post.broken.clear()
    post.pass_(seconds=29)
    assert post.deliver() == Delivered()
    post.pass_(seconds=1)
    post.deliver()
    assert post.take() == ["e1", "e2"]


def test_one_listeners_failure_is_not_anothers(post):
    post.announce("e1")
    post.broken = {"bell"}
    done = post.deliver("bell", "horn")
    assert (done.told, done.failed) == ({"horn": 1}, {"bell": 1})


def test_the_waits_grow_from_half_a_minute_to_an_hour(post):
    post.announce("e1")
    post.broken = {"e1"}
    waits = []
    for _ in range(9):
        post.deliver()
        (owed,) = post.store.events.owed(listener="bell", now=post.now)
        waits.append((owed.not_before - post.now).total_seconds())
        post.now = owed.not_before
    assert waits == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]


def test_waits_are_spread_a_little_and_the_same_each_time(post):
    spread = replace(post.retry, spread=0.1)
    waits = [spread.wait(f"e{number}", 3).total_seconds() for number in range(50)]
    assert len(set(waits)) > 40
    assert 108 <= min(waits) < max(waits) <= 132
    assert spread.wait("e1", 3) == spread.wait("e1", 3)


def test_after_about_a_day_an_event_is_given_up_on_and_lets_its_juniors_through(post):
    post.announce("e1", "e2", subject="gate")
    post.broken = {"e1"}
    began = post.now
    while not (done := post.deliver()).dead:
        post.now = post.store.events.owed(listener="bell", now=post.now)[0].not_before
    assert post.now - began == timedelta(days=1, seconds=210)
    assert (done.dead, done.told) == ({"bell": 1}, {"bell": 1})
    assert post.take() == ["e1"] * 31 + ["e2"]
    assert [(one.event.id, one.attempts) for one in post.store.events.dead_letters()] == [("e1", 31)]


def test_a_dead_letter_that_is_retried_has_all_its_lives_again(post):
    post.retry = replace(post.retry, attempts=2)
    post.announce("e1")
    post.broken = {"e1"}
    post.deliver()
    post.pass_(seconds=30)
    assert post.deliver().dead == {"bell": 1}
    post.pass_(hours=5)
    post.announce("later")
    post.deliver()
    post.take()

    assert post.store.events.retry("bell", now=post.now, actor="ann") == 1
    assert post.deliver().failed == {"bell": 1}
    post.broken.clear()
    post.pass_(seconds=30)
    post.deliver()
    assert post.take() == ["e1", "e1"]
    assert post.store.events.dead_letters() == ()


def test_a_listener_that_fails_three_times_in_a_row_is_left_alone_for_this_pass(post):
    post.announce(*(f"e{number}" for number in range(9)))
    post.broken = {"bell"}
    assert post.deliver().failed == {"bell": 3}


def test_a_few_that_always_fail_keep_nobody_from_being_told(post):
    post.announce("bad1", "bad2", "bad3", "bad4")
    post.announce("good")
    post.broken = {"bad1", "bad2", "bad3", "bad4"}
    post.deliver()
    post.pass_(hours=2)
    post.deliver()
    assert ("bell", "good", {}) in post.heard


def test_a_new_listener_is_owed_the_last_day_and_no_more(post):
    post.announce("old", ago=timedelta(hours=25))
    post.announce("fresh", ago=timedelta(hours=23))
    assert [one.event.id for one in post.store.events.owed(listener="bell", now=post.now)] == ["fresh"]
    post.deliver()
    assert post.take() == ["fresh"]


def test_a_listener_that_came_before_the_first_event_is_owed_all_however_late(post):
    post.deliver()
    post.announce("e1")
    post.pass_(days=3)
    post.deliver()
    assert post.take() == ["e1"]


def test_what_was_history_when_a_listener_came_stays_history(post):
    post.announce("old", ago=timedelta(days=2))
    post.deliver()
    post.announce("new", subject="old")
    post.deliver()
    assert post.take() == ["new"]


def test_what_is_over_for_everybody_is_forgotten_after_a_month(post):
    post.announce("e1")
    post.deliver("bell", "horn")
    post.pass_(days=31)
    post.announce("e2")
    post.deliver("bell", "horn")
    assert post.known() == {"e2"}


def test_what_somebody_is_still_owed_is_not_forgotten(post):
    post.deliver("bell", "horn")
    post.announce("e1")
    post.deliver("bell")
    post.pass_(days=31)
    post.announce("e2")
    post.broken = {"horn"}
    post.deliver("bell", "horn")
    assert post.known() == {"e1", "e2"}


def test_how_far_a_listener_has_come_is_remembered_and_a_retry_goes_back(post):
    post.retry = replace(post.retry, attempts=1)
    post.announce("dead")
    post.broken = {"dead"}
    post.deliver()
    post.announce("e1", "e2")
    post.pass_(hours=2)
    post.deliver()  # all three are over, and an hour old
    post.broken.clear()
    post.take()
    post.store.events.retry(now=post.now)
    post.deliver()
    assert post.take() == ["dead"]


def test_a_listener_that_hangs_costs_its_patience_once_and_counts_as_failed(post):
    let_go = threading.Event()
    tried = []

    @hookimpl
    def fovea_on_event(event):
        tried.append(event.id)
        let_go.wait(60)

    post.retry = replace(post.retry, patience_s=0.05)
    post.announce("e1", "e2")
    stuck = SimpleNamespace(__name__="stuck", fovea_on_event=fovea_on_event)
    try:
        done = post.deliver(listeners=[stuck, post.listener("bell")])
    finally:
        let_go.set()
    assert (done.told, done.failed, tried) == ({"bell": 2}, {"stuck": 1}, ["e1"])
    assert done.errors == {"stuck": "listener 'stuck' gave no answer within 0.05 seconds"}


def test_a_listener_whose_calls_hang_is_not_called_for_ever(post):
    let_go = threading.Event()
    tried = []

    @hookimpl
    def fovea_on_event(event):
        tried.append(event.id)
        let_go.wait(60)

    post.retry = replace(post.retry, patience_s=0.02, hanging=2)
    post.announce("e1", "e2", "e3", "e4")
    stuck = SimpleNamespace(__name__="deaf", fovea_on_event=fovea_on_event)
    try:
        for _ in range(4):
            post.deliver(listeners=[stuck])
    finally:
        let_go.set()
    assert tried == ["e1", "e2"]


def test_a_listener_that_ends_the_program_ends_only_its_call(post):
    @hookimpl
    def fovea_on_event(event):
        raise SystemExit(3)

    post.announce("e1")
    done = post.deliver(listeners=[SimpleNamespace(__name__="rude", fovea_on_event=fovea_on_event)])
    assert done.errors == {"rude": "listener 'rude' failed: SystemExit"}


def test_two_at_once_tell_nothing_twice_and_keep_the_order(post):
    for number in range(40):
        post.announce(f"e{number:02}", subject=f"s{number % 5}")
    start = threading.Barrier(2)
    done = []

    def run():
        start.wait(30)
        done.append(post.deliver())

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    heard = post.take()
    assert sorted(heard) == [f"e{number:02}" for number in range(40)]
    assert sum(one.told.get("bell", 0) for one in done) == 40
    for subject in range(5):
        mine = [name for name in heard if int(name[1:]) % 5 == subject]
        assert mine == sorted(mine)


def test_what_takes_its_program_down_each_time_is_given_up_on_in_the_end(post):
    post.announce("e1")
    post.retry = replace(post.retry, attempts=3)
    for _ in range(4):
        assert post.store.events.claim("e1", listener="bell", now=post.now, seconds=60) is not None  # and then a crash
        post.pass_(seconds=60)
    done = post.deliver()
    assert (done.dead, post.heard) == ({"bell": 1}, [])
    assert "ended before the listener answered" in done.errors["bell"]


def test_nobody_listens_and_nothing_is_written(post):
    post.announce("e1")
    before = post.store.audit_head()
    assert post.deliver(listeners=[SimpleNamespace(__name__="mute")]) == Delivered()
    assert Registry.of(SimpleNamespace(__name__="mute")).listeners() == ()
    assert post.store.audit_head() == before
    assert [one.event.id for one in post.store.events.owed(listener="later", now=post.now)] == ["e1"]


@pytest.mark.parametrize("failed,seconds", [(1, 30), (7, 1920), (8, 3600), (30, 3600)])
def test_the_wait_after_a_failure(post, failed, seconds):
    assert post.retry.wait("e1", failed) == timedelta(seconds=seconds)
