"""Events on their way to listeners: written with what they tell of, delivered at least once, in order by subject.

A delivery is ``waiting`` for its time, ``claimed`` by who tells it just now, ``done``, or ``dead``; an event without
one waits to be told at once. What is known of a listener stands in the facts of one row of the kind
:data:`MET`, which is told to nobody: every event up to the number ``upto`` is over for that listener.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, exists, func, or_, select

from fovea.errors import UnknownName
from fovea.plugin import Event
from fovea.store import audit, codec
from fovea.store.rows import insert, put
from fovea.store.tables import deliveries, outbox
from fovea.store.values import Delivery

MET = "listener.met"
FRESH = 24 * 60 * 60 * 1_000_000
"""Microseconds: what happened longer than a day before a listener was first met is history, and not told to it."""

LOST = "the program that was telling it ended before the listener answered"
_OVER = ("done", "dead")
_SETTLED = 60 * 60 * 1_000_000
_KEY = ("event_number", "listener")
_CHANGE = ("state", "attempts", "next_time", "error")


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """An event that a listener has not heard yet; ``not_before`` is None where nothing but its turn is waited for."""

    event: Event
    listener: str
    attempts: int
    error: str
    not_before: datetime | None


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
    """Events to deliver now: neither over, nor waiting for their time, nor behind an elder of their subject.

    Those that failed least come first, so that a few that fail for ever hold up nobody else.
    """
    upto = _reached(connection, listener, now)
    elder, its = outbox.alias(), deliveries.alias()
    over = exists().where(its.c.event_number == elder.c.id, its.c.listener == listener, its.c.state.in_(_OVER))
    behind = exists().where(
        elder.c.subject == outbox.c.subject, elder.c.id < outbox.c.id, elder.c.id > upto, elder.c.kind != MET, ~over
    )
    its_time = or_(deliveries.c.state.is_(None), deliveries.c.next_time <= now)
    wanted = _owed(listener, upto).where(its_time, ~behind)
    ordered = wanted.order_by(func.coalesce(deliveries.c.attempts, 0), outbox.c.id).limit(limit)
    return tuple(_value(row, listener) for row in connection.execute(ordered))


def owed(connection: Connection, listener: str, now: int) -> tuple[Owed, ...]:
    """Every event that is not over for a listener, oldest first."""
    found = connection.execute(_owed(listener, _reached(connection, listener, now)).order_by(outbox.c.id))
    return tuple(
        Owed(
            event=_event(row),
            listener=listener,
            attempts=row.attempts or 0,
            error=row.error or "",
            not_before=codec.moment(row.next_time) if row.next_time else None,
        )
        for row in found
    )


def _owed(listener: str, upto: int) -> Select[Any]:
    mine = and_(deliveries.c.event_number == outbox.c.id, deliveries.c.listener == listener)
    return (
        select(outbox, deliveries.c.state, deliveries.c.attempts, deliveries.c.error, deliveries.c.next_time)
        .select_from(outbox.outerjoin(deliveries, mine))
        .where(outbox.c.id > upto, outbox.c.kind != MET, _not_over())
    )


def _not_over() -> ColumnElement[bool]:
    return or_(deliveries.c.state.is_(None), deliveries.c.state.not_in(_OVER))


def _value(row: Row[Any], listener: str) -> Delivery:
    return Delivery(event=_event(row), listener=listener, attempts=row.attempts or 0, error=row.error or "")


def _event(row: Row[Any]) -> Event:
    return Event(
        id=row.event_id,
        kind=row.kind,
        subject=row.subject,
        site=row.site,
        time=codec.moment(row.time, row.zone),
        facts=codec.load(row.facts),
    )


def is_met(connection: Connection, listener: str) -> bool:
    """Whether a listener was ever looked after."""
    return _upto(connection, listener) is not None


def meet(connection: Connection, listener: str, now: int) -> None:
    """Note a listener that is new: what happened more than a day before is over for it."""
    if is_met(connection, listener):
        return
    facts = {"listener": listener, "upto": _history(connection, now)}
    time = codec.moment(now)
    add(connection, Event(id=f"{MET}-{listener}", kind=MET, subject=listener, site="", time=time, facts=facts))


def _reached(connection: Connection, listener: str, now: int) -> int:
    """The number up to which every event is over for a listener; of one not met yet, what it will be once it is."""
    upto = _upto(connection, listener)
    return _history(connection, now) if upto is None else upto


def _history(connection: Connection, now: int) -> int:
    """The number of the last event that is older than a day, and than everything that is not."""
    fresh = select(func.min(outbox.c.id)).where(outbox.c.time >= now - FRESH, outbox.c.kind != MET)
    first = connection.execute(fresh).scalar()
    newest = connection.execute(select(func.max(outbox.c.id))).scalar() or 0
    return newest if first is None else int(first) - 1


def _upto(connection: Connection, listener: str) -> int | None:
    facts = connection.execute(select(outbox.c.facts).where(outbox.c.event_id == f"{MET}-{listener}")).scalar()
    return None if facts is None else int(codec.load(facts)["upto"])


def _set_upto(connection: Connection, listener: str, upto: int) -> None:
    mine = outbox.update().where(outbox.c.event_id == f"{MET}-{listener}")
    connection.execute(mine.values(facts=codec.dump({"listener": listener, "upto": upto})))


def claim(connection: Connection, event_id: str, listener: str, now: int, until: int) -> Delivery | None:
    """Take an event that is due out of everybody else's reach until then; None where somebody was quicker.

    One that was claimed before and never settled counts as failed once more: whoever told it is gone.
    """
    row = connection.execute(_owed(listener, 0).where(outbox.c.event_id == event_id)).first()
    if row is None:
        return None
    one = _value(row, listener)
    if row.state == "claimed":
        one = replace(one, attempts=one.attempts + 1, error=LOST)
    values = {
        "event_number": row.id,
        "listener": listener,
        "state": "claimed",
        "attempts": one.attempts,
        "next_time": until,
        "error": one.error,
    }
    statement = insert(connection, deliveries)
    given = {name: statement.excluded[name] for name in _CHANGE}
    free = and_(deliveries.c.state.not_in(_OVER), deliveries.c.next_time <= now)  # judged on the row as it is by now
    claimed = statement.on_conflict_do_update(index_elements=list(_KEY), set_=given, where=free)
    return one if connection.execute(claimed, values).rowcount == 1 else None


def settle(
    connection: Connection, event_id: str, listener: str, *, state: str, next_time: int = 0, error: str = ""
) -> None:
    """Note how a delivery went: ``done``, ``waiting`` for ``next_time``, or ``dead``; what is done stays done."""
    number = _number(connection, event_id)
    before = connection.execute(_delivery(number, listener)).first()
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
    put(connection, deliveries, [row], _KEY, _CHANGE)
    if before is not None and before.state == "dead":
        _lower(connection, listener, number - 1)


def _number(connection: Connection, event_id: str) -> int:
    number = connection.execute(select(outbox.c.id).where(outbox.c.event_id == event_id)).scalar()
    if number is None:
        raise UnknownName("event", event_id, ())
    return int(number)


def _delivery(number: int, listener: str) -> Select[Any]:
    return select(deliveries).where(deliveries.c.event_number == number, deliveries.c.listener == listener)


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


def revive(connection: Connection, now: int, listener: str | None, *, actor: str, role: str) -> int:
    """Let dead letters be told again as if they had never been tried; returns how many."""
    mine = [deliveries.c.state == "dead", *([] if listener is None else [deliveries.c.listener == listener])]
    firsts = select(deliveries.c.listener, func.min(deliveries.c.event_number)).where(*mine)
    for name, first in connection.execute(firsts.group_by(deliveries.c.listener)).all():
        _lower(connection, name, first - 1)
    fresh = {"state": "waiting", "attempts": 0, "next_time": 0}
    count = connection.execute(deliveries.update().where(*mine).values(**fresh)).rowcount
    facts = {"listener": listener or "", "count": count}
    audit.append(
        connection, now, action="events.retried", subject=listener or "events", facts=facts, actor=actor, role=role
    )
    return count


def _lower(connection: Connection, listener: str, upto: int) -> None:
    """Something that was over is not any more; what is over beside it stays so."""
    before = _upto(connection, listener)
    if before is not None and before > upto:
        _set_upto(connection, listener, upto)


def tidy(connection: Connection, now: int, listeners: Sequence[str], before: int) -> int:
    """Note how far each listener has come, and delete what is over for all of them and older than ``before``.

    Dead letters go too: what nobody brought back to life in all that time is not wanted. Returns how many went.
    """
    floor = min((_advanced(connection, now, listener) for listener in listeners), default=0)
    old = outbox.delete().where(outbox.c.id <= floor, outbox.c.time < before, outbox.c.kind != MET)
    return connection.execute(old).rowcount


def _advanced(connection: Connection, now: int, listener: str) -> int:
    """The number up to which all is over for a listener, kept where it grew.

    It stays an hour behind: on a server, a transaction under way may still bring an event of a lower number.
    """
    upto = _upto(connection, listener) or 0
    first = connection.execute(_owed(listener, upto).with_only_columns(func.min(outbox.c.id))).scalar()
    settled = connection.execute(select(func.max(outbox.c.id)).where(outbox.c.time < now - _SETTLED)).scalar() or 0
    reached = settled if first is None else min(settled, int(first) - 1)
    if reached > upto:
        _set_upto(connection, listener, reached)
    return max(reached, upto)
