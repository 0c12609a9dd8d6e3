from __future__ import annotations

import pytest

from fovea.report.widths import GAP, LONG, column_widths


def test_a_table_that_fits_is_as_wide_as_its_cells():
    assert column_widths([["name", "why"], ["a b", "the file is empty"]], 80) == [4, 17]


def test_what_is_left_goes_to_the_columns_that_want_more():
    rows = [["name", "why"], ["a", "one two three four five six"]]
    assert column_widths(rows, 20) == [4, 20 - GAP - 4]


def test_no_word_is_broken_where_all_words_fit():
    rows = [["uncertain or blurred", "diseases found"], ["north-slope", "3"]]
    first, second = column_widths(rows, 22)
    assert (first >= len("north-slope"), second >= len("diseases")) == (True, True)


def test_only_the_longest_words_are_broken():
    rows = [["file", "why"], ["x" * 60, "truncated"]]
    first, second = column_widths(rows, 40)
    assert (first, second) == (40 - GAP - 9, 9)


def test_a_table_that_would_break_short_words_is_none():
    assert column_widths([["reasonable"] * 8], 60) == []


def test_shorter_pieces_may_be_allowed():
    widths = column_widths([["reasonable"] * 6], 60, shortest=7)
    assert all(7 <= width <= LONG for width in widths)
    assert sum(widths) + 5 * GAP == 60


@pytest.mark.parametrize("width", range(20, 120, 7))
def test_a_table_is_never_wider_than_the_terminal(width):
    rows = [
        ["what", "code", "why", "since"],
        ["north/2024/p1.jpg", "truncated", "it ends too soon", "2026-05-14 09:30"],
    ]
    widths = column_widths(rows, width)
    assert not widths or sum(widths) + 3 * GAP <= width


def test_wide_letters_count_for_two():
    assert column_widths([["\u6c34\u6c34"]], 80) == [4]
