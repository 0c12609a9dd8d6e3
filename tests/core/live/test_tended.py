"""One stream in the eyes of its supervisor, with processes that only pretend."""

from __future__ import annotations

import queue
from datetime import timedelta
from types import SimpleNamespace

import fovea_lane
import pytest
from fovea_lane import NOON

from fovea.errors import BundleRefused, FoveaError, PluginError
from fovea.live import sources_of, tended
from fovea.live.child import Beat
from fovea.live.tended import Tended
from fovea.processes import Message


class Actor:
    """A process as its parent sees it, which does what the test says."""

    def __init__(self, module, order):
        self.order, self.messages = order, queue.SimpleQueue()
        self.process = SimpleNamespace(returncode=None, pid=1)
        self.asked = self.killed = False

    @property
    def is_dead(self):
        return self.process.returncode is not None

    def ask_to_stop(self):
        self.asked = True

    def wait(self, seconds):
        pass

    def kill(self):
        self.killed = True

    def say(self, **said):
        self.messages.put(Message(kind="told", said=Beat(**{"opened": True, **said})))

    def fail(self, error=None, *, text="", kind="error", status=1):
        self.messages.put(Message(kind=kind, error=error, text=text))
        self.process.returncode = status


class Scene:
    """A stream, the processes it had, the events it told, and a clock."""

    def __init__(self, scheme="lane"):
        self.now, self.events = 1000.0, []
        (source,) = sources_of(fovea_lane.domain(silent_s=30), {"gate": f"{scheme}://x"}, {})
        self.one = Tended(source=source, domain="lane", tell=lambda *told: self.events.append(told))
        self.one.give(b"order")

    @property
    def child(self):
        return self.one.child

    def tend(self, seconds=0.0):
        self.now += seconds
        return self.one.tend(self.now)

    def begin(self):
        """Tend until it has a process."""
        for _ in range(100):
            if self.child is not None:
                return self.child
            self.tend(0.25)
        pytest.fail("it has no process")

    def hear(self, seconds=0.1, **said):
        self.child.say(**said)
        return self.tend(seconds)

    def live(self):
        self.begin()
        self.hear(last=NOON)

    def lose(self):
        """Its process dies; returns how long it is left alone."""
        self.child.process.returncode = -9
        self.tend()
        return self.one._due - self.now

    @property
    def kinds(self):
        return [event[0] for event in self.events]


@pytest.fixture
def scene(monkeypatch):
    monkeypatch.setattr(tended, "Child", Actor)
    monkeypatch.setattr(tended.random, "uniform", lambda low, high: (low + high) / 2)
    return Scene()


@pytest.fixture
def files(scene):
    return Scene("drop")


# Found, lost and over


def test_a_stream_is_starting_until_it_brings_something(scene):
    scene.begin()
    assert scene.child.order == b"order"
    scene.hear(opened=False)
    scene.hear()
    assert scene.one.state == "starting"
    scene.hear(last=NOON)
    assert (scene.one.state, scene.events) == ("live", [])


@pytest.mark.parametrize("brought", [{"arrived": 1}, {"again": 1}, {"faulty": 1}, {"last": NOON}])
def test_whatever_it_brings_it_is_there(scene, brought):
    scene.begin()
    scene.hear(**brought)
    assert scene.one.state == "live"


def test_what_arrived_is_news_once(scene):
    scene.begin()
    assert scene.hear(arrived=1)
    assert not scene.hear(arrived=1)
    assert not scene.hear(arrived=1, again=5)
    assert scene.hear(arrived=3)


def test_an_outage_is_told_once_and_so_is_its_end(scene):
    scene.live()
    for _ in range(3):
        scene.lose()
        scene.begin()
    assert scene.events == [("source.lost", "gate", "its process ended (exit status -9)")]
    scene.hear(last=NOON)
    assert scene.one.state == "live"
    scene.hear(tended.STEADY_S, last=NOON + timedelta(seconds=1))
    scene.hear(last=NOON + timedelta(seconds=2))
    assert scene.kinds == ["source.lost", "source.found"]
    scene.lose()
    assert scene.kinds == ["source.lost", "source.found", "source.lost"]


def test_a_stream_that_comes_and_goes_has_one_outage(scene):
    for _ in range(5):
        scene.live()
        scene.hear(tended.STEADY_S / 2, last=NOON)
        scene.lose()
        assert scene.one.state == "lost"
    assert scene.kinds == ["source.lost"]
    scene.live()
    scene.hear(tended.STEADY_S, last=NOON)
    assert scene.kinds == ["source.lost", "source.found"]


def test_a_stream_that_is_there_when_the_watch_ends_was_found(scene):
    scene.live()
    scene.lose()
    scene.live()
    scene.one.end(1.0)
    assert scene.kinds == ["source.lost", "source.found"]


def test_a_stream_that_is_away_when_the_watch_ends_was_not(scene):
    scene.live()
    scene.lose()
    scene.begin()
    scene.one.end(1.0)
    assert scene.kinds == ["source.lost"]


def test_a_stream_that_never_came_is_lost_too(scene):
    scene.begin()
    scene.lose()
    assert (scene.one.state, scene.kinds) == ("lost", ["source.lost"])


