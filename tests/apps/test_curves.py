from __future__ import annotations

from pathlib import Path

import pytest

from fovea.workbench import RatesTried, RunsCompared
from fovea_apps.commands.lr_find import _show
from fovea_apps.commands.runs import _show_compared
from fovea_apps.plot import curve
from fovea_apps.sparks import spark


def test_a_curve_is_as_large_as_asked_for_and_begins_with_its_heights():
    lines = list(curve([3.0, 2.0, 1.0], width=40, height=6))
    assert len(lines) == 6
    assert {len(line) for line in lines} == {40}
    assert lines[0].startswith("  3 ")
    assert lines[-1].startswith("  1 ")


def test_a_falling_curve_is_high_at_the_left_and_low_at_the_right():
    lines = [line.partition("\u2502")[2] for line in curve([3.0, 1.0], width=40, height=6)]
    assert lines[0][0] != "\u2800" == lines[0][-1]
    assert lines[-1][-1] != "\u2800" == lines[-1][0]


@pytest.mark.parametrize("values", [[1.0], [2.0, 2.0, 2.0]])
def test_a_curve_without_any_height_is_a_line(values):
    assert len(list(curve(values, width=20, height=4))) == 4


def test_a_small_curve_tells_its_ends():
    assert spark([1.0, None, 0.5]).startswith("1 ")
    assert spark([1.0, None, 0.5]).endswith(" 0.5")
    assert spark([]) == ""
    assert len(spark(list(range(100))).split(" ")[1]) == 12


def tried(**facts):
    told = {"rates": (1e-4, 1e-3, 1e-2), "losses": (1.0, 0.5, 2.0), "rate": 1e-3, "usual": 3e-4, "fell": True, **facts}
    return RatesTried(**told)


def test_the_suggested_rate_is_told_with_the_usual_one(capsys):
    _show(tried(page=Path("rates.html")))
    shown = capsys.readouterr().out
    assert "Suggested: 0.001, where the loss falls most steeply. lr=auto takes 0.0003." in shown
    assert "Page: rates.html" in shown


def test_where_no_rate_learns_that_is_told(capsys):
    _show(tried(fell=False, losses=(), rates=()))
    assert "The loss fell at no rate: lr=auto takes 0.0003." in capsys.readouterr().out


def test_runs_side_by_side_warn_of_other_pictures(capsys):
    facts = {"figures": {"accuracy": ((0.8, 0.7, 0.9), None)}, "curves": {"loss": ((1.0, 0.5), ())}}
    _show_compared(RunsCompared(names=("one", "other"), recipe={"lr": (0.1, 0.2)}, same_data=False, **facts))
    shown = capsys.readouterr().out
    assert "0.800 (0.700 to 0.900)" in shown
    assert "They learned from other pictures or labels" in " ".join(shown.split())
