"""Batches: one pass over a site under one key."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from sqlalchemy import Connection, Row, func, select

from fovea.errors import UnknownName
from fovea.plugin import Event
from fovea.store import audit, codec, outbox, sites
from fovea.store.tables import batches, decision_history, measures, quarantine, units, work, work_samples, work_units
from fovea.store.values import Batch, BatchCounts, BatchKey, short_digest

OUTSTANDING = ("ready", "leased")


def open_one(connection: Connection, now: int, *, site: int, key: BatchKey, actor: str, role: str) -> Batch:
    """Resume the unfinished batch of an equal key, or begin one and supersede any other."""
    job = _job(key)
    mine = None
    unfinished = select(batches).where(batches.c.site_id == site, batches.c.state == "open").order_by(batches.c.id)
    for row in connection.execute(unfinished).all():
        if row.job_digest == short_digest(job):
            mine = row.id
        else:
            _supersede(connection, row.id)
    scan = (connection.execute(select(func.max(batches.c.scan))).scalar() or 0) + 1
    if mine is None:
        mine = _begin(connection, now, site, job, scan)
        facts = {"batch": mine, "job": job}
        name = sites.of_id(connection, site).name
        audit.append(connection, now, action="batch.opened", subject=name, facts=facts, actor=actor, role=role)
    else:
        connection.execute(batches.update().where(batches.c.id == mine).values(scan=scan))
    return of_id(connection, mine)


def _job(key: BatchKey) -> dict[str, Any]:
    return {
        "bundles": dict(key.bundles),
        "view_digest": key.view_digest,
        "fitted_digest": key.fitted_digest,
        "policy_digest": key.policy_digest,
        "precision": key.precision,
    }


def _begin(connection: Connection, now: int, site: int, job: dict[str, Any], scan: int) -> int:
    row = {
        "site_id": site,
        "job": codec.dump(job),
        "job_digest": short_digest(job),
        "scan": scan,
        "in_order": False,
        "state": "open",
        "opened": now,
    }
    key = connection.execute(batches.insert(), row).inserted_primary_key
    return int(key[0]) if key is not None else 0


def _supersede(connection: Connection, number: int) -> None:
    connection.execute(batches.update().where(batches.c.id == number).values(state="superseded"))
    mine = select(work.c.id).where(work.c.batch_id == number)
    for table in (work_samples, work_units):
        connection.execute(table.delete().where(table.c.work_id.in_(mine)))
    left = work.update().where(work.c.batch_id == number, work.c.state.in_(OUTSTANDING))
    connection.execute(left.values(state="cancelled"))


def finish(connection: Connection, now: int, batch: Batch) -> None:
    """Mark the batch finished and queue its event, once."""
    ended = batches.update().where(batches.c.id == batch.id, batches.c.state == "open")
    if connection.execute(ended.values(state="finished", finished=now)).rowcount == 0:
        return
    name, done = sites.of_id(connection, batch.site).name, counts(connection, batch.id)
    facts = {"batch": batch.id, "pictures": done.pictures, "quarantined": done.quarantined, "decisions": done.decisions}
    outbox.add(
        connection,
        Event(
            id=f"batch.finished-{batch.id}-{name}",
            kind="batch.finished",
            subject=f"batch {batch.id} of {name}",
            site=name,
            time=codec.moment(now),
            facts=facts,
        ),
    )


def every(connection: Connection, site: int) -> tuple[Batch, ...]:
    """All batches of a site, oldest first."""
    found = connection.execute(select(batches).where(batches.c.site_id == site).order_by(batches.c.id))
    return tuple(_value(row) for row in found)


def of_id(connection: Connection, number: int) -> Batch:
    """The batch of that id."""
    row = connection.execute(select(batches).where(batches.c.id == number)).first()
    if row is None:
        known = connection.execute(select(batches.c.id).order_by(batches.c.id)).scalars()
        raise UnknownName("batch", str(number), [str(one) for one in known])
    return _value(row)


def _value(row: Row[Any]) -> Batch:
    return Batch(
        id=row.id,
        site=row.site_id,
        key=BatchKey(**codec.load(row.job)),
        scan=row.scan,
        state=row.state,
        opened=codec.moment(row.opened).astimezone(UTC),
        finished=None if row.finished is None else codec.moment(row.finished),
    )


def counts(connection: Connection, number: int) -> BatchCounts:
    """How far a batch is."""
    states = select(work.c.state, func.count()).where(work.c.batch_id == number).group_by(work.c.state)
    by_state = {row[0]: row[1] for row in connection.execute(states)}
    waiting = select(func.sum(work.c.pictures)).where(work.c.batch_id == number, work.c.state.in_(OUTSTANDING))

    def count(*rules: Any) -> int:
        return int(connection.execute(select(func.count()).where(*rules)).scalar_one())

    unreadable = count(quarantine.c.batch_id == number, quarantine.c.active)
    return BatchCounts(
        todo=by_state.get("ready", 0),
        leased=by_state.get("leased", 0),
        done=by_state.get("done", 0),
        pictures=count(measures.c.batch_id == number) + unreadable,
        waiting=int(connection.execute(waiting).scalar() or 0),
        quarantined=unreadable,
        units=count(units.c.batch_id == number),
        faulty_units=count(units.c.batch_id == number, units.c.fault != ""),
        decisions=count(decision_history.c.batch_id == number),
    )
