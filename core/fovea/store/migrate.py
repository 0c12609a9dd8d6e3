"""Bring a database up to this version's tables, through Alembic's own interface and without its configuration."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from fovea.errors import StoreError
from fovea.store.database import Database

HEAD = "0002"
"""The newest revision. Known here, so that opening a database that has it does not load Alembic."""


def migrate(database: Database) -> None:
    """Make the tables where there are none, and run the migrations that an older database lacks.

    Raises:
        StoreError: made by a newer Fovea, or by another program.
    """
    with database.read() as connection:
        if revision(connection, database.name) == HEAD:
            return
    with database.write() as connection:
        _upgrade(connection, database.name)


def revision(connection: Connection, name: str) -> str:
    """The database's revision, empty for a new one.

    Raises:
        StoreError: it has tables, but not ours.
    """
    there = inspect(connection).get_table_names()
    if "alembic_version" in there and "sites" in there:
        return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one())
    if there:
        raise StoreError(f"the database {name} belongs to another program: name another file")
    return ""


def _upgrade(connection: Connection, name: str) -> None:
    from alembic.migration import MigrationContext
    from alembic.operations import Operations
    from alembic.script import ScriptDirectory

    before = revision(connection, name)  # asked again: another process may have been quicker
    if before == HEAD:
        return
    scripts = ScriptDirectory(str(Path(__file__).parent / "migrations"))
    known = {script.revision for script in scripts.walk_revisions()}
    if before and before not in known:
        raise StoreError(f"the database {name} was made by a newer Fovea (revision {before}); update Fovea")
    context = MigrationContext.configure(connection)
    with Operations.context(context):
        for script in reversed(list(scripts.iterate_revisions(HEAD, before or "base"))):
            script.module.upgrade()
    context.stamp(scripts, HEAD)
