from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from fovea.workbench import Answer
from fovea_apps import output
from fovea_apps.commands import predict
from fovea_apps.domains import _verb
from fovea_apps.judged import figure, show_confusion, show_judged


@pytest.fixture(autouse=True)
def eighty_columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")


@pytest.mark.parametrize(
    "told", [(0.9561, 0.9234, 0.9859), [0.9561, 0.9234, 0.9859], {"value": 0.9561, "low": 0.9234, "high": 0.9859}]
)
def test_a_figure_is_told_with_its_interval(told):
    assert figure(told) == "0.956 (0.923 to 0.986)"


def test_a_confusion_matrix_has_a_row_a_label_and_a_dot_for_none(capsys):
    show_confusion(("healthy", "rust"), ((12, 0), (3, 9)))
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["1", "healthy", "12", "."] in rows
    assert ["2", "rust", "3", "9"] in rows


def test_a_confusion_matrix_too_wide_for_the_terminal_tells_the_mistakes(capsys):
    labels = [f"a rather long name of a class {place}" for place in range(20)]
    confusion = [[7 if true == said else 0 for said in range(20)] for true in range(20)]
    confusion[4][9] = 5
    show_confusion(labels, confusion)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert sum("class 4" in line and "class 9" in line and line.rstrip().endswith("5") for line in lines) == 1


def test_a_confusion_matrix_follows_the_terminal(monkeypatch, capsys):
    labels = [f"class_{place}" for place in range(14)]
    confusion = [[7 if true == said else 0 for said in range(14)] for true in range(14)]
    confusion[4][9] = 5
    show_confusion(labels, confusion)
    assert "true, said:" in capsys.readouterr().out
    monkeypatch.setenv("COLUMNS", "60")
    show_confusion(labels, confusion)
    assert "true, said:" not in capsys.readouterr().out


