"""Leases: who works on what, until when, and what becomes of work that nobody answers."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, Subquery, exists, literal, select

from fovea.plugin import Sample, Unreadable
from fovea.store import audit, codec, quarantine, units
from fovea.store.batches import OUTSTANDING
from fovea.store.plan import SPAN
from fovea.store.rows import SYSTEM, pieces
from fovea.store.tables import batches, samples, sources, work, work_samples, work_units
from fovea.store.tables import units as units_table
from fovea.store.values import MAX_ATTEMPTS, Batch, Fault, Lease

CRASH = Unreadable(code="crash", reason="the worker that looked at it ended three times without an answer")


def lease(connection: Connection, now: int, batch: Batch, *, owner: str, until: int) -> Lease | None:
    """Take the oldest work, decisions first; expired work before fresh work of its kind."""
    while (row := _candidate(connection, now, batch)) is not None:
        if row.attempt < MAX_ATTEMPTS:
            return _take(connection, row, batch, owner, until)
        _convict(connection, now, row.id, CRASH)  # it ran out for the last time: nobody is left to give it up
    return None


def _candidate(connection: Connection, now: int, batch: Batch) -> Row[Any] | None:
    for kind in ("decide", "score"):
        mine = (work.c.batch_id == batch.id, work.c.kind == kind)
        expired = select(work).where(*mine, work.c.state == "leased", work.c.lease_until < now)
        ready = select(work).where(*mine, work.c.state == "ready", _in_turn())
        for wanted in (expired, ready):
            row = connection.execute(claim(connection, wanted.order_by(work.c.id).limit(1))).first()
            if row is not None:
                return row
    return None


def claim(connection: Connection, wanted: Select[Any]) -> Select[Any]:
    """A choice that two workers cannot both make: SQLite's write lock sees to it; a server must lock the row.

    SQLAlchemy drops ``SKIP LOCKED`` on SQLite without a word, so the difference is spelled out here.
    """
    return wanted if connection.dialect.name == "sqlite" else wanted.with_for_update(skip_locked=True)


def _in_turn() -> ColumnElement[bool]:
    """No earlier chunk of the same unit is outstanding; chunks that no order binds carry no unit."""
    earlier = work.alias()
    before = exists().where(
        earlier.c.batch_id == work.c.batch_id,
        earlier.c.unit == work.c.unit,
        earlier.c.place < work.c.place,
        earlier.c.kind == "score",
        earlier.c.state.in_(OUTSTANDING),
    )
    return (work.c.unit == literal(b"")) | ~before


def _take(connection: Connection, row: Row[Any], batch: Batch, owner: str, until: int) -> Lease:
    fence, attempt = row.fence + 1, row.attempt + 1
    taken = {"state": "leased", "owner": owner, "fence": fence, "attempt": attempt, "lease_until": until}
    connection.execute(work.update().where(work.c.id == row.id).values(**taken))
    if row.kind == "decide":
        _note_seq(connection, row.id, batch.site)
    found = _samples(connection, row.id)
    names = connection.execute(
        select(work_units.c.unit).where(work_units.c.work_id == row.id).order_by(work_units.c.unit)
    )
    return Lease(
        id=row.id,
        batch=batch.id,
        site=batch.site,
        kind=row.kind,
        owner=owner,
        fence=fence,
        attempt=attempt,
        place=row.place,
        samples=tuple(sample for _, sample in found),
        sample_ids=tuple(number for number, _ in found),
        units=tuple(names.scalars()),
    )


def _note_seq(connection: Connection, number: int, site: int) -> None:
    """What changes after this moment is not surely among the entries that will be read: it must be decided anew."""
    seq = select(units_table.c.seq).where(units_table.c.site_id == site, units_table.c.unit == work_units.c.unit)
    noted = work_units.update().where(work_units.c.work_id == number)
    connection.execute(noted.values(seq=seq.scalar_subquery()))


def _samples(connection: Connection, number: int) -> list[tuple[int, Sample]]:
    wanted = (
        select(samples.c.id, sources.c.path, samples.c.part, samples.c.data, samples.c.answers)
        .select_from(work_samples.join(samples, samples.c.id == work_samples.c.sample_id))
        .join(sources, sources.c.id == samples.c.source_id)
        .where(work_samples.c.work_id == number)
        .order_by(work_samples.c.place)
    )
    return [
        (row.id, codec.load_sample(row.path, row.part, row.data, row.answers)) for row in connection.execute(wanted)
    ]


def held(lease: Lease) -> tuple[ColumnElement[bool], ...]:
    """The fence: true only while this very lease holds the work."""
    return (
        work.c.id == lease.id,
        work.c.owner == lease.owner,
        work.c.fence == lease.fence,
        work.c.state == "leased",
    )


def is_held(connection: Connection, lease: Lease) -> bool:
    """Whether the lease still holds its work; on a server the row is locked until the transaction ends."""
    wanted = select(work.c.id).where(*held(lease))
    if connection.dialect.name != "sqlite":
        wanted = wanted.with_for_update()
    return connection.execute(wanted).first() is not None


def renew(connection: Connection, lease: Lease, until: int) -> bool:
    """Hold on."""
    return connection.execute(work.update().where(*held(lease)).values(lease_until=until)).rowcount == 1


def close(connection: Connection, number: int) -> None:
    """The work is done: its lists are no longer needed."""
    for table in (work_samples, work_units):
        connection.execute(table.delete().where(table.c.work_id == number))
    connection.execute(work.update().where(work.c.id == number).values(state="done"))


def hand_back(connection: Connection, lease: Lease) -> bool:
    """Return the work, without counting the attempt."""
    free = {"state": "ready", "attempt": work.c.attempt - 1}
    return connection.execute(work.update().where(*held(lease)).values(**free)).rowcount == 1


def holders(connection: Connection, batch: Batch) -> tuple[str, ...]:
    """Owners of leases in hand, in order."""
    mine = (work.c.batch_id == batch.id, work.c.state == "leased")
    return tuple(connection.execute(select(work.c.owner).where(*mine).distinct().order_by(work.c.owner)).scalars())


def abandon(connection: Connection, now: int, batch: Batch, *, owner: str, blame: bool) -> int:
    """Free a dead worker's leases."""
    mine = (work.c.batch_id == batch.id, work.c.owner == owner, work.c.state == "leased")
    if not blame:
        free = {"state": "ready", "attempt": work.c.attempt - 1}
        return connection.execute(work.update().where(*mine).values(**free)).rowcount
    found = connection.execute(select(work.c.id, work.c.attempt).where(*mine)).all()
    for row in found:
        _put_back(connection, now, row.id, row.attempt, CRASH)
    return len(found)


