"""Trainings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, select

from fovea.errors import UnknownName, UsageError
from fovea.store import codec
from fovea.store.tables import runs
from fovea.store.values import Run


def add(connection: Connection, run: Run) -> None:
    """Add a training."""
    if connection.execute(select(runs.c.id).where(runs.c.name == run.name)).first():
        raise UsageError(f"there is a run '{run.name}' already: choose another name")
    connection.execute(runs.insert(), _row(run))


def update(connection: Connection, run: Run) -> None:
    """Replace a training."""
    if connection.execute(runs.update().where(runs.c.name == run.name), _row(run)).rowcount == 0:
        raise UnknownName("run", run.name, [one.name for one in every(connection)])


def every(connection: Connection) -> tuple[Run, ...]:
    """All trainings, oldest first."""
    return tuple(_value(row) for row in connection.execute(select(runs).order_by(runs.c.started, runs.c.id)))


def of_name(connection: Connection, name: str) -> Run:
    """The training of that name."""
    row = connection.execute(select(runs).where(runs.c.name == name)).first()
    if row is None:
        raise UnknownName("run", name, [run.name for run in every(connection)])
    return _value(row)


def _row(run: Run) -> dict[str, Any]:
    parts = ("recipe", "figures", "curves", "environment")
    return {
        "name": run.name,
        "domain": run.domain,
        "role": run.role,
        "state": run.state,
        "data": codec.dump({part: dict(getattr(run, part)) for part in parts}, f"run '{run.name}'"),
        "fingerprint": run.fingerprint,
        "folder": str(run.folder),
        "started": codec.micros(run.started),
        "ended": None if run.ended is None else codec.micros(run.ended),
    }


def _value(row: Row[Any]) -> Run:
    return Run(
        name=row.name,
        domain=row.domain,
        role=row.role,
        state=row.state,
        folder=Path(row.folder),
        started=codec.moment(row.started),
        ended=None if row.ended is None else codec.moment(row.ended),
        fingerprint=row.fingerprint,
        **codec.load(row.data),
    )