def test_what_was_judged_fits_80_columns(capsys):
    one = {"label": "rust", "precision": 0.9, "recall": 0.8, "f1": 0.85, "support": 12}
    judged = SimpleNamespace(
        figures={"accuracy": (0.9, 0.8, 0.95)}, baselines={"majority_accuracy": 0.5}, classes=(one,),
        confusion=((12,),),
        labels=("rust",), pictures=12, groups=1, unreadable=2, learned=3,
    )  # fmt: skip
    show_judged(judged)
    shown = capsys.readouterr().out
    assert "On 12 pictures of 1 group" in shown
    assert "0.900 (0.800 to 0.950)" in shown
    assert "Left out as unreadable: 2 pictures." in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_long_cells_are_folded_and_nothing_is_cut_off(capsys):
    path = "/".join(["folder"] * 30)
    output.table(("picture", "label"), [(path, "rust")])
    shown = capsys.readouterr().out
    assert shown.count("folder") + shown.count("fold\n") >= 25
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize("columns", [60, 80])
def test_long_lines_go_on_in_the_next(monkeypatch, capsys, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    sentence = "No field reaches the warning share of 10 %: none of 23 pictures is sure, " * 3
    output.line(sentence)
    output.title(sentence)
    output.pairs({"a name that is rather long": sentence})
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= columns
    assert " ".join(" ".join(lines).split()).count("No field reaches the warning share") == 9


def test_a_line_into_a_pipe_stays_whole(monkeypatch, capsys):
    monkeypatch.delenv("COLUMNS")
    output.line("word " * 40)
    assert capsys.readouterr().out == f"{'word ' * 40}".rstrip() + "\n"


@pytest.mark.parametrize("columns", [60, 80])
def test_words_in_a_table_stay_whole_beside_a_long_path(monkeypatch, capsys, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    row = (
        "north-slope/2024-06-24/p5092-1.jpg",
        "truncated",
        "the file ends before its picture does",
        "2026-11-23 21:11",
    )
    output.table(("what", "code", "why", "since"), [row])
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= columns
    assert {"truncated", "picture", "before", "2026-11-23"} <= set(shown.split())


def test_numbers_in_a_narrow_table_are_not_cut_off(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "40")
    headings = [f"number {place}" for place in range(6)]
    output.table(headings, [[1234567] * 6], numbers=headings)
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 40
    assert "\u2026" not in shown


def test_what_is_to_be_copied_is_not_broken(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "20")
    output.whole_line("12:" + "a" * 64)
    assert capsys.readouterr().out == "12:" + "a" * 64 + "\n"


def test_settings_are_shown_as_they_are_typed():
    assert [output.typed(one) for one in (["a", "b"], True, "text", 0.5)] == ['["a", "b"]', "true", "text", 0.5]


def test_sentences_on_a_terminal_are_broken_between_words(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    output.tell(f"fovea: there is no folder /a/{'long' * 12}; name the folder that holds the pictures")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "fovea: there is no folder"
    assert lines[1] == f"  /a/{'long' * 12};"
    assert max(map(len, lines[2:])) <= 40


def test_sentences_for_a_log_stay_on_one_line(capsys):
    output.tell("word " * 40)
    assert capsys.readouterr().err.count("\n") == 1


def test_escape_codes_in_a_sentence_are_disarmed(capsys):
    output.tell("there is no file \x1b[2J")
    assert capsys.readouterr().err == "there is no file \\x1b[2J\n"


def test_control_characters_and_bytes_that_are_no_utf8_become_escapes():
    assert output.safe("a\x1b[31m\udcff") == "a\\x1b[31m\\udcff"


def test_odd_file_names_do_not_break_printing(tmp_path):
    odd = os.fsencode(tmp_path) + b"/odd-\xff.jpg"
    words = [sys.executable, "-c", "import sys; from fovea_apps.cli import main; sys.exit(main())"]
    done = subprocess.run(
        [*words, "--home", str(tmp_path), "site", "add", odd], capture_output=True, timeout=60, check=False
    )
    assert b"Traceback" not in done.stderr
    assert done.stderr.startswith(b"fovea: there is no folder ")
    assert b"\\udcff" in done.stderr


def test_a_plugins_verb_takes_positional_and_optional_arguments():
    wanted = SimpleNamespace(name="folder", help="where", kind="path", required=True, default=None)
    extra = SimpleNamespace(name="row_spacing", help="in metres", kind="number", required=False, default=1.5)
    flag = SimpleNamespace(name="deep", help="look below", kind="flag", required=False, default=False)
    command = _verb("wheat", "places", "Show places.", (wanted, extra, flag))
    given = command.make_context("places", ["photos", "--row-spacing", "2", "--deep"]).params
    assert (str(given["folder"]), given["row_spacing"], given["deep"]) == ("photos", 2.0, True)


def test_a_plugins_verb_ends_its_help_with_an_example():
    wanted = SimpleNamespace(name="folder", help="where", kind="path", required=True, default=None)
    command = _verb("wheat", "places", "Show places.", (wanted,))
    shown = command.get_help(command.make_context("places", ["x"]))
    assert shown.rstrip().endswith("fovea wheat places FOLDER")


def whole_judged():
    from fovea.engine.judging.resampling import Interval
    from fovea.engine.judging.subgroups import Subgroup
    from fovea.workbench.views import UnitsJudged, UnitsOf

    gap = Interval(value=-0.2, low=-0.3, high=-0.1)
    told = {"figure": Interval(value=0.7, low=0.6, high=0.8), "gap": gap, "p": 0.01}
    units = UnitsOf(label="rust", units=4, flagged=(1.0, 0.5, 1.0), said=(0.75, 0.3, 0.95), said_elsewhere=None)
    return SimpleNamespace(
        figures={"accuracy": (0.9, 0.8, 0.95)}, baselines={}, classes=(), confusion=(), labels=(), pictures=60,
        groups=30, unreadable=0, learned=0, page="leaves.html",
        subgroups=(
            Subgroup(by="camera", value="a", pictures=40, groups=20, flagged=True, stands=True, **told),
            Subgroup(by="camera", value="b", pictures=3, groups=2),
        ),
        units=UnitsJudged(labels=(units,), units=4, left_out=2, faults=("north: decide failed",)),
    )  # fmt: skip


def test_where_a_model_is_worse_and_what_was_decided_fit_80_columns(capsys):
    show_judged(whole_judged())
    shown = capsys.readouterr().out
    lines = {line.split("  ")[0]: line.split() for line in shown.splitlines()}
    assert lines["camera: a"][-1] == "gap"
    assert lines["camera: b"][-2:] == ["-", "-"]
    assert "100% (50% to 100%)" in shown
    assert "Not decided: north: decide failed" in shown
    assert "The whole of it as a page: leaves.html" in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_what_a_model_says_of_its_own_answers_stands_beside_them(capsys):
    def one(**facts):
        return Answer(**{"path": "a.jpg", "part": "", "label": "rust", "probability": 0.5, "scores": {}, **facts})

    predict._show((one(possible=("rust", "scab"), alarm=True), one(unknown=True, review=True), one(possible=())))
    told = " ".join(capsys.readouterr().out.split())
    for words in (
        "alarm; may be scab",
        "unlike what it learned from; a person should look",
        "no label is likely enough",
    ):
        assert words in told


def test_answers_without_doubts_have_no_column_for_them(capsys):
    predict._show((Answer(path="a.jpg", part="", label="rust", probability=0.5, scores={}, possible=("rust",)),))
    assert "note" not in capsys.readouterr().out
