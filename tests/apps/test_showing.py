from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from fovea_apps import output
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
