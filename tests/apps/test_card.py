from __future__ import annotations

import pytest

from fovea_apps.card import show_card

CARD = """# leaves

Says which of 2 labels a picture shows: healthy, rust.
Domain: Crop disease (`crop`), role `disease`.

**Must not be used for.** Not a diagnosis and no advice on treatment, and this sentence is a long one.

## How good it is

| figure | value | what it means |
|---|---|---|
| accuracy | 90.0% (85.0% to 95.0%) | share of pictures given their true label |

- `a/b.jpg`: the file is empty (empty)
"""
WIDE = "| |" + "".join(f" label_number_{n} |" for n in range(9)) + "\n|---|" + "---|" * 9 + "\n| rust |" + " 7 |" * 9


@pytest.fixture(autouse=True)
def eighty_columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")


@pytest.mark.parametrize("columns", [60, 80])
def test_a_card_is_no_wider_than_the_terminal(monkeypatch, capsys, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    show_card(f"{CARD}\n{WIDE}\n")
    assert max(map(len, capsys.readouterr().out.splitlines())) <= columns


def test_a_card_reads_without_marks(capsys):
    show_card(CARD)
    shown = capsys.readouterr().out
    assert not {"#", "`", "|"} & set(shown)
    assert "**" not in shown
    assert "Must not be used for. Not a diagnosis" in shown
    assert "- a/b.jpg: the file is empty (empty)" in shown


def test_the_name_is_not_told_twice(capsys):
    show_card(CARD)
    assert capsys.readouterr().out.startswith("Says which of 2 labels")


def test_lines_of_one_paragraph_are_joined(capsys):
    show_card("one\ntwo\n\nthree\n")
    assert capsys.readouterr().out == "one two\n\nthree\n"


def test_a_table_has_columns(capsys):
    show_card(CARD)
    rows = [line.split("   ") for line in capsys.readouterr().out.splitlines()]
    assert ["accuracy", "90.0% (85.0% to 95.0%)", "share of pictures given their true label"] in rows


def test_a_table_too_wide_for_its_words_is_told_row_by_row(capsys):
    show_card(WIDE)
    assert " ".join(capsys.readouterr().out.split()).startswith("rust: label_number_0 7, label_number_1 7,")
