"""Tables for a page, and the numbers behind a drawing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime

from fovea.plugin import LEVELS, Cell, Column, Level, Table
from fovea.report.markup import Child, Markup, element
from fovea.report.svg import mark
from fovea.report.wording import NOTHING, column_cells

_STACK_FROM_COLUMNS = 4
_STACK_TO_ROWS = 40


def table_markup(table: Table, ident: str) -> Markup:
    """A table under the heading with the id ``ident``; says so where it has no rows."""
    if not table.rows or not table.columns:
        return element("p", "There are no rows.", class_="empty")
    texts = list(zip(*(_column(table, index) for index in range(len(table.columns))), strict=True))
    rows = (_row(table, index, cells) for index, cells in enumerate(texts))
    head = element("thead", element("tr", *(_heading(column) for column in table.columns)))
    return _scroll(element("table", head, element("tbody", *rows), class_=_class(table), aria_labelledby=ident), ident)


def badge(level: Level, text: str = "") -> Markup:
    """A small label that says the level by its mark and in words, not only by its colour."""
    if level == "normal":
        return element("span", text or level, class_="badge normal")
    drawn = element("svg", mark(8, 8, 6, level), viewBox="0 0 16 16", aria_hidden="true")
    spoken = element("span", f" ({level})", class_="aside") if text and text != level else None
    return element("span", drawn, text or level, spoken, class_=f"badge {level}")


def details(summary: str, headings: Sequence[str], rows: Sequence[Sequence[str]], *, texts: int = 1) -> Markup:
    """A closed fold with the numbers behind a drawing; the first ``texts`` columns are text, the others numbers."""
    forms = ["text" if index < texts else "number" for index in range(len(headings))]
    head = element(
        "tr", *(element("th", name, scope="col", class_=form) for name, form in zip(headings, forms, strict=True))
    )
    body = (
        element("tr", *(element("td", text, class_=form) for text, form in zip(row, forms, strict=True)))
        for row in rows
    )
    table = element("table", element("thead", head), element("tbody", *body))
    return element("details", element("summary", summary), element("div", table, class_="scroll"))


def unit_of(column: Column) -> str:
    """A column's name with its unit."""
    return f"{column.name} ({column.unit})" if column.unit else column.name


def _class(table: Table) -> str | None:
    """Few named rows of many columns read better one below the other on a phone."""
    named = table.columns[0].form == "text"
    stacked = named and len(table.columns) >= _STACK_FROM_COLUMNS and len(table.rows) <= _STACK_TO_ROWS
    return "stack" if stacked else None


def _scroll(table: Markup, ident: str) -> Markup:
    return element("div", table, class_="scroll", role="region", tabindex=0, aria_labelledby=ident)


def _column(table: Table, index: int) -> list[str]:
    cells = [row[index] if index < len(row) else None for row in table.rows]
    return column_cells(table.columns[index], cells)


def _heading(column: Column) -> Markup:
    unit = element("span", f" {column.unit}", class_="unit") if column.unit else None
    return element("th", column.name, unit, scope="col", class_=_form(column))


def _form(column: Column) -> str | None:
    return column.form if column.form in ("number", "share", "time") else None


def _row(table: Table, index: int, texts: tuple[str, ...]) -> Markup:
    level = table.levels[index] if index < len(table.levels) else "normal"
    values = table.rows[index]
    cells = [
        _cell(column, values[n] if n < len(values) else None, text, first=n == 0, level=level)
        for n, (column, text) in enumerate(zip(table.columns, texts, strict=True))
    ]
    return element("tr", *cells, class_=None if level == "normal" else level)


def _cell(column: Column, value: Cell, text: str, *, first: bool, level: Level) -> Markup:
    said = badge(level) if first and level != "normal" else None
    gap = " " if said else None
    content = _content(column, value, text)
    if first and column.form == "text":
        return element("th", content, gap, said, scope="row")
    return element("td", content, gap, said, class_=_form(column), data_name=None if first else unit_of(column))


def _content(column: Column, value: Cell, text: str) -> Child:
    if value is None or text == NOTHING:
        return element("span", NOTHING, class_="none", aria_label="no value")
    if column.form == "level" and value in LEVELS:
        return badge(value)  # type: ignore[arg-type]
    if isinstance(value, datetime):
        return element("time", text, datetime=value.isoformat())
    if column.form == "share" and isinstance(value, int | float) and 0 <= value <= 1:
        return element("span", text, style=f"--part:{math.floor(value * 100)}%")
    return text
