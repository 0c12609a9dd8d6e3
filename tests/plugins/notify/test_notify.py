from __future__ import annotations

import json
import os
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from fovea.plugin import Event
from fovea_notify import fovea_on_event


def event(**more):
    facts = {"id": "e1", "kind": "finding.opened", "subject": "north", "site": "farm", "facts": {"level": "alarm"}}
    return Event(**(facts | {"time": datetime(2026, 5, 1, tzinfo=UTC)} | more))


def test_each_event_is_one_line(tmp_path):
    settings = {"log": {"path": str(tmp_path / "events.jsonl")}}

    fovea_on_event(event=event(), settings=settings)
    fovea_on_event(event=event(id="e2", subject="caf\udce9\nnorth"), settings=settings)

    first, second = map(json.loads, (tmp_path / "events.jsonl").read_text().splitlines())
    assert first == {
        "id": "e1",
        "kind": "finding.opened",
        "subject": "north",
        "site": "farm",
        "time": "2026-05-01T00:00:00+00:00",
        "facts": {"level": "alarm"},
    }
    assert (second["id"], second["subject"]) == ("e2", "caf\udce9\nnorth")


def test_the_log_is_for_its_owner_only(tmp_path):
    fovea_on_event(event=event(), settings={"log": {"path": tmp_path / "events.jsonl"}})

    assert os.stat(tmp_path / "events.jsonl").st_mode & 0o077 == 0


def test_nothing_set_means_nothing_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    fovea_on_event(event=event(), settings={})

    assert not list(tmp_path.iterdir())


def test_a_log_that_cannot_be_written_is_an_error_so_that_the_event_comes_again(tmp_path):
    with pytest.raises(FileNotFoundError):
        fovea_on_event(event=event(), settings={"log": {"path": tmp_path / "nowhere" / "events.jsonl"}})


def test_a_misspelt_setting_is_refused():
    with pytest.raises(ValidationError, match="lgo"):
        fovea_on_event(event=event(), settings={"lgo": {"path": "x"}})