def test_a_stream_that_says_goodbye_is_over(scene):
    scene.live()
    scene.child.say(over=True, last=NOON, arrived=2)
    scene.child.process.returncode = 0
    assert scene.tend()
    assert (scene.one.state, scene.child, scene.events) == ("over", None, [])
    assert not scene.tend(100)
    assert scene.child is None


@pytest.mark.parametrize("status", [0, 1, -11])
def test_a_process_that_ends_without_a_goodbye_is_lost(scene, status):
    scene.live()
    scene.child.process.returncode = status
    scene.tend()
    assert scene.one.status().fault == f"its process ended (exit status {status})"
    assert scene.kinds == ["source.lost"]


def test_a_lost_stream_that_comes_back_only_to_say_goodbye_was_found(scene):
    scene.live()
    scene.lose()
    scene.begin()
    scene.child.say(over=True)
    scene.child.process.returncode = 0
    scene.tend()
    assert scene.one.state == "over"
    assert scene.kinds == ["source.lost", "source.found"]


def test_files_are_there_once_one_came(files):
    files.begin()
    files.hear(arrived=1)
    assert files.one.state == "live"


def test_a_stream_of_files_that_brings_nothing_is_there_once_it_stood_for_a_while(files):
    files.begin()
    files.hear()
    assert files.one.state == "starting"
    files.hear(tended.STEADY_S)
    assert files.one.state == "live"


def test_a_stream_of_files_that_breaks_at_once_is_lost_once_however_often_it_is_opened(files):
    for _ in range(10):
        files.begin()
        files.hear()
        files.child.fail(PluginError("lane", "open", "raised OSError: the port is taken"))
        files.tend()
    assert files.kinds == ["source.lost"]
    assert files.one.restarts == 10


def test_a_stream_of_files_may_be_silent_for_ever(files):
    files.begin()
    for _ in range(1000):
        files.hear(1.0)
    assert (files.one.state, files.one.restarts) == ("live", 0)


# Silence and hanging


def test_a_stream_without_frames_is_opened_anew(scene):
    scene.live()
    first = scene.child
    for _ in range(29):
        scene.hear(1.0, last=NOON)
    assert scene.one.state == "live"
    scene.hear(2.0, last=NOON)
    assert (first.killed, scene.events) == (True, [("source.lost", "gate", "no frame came for 30 s")])


def test_a_stream_that_hangs_while_it_is_opened_is_opened_anew(scene):
    scene.begin()
    for _ in range(32):
        scene.hear(1.0)
    assert scene.one.fault == "no frame came for 30 s"


def test_silence_counts_from_when_the_stream_was_opened(scene):
    scene.begin()
    for _ in range(100):  # a model is loaded, a long past is gone through
        scene.hear(1.0, opened=False)
    for _ in range(25):
        scene.hear(1.0)
    assert scene.one.restarts == 0


def test_a_process_that_is_slow_to_begin_is_not_silent(scene):
    scene.begin()
    scene.tend(tended.HANG_S - 1)
    scene.hear(opened=False)
    assert scene.one.restarts == 0


def test_frames_that_came_before_are_frames(scene):
    scene.live()
    for number in range(100):
        scene.hear(1.0, last=NOON, again=number)
    assert scene.one.restarts == 0


def test_a_process_without_a_sign_of_life_hangs(scene):
    scene.live()
    first = scene.child
    scene.tend(tended.HANG_S + 1)
    assert (first.killed, scene.one.fault) == (True, "it gave no sign of life for 60 s")


def test_a_process_that_never_spoke_hangs_too(scene):
    scene.begin()
    scene.tend(tended.HANG_S + 1)
    assert scene.one.restarts == 1


# Back-off


def test_it_is_left_alone_for_longer_and_longer_and_never_given_up(scene):
    waits = []
    for _ in range(8):
        scene.begin()
        waits.append(scene.lose())
    assert waits == [pytest.approx(seconds) for seconds in (0.5, 1, 2, 4, 4, 4, 4, 4)]


def test_it_is_not_opened_before_its_time(scene):
    scene.begin()
    scene.lose()
    scene.tend(0.4)
    assert scene.child is None
    scene.tend(0.2)
    assert scene.child is not None


def test_a_stream_that_stood_for_a_while_is_left_alone_but_shortly(scene):
    for _ in range(5):
        scene.begin()
        scene.lose()
    scene.live()
    scene.hear(tended.STEADY_S, last=NOON)
    assert scene.lose() == pytest.approx(0.5)


def test_a_stream_that_comes_and_goes_is_not_opened_in_haste(scene):
    waits = []
    for _ in range(5):
        scene.live()
        waits.append(scene.lose())
    assert waits[-1] == pytest.approx(4)


def test_waits_differ_so_that_cameras_do_not_come_all_at_once(monkeypatch):
    monkeypatch.setattr(tended, "Child", Actor)
    waits = set()
    for _ in range(20):
        scene = Scene()
        scene.begin()
        waits.add(scene.lose())
    assert len(waits) > 10
    assert all(0.4 <= wait <= 0.6 for wait in waits)


