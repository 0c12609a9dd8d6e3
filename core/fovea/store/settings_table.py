"""Settings: appended, never changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select

from fovea.store import audit, codec, sites
from fovea.store.tables import settings
from fovea.store.values import Setting, Settings


def put(
    connection: Connection,
    now: int,
    *,
    site: int,
    kind: Settings,
    unit: str,
    data: Mapping[str, Any],
    actor: str,
    role: str,
) -> None:
    """Append settings; those that are the newest already are not appended again."""
    subject, text = sites.of_id(connection, site).name, codec.dump(dict(data), f"{kind} settings")
    if unit in (there := newest(connection, site, kind)) and codec.dump(dict(there[unit])) == text:
        return
    row = {"site_id": site, "kind": kind, "unit": unit, "data": text, "actor": actor, "role": role, "time": now}
    connection.execute(settings.insert(), row)
    facts = {"kind": kind, "unit": unit, "data": dict(data)}
    audit.append(connection, now, action="settings.put", subject=subject, facts=facts, actor=actor, role=role)


def newest(connection: Connection, site: int, kind: Settings) -> Mapping[str, Mapping[str, Any]]:
    """Newest data by unit."""
    ids = sites.newest_of(settings, site, settings.c.kind, settings.c.unit)
    found = connection.execute(select(settings).where(settings.c.id.in_(ids), settings.c.kind == kind))
    return {row.unit: codec.load(row.data) for row in found}


def history(connection: Connection, site: int) -> tuple[Setting, ...]:
    """All settings, oldest first."""
    found = connection.execute(select(settings).where(settings.c.site_id == site).order_by(settings.c.id))
    return tuple(
        Setting(kind=row.kind, unit=row.unit, data=codec.load(row.data), actor=row.actor, time=codec.moment(row.time))
        for row in found
    )
