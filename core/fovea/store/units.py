"""Units and their change counter.

``seq`` grows with every change of what a unit's decisions are made from (samples, results, records);
``decided_seq`` and ``decided_key`` say on what they were last made. A unit must be decided where they differ.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ColumnElement, Connection, and_, exists, or_, select

from fovea.store.rows import insert
from fovea.store.tables import records, samples, units


def touch(connection: Connection, site: int, names: Iterable[str]) -> None:
    """These units changed; new ones are added."""
    rows = [
        {"site_id": site, "unit": name, "seq": 1, "decided_seq": 0, "decided_key": "", "batch_id": 0, "fault": ""}
        for name in sorted(set(names))
    ]
    if rows:
        statement = insert(connection, units).on_conflict_do_update(
            index_elements=["site_id", "unit"], set_={"seq": units.c.seq + 1}
        )
        connection.execute(statement, rows)


def touch_all(connection: Connection, site: int) -> None:
    """Something that belongs to every unit changed; units without anything of their own stay as they are."""
    connection.execute(units.update().where(units.c.site_id == site, alive()).values(seq=units.c.seq + 1))


def alive() -> ColumnElement[bool]:
    """The unit has current samples or records of its own."""
    return or_(
        exists().where(samples.c.site_id == units.c.site_id, samples.c.unit == units.c.unit, samples.c.current),
        exists().where(records.c.site_id == units.c.site_id, records.c.unit == units.c.unit, records.c.current),
    )


def is_alive(connection: Connection, site: int, unit: str) -> bool:
    """Whether a unit has current samples or records of its own."""
    statement = select(units.c.unit).where(and_(units.c.site_id == site, units.c.unit == unit, alive()))
    return connection.execute(statement).first() is not None


def names(connection: Connection, site: int) -> tuple[str, ...]:
    """The units that have anything of their own, by name."""
    statement = select(units.c.unit).where(units.c.site_id == site, alive()).order_by(units.c.unit)
    return tuple(connection.execute(statement).scalars())
