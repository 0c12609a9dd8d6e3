from __future__ import annotations

import io

import pytest
from rich.console import Console

from fovea.workbench import SourceStatus
from fovea_apps.streams import StatusLines, _table

FAULT = "plugin 'cameras' failed in streams['rtsp'].open: raised TimeoutError: the camera did not answer in time"


def status(**changed):
    facts = {
        "name": "gate", "kind": "frames", "state": "live", "arrived": 12_345, "again": 0, "faulty": 0, "rate": 4.9,
        "lag_s": 0.4, "restarts": 2, "units": 1, "findings": 3, "fault": "",
    }  # fmt: skip
    return SourceStatus(**(facts | changed))


@pytest.mark.parametrize("columns", [60, 80])
def test_a_fault_is_told_whole_and_nothing_is_wider_than_the_terminal(columns):
    console = Console(width=columns, file=io.StringIO(), emoji=False)
    console.print(_table([status(), status(name="yard", state="lost", fault=FAULT)]))
    told = console.file.getvalue()
    assert f"yard: {FAULT}" in " ".join(told.split())
    assert all(len(line.rstrip()) <= columns for line in told.splitlines())
    assert "12,345" in told


def test_a_line_is_said_when_a_stream_changes_and_only_now_and_then_otherwise():
    stream, now = io.StringIO(), [0.0]
    say = StatusLines(stream, clock=lambda: now[0])
    say([status()])
    say([status(arrived=12_350)])
    say([status(state="lost", fault=FAULT)])
    now[0] = 31.0
    say([status(state="lost", fault=FAULT)])
    lines = stream.getvalue().splitlines()
    assert [line.split(",")[0] for line in lines] == ["gate: live", "gate: lost", "gate: lost"]
    assert lines[1].endswith(FAULT)


def test_a_recording_s_lag_is_not_told():
    stream = io.StringIO()
    StatusLines(stream)([status(lag_s=20_000_000.0)])
    assert "behind" not in stream.getvalue()
