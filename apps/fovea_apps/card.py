"""A model's card on a terminal: the headings, paragraphs, lists and tables of Markdown that cards are made of."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from fovea_apps import output


def show_card(text: str) -> None:
    """Print a card; the heading that it begins with is the model's name, which is told already."""
    body = text.partition("\n")[2] if text.startswith("# ") else text
    for kind, lines in groupby(body.strip().splitlines(), key=_kind):
        _show(kind, list(lines))


def _kind(line: str) -> str:
    begins = (("|", "table"), ("#", "heading"), ("- ", "list"))
    found = next((kind for begin, kind in begins if line.startswith(begin)), "text")
    return found if line.strip() else "gap"


def _show(kind: str, lines: Sequence[str]) -> None:
    if kind == "table":
        _show_table([_cells(line) for line in lines if set(line) - set("|-: ")])
    elif kind == "heading":
        for line in lines:
            output.title(line.lstrip("# "))
    elif kind == "list":
        for line in lines:
            output.prose(line)
    elif kind == "text":
        output.prose(" ".join(lines))
    else:
        output.line()


def _cells(line: str) -> list[str]:
    return [cell.strip().replace("`", "") for cell in line.strip().strip("|").split("|")]


def _show_table(rows: Sequence[Sequence[str]]) -> None:
    """A table, or its rows as sentences where not even its longest words would fit beside one another."""
    headings, *others = rows
    if output.fits(rows):
        output.table(headings, others)
        return
    for name, *cells in others:
        told = ", ".join(f"{heading} {cell}" for heading, cell in zip(headings[1:], cells, strict=False))
        output.line(f"{name}: {told}")
