from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest

from fovea.errors import BundleRefused, FoveaError, Locked, SettingsError, Stopped, UnknownName
from fovea.workbench import Answer, Workbench
from fovea_apps.cli import main
from fovea_apps.commands.train import show_trained
from fovea_apps.signals import stoppable


@pytest.fixture
def ask(tmp_path):
    """Run the command line with an empty home."""

    def run(*words):
        return main(["--home", str(tmp_path / "home"), *words])

    return run


def answering(monkeypatch, method, value):
    """Let a method of the workbench answer a value, or raise it where it is an error."""

    def answer(*_, **__):
        if isinstance(value, BaseException):
            raise value
        return value

    monkeypatch.setattr(Workbench, method, answer)


@pytest.mark.parametrize(
    "error,code",
    [
        (FoveaError("it broke"), 1),
        (UnknownName("site", "fram", ["farm"]), 2),
        (BundleRefused("leaves", "a byte was flipped"), 5),
        (Locked("another holds it"), 6),
        (Stopped("stopped; run it again to go on"), 130),
    ],
)
def test_a_known_error_is_one_line_and_its_exit_code(monkeypatch, capsys, ask, error, code):
    answering(monkeypatch, "batch", error)
    assert ask("batch", "farm") == code
    assert capsys.readouterr() == ("", f"fovea: {error}\n")


def test_a_known_error_of_several_lines_is_told_on_one(monkeypatch, capsys, ask):
    answering(monkeypatch, "sites", FoveaError("first\nsecond"))
    ask("site", "list")
    assert capsys.readouterr().err == "fovea: first second\n"


def test_debug_shows_where_a_known_error_comes_from(monkeypatch, capsys, ask):
    answering(monkeypatch, "sites", FoveaError("it broke"))
    ask("--debug", "site", "list")
    told = capsys.readouterr().err
    assert "Traceback" in told
    assert told.endswith("fovea: it broke\n")


def test_an_unknown_error_keeps_its_traceback(monkeypatch, ask):
    answering(monkeypatch, "sites", ZeroDivisionError("surprise"))
    with pytest.raises(ZeroDivisionError):
        ask("site", "list")


def test_ctrl_c_ends_with_a_word_and_130(monkeypatch, capsys, ask):
    answering(monkeypatch, "sites", KeyboardInterrupt())
    assert ask("site", "list") == 130
    assert capsys.readouterr().err.endswith("fovea: stopped\n")


def test_a_reader_that_left_is_no_error(monkeypatch, capsys, ask):
    answering(monkeypatch, "sites", BrokenPipeError())
    assert ask("site", "list") == 0
    assert capsys.readouterr() == ("", "")


def test_closing_the_pipe_early_prints_no_traceback(tmp_path):
    program = "import sys; from fovea_apps.cli import main; sys.exit(main(['--help']))"
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, "-c", program],
            stdout=writer,
            stderr=subprocess.PIPE,
            cwd=tmp_path,
            timeout=60,
            check=False,
        )
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


def an_answer(path, label, probability, fault=""):
    return Answer(path=path, part="", label=label, probability=probability, scores={}, fault=fault)


def test_predictions_with_an_unreadable_picture_exit_3(monkeypatch, capsys, ask):
    good = an_answer("a.jpg", "rust", 0.91)
    bad = an_answer("b.jpg", "", 0.0, "the file is empty")
    answering(monkeypatch, "predict", (good, bad))
    assert ask("predict", "leaves", "a.jpg", "b.jpg") == 3
    told = capsys.readouterr()
    assert "the file is empty" in told.out
    assert "1 of 2 could not be worked with" in told.err


def test_readable_predictions_exit_0(monkeypatch, ask):
    good = an_answer("a.jpg", "rust", 0.91)
    answering(monkeypatch, "predict", (good,))
    assert ask("predict", "leaves", "a.jpg") == 0


def a_batch(**changed):
    facts = {
        "pictures": 1200, "scored": 1190, "known": 8, "quarantined": {}, "units": 3, "decisions": 4, "findings": 1,
        "seconds": 62.0, "rate": 19.2, "faults": (),
    }  # fmt: skip
    return SimpleNamespace(**{**facts, **changed})


def worked(monkeypatch, done, outdated=()):
    """Let a batch of a site come to this, and these of its models be older versions."""
    answering(monkeypatch, "batch", done)
    answering(monkeypatch, "outdated", outdated)


def test_after_a_batch_with_an_older_version_the_newer_one_is_hinted_at(monkeypatch, capsys, ask):
    worked(monkeypatch, a_batch(), [SimpleNamespace(name="leaves")])
    assert ask("batch", "farm") == 0
    hint = "there is a newer leaves: fovea site use farm leaves"
    assert hint in capsys.readouterr().err.splitlines()


