from __future__ import annotations

import threading
import time
from functools import partial

import pytest
from fovea_lane import INFO

from fovea.errors import PluginError, StoreError
from fovea.live.incoming import NOTHING, OVER, Incoming


@pytest.fixture
def gate():
    """Lets a stream go on, and lets its thread end with the test."""
    opened = threading.Event()
    yield opened
    opened.set()


def reading(stream, ahead=1):
    return Incoming(stream, ahead=ahead, info=INFO, part="streams['own'].open")


def counting(asked, most=10):
    for number in range(most):
        asked.append(number)
        yield number


def settled(asked, count):
    """Wait until so many were asked for, and long enough to see that there come no more."""
    until = time.monotonic() + 10
    while len(asked) < count and time.monotonic() < until:
        time.sleep(0.001)
    time.sleep(0.02)
    return len(asked)


def test_things_come_in_order_and_then_it_is_over():
    incoming, came = reading(partial(counting, [], 3)), []
    while (item := incoming.next(10)) is not OVER:
        came.append(item)
        incoming.taken()
    assert came == [0, 1, 2]


@pytest.mark.parametrize("ahead", [1, 3])
def test_a_stream_is_asked_only_for_what_there_is_room_for(ahead):
    asked = []
    incoming = reading(partial(counting, asked), ahead)
    assert settled(asked, ahead) == ahead
    incoming.next(10)
    assert settled(asked, ahead) == ahead
    incoming.taken()
    assert settled(asked, ahead + 1) == ahead + 1


def test_silence_is_heard(gate):
    def silent():
        gate.wait()
        yield 1

    incoming = reading(silent)
    assert incoming.next(0.01) is NOTHING
    gate.set()
    assert incoming.next(10) == 1


def test_a_stream_that_breaks_is_told_after_what_came_before():
    def breaking():
        yield 1
        raise OSError("the line is dead")

    incoming = reading(breaking)
    assert incoming.next(10) == 1
    incoming.taken()
    fault = r"plugin 'lane' failed in streams\['own'\]\.open: raised OSError: the line is dead"
    with pytest.raises(PluginError, match=fault):
        incoming.next(10)


def test_an_error_of_ours_passes_as_it_is():
    def breaking():
        raise StoreError("full")
        yield

    with pytest.raises(StoreError, match="full"):
        reading(breaking).next(10)


@pytest.mark.parametrize("error", [SystemExit(0), KeyboardInterrupt()])
def test_a_stream_that_tries_to_leave_is_told(error):
    def leaving():
        raise error
        yield

    with pytest.raises(PluginError, match=f"raised {type(error).__name__}"):
        reading(leaving).next(10)


def test_what_is_no_stream_is_told():
    with pytest.raises(PluginError, match=r"plugin 'lane' failed in .*TypeError"):
        reading(lambda: None).next(10)


def test_a_stream_that_hangs_while_it_is_opened_holds_nobody_up(gate):
    def hanging():
        gate.wait()
        return iter([1])

    assert reading(hanging).next(0.01) is NOTHING


def test_what_waits_can_be_had_without_asking_for_more():
    asked = []
    incoming = reading(partial(counting, asked), 3)
    settled(asked, 3)
    assert list(incoming.left()) == [0, 1, 2]
    assert settled(asked, 3) == 3


def test_what_waits_ends_where_the_stream_does():
    incoming = reading(partial(counting, [], 2), 3)
    while incoming._waiting.qsize() < 3:
        time.sleep(0.001)
    assert list(incoming.left()) == [0, 1]
