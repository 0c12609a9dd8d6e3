"""Sites, their line-up and their fitted numbers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, Table, func, select

from fovea.errors import StoreError, UnknownName, UsageError
from fovea.store import audit
from fovea.store.tables import line_up, sites
from fovea.store.values import LineUp, Site


def add(
    connection: Connection, now: int, *, name: str, title: str, domain: str, root: Path, actor: str, role: str
) -> Site:
    """Add a site."""
    if connection.execute(select(sites.c.id).where(sites.c.name == name)).first():
        raise UsageError(f"there is a site '{name}' already: choose another name")
    values = {"name": name, "title": title, "domain": domain, "root": str(root), "made": now}
    connection.execute(sites.insert(), values)
    facts = {"title": title, "domain": domain, "root": str(root)}
    audit.append(connection, now, action="site.added", subject=name, facts=facts, actor=actor, role=role)
    return of_name(connection, name)


def every(connection: Connection) -> tuple[Site, ...]:
    """All sites."""
    return tuple(_value(row) for row in connection.execute(select(sites).order_by(sites.c.name)))


def of_name(connection: Connection, name: str) -> Site:
    """The site of that name."""
    row = connection.execute(select(sites).where(sites.c.name == name)).first()
    if row is None:
        raise UnknownName("site", name, [site.name for site in every(connection)])
    return _value(row)


def of_id(connection: Connection, number: int) -> Site:
    """The site of that id."""
    row = connection.execute(select(sites).where(sites.c.id == number)).first()
    if row is None:
        raise StoreError(f"there is no site of number {number}: was this batch or lease made by another database?")
    return _value(row)


def _value(row: Row[Any]) -> Site:
    return Site(id=row.id, name=row.name, title=row.title, domain=row.domain, root=Path(row.root))


def set_bundle(
    connection: Connection, now: int, site: int, bundle: Mapping[str, str], *, actor: str, role: str
) -> None:
    """Let a bundle (role, name, path, digest) serve its role."""
    subject = of_id(connection, site).name
    connection.execute(line_up.insert(), {"site_id": site, **bundle, "actor": actor, "time": now})
    audit.append(connection, now, action="line-up.set", subject=subject, facts=bundle, actor=actor, role=role)


def line_up_of(connection: Connection, site: int) -> tuple[LineUp, ...]:
    """The newest bundle of each role."""
    newest = newest_of(line_up, site, line_up.c.role)
    found = connection.execute(select(line_up).where(line_up.c.id.in_(newest)).order_by(line_up.c.role))
    return tuple(LineUp(role=row.role, name=row.name, path=Path(row.path), digest=row.digest) for row in found)


def newest_of(table: Table, site: int, *by: Any) -> Any:
    """Ids of the newest row of a site's append-only table for each value of ``by``."""
    return select(func.max(table.c.id)).where(table.c.site_id == site).group_by(*by).scalar_subquery()