def test_a_batch_ends_with_what_it_came_to_and_what_is_next(monkeypatch, capsys, ask):
    worked(monkeypatch, a_batch())
    assert ask("batch", "farm") == 0
    told = capsys.readouterr()
    assert "1,200 pictures: 1,190 scored now, 8 known from before (1 min 02 s, 19.2 pictures/s)." in told.out
    assert told.err.endswith("next: fovea report farm\n")


def test_a_batch_that_quarantined_exits_3_and_counts_by_reason(monkeypatch, capsys, ask):
    worked(monkeypatch, a_batch(quarantined={"truncated": 2}))
    assert ask("batch", "farm") == 3
    assert "2 pictures in quarantine: 2 truncated." in capsys.readouterr().out


def test_quiet_leaves_hints_away(monkeypatch, capsys, ask):
    worked(monkeypatch, a_batch())
    ask("--quiet", "batch", "farm")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "words",
    ["site list", "models list", "runs list", "cases list", "plugins", "audit head", "audit check", "audit"],
)
def test_json_is_one_document_and_nothing_else_on_stdout(capsys, ask, words):
    assert ask(*words.split(), "--json") == 0
    json.loads(capsys.readouterr().out)


def test_the_audit_chain_of_a_new_home_holds(capsys, ask):
    assert ask("audit", "check") == 0
    assert capsys.readouterr().out == "The audit chain holds: 0 rows.\n"


def test_a_broken_audit_chain_is_an_error(monkeypatch, capsys, ask):
    answering(monkeypatch, "verify_audit", "row 3 was changed")
    assert ask("audit", "check") == 1
    assert capsys.readouterr().err == "fovea: the audit chain is broken: row 3 was changed\n"


def test_audit_alone_checks_the_chain(monkeypatch, capsys, ask):
    assert ask("audit", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"holds": True, "fault": None, "rows": 0}
    answering(monkeypatch, "verify_audit", "row 3 was changed")
    assert ask("audit", "--json") == 1
    assert json.loads(capsys.readouterr().out)["fault"] == "row 3 was changed"


def test_rows_that_were_cut_off_are_told_without_saying_chain_twice(capsys, ask):
    assert ask("audit", "check", "--head", "7:abc") == 1
    told = "fovea: the audit chain is broken: it ends at row 0, but row 7 was exported: rows were cut off\n"
    assert capsys.readouterr().err == told


def test_several_mistakes_in_settings_are_told_one_a_line(monkeypatch, capsys, ask):
    answering(monkeypatch, "sites", SettingsError("", ["a: want 1", "b: want 2"]))
    assert ask("site", "list") == 2
    assert capsys.readouterr().err == "fovea: 2 mistakes in the settings:\n  a: want 1\n  b: want 2\n"


def test_one_mistake_in_settings_is_told_on_one_line(monkeypatch, capsys, ask):
    answering(monkeypatch, "sites", SettingsError("settings of 'crop'", ["a: want 1"]))
    assert ask("site", "list") == 2
    assert capsys.readouterr().err == "fovea: settings of 'crop': a: want 1\n"


@pytest.mark.parametrize("words", ["predict leaves a.jpg", "evaluate leaves photos"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_ends_predict_and_evaluate_with_one_line_and_130(monkeypatch, capsys, ask, words, number):
    def work(*_, stop, **__):
        signal.raise_signal(number)
        assert stop()
        raise Stopped("stopped; nothing was stored")

    monkeypatch.setattr(Workbench, words.split()[0], work)
    assert ask("-q", *words.split()) == 130
    assert capsys.readouterr() == ("", "fovea: stopped; nothing was stored\n")


def test_a_model_trained_again_says_where_the_version_before_is(monkeypatch, capsys):
    monkeypatch.setattr("fovea_apps.judged.show_judged", lambda _: None)
    trained = SimpleNamespace(
        judged=None, name="leaves", seconds=1.0, path="leaves@1.fovea", before="leaves@2", notes=()
    )
    show_trained(trained)
    assert "The version before is kept as leaves@2" in capsys.readouterr().out


def test_an_audit_head_of_another_form_is_a_usage_error(capsys, ask):
    assert ask("audit", "check", "--head", "nonsense") == 2
    assert "NUMBER:DIGEST" in capsys.readouterr().err


def test_the_first_signal_asks_and_the_second_breaks_off(capsys):
    with stoppable() as stop:
        assert not stop()
        signal.raise_signal(signal.SIGTERM)
        assert stop()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert "stopping after the current piece" in capsys.readouterr().err


def test_after_the_work_the_signals_mean_what_they_did():
    before = signal.getsignal(signal.SIGINT)
    with stoppable():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before
