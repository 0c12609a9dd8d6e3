"""The audit chain: every row's digest covers the digest before it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, select

from fovea.store import codec
from fovea.store.tables import audit
from fovea.store.values import AuditHead, AuditRow


def append(
    connection: Connection, now: int, *, action: str, subject: str, facts: Mapping[str, Any], actor: str, role: str
) -> AuditHead:
    """Add a link to the chain, inside the caller's transaction."""
    last = head(connection)
    row = {
        "number": last.number + 1,
        "time": now,
        "actor": actor,
        "role": role,
        "action": action,
        "subject": subject,
        "facts": codec.dump(dict(facts), f"audit of {action}"),
        "previous": last.digest,
    }
    row["digest"] = _digest(row)
    connection.execute(audit.insert(), row)
    return AuditHead(number=last.number + 1, digest=str(row["digest"]))


def head(connection: Connection) -> AuditHead:
    """The last link; number 0 and no digest before the first."""
    row = connection.execute(select(audit.c.number, audit.c.digest).order_by(audit.c.number.desc()).limit(1)).first()
    return AuditHead(number=row.number, digest=row.digest) if row else AuditHead(number=0, digest="")


def rows(connection: Connection, after: int, limit: int) -> tuple[AuditRow, ...]:
    """Links after a number."""
    found = connection.execute(select(audit).where(audit.c.number > after).order_by(audit.c.number).limit(limit))
    return tuple(_value(row) for row in found)


def verify(connection: Connection, expected: AuditHead | None) -> str | None:
    """The chain's first fault in words that read on from "the audit chain is broken:", or None.

    Every edit, deletion, swap and insertion breaks a digest or a number; rows cut off the end break nothing in
    the chain itself, which is why a head exported earlier is compared too.
    """
    last = AuditHead(number=0, digest="")
    met = expected is None or expected.number == 0
    statement = select(audit).order_by(audit.c.number).execution_options(yield_per=1000)
    for row in connection.execute(statement):
        fault = _fault(row, last)
        if fault is not None:
            return fault
        last = AuditHead(number=row.number, digest=row.digest)
        if expected is not None and row.number == expected.number:
            if row.digest != expected.digest:
                return f"row {row.number} is not the one whose digest was exported: the chain was rewritten"
            met = True
    if not met and expected is not None:
        return f"it ends at row {last.number}, but row {expected.number} was exported: rows were cut off"
    return None


def _fault(row: Row[Any], last: AuditHead) -> str | None:
    if row.number != last.number + 1:
        return f"row {last.number + 1} is missing: the next one there is row {row.number}"
    if row.previous != last.digest:
        return f"row {row.number} does not follow from row {last.number}: one of them was replaced"
    try:
        same = _digest({name: value for name, value in row._mapping.items() if name != "digest"}) == row.digest  # noqa: SLF001 - SQLAlchemy's public name
    except UnicodeEncodeError:
        same = False
    return None if same else f"row {row.number} was changed after it was written"


def _digest(fields: Mapping[str, Any]) -> str:
    return codec.digest(codec.dump(dict(fields)))


def _value(row: Row[Any]) -> AuditRow:
    return AuditRow(
        number=row.number,
        time=codec.moment(row.time),
        actor=row.actor,
        role=row.role,
        action=row.action,
        subject=row.subject,
        facts=codec.load(row.facts),
        previous=row.previous,
        digest=row.digest,
    )
