"""Processes of our own: each test starts one, and is served by a function of this very module."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from fovea import processes
from fovea.errors import BundleRefused, PluginError
from fovea.processes import Child, pack, unfit

pytestmark = pytest.mark.slow
HERE = str(Path(__file__).parent)
NAME = "test_processes"


@dataclass(frozen=True)
class Order:
    """What the child is to do: a function of this module, and what it is given."""

    what: str
    given: object = None


class Bomb:
    """What cannot be unpacked."""

    def __init__(self, way):
        self.way = way

    def __reduce__(self):
        return blow_up, (self.way,)


def blow_up(way):
    if way == "leave":
        sys.exit(0)
    raise ImportError("there is no such plugin")


def main():
    processes.serve(lambda order, stop, tell: globals()[order.what](order.given, stop, tell))


def echo(given, stop, tell):
    tell(given)
    return 0


def leave(given, stop, tell):
    sys.exit(given)


def fail(given, stop, tell):
    raise given


def crash(given, stop, tell):
    tell("last words")
    os._exit(given)


def wait_for_stop(given, stop, tell):
    tell("waiting")
    while not stop():
        time.sleep(0.005)
    tell("stopping")
    return 7


def deaf(given, stop, tell):
    tell("deaf")
    threading.Event().wait()
    return 0


def read_and_print(given, stop, tell):
    print("not a message")  # noqa: T201 - a plugin prints what it likes
    told = subprocess.run([sys.executable, "-c", "import sys; print(repr(sys.stdin.read()))"], check=True)
    tell((sys.stdin.read(), told.returncode))
    return 0


def start_helper(given, stop, tell):
    """Starts a program that would go on for ever, as a decoder does."""
    helper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
    tell(helper.pid)
    return deaf(given, stop, tell) if given == "deaf" else 0


def fork(given, stop, tell):
    """Leaves behind a process that holds our pipes open."""
    left = os.fork()
    if left == 0:
        os.setsid()
        time.sleep(600)
        os._exit(0)
    tell(left)
    return 0


def threads(given, stop, tell):
    tell({name: os.environ[name] for name in processes.ONE_THREAD})
    tell(signal.getsignal(signal.SIGINT) is signal.SIG_IGN and signal.getsignal(signal.SIGTERM) is signal.SIG_IGN)
    return 0


def unpicklable(given, stop, tell):
    try:
        tell(threading.Lock())
    except TypeError:
        tell("could not be told")
    return 0


def chatter(given, stop, tell):
    """Several threads talk at once."""
    talking = [threading.Thread(target=lambda: [tell("x" * 5000) for _ in range(given)]) for _ in range(4)]
    for thread in talking:
        thread.start()
    for thread in talking:
        thread.join()
    return 0


@pytest.fixture
def begin(monkeypatch):
    """A child that is ended with its test."""
    monkeypatch.syspath_prepend(HERE)
    going = []

    def make(what, given=None):
        import test_processes  # by its own name, as the child will know it

        going.append(Child(module=NAME, order=pack(test_processes.Order(what, given), "toy")))
        return going[-1]

    yield make
    for child in going:
        child.kill()


def until(what):
    limit = time.monotonic() + 60
    while not what():
        assert time.monotonic() < limit, "it did not come to that"
        time.sleep(0.005)


def heard(child):
    """All it says until it is dead."""
    until(lambda: child.is_dead)
    messages = []
    while not child.messages.empty():
        messages.append(child.messages.get())
    return messages


def next_said(child):
    """What it tells next."""
    while True:
        message = child.messages.get(timeout=60)
        if message.kind == "told":
            return message.said


def alive(process):
    try:
        return (Path("/proc") / str(process) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_child_does_its_order_and_tells(begin):
    child = begin("echo", {"n": 1})
    assert [(message.kind, message.said) for message in heard(child)] == [("ready", None), ("told", {"n": 1})]
    assert child.process.returncode == 0


def test_an_order_may_be_large(begin):
    child = begin("echo", b"x" * 5_000_000)
    assert len(heard(child)[1].said) == 5_000_000


def test_a_child_stops_when_it_is_asked_to(begin):
    child = begin("wait_for_stop")
    assert next_said(child) == "waiting"
    child.ask_to_stop()
    assert next_said(child) == "stopping"
    child.wait(60)
    assert child.is_dead
    assert child.process.returncode == 7


def test_a_stop_before_it_began_is_heard(begin):
    child = begin("wait_for_stop")
    child.ask_to_stop()
    assert [message.said for message in heard(child)] == [None, "waiting", "stopping"]


def test_a_child_that_is_deaf_is_killed(begin):
    child = begin("deaf")
    next_said(child)
    child.ask_to_stop()
    child.wait(0.0)
    assert not child.is_dead
    child.kill()
    assert child.process.returncode == -signal.SIGKILL


def test_a_child_can_be_killed_twice_and_asked_when_dead(begin):
    child = begin("echo")
    heard(child)
    child.kill()
    child.ask_to_stop()
    child.kill()
    assert child.is_dead


def test_a_known_error_comes_back_whole(begin):
    child = begin("fail", BundleRefused("models/a", "it is damaged"))
    message = heard(child)[-1]
    assert (message.kind, str(message.error)) == ("error", "bundle models/a was refused: it is damaged")
    assert child.process.returncode == 5


def test_an_unknown_error_comes_back_with_where_it_happened(begin):
    child = begin("fail", KeyError("a"))
    message = heard(child)[-1]
    assert message.kind == "bug"
    assert message.text.strip().endswith("KeyError: 'a'")
    assert child.process.returncode == 1


@pytest.mark.parametrize("status", [0, 3])
def test_one_that_leaves_by_itself_has_not_ended_well(begin, status):
    child = begin("leave", status)
    assert heard(child)[-1].kind == "bug"
    assert child.process.returncode == 1


def test_the_last_words_of_a_crash_are_heard(begin):
    child = begin("crash", 9)
    assert heard(child)[-1].said == "last words"
    assert child.process.returncode == 9


@pytest.mark.parametrize("way", ["raise", "leave"])
def test_an_order_that_cannot_be_unpacked_is_told(begin, way):
    import test_processes

    child = begin("echo", test_processes.Bomb(way))
    message = heard(child)[-1]
    assert message.kind == "unfit"
    fault = {"raise": "ImportError: there is no such plugin", "leave": "SystemExit: 0"}[way]
    assert str(unfit(message, "toy")) == (
        f"plugin 'toy' failed in loading: a worker process cannot import it ({fault}); install it"
    )


def test_an_order_that_cannot_be_packed_is_told():
    with pytest.raises(PluginError, match=r"'toy' failed in loading: it cannot be sent to a worker process \("):
        pack(lambda: None, "toy")


def test_what_a_plugin_prints_and_reads_goes_elsewhere(begin, capfd):
    child = begin("read_and_print")
    assert heard(child)[1].said == ("", 0)
    told = capfd.readouterr()
    assert "not a message" in told.err
    assert "''" in told.err  # a program it started had nothing to read either
    assert told.out == ""


@pytest.mark.parametrize("way", ["deaf", "ends"])
def test_what_it_started_ends_with_it(begin, way):
    child = begin("start_helper", way)
    helper = next_said(child)
    if way == "ends":
        heard(child)
    assert alive(helper)
    child.kill()
    until(lambda: not alive(helper))


def test_what_it_left_behind_holds_nobody_up(begin, monkeypatch):
    monkeypatch.setattr(processes, "_LAST_WORDS_S", 0.05)
    child = begin("fork")
    left = next_said(child)
    until(lambda: child.is_dead)
    child.kill()
    assert alive(left)
    os.kill(left, signal.SIGKILL)
    child.reader.join(60)


def test_a_child_has_one_thread_and_leaves_signals_to_its_parent(begin):
    child = begin("threads")
    assert [message.said for message in heard(child)[1:]] == [processes.ONE_THREAD, True]


def test_a_child_is_not_in_our_group(begin):
    child = begin("deaf")
    next_said(child)
    assert os.getpgid(child.process.pid) == child.process.pid


def test_what_cannot_be_told_is_told_to_who_tried(begin):
    child = begin("unpicklable")
    assert [message.said for message in heard(child)[1:]] == ["could not be told"]


def test_threads_do_not_interrupt_each_other(begin):
    child = begin("chatter", 20)
    assert [message.said for message in heard(child)[1:]] == ["x" * 5000] * 80


def test_a_child_ends_with_its_parent(monkeypatch):
    parent = (
        "import sys, time; sys.path.insert(0, sys.argv[1])\n"
        "import test_processes as t\n"
        "child = t.Child(module='test_processes', order=t.pack(t.Order('start_helper', 'deaf'), 'toy'))\n"
        "print(child.process.pid, t.next_said(child), flush=True)\n"
        "time.sleep(3600)\n"
    )
    began = subprocess.Popen([sys.executable, "-c", parent, HERE], stdout=subprocess.PIPE, text=True)
    child, helper = map(int, began.stdout.readline().split())
    assert alive(child)
    assert alive(helper)
    began.kill()
    began.communicate()
    until(lambda: not alive(child) and not alive(helper))


def test_a_message_that_is_cut_off_is_no_message(begin):
    child = begin("deaf")
    next_said(child)
    child.kill()
    assert child.messages.empty()
    assert not child.reader.is_alive()
