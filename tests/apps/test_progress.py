from __future__ import annotations

import io

import pytest

from fovea_apps.bars import Bars
from fovea_apps.progress import Lines, duration, in_words


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def stream():
    return io.StringIO()


def test_a_piece_of_work_is_told_at_its_start_and_end(stream, clock):
    lines = Lines(stream, clock=clock)
    lines.start("score", 10)
    lines.advance(10)
    clock.now += 2
    lines.finish()
    assert stream.getvalue().splitlines() == ["score: 10 to do", "score: 10 of 10, 5.0/s, finished in 2 s"]


def test_within_five_seconds_nothing_more_is_told(stream, clock):
    lines = Lines(stream, clock=clock)
    lines.start("score", 10)
    clock.now += 4.9
    lines.advance()
    assert stream.getvalue().count("\n") == 1


def test_after_five_seconds_rate_time_left_and_figures_are_told(stream, clock):
    lines = Lines(stream, clock=clock)
    lines.start("score", 100)
    lines.show(quarantined=1)
    clock.now += 10
    lines.advance(50)
    assert stream.getvalue().splitlines()[-1] == "score: 50 of 100, 5.0/s, 10 s left, quarantined 1"


def test_work_of_unknown_length_has_no_time_left(stream, clock):
    lines = Lines(stream, clock=clock)
    lines.start("scan", None)
    clock.now += 10
    lines.advance(50)
    assert stream.getvalue().splitlines() == ["scan", "scan: 50, 5.0/s"]


def test_where_there_is_nothing_to_do_nothing_is_told(stream, clock):
    lines = Lines(stream, clock=clock)
    lines.start("score", 0)
    lines.finish()
    assert stream.getvalue() == ""


def test_what_was_done_although_nothing_was_to_do_is_told(stream, clock):
    lines = Lines(stream, clock=clock)
    lines.start("score", 0)
    lines.advance(2)
    lines.finish()
    assert stream.getvalue() == "score: 2 of 0, finished in 0 s\n"


def test_figures_read_as_words_and_the_rate_is_not_told_twice():
    assert in_words({"epoch": 3, "loss": 0.41239, "rate": "12/s"}) == "epoch 3, loss 0.4124"


@pytest.mark.parametrize(
    "seconds,words", [(0.2, "0 s"), (59, "59 s"), (59.7, "1 min 00 s"), (200, "3 min 20 s"), (7500, "2 h 05 min")]
)
def test_a_duration_reads_as_words(seconds, words):
    assert duration(seconds) == words


@pytest.mark.parametrize("room,words", [(40, "epoch 3, loss 0.4124"), (19, "epoch 3"), (3, "")])
def test_figures_that_have_no_room_are_left_out_whole(room, words):
    assert in_words({"epoch": 3, "loss": 0.41239}, room) == words


def test_bars_go_to_stderr_and_leave_stdout_to_the_data(capsys):
    with Bars() as bars:
        bars.start("scan", None)
        bars.advance(3)
        bars.finish()
        bars.start("score", 4)
        bars.show(loss=0.5)
        bars.advance(4)
        bars.finish()
    told = capsys.readouterr()
    assert told.out == ""
    assert "3/3" in told.err
    assert "4/4" in told.err
    assert "loss 0.5" in told.err


def test_a_bar_left_half_way_stays_half_way(capsys):
    with Bars() as bars:
        bars.start("score", 4)
        bars.advance(1)
        bars.finish()
    assert "1/4" in capsys.readouterr().err


def test_there_is_no_bar_for_nothing_to_do(capsys):
    with Bars() as bars:
        bars.start("score", 0)
        bars.finish()
    assert "score" not in capsys.readouterr().err


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_bars_fit_the_terminal_and_keep_the_count(monkeypatch, capsys, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    with Bars() as bars:
        bars.start("look at the pictures", 1234)
        bars.advance(1234)
        bars.finish()
        bars.start("learn", 250)
        bars.advance(250)
        bars.show(epoch=3, train_loss=0.123456, loss=0.234567, balanced_accuracy=0.87, seconds=12.5)
        bars.finish()
    lines = [line.rstrip() for line in capsys.readouterr().err.splitlines() if line.strip()]
    assert max(map(len, lines)) <= columns
    assert "250/250" in lines[-1]
    assert "epoch 3" in lines[-1]
