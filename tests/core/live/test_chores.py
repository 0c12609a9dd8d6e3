from __future__ import annotations

import threading
import time

import pytest

from fovea.errors import FoveaError, Stopped
from fovea.live import chores as module
from fovea.live.chores import Chore, Chores


class Work:
    """A chore that answers, or raises, what it is told to; the last answer again and again."""

    def __init__(self, *answers):
        self.answers, self.runs = list(answers) or [False], 0

    def __call__(self, stop):
        answer = self.answers[min(self.runs, len(self.answers) - 1)]
        self.runs += 1
        if isinstance(answer, BaseException):
            raise answer
        return answer(stop) if callable(answer) else answer


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(module, "_POLL_S", 0.001)


@pytest.fixture
def begin():
    going = []

    def make(work, *, on_arrival=True, every_s=0.0):
        chores = Chores([Chore(name="sweeping", run=work, every_s=every_s, on_arrival=on_arrival)])
        going.append(chores)
        chores.start()
        return chores

    yield make
    for chores in going:
        chores.stop()


def until(what):
    limit = time.monotonic() + 20
    while not what():
        assert time.monotonic() < limit, "it did not come to that"
        time.sleep(0.001)


def test_what_was_left_from_before_is_done_first(begin):
    work = Work()
    chores = begin(work)
    until(chores.are_done)
    assert work.runs == 1


def test_it_is_done_again_when_something_arrives(begin):
    work = Work()
    chores = begin(work)
    until(chores.are_done)
    chores.something_arrived()
    assert not chores.are_done()
    until(chores.are_done)
    assert work.runs == 2


def test_it_is_done_until_there_is_nothing_left(begin):
    work = Work(True, True, True, False)
    until(begin(work).are_done)
    assert work.runs == 4


def test_what_arrives_while_it_is_busy_is_not_forgotten(begin):
    begun, go_on = threading.Event(), threading.Event()

    def busy(stop):
        begun.set()
        go_on.wait(20)
        return False

    work = Work(busy, False)
    chores = begin(work)
    begun.wait(20)
    assert not chores.are_done()
    chores.something_arrived()
    go_on.set()
    until(chores.are_done)
    assert work.runs == 2


def test_what_waits_for_nothing_is_done_all_the_time_and_holds_nobody_up(begin):
    work = Work()
    chores = begin(work, on_arrival=False)
    assert chores.are_done()
    until(lambda: work.runs > 5)


def test_there_is_a_while_between_two_runs(begin):
    work = Work(True)
    begin(work, every_s=3600.0)
    until(lambda: work.runs == 1)
    time.sleep(0.02)
    assert work.runs == 1


def test_one_that_fails_is_tried_again(begin):
    work = Work(FoveaError("locked"), ValueError("odd"), False)
    until(begin(work).are_done)
    assert work.runs == 3


@pytest.mark.parametrize("error", [FoveaError("locked"), ValueError("odd"), SystemExit(1)])
def test_one_that_fails_for_good_is_given_up_until_something_arrives(begin, error):
    work = Work(error)
    chores = begin(work)
    until(chores.are_done)
    assert work.runs == module.TRIES
    chores.something_arrived()
    until(chores.are_done)
    assert work.runs == 2 * module.TRIES


def test_a_success_makes_up_for_failures(begin):
    failures = [FoveaError("locked")] * (module.TRIES - 1)
    work = Work(*failures, True, *failures, False)
    until(begin(work).are_done)
    assert work.runs == 2 * module.TRIES


def test_a_failure_is_logged_once_for_as_long_as_it_is_the_same(begin, caplog):
    work = Work(FoveaError("locked"), FoveaError("locked"), FoveaError("full"), True, FoveaError("full"), False)
    until(begin(work).are_done)
    assert [record.getMessage() for record in caplog.records] == [
        "sweeping: locked",
        "sweeping: full",
        "sweeping: full",
    ]


def test_an_unknown_failure_is_logged_with_where_it_happened(begin, caplog):
    until(begin(Work(ValueError("odd"), False)).are_done)
    assert caplog.records[0].exc_info[0] is ValueError


def test_one_that_was_stopped_is_no_failure(begin, caplog):
    work = Work(*[Stopped("later")] * 10, False)
    until(begin(work).are_done)
    assert (work.runs, caplog.records) == (11, [])


def test_a_stop_is_told_to_what_is_in_hand_and_waited_for(begin):
    heard = []

    def patient(stop):
        until(stop)
        heard.append(True)
        return False

    chores = begin(Work(patient))
    chores.stop()
    assert heard == [True]


def test_no_chores_are_done():
    chores = Chores([])
    chores.start()
    assert chores.are_done()
    chores.stop()