def give_up(connection: Connection, now: int, lease: Lease, fault: Fault) -> bool:
    """No answer: try again, split, or quarantine."""
    if not is_held(connection, lease):
        return False
    _put_back(connection, now, lease.id, lease.attempt, fault)
    return True


def _put_back(connection: Connection, now: int, number: int, attempt: int, fault: Fault) -> None:
    if attempt < MAX_ATTEMPTS:
        connection.execute(work.update().where(work.c.id == number).values(state="ready"))
    else:
        _convict(connection, now, number, fault)


def _convict(connection: Connection, now: int, number: int, fault: Fault) -> None:
    row = connection.execute(select(work).where(work.c.id == number)).one()
    table = work_samples if row.kind == "score" else work_units
    column = table.c.sample_id if row.kind == "score" else table.c.unit
    order = table.c.place if row.kind == "score" else table.c.unit
    members = connection.execute(select(column).where(table.c.work_id == number).order_by(order)).scalars().all()
    if len(members) > 1:
        _split(connection, row, members)
        return
    batch = connection.execute(select(batches).where(batches.c.id == row.batch_id)).one()
    if row.kind == "score":
        quarantine.put_samples(connection, now, batch, [(one, fault) for one in members])
        facts = {"work": number, "by": row.owner, "pictures": len(members), "quarantined": len(members)}
        name = f"batch {batch.id}"
        audit.append(connection, now, action="work.given_up", subject=name, facts=facts, actor=SYSTEM, role="system")
        finish_score(connection, batch.site_id, row.id, row.batch_id)
    else:
        seqs = {
            one.unit: one.seq for one in connection.execute(select(work_units).where(work_units.c.work_id == number))
        }
        quarantine.put_units(connection, now, batch, {name: (seq, fault) for name, seq in seqs.items()})
        close(connection, number)


