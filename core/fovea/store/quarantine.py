"""What cannot be worked with: parts of source versions, and units that cannot be decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, and_, exists, select

from fovea.store import audit, codec, sites
from fovea.store.rows import fault_fields, pieces, put
from fovea.store.tables import quarantine, samples, sources, units
from fovea.store.values import BatchKey, Fault, FaultRow

_KEY = ("source_id", "part", "version")
_CHANGE = ("view_digest", "code", "reason", "plugin", "function", "active", "batch_id", "time")


def put_samples(connection: Connection, now: int, batch: Row[Any], faults: Sequence[tuple[int, Fault]]) -> None:
    """Quarantine samples under the batch's view: another view (a higher limit, say) tries them again."""
    view = BatchKey(**codec.load(batch.job)).view_digest
    by_id = dict(faults)
    for part in pieces(list(by_id)):
        wanted = select(samples.c.id, samples.c.source_id, samples.c.part, samples.c.version)
        rows = [
            {
                "site_id": batch.site_id,
                "source_id": row.source_id,
                "part": row.part,
                "version": row.version,
                "view_digest": view,
                "active": True,
                "batch_id": batch.id,
                "time": now,
                **fault_fields(by_id[row.id]),
            }
            for row in connection.execute(wanted.where(samples.c.id.in_(part)))
        ]
        put(connection, quarantine, rows, _KEY, _CHANGE)


def put_units(connection: Connection, now: int, batch: Row[Any], faults: Mapping[str, tuple[int, Fault]]) -> None:
    """Note that units could not be decided on what they were at that seq; their decisions stay."""
    key = BatchKey(**codec.load(batch.job)).decision_key
    for name, (seq, fault) in faults.items():
        text = codec.dump(fault_fields(fault) | {"time": now})
        mine = units.update().where(units.c.site_id == batch.site_id, units.c.unit == name)
        connection.execute(mine.values(fault=text, decided_seq=seq, decided_key=key, batch_id=batch.id))


def clear(connection: Connection, site: int, numbers: Sequence[int]) -> None:
    """These samples were answered after all."""
    for part in pieces(numbers):
        answered = exists().where(
            samples.c.id.in_(part),
            samples.c.source_id == quarantine.c.source_id,
            samples.c.part == quarantine.c.part,
            samples.c.version == quarantine.c.version,
        )
        mine = quarantine.update().where(quarantine.c.site_id == site, quarantine.c.active, answered)
        connection.execute(mine.values(active=False))


def _current() -> Any:
    """A changed or vanished file leaves the quarantine by itself."""
    return exists().where(
        samples.c.source_id == quarantine.c.source_id,
        samples.c.part == quarantine.c.part,
        samples.c.version == quarantine.c.version,
        samples.c.current,
    )


def every(connection: Connection, site: int) -> tuple[FaultRow, ...]:
    """What cannot be worked with."""
    wanted = (
        select(quarantine, sources.c.path)
        .join(sources, sources.c.id == quarantine.c.source_id)
        .where(and_(quarantine.c.site_id == site, quarantine.c.active, _current()))
        .order_by(sources.c.path, quarantine.c.part)
    )
    found = [_value(row.path, row.part, "", row._mapping) for row in connection.execute(wanted)]  # noqa: SLF001
    faulty = select(units).where(units.c.site_id == site, units.c.fault != "").order_by(units.c.unit)
    found += [_value("", "", row.unit, codec.load(row.fault)) for row in connection.execute(faulty)]
    return tuple(found)


def _value(source: str, part: str, unit: str, row: Mapping[Any, Any]) -> FaultRow:
    return FaultRow(
        source=source,
        part=part,
        unit=unit,
        code=row["code"],
        reason=row["reason"],
        plugin=row["plugin"],
        function=row["function"],
        time=codec.moment(row["time"]),
    )


def retry(connection: Connection, now: int, *, site: int, source: str | None, actor: str, role: str) -> int:
    """Clear the marks, so that the next plan takes the things up again."""
    mine = quarantine.update().where(quarantine.c.site_id == site, quarantine.c.active)
    if source is not None:
        of_source = select(sources.c.id).where(sources.c.site_id == site, sources.c.path == source)
        mine = mine.where(quarantine.c.source_id.in_(of_source))
    count = connection.execute(mine.values(active=False)).rowcount
    if source is None:
        faulty = units.update().where(units.c.site_id == site, units.c.fault != "")
        count += connection.execute(faulty.values(fault="", decided_key="")).rowcount
    facts = {"source": source or "", "count": count}
    subject = sites.of_id(connection, site).name
    audit.append(connection, now, action="quarantine.retry", subject=subject, facts=facts, actor=actor, role=role)
    return count
