from __future__ import annotations

from types import SimpleNamespace

from fovea.engine.cards.places import everywhere
from fovea.engine.judging.resampling import Interval
from fovea.engine.judging.subgroups import Subgroup


def told(*found, kind="classify"):
    return "\n".join(everywhere(SimpleNamespace(subgroups=found, kind=kind, said="the most probable label")))


def camera(name, low, high, **parts):
    gap = Interval(value=(low + high) / 2, low=low, high=high)
    whole = {"pictures": 40, "groups": 20, "figure": Interval(value=0.8, low=0.7, high=0.9), "gap": gap, "p": 0.01}
    return Subgroup(by="camera", value=name, flagged=low > 0 or high < 0, **{**whole, **parts})


def test_a_gap_is_told_with_what_many_comparisons_leave_of_it():
    card = told(camera("a|b", -0.2, -0.1, stands=True), camera("c", 0.01, 0.2, p=0.4), camera("d", -0.1, 0.1))
    assert "compared with that of the other pictures for 3 values of: camera" in card
    assert "excludes 0 for 2, and after Holm's adjustment for so many comparisons for 1." in card
    assert "| camera: a/b | 40 | 80.0% | -15.0% (-20.0% to -10.0%) | stands |" in card
    assert "| camera: c | 40 | 80.0% | +10.5% (+1.0% to +20.0%) | may be luck |" in card


def test_no_gap_is_told_in_one_sentence():
    assert told(camera("a", -0.1, 0.1)).endswith("No gap was found whose range excludes 0.")


def test_nothing_is_told_where_nothing_could_be_compared():
    assert told(Subgroup(by="camera", value="a", pictures=3, groups=2)) == ""
