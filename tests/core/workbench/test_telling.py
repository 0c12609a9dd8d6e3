from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from fovea.delivery import Delivered
from fovea.errors import SettingsError, StoreError, UnknownName
from fovea.plugin import Event, hookimpl
from fovea.registry import Registry
from fovea.workbench import Config, Workbench, telling


@pytest.fixture
def office(tmp_path):
    """Make a workbench with one listener, which notes what it hears and fails where it is told to."""
    made = []

    def make(*, broken=False, notify=None):
        heard = []

        @hookimpl
        def fovea_on_event(event, settings):
            heard.append((event.id, dict(settings)))
            if broken:
                raise OSError("no\nline")

        bell = SimpleNamespace(__name__="bell", fovea_on_event=fovea_on_event)
        bench = Workbench(Config(home=tmp_path / "home", notify=notify or {}), registry=Registry.of(bell))
        made.append(bench)
        return bench, heard

    yield make
    for bench in made:
        bench.close()


def announce(bench, *names, subject=None, **ago):
    for name in names:
        time = datetime.now(UTC) - timedelta(**ago)
        bench.store.events.announce(Event(id=name, kind="test", subject=subject or name, site="farm", time=time))


def warnings(caplog):
    return [record.getMessage() for record in caplog.records if record.name == "fovea.delivery"]


def test_a_listener_is_told_with_its_own_settings(office):
    bench, heard = office(notify={"bell": {"to": "me"}})
    announce(bench, "e1")
    assert bench.deliver() == Delivered(told={"bell": 1})
    assert heard == [("e1", {"to": "me"})]


def test_settings_for_a_listener_that_there_is_not_are_refused(office):
    bench, heard = office(notify={"bel": {"to": "me"}})
    announce(bench, "e1")
    with pytest.raises(SettingsError, match="bel"):
        bench.deliver()
    assert heard == []


def test_after_work_a_failing_listener_is_one_line_of_warning(office, caplog):
    bench, _ = office(broken=True)
    announce(bench, "e1", "e2")
    with caplog.at_level(logging.WARNING):
        telling.tell_quietly(bench.store, bench.registry, bench.config)
    assert warnings(caplog) == ["listener 'bell' failed: OSError: no line; see: fovea events list"]


def test_after_work_that_told_everybody_nothing_is_said(office, caplog):
    bench, heard = office()
    announce(bench, "e1")
    telling.tell_quietly(bench.store, bench.registry, bench.config)
    assert ([name for name, _ in heard], warnings(caplog)) == (["e1"], [])


def test_after_work_even_wrong_settings_and_a_broken_database_are_one_line(office, caplog, monkeypatch):
    bench, _ = office(notify={"bel": {}})
    telling.tell_quietly(bench.store, bench.registry, bench.config)

    def full(**_):
        raise StoreError("the disk is full")

    monkeypatch.setattr(telling, "deliver", full)
    bench, _ = office()
    telling.tell_quietly(bench.store, bench.registry, bench.config)
    first, second = warnings(caplog)
    assert first.startswith("listeners were not told: ")
    assert second == "listeners were not told: the disk is full"


def test_what_waits_is_listed_with_its_standing(office):
    bench, _ = office(broken=True)
    announce(bench, "first", "second", subject="gate", hours=1)
    bench.deliver()
    announce(bench, "third")
    told = [(one.id, one.state, one.failures, one.error, one.again is not None) for one in bench.events()]
    assert told == [
        ("first", "waiting", 1, "listener 'bell' failed: OSError: no line", True),
        ("second", "behind", 0, "", False),
        ("third", "due", 0, "", False),
    ]


def test_dead_letters_are_listed_and_retried_under_the_name_of_who_asked(office):
    bench, heard = office()
    announce(bench, "e1")
    bench.store.events.failed("e1", listener="bell", error="refused", next_time=None)
    assert [(one.id, one.listener, one.state, one.error) for one in bench.events(dead=True)] == [
        ("e1", "bell", "dead", "refused")
    ]
    assert bench.retry_events("bell", actor="ann") == 1
    assert bench.store.audit_rows()[-1].actor == "ann"
    bench.deliver()
    assert (len(heard), bench.events(), bench.events(dead=True)) == (1, (), ())


def test_an_unknown_listener_is_answered_with_the_known_ones(office):
    bench, _ = office()
    with pytest.raises(UnknownName, match="there is no listener 'bel'; did you mean 'bell'"):
        bench.retry_events("bel")
