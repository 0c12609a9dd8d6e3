"""Forgetting what is no longer wanted."""

from __future__ import annotations

from sqlalchemy import Connection

from fovea.store import audit, codec, sites
from fovea.store.tables import samples


def prune(connection: Connection, now: int, *, site: int, before: int, actor: str, role: str) -> int:
    """Delete samples that were replaced or gone before a moment; their results go with them."""
    old = samples.delete().where(samples.c.site_id == site, ~samples.c.current, samples.c.changed < before)
    count = connection.execute(old).rowcount
    facts = {"before": codec.moment(before).isoformat(), "samples": count}
    name = sites.of_id(connection, site).name
    audit.append(connection, now, action="samples.pruned", subject=name, facts=facts, actor=actor, role=role)
    return count
