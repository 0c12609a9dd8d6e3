"""How wide the columns of a table on a terminal are to be, so that words stay whole."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from rich.cells import cell_len

GAP = 3
"""Columns of the terminal between two columns of a table."""

LONG = 12
"""A word longer than this, a path say, may be broken where a table would not fit otherwise."""


def column_widths(rows: Sequence[Sequence[str]], width: int, *, shortest: int = LONG) -> list[int]:
    """The width of each column of a table that is no wider than the terminal; empty where there is no such table.

    Args:
        rows: cells, the headings among them.
        width: columns of the terminal.
        shortest: no word is broken into pieces shorter than this.

    >>> column_widths([["file", "why"], ["a/very/long/path.jpg", "the file is empty"]], 24)
    [14, 7]
    """
    columns = list(zip_longest(*rows, fillvalue=""))
    room = width - GAP * (len(columns) - 1)
    words = [max((cell_len(word) for cell in column for word in cell.split()), default=1) for column in columns]
    widths = words if sum(words) <= room else _broken(words, room, shortest)
    return _filled(widths, [max(map(cell_len, column)) for column in columns], room)


def _broken(words: Sequence[int], room: int, shortest: int) -> list[int]:
    """Widths at which the longest words are broken, so that the others are not; empty where that does not do."""
    widths = [min(word, LONG) for word in words]
    while sum(widths) > room:
        at = max(range(len(words)), key=lambda at: (widths[at] > shortest, words[at]))
        if widths[at] <= shortest:
            return []
        widths[at] -= 1
    return widths


def _filled(least: Sequence[int], wanted: Sequence[int], room: int) -> list[int]:
    """What is left of the room goes to the columns that want more, in equal shares, the modest first."""
    widths, spare = [*least], room - sum(least)
    by_need = sorted(range(len(widths)), key=lambda at: wanted[at] - widths[at])
    for left, at in zip(range(len(widths), 0, -1), by_need, strict=True):
        more = min(wanted[at] - widths[at], spare // left)
        widths[at], spare = widths[at] + more, spare - more
    return widths
