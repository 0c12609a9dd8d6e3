"""Decisions: upserted on (unit, key), their history kept, findings handed on to the cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from fovea.errors import StoreError
from fovea.plugin import Decision, Workflow
from fovea.store import audit, cases_table, codec, quarantine, work
from fovea.store.rows import SYSTEM, pieces, put
from fovea.store.tables import batches, decision_history, decisions, units, work_units
from fovea.store.values import BatchKey, DecisionRevision, Fault, Lease

_KEY = ("site_id", "unit", "key")
_CHANGE = ("data", "digest", "revision", "withdrawn", "batch_id", "time")


@dataclass(frozen=True, slots=True)
class Change:
    """A decision that is new, different or withdrawn; ``before`` is None where it is new."""

    unit: str
    key: str
    text: str
    withdrawn: bool
    revision: int
    before: Decision | None
    was_withdrawn: bool

    @property
    def decision(self) -> Decision:
        """The decision as it is now, or as it was when withdrawn."""
        return codec.load_decision(self.text)


def publish(
    connection: Connection,
    now: int,
    lease: Lease,
    made: Mapping[str, Sequence[Decision]],
    faults: Mapping[str, Fault],
    workflow: Workflow,
) -> bool:
    """Write the decisions of a lease.

    Raises:
        StoreError: decisions were given for a unit that is not the lease's.
    """
    if not work.is_held(connection, lease):
        return False
    strangers = sorted({*made, *faults} - set(lease.units))
    if strangers:
        raise StoreError(f"work {lease.id} was given decisions for '{strangers[0]}', which is not among its units")
    batch = connection.execute(select(batches).where(batches.c.id == lease.batch)).one()
    seqs = _fresh(connection, lease, BatchKey(**codec.load(batch.job)))
    at_fault = {name: (seqs[name], fault) for name, fault in faults.items() if name in seqs}
    quarantine.put_units(connection, now, batch, at_fault)
    decided = {name: made.get(name, ()) for name in seqs if name not in faults}
    changes = changes_of(connection, lease.site, decided, whole=True)
    write(connection, now, batch, changes)
    cases_table.follow(connection, now, lease.site, changes, workflow)
    mark(connection, batch, {name: seqs[name] for name in decided})
    work.close(connection, lease.id)
    work.decide_again(connection, lease)
    facts = {"work": lease.id, "by": lease.owner, "units": len(decided), "changed": len(changes), "root": root(changes)}
    audit.append(
        connection,
        now,
        action="decisions.published",
        subject=f"batch {batch.id}",
        facts=facts,
        actor=SYSTEM,
        role="system",
    )
    return True


def _fresh(connection: Connection, lease: Lease, key: BatchKey) -> dict[str, int]:
    """The lease's units with the seq they were read at, but for those that were decided on something newer since."""
    wanted = (
        select(work_units.c.unit, work_units.c.seq, units.c.decided_seq, units.c.decided_key)
        .join(units, (units.c.unit == work_units.c.unit) & (units.c.site_id == lease.site))
        .where(work_units.c.work_id == lease.id)
    )
    found = connection.execute(wanted).all()
    return {row.unit: row.seq for row in found if row.decided_key != key.decision_key or row.decided_seq <= row.seq}


def changes_of(
    connection: Connection, site: int, decided: Mapping[str, Sequence[Decision]], *, whole: bool
) -> list[Change]:
    """What is new or different, by unit and key; ``whole``: and what the units' decisions no longer hold."""
    there: dict[tuple[str, str], Row[Any]] = {}
    for part in pieces(list(decided)):
        wanted = select(decisions).where(decisions.c.site_id == site, decisions.c.unit.in_(part))
        there |= {(row.unit, row.key): row for row in connection.execute(wanted)}
    texts = {
        (name, one.key): codec.dump_decision(one) for name, of_unit in decided.items() for one in of_unit
    }  # a decision that comes again with the same key replaces its elder
    changed = [
        _change(place, text, there.get(place), withdrawn=False)
        for place, text in texts.items()
        if place not in there or there[place].withdrawn or there[place].digest != codec.digest(text)
    ]
    gone = [
        _change(place, row.data, row, withdrawn=True)
        for place, row in there.items()
        if whole and place not in texts and not row.withdrawn
    ]
    return sorted([*changed, *gone], key=lambda change: (change.unit, change.key))


def _change(place: tuple[str, str], text: str, row: Row[Any] | None, *, withdrawn: bool) -> Change:
    return Change(
        unit=place[0],
        key=place[1],
        text=text,
        withdrawn=withdrawn,
        revision=1 if row is None else row.revision + 1,
        before=None if row is None else codec.load_decision(row.data),
        was_withdrawn=row is not None and row.withdrawn,
    )


def write(connection: Connection, now: int, batch: Row[Any], changes: Sequence[Change]) -> None:
    """Upsert decisions and add to their history."""
    rows = [
        {
            "site_id": batch.site_id,
            "unit": change.unit,
            "key": change.key,
            "data": change.text,
            "digest": codec.digest(change.text),
            "revision": change.revision,
            "withdrawn": change.withdrawn,
            "batch_id": batch.id,
            "time": now,
        }
        for change in changes
    ]
    put(connection, decisions, rows, _KEY, _CHANGE)
    for change in changes:
        of = select(decisions.c.id).where(
            decisions.c.site_id == batch.site_id, decisions.c.unit == change.unit, decisions.c.key == change.key
        )
        row = {
            "decision_id": of.scalar_subquery(),
            "revision": change.revision,
            "data": change.text,
            "withdrawn": change.withdrawn,
            "batch_id": batch.id,
            "time": now,
        }
        connection.execute(decision_history.insert().values(**row))


def mark(connection: Connection, batch: Row[Any], seqs: Mapping[str, int]) -> None:
    """These units were decided on what they were at that seq."""
    key = BatchKey(**codec.load(batch.job)).decision_key
    for name, seq in seqs.items():
        mine = units.update().where(units.c.site_id == batch.site_id, units.c.unit == name)
        connection.execute(mine.values(decided_seq=seq, decided_key=key, batch_id=batch.id, fault=""))


def root(changes: Sequence[Change]) -> str:
    """One digest over changes."""
    return codec.digest(codec.dump([[change.unit, change.text, change.withdrawn] for change in changes]))


def current(connection: Connection, site: int) -> Mapping[str, tuple[Decision, ...]]:
    """Current decisions by unit."""
    wanted = (
        select(decisions.c.unit, decisions.c.data)
        .where(decisions.c.site_id == site, ~decisions.c.withdrawn)
        .order_by(decisions.c.unit, decisions.c.key)
    )
    found: dict[str, tuple[Decision, ...]] = {}
    for row in connection.execute(wanted):
        found[row.unit] = (*found.get(row.unit, ()), codec.load_decision(row.data))
    return found


def history(connection: Connection, site: int, unit: str, key: str) -> tuple[DecisionRevision, ...]:
    """Every state one decision has been in."""
    wanted = (
        select(decision_history)
        .join(decisions, decisions.c.id == decision_history.c.decision_id)
        .where(decisions.c.site_id == site, decisions.c.unit == unit, decisions.c.key == key)
        .order_by(decision_history.c.revision)
    )
    return tuple(
        DecisionRevision(
            unit=unit,
            decision=codec.load_decision(row.data),
            revision=row.revision,
            withdrawn=row.withdrawn,
            batch=row.batch_id,
            time=codec.moment(row.time),
        )
        for row in connection.execute(wanted)
    )
