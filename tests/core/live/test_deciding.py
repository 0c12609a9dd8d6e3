from __future__ import annotations

import threading
import time

import fovea_lane
import pytest
from fovea_lane import at, sample, threads

from fovea.live import deciding
from fovea.live.deciding import Decider
from fovea.plugin import Decision, Fitted, PolicySettings, Result, Tick


def concluded(key, **more):
    return Decision(key=key, subject="gate", label="seen", **more)


@pytest.fixture
def decider():
    made = []

    def make(decide, policy=None, fitted=None):
        made.append(Decider(fovea_lane.domain(decide=decide), policy or PolicySettings(), fitted or Fitted()))
        return made[-1]

    yield make
    for one in made:
        one.close()
    assert settled() == 0


def result(seconds):
    return Result(sample=sample(seconds))


def keys(made):
    return [decision.key for decision in made]


def settled():
    """Wait for threads that are about to end."""
    until = time.monotonic() + 10
    while threads("decide") and time.monotonic() < until:
        time.sleep(0.001)
    return threads("decide")


def test_what_is_concluded_on_an_entry_comes_with_it(decider):
    def each(entries, policy, fitted):
        for entry in entries:
            yield concluded(f"of {entry.time:%S}")

    made = decider(each)
    assert [keys(made.give(Tick(time=at(second)))) for second in (1, 2)] == [["of 01"], ["of 02"]]
    assert made.end() == []


def test_what_is_concluded_before_the_first_entry_comes_with_the_first(decider):
    def eager(entries, policy, fitted):
        yield concluded("before")
        for _ in entries:
            yield concluded("each")

    assert keys(decider(eager).give(result(0))) == ["before", "each"]


def test_what_is_concluded_at_the_end_comes_at_the_end(decider):
    def late(entries, policy, fitted):
        count = sum(1 for _ in entries)
        yield concluded(f"after {count}")

    made = decider(late)
    assert made.give(result(0)) == made.give(result(1)) == []
    assert keys(made.end()) == ["after 2"]


def test_one_that_keeps_everything_in_a_list_gets_everything(decider):
    def hoarding(entries, policy, fitted):
        everything = list(entries)
        yield concluded(" ".join(entry.sample.part for entry in everything))

    made = decider(hoarding)
    for second in range(3):
        made.give(result(second))
    assert keys(made.end()) == ["0 1 2"]


def test_a_unit_without_an_entry_is_decided_on_too(decider):
    def always(entries, policy, fitted):
        yield concluded("empty" if not list(entries) else "full")

    assert keys(decider(always).end()) == ["empty"]


def test_the_same_key_twice_comes_twice_in_order(decider):
    def surer(entries, policy, fitted):
        for _ in entries:
            yield concluded("one", level="notice")
            yield concluded("one", level="alarm")

    assert [one.level for one in decider(surer).give(result(0))] == ["notice", "alarm"]


def test_policy_and_fitted_are_handed_on(decider):
    def asked(entries, policy, fitted):
        for _ in entries:
            yield concluded(f"{policy.above} {fitted.values['n']}")

    made = decider(asked, fovea_lane.Policy(above=7), Fitted(values={"n": 3}))
    assert keys(made.give(result(0))) == ["7.0 3"]


def test_one_that_has_enough_is_asked_no_more(decider):
    def early(entries, policy, fitted):
        next(iter(entries))
        yield concluded("first")

    made = decider(early)
    assert keys(made.give(result(0))) == ["first"]
    assert made.give(result(1)) == made.end() == []
    assert made.fault is None
    assert settled() == 0


def test_one_that_fails_is_told_and_concludes_nothing_more(decider):
    def broken(entries, policy, fitted):
        for entry in entries:
            yield concluded("one")
            raise ValueError(f"cannot at {entry.time:%S}")

    made = decider(broken)
    assert keys(made.give(Tick(time=at(4)))) == ["one"]
    assert str(made.fault) == "plugin 'lane' failed in decide: raised ValueError: cannot at 04"
    assert made.give(result(5)) == made.end() == []
    assert settled() == 0


@pytest.mark.parametrize("error", [SystemExit(0), KeyboardInterrupt(), GeneratorExit()])
def test_one_that_tries_to_leave_is_told_too(decider, error):
    def leaving(entries, policy, fitted):
        for _ in entries:
            raise error
        yield

    made = decider(leaving)
    assert made.give(result(0)) == []
    assert type(error).__name__ in str(made.fault)


def test_one_that_concludes_no_decision_is_told(decider):
    def odd(entries, policy, fitted):
        for _ in entries:
            yield "alarm"

    made = decider(odd)
    made.give(result(0))
    assert "yielded str 'alarm', want a Decision" in str(made.fault)


def test_one_that_would_conclude_for_ever_is_ended(decider, monkeypatch):
    monkeypatch.setattr(deciding, "MOST", 50)

    def endless(entries, policy, fitted):
        while True:
            yield concluded("again")

    made = decider(endless)
    assert len(made.give(result(0))) == 50
    assert "more than 50 decisions on one entry" in str(made.fault)
    assert settled() == 0


def test_many_conclusions_over_many_entries_are_no_fault(decider, monkeypatch):
    monkeypatch.setattr(deciding, "MOST", 3)

    def steady(entries, policy, fitted):
        for _ in entries:
            yield concluded("a")
            yield concluded("b")

    made = decider(steady)
    assert sum(len(made.give(result(second))) for second in range(20)) == 40
    assert made.fault is None


def test_it_never_runs_beside_its_owner(decider):
    running = threading.Semaphore(1)

    def counting(entries, policy, fitted):
        for _ in entries:
            assert running.acquire(blocking=False)
            time.sleep(0.001)
            running.release()
            yield concluded("one")

    made = decider(counting)
    for second in range(20):
        made.give(result(second))
        assert running.acquire(blocking=False)
        running.release()
    assert made.fault is None


def test_its_thread_ends_with_its_unit(decider):
    made = decider(fovea_lane.decide)
    made.give(Tick(time=at(0)))
    assert threads("decide") == 1
    made.end()
    assert settled() == 0


def test_its_thread_ends_where_it_is_let_go_of(decider):
    made = decider(fovea_lane.decide)
    made.give(Tick(time=at(0)))
    made.close()
    assert settled() == 0
    assert made.give(Tick(time=at(1))) == made.end() == []


def test_one_that_was_never_asked_has_no_thread(decider):
    made = decider(fovea_lane.decide)
    made.close()
    assert made.end() == []
    assert threads("decide") == 0