def test_new_orders_are_carried_out_at_once(scene):
    scene.begin()
    scene.lose()
    scene.one.give(b"other")
    scene.tend()
    assert scene.child.order == b"other"


# What processes say of their end


def test_an_error_that_ended_it_is_told(scene):
    scene.live()
    scene.child.fail(FoveaError("the database is locked"))
    scene.tend()
    assert scene.events == [("source.lost", "gate", "the database is locked")]


def test_a_fault_of_our_own_is_told_by_its_last_line(scene):
    scene.live()
    scene.child.fail(kind="bug", text="Traceback ...\n  File\nKeyError: 'a'\n")
    scene.tend()
    assert scene.one.status().fault == "KeyError: 'a'"


def test_the_last_words_are_this_process_s_own(scene):
    scene.live()
    scene.child.fail(FoveaError("locked"))
    scene.tend()
    scene.begin()
    scene.lose()
    assert scene.one.fault == "its process ended (exit status -9)"


def test_a_fault_is_forgotten_when_it_is_found(scene):
    scene.live()
    scene.lose()
    scene.live()
    assert scene.one.status().fault == ""


def test_what_costs_a_frame_or_a_clip_stays_told(scene):
    scene.live()
    scene.hear(last=NOON, fault="a clip could not be written")
    assert scene.one.status().fault == "a clip could not be written"
    scene.lose()
    scene.live()
    assert scene.one.status().fault == "a clip could not be written"


def test_a_refused_bundle_is_raised(scene):
    scene.begin()
    scene.child.fail(BundleRefused("models/a", "it is damaged"), status=5)
    with pytest.raises(BundleRefused):
        scene.tend()


def test_a_domain_that_the_process_cannot_import_is_raised(scene):
    scene.begin()
    scene.child.fail(kind="unfit", text="ModuleNotFoundError: no lane")
    with pytest.raises(PluginError, match=r"'lane' failed in loading: a worker process cannot import it \(Module"):
        scene.tend()


@pytest.mark.parametrize("said", ["fault", "error"])
def test_secrets_are_hidden(scene, monkeypatch, said):
    monkeypatch.setenv("LANE_WORD", "barley")
    (source,) = sources_of(fovea_lane.domain(), {"gate": "lane://me:{env:LANE_WORD}@x"}, {"LANE_WORD": "barley"})
    scene.one.source = source
    scene.live()
    if said == "fault":
        scene.hear(fault="cannot open lane://me:barley@x")
    else:
        scene.child.fail(FoveaError("cannot open lane://me:barley@x"))
        scene.tend()
        assert scene.events[0][2] == "cannot open lane://me:***@x"
    assert scene.one.status().fault == "cannot open lane://me:***@x"


# The end of a watch


def test_it_is_asked_to_stop_and_begins_anew_later(scene):
    scene.live()
    child = scene.child
    scene.one.ask_to_stop()
    child.say(last=NOON, arrived=7)
    child.process.returncode = 0
    assert scene.one.end(1.0)
    assert (child.asked, child.killed, scene.one.state) == (True, True, "starting")
    assert (scene.one.status().arrived, scene.events) == (7, [])


def test_one_that_says_goodbye_while_it_is_asked_to_stop_is_over(scene):
    scene.live()
    scene.child.say(over=True, last=NOON)
    scene.child.process.returncode = 0
    scene.one.end(1.0)
    assert scene.one.state == "over"


def test_one_that_does_not_obey_is_ended(scene):
    scene.live()
    child = scene.child
    assert not scene.one.end(0.0)
    assert (child.killed, scene.child) == (True, None)


@pytest.mark.parametrize("error", [BundleRefused("a", "damaged"), FoveaError("locked")])
def test_what_it_dies_of_at_the_end_stops_nothing(scene, error):
    scene.live()
    child = scene.child
    child.fail(error)
    scene.one.end(1.0)
    assert child.killed


def test_one_without_a_process_has_nothing_to_end(scene):
    scene.one.ask_to_stop()
    assert not scene.one.end(1.0)


# What is shown


def test_counts_are_those_of_all_its_processes(scene):
    scene.live()
    scene.hear(arrived=3, again=1, faulty=2, findings=1, units=1, last=NOON)
    scene.lose()
    scene.begin()
    scene.hear(arrived=2, again=3, units=2, last=NOON)
    status = scene.one.status()
    assert (status.arrived, status.again, status.faulty, status.findings) == (5, 4, 2, 1)
    assert (status.units, status.restarts) == (2, 1)


def test_the_rate_is_of_the_last_seconds(scene):
    scene.begin()
    for number in range(20):
        scene.hear(1.0, arrived=25 * number)
    assert scene.one.status().rate == pytest.approx(25)
    for _ in range(10):
        scene.hear(1.0, arrived=25 * 19)
    assert scene.one.status().rate == 0
    assert len(scene.one._counts) < 10


def test_the_rate_of_what_never_came_is_none(scene):
    assert scene.one.status().rate == 0


def test_the_lag_is_that_of_the_newest_frame(scene):
    assert scene.one.status().lag_s is None
    scene.live()
    assert scene.one.status().lag_s > 0