def _split(connection: Connection, row: Row[Any], members: Any) -> None:
    """A chunk that kills its workers is cut into singles, at places between its own and the next chunk's."""
    of_member = {}
    if row.kind == "score":
        wanted = select(samples.c.id, samples.c.unit).join(work_samples, work_samples.c.sample_id == samples.c.id)
        found = connection.execute(wanted.where(work_samples.c.work_id == row.id))
        of_member = {one.id: one.unit for one in found}
    close(connection, row.id)
    for at, member in enumerate(members):
        single = {
            "batch_id": row.batch_id,
            "kind": row.kind,
            "unit": row.unit,
            "place": row.place + min(at, SPAN - 1),
            "state": "ready",
            "owner": "",
            "fence": 0,
            "attempt": 0,
            "lease_until": 0,
            "pictures": 1 if row.kind == "score" else 0,
        }
        key = connection.execute(work.insert(), single).inserted_primary_key
        number = key[0] if key is not None else 0
        if row.kind == "score":
            connection.execute(work_samples.insert(), {"work_id": number, "sample_id": member, "place": 0})
        unit = of_member.get(member, member)
        of = {"work_id": number, "unit": unit, "batch_id": row.batch_id, "kind": row.kind, "seq": 0}
        connection.execute(work_units.insert(), of)


def decide_again(connection: Connection, lease: Lease) -> None:
    """Units of a decided lease that changed since it was taken get new work, unless there is some already."""
    wanted = select(units_table.c.unit).where(
        units_table.c.site_id == lease.site,
        units_table.c.seq != units_table.c.decided_seq,
        ~exists().where(work_units.c.batch_id == lease.batch, work_units.c.unit == units_table.c.unit),
    )
    for part in pieces(lease.units):
        stale = list(connection.execute(wanted.where(units_table.c.unit.in_(part))).scalars())
        if stale:
            _add_decide(connection, lease.batch, stale)


def finish_score(connection: Connection, site: int, number: int, batch: int) -> list[str]:
    """Close a chunk, and give its units that have nothing left to score their work to decide; answers its units."""
    names = connection.execute(select(work_units.c.unit).where(work_units.c.work_id == number)).scalars().all()
    close(connection, number)
    units.touch(connection, site, names)
    complete: list[str] = []
    for part in pieces(names):
        left = _of_batch(batch, part)
        complete += sorted(set(part) - set(connection.execute(select(left.c.unit)).scalars()))
    if complete:
        _add_decide(connection, batch, complete)
    return list(names)


def _of_batch(batch: int, names: Any) -> Subquery:
    """Units of these that have work nobody has begun to decide on: chunks to score, or a decision still to be taken."""
    return (
        select(work_units.c.unit)
        .join(work, work.c.id == work_units.c.work_id)
        .where(work_units.c.batch_id == batch, work_units.c.unit.in_(names))
        .where((work.c.kind == "score") | (work.c.state == "ready"))
        .distinct()
        .subquery()
    )


def _add_decide(connection: Connection, batch: int, names: list[str]) -> None:
    row = {
        "batch_id": batch,
        "kind": "decide",
        "unit": "",
        "place": 0,
        "state": "ready",
        "owner": "",
        "fence": 0,
        "attempt": 0,
        "lease_until": 0,
        "pictures": 0,
    }
    key = connection.execute(work.insert(), row).inserted_primary_key
    number = key[0] if key is not None else 0
    of = [{"work_id": number, "unit": name, "batch_id": batch, "kind": "decide", "seq": 0} for name in names]
    connection.execute(work_units.insert(), of)
