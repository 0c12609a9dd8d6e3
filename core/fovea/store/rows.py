"""Small tools that the tables' modules share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, Table

from fovea.errors import PluginError
from fovea.store.values import Fault

T = TypeVar("T")
SYSTEM = "fovea"
"""The actor of what no person did."""


def insert(connection: Connection, table: Table) -> Any:
    """The dialect's own insert, which knows ``ON CONFLICT``."""
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    from sqlalchemy.dialects import sqlite

    return sqlite.insert(table)


def add_missing(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], key: Sequence[str]) -> None:
    """Insert the rows whose key is not there yet; the others stay as they are."""
    if rows:
        connection.execute(insert(connection, table).on_conflict_do_nothing(index_elements=list(key)), rows)


def put(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], key: Sequence[str], change: Sequence[str]
) -> None:
    """Insert the rows; of those whose key is there already, replace the columns named in ``change``."""
    if rows:
        statement = insert(connection, table)
        given = {name: statement.excluded[name] for name in change}
        connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=given), rows)


def pieces(values: Sequence[T], size: int = 500) -> Iterator[Sequence[T]]:
    """The values in runs of at most ``size``, for databases limit how many one statement may name."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


def fault_fields(fault: Fault) -> dict[str, str]:
    """Code, reason, plugin and function of a fault."""
    if isinstance(fault, PluginError):
        return {"code": "plugin", "reason": fault.fault, "plugin": fault.plugin, "function": fault.function}
    return {"code": fault.code, "reason": fault.reason, "plugin": "", "function": ""}
