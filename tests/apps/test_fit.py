from __future__ import annotations

import json

import pytest

from fovea.plugin import Decision
from fovea.workbench import Change, FitView, Preview, Workbench
from fovea_apps.cli import main


@pytest.fixture
def ask(tmp_path, monkeypatch):
    """Run the command line with an empty home, on a terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    return lambda *words: main(["--home", str(tmp_path / "home"), *words])


def decision(label="fire", level="alarm", **more):
    return Decision(key="k", subject="gate 3", label=label, level=level, **more)


def change(what="gone", before=None, after=None, **more):
    facts = {"unit": "gate", "key": "k", "case": 7, "verdict": "false"} | more
    return Change(**facts, what=what, before=before, after=after)


def a_preview(*changes, **more):
    facts = {
        "units": 4, "apart": (), "before": 12, "after": 11, "said_true": 5, "said_false": 3,
        "true_lost": 0, "false_gone": 1, "faults": (),
    }  # fmt: skip
    return Preview(changes=changes, **(facts | more))


def learned(preview, **more):
    facts = {"site": "yard", "unit": "", "values": {"line": 0.125}, "arrays": {"tails": "float64 3 x 2"}, "kept": ""}
    return FitView(preview=preview, **(facts | more))


@pytest.fixture
def fitting(monkeypatch):
    """Let the workbench answer this fit, and note what it was asked."""
    asked = []

    def give(value):
        def fit(_, site, **given):
            asked.append((site, given))
            return value

        monkeypatch.setattr(Workbench, "fit", fit)
        return asked

    return give


def test_a_fit_shows_numbers_changes_and_sums_and_says_how_to_keep_them(capsys, ask, fitting):
    asked = fitting(learned(a_preview(change(before=decision()))))
    assert ask("fit", "yard", "--actor", "ann") == 0
    assert asked == [("yard", {"unit": "", "keep": False, "actor": "ann"})]
    told = capsys.readouterr()
    lines = told.out.splitlines()
    assert lines[0] == "Learned for yard"
    assert "line   0.125" in told.out
    assert "tails  float64 3 x 2" in told.out
    assert any(line.split() == ["gate", "gone", "gate", "3:", "fire", "(alarm)", "7", "false"] for line in lines)
    assert "4 units: 12 findings now, 11 with these numbers (1 gone, 0 new, 0 changed)." in lines
    assert "Reviewed as false: 1 of 3 would be gone. Reviewed as true: 0 of 5 would be lost." in lines
    assert told.err == "to keep the numbers: fovea fit yard --keep\n"


def test_what_is_kept_is_named_and_what_is_next(capsys, ask, fitting):
    asked = fitting(learned(a_preview(), unit="gate", kept="1a2b"))
    assert ask("fit", "yard", "--unit", "gate", "--keep") == 0
    assert (asked[0][1]["unit"], asked[0][1]["keep"]) == ("gate", True)
    told = capsys.readouterr()
    assert told.out.splitlines()[-1] == "Kept as version 1a2b."
    assert told.err == "next: fovea batch yard\n"


def test_how_to_keep_a_units_numbers_names_the_unit(capsys, ask, fitting):
    fitting(learned(a_preview(), unit="gate"))
    ask("fit", "yard", "--unit", "gate")
    assert capsys.readouterr().err == "to keep the numbers: fovea fit yard --unit gate --keep\n"


def test_a_change_is_told_in_words(capsys, ask, fitting):
    fitting(
        learned(
            a_preview(
                change("changed", before=decision(), after=decision("smoke", "warning"), verdict="true"),
                change("new", before=decision(level="normal"), after=decision(), case=None, verdict=""),
                change("changed", before=decision(), after=decision(figures={"p": 0.5})),
            )
        )
    )
    ask("fit", "yard")
    told = " ".join(capsys.readouterr().out.split())
    assert "gate new gate 3: fire (alarm) - -" in told
    assert "gate 3: fire (alarm), then smoke (warning)" in told
    assert "gate changed gate 3: fire (alarm) 7 false" in told


def test_long_lists_are_cut_and_nothing_is_wider_than_80_columns(capsys, ask, fitting):
    many = [
        change(before=decision("a rather long label of a finding"), unit=f"camera {number}") for number in range(50)
    ]
    fitting(learned(a_preview(*many, apart=("dock",), faults=("unit hall: it broke",))))
    ask("fit", "yard")
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert "and 10 more; --json tells all" in lines
    assert "With numbers of their own, which stay: dock." in lines
    assert "Fault: unit hall: it broke" in lines


def test_json_tells_all(capsys, ask, fitting):
    fitting(learned(a_preview(*[change(before=decision())] * 50)))
    ask("fit", "yard", "--json")
    told = json.loads(capsys.readouterr().out)
    assert len(told["preview"]["changes"]) == 50
    assert told["preview"]["changes"][0]["before"]["label"] == "fire"
