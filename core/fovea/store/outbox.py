"""Events on their way to listeners: written with what they tell of, delivered at least once, in order by subject."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, and_, exists, or_, select

from fovea.errors import UnknownName
from fovea.plugin import Event
from fovea.store import codec
from fovea.store.rows import insert, put
from fovea.store.tables import deliveries, outbox
from fovea.store.values import Delivery

_OVER = ("done", "dead")


def add(connection: Connection, event: Event) -> bool:
    """Queue an event, inside the caller's transaction; one of that id is queued once."""
    row = {
        "event_id": event.id,
        "kind": event.kind,
        "subject": event.subject,
        "site": event.site,
        "time": codec.micros(event.time),
        "zone": codec.zone_name(event.time),
        "facts": codec.dump(dict(event.facts), f"event '{event.kind}'"),
    }
    statement = insert(connection, outbox).on_conflict_do_nothing(index_elements=["event_id"])
    return bool(connection.execute(statement, row).rowcount == 1)


def due(connection: Connection, listener: str, now: int, limit: int) -> tuple[Delivery, ...]:
    """Events to deliver now: neither over, nor waiting for their time, nor behind an elder of their subject."""
    mine = and_(deliveries.c.event_number == outbox.c.id, deliveries.c.listener == listener)
    elder, its = outbox.alias(), deliveries.alias()
    over = exists().where(its.c.event_number == elder.c.id, its.c.listener == listener, its.c.state.in_(_OVER))
    behind = exists().where(elder.c.subject == outbox.c.subject, elder.c.id < outbox.c.id, ~over)
    wanted = (
        select(outbox, deliveries.c.attempts, deliveries.c.error)
        .select_from(outbox.outerjoin(deliveries, mine))
        .where(
            or_(
                deliveries.c.state.is_(None),
                and_(deliveries.c.state.not_in(_OVER), deliveries.c.next_time <= now),
            ),
            ~behind,
        )
        .order_by(outbox.c.id)
        .limit(limit)
    )
    return tuple(_value(row, listener) for row in connection.execute(wanted))


def _value(row: Row[Any], listener: str) -> Delivery:
    event = Event(
        id=row.event_id,
        kind=row.kind,
        subject=row.subject,
        site=row.site,
        time=codec.moment(row.time, row.zone),
        facts=codec.load(row.facts),
    )
    return Delivery(event=event, listener=listener, attempts=row.attempts or 0, error=row.error or "")


def settle(
    connection: Connection, event_id: str, listener: str, *, state: str, next_time: int = 0, error: str = ""
) -> None:
    """Note how a delivery went: ``done``, ``waiting`` for ``next_time``, or ``dead``; what is done stays done."""
    number = connection.execute(select(outbox.c.id).where(outbox.c.event_id == event_id)).scalar()
    if number is None:
        raise UnknownName("event", event_id, ())
    mine = (deliveries.c.event_number == number, deliveries.c.listener == listener)
    before = connection.execute(select(deliveries).where(*mine)).first()
    if before is not None and before.state == "done":
        return
    row = {
        "event_number": number,
        "listener": listener,
        "state": state,
        "attempts": (before.attempts if before else 0) + (state != "done"),
        "next_time": next_time,
        "error": error,
    }
    put(connection, deliveries, [row], ("event_number", "listener"), ("state", "attempts", "next_time", "error"))


def dead(connection: Connection, listener: str | None) -> tuple[Delivery, ...]:
    """Events that were given up on."""
    wanted = (
        select(outbox, deliveries.c.attempts, deliveries.c.error, deliveries.c.listener)
        .join(deliveries, deliveries.c.event_number == outbox.c.id)
        .where(deliveries.c.state == "dead")
        .order_by(outbox.c.id)
    )
    if listener is not None:
        wanted = wanted.where(deliveries.c.listener == listener)
    return tuple(_value(row, row.listener) for row in connection.execute(wanted))
