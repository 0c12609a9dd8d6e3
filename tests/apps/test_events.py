from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from fovea.workbench import Delivered, EventView, Workbench
from fovea_apps.cli import main

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def ask(tmp_path, monkeypatch):
    """Run the command line with an empty home, on a terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    return lambda *words: main(["--home", str(tmp_path / "home"), *words])


def event(**more):
    facts = {
        "id": "e1", "kind": "finding.opened", "subject": "farm/north/field", "site": "farm", "time": NOON,
        "listener": "notify", "state": "due", "failures": 0, "error": "", "again": None,
    }  # fmt: skip
    return EventView(**(facts | more))


def answering(monkeypatch, method, value, heard=None):
    def answer(*_, **given):
        if heard is not None:
            heard.append((_[1:], given))
        return value

    monkeypatch.setattr(Workbench, method, answer)


def test_what_waits_is_listed_with_its_next_time_and_errors_stand_below_once(monkeypatch, capsys, ask):
    error = "listener 'notify' failed: FileNotFoundError: [Errno 2] No such file: '/var/log/fovea/events.jsonl'"
    waits = {"state": "waiting", "failures": 2, "again": NOON, "error": error}
    found = (event(), event(id="e2", **waits), event(id="e3", **waits), event(id="e4", state="behind"))
    answering(monkeypatch, "events", found)
    assert ask("events", "list") == 0
    out, err = capsys.readouterr()
    words = out.split()
    assert (words.count("now"), words.count("12:00"), "after its" in out) == (1, 4 + 2, True)
    assert " ".join(out.split()).count(error) == 1
    assert err == "next: fovea events deliver\n"


def test_the_list_fits_80_columns(monkeypatch, capsys, ask):
    answering(monkeypatch, "events", (event(subject="a-long-name-of-a-site/" * 5, failures=31, again=NOON),))
    ask("events", "list")
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


def test_dead_letters_are_asked_for_and_what_to_do_is_said(monkeypatch, capsys, ask):
    heard = []
    answering(monkeypatch, "events", (event(state="dead", failures=31),), heard)
    ask("events", "list", "--dead")
    told = capsys.readouterr()
    assert heard == [((), {"dead": True})]
    assert "never" in told.out
    assert told.err == "once mended: fovea events retry\n"


def test_a_new_home_has_nothing_to_tell(capsys, ask):
    assert ask("events", "list") == 0
    assert capsys.readouterr() == ("", "every listener has heard everything\n")
    assert ask("events", "deliver") == 0
    assert capsys.readouterr().out == "Nothing is due.\n"


@pytest.mark.parametrize("words", ["events list", "events deliver", "events retry"])
def test_json_is_one_document(capsys, ask, words):
    assert ask(*words.split(), "--json") == 0
    json.loads(capsys.readouterr().out)


def test_a_delivery_is_told_by_listener(monkeypatch, capsys, ask):
    done = Delivered(
        told={"notify": 3, "siren": 1}, failed={"notify": 2}, dead={"notify": 1}, errors={"notify": "it\nbroke"}
    )
    answering(monkeypatch, "deliver", done)
    assert ask("events", "deliver") == 0
    assert " ".join(capsys.readouterr().out.split()) == (
        "notify: heard 3 events, failed on 2 events, which come again, gave up on 1 event. it broke "
        "siren: heard 1 event."
    )


def test_a_retry_names_who_asked_for_it(monkeypatch, capsys, ask):
    heard = []
    answering(monkeypatch, "retry_events", 2, heard)
    assert ask("events", "retry", "notify", "--actor", "ann") == 0
    assert heard == [(("notify",), {"actor": "ann"})]
    assert capsys.readouterr() == ("2 events will be told again.\n", "next: fovea events deliver\n")


def test_an_unknown_listener_is_a_usage_error(capsys, ask):
    assert ask("events", "retry", "notfy") == 2
    assert "there is no listener 'notfy'; did you mean 'notify'?" in capsys.readouterr().err
