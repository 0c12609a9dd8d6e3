from __future__ import annotations

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import BigInteger, Integer, create_engine, inspect
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

import fovea.store.migrate
from fovea.store.columns import metadata
from fovea.store.database import open_database

HOME = Path(fovea.store.migrate.__file__).parent / "migrations"


def test_the_migrations_and_the_tables_say_the_same(tmp_path):
    database = open_database(tmp_path / "fovea.db")
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    database.close()


def test_migrated_and_created_databases_have_equal_keys_and_indexes(tmp_path):
    database, fresh = open_database(tmp_path / "fovea.db"), create_engine("sqlite://")
    metadata.create_all(fresh)

    def shape(engine):
        found = inspect(engine)
        return {
            table: (
                found.get_pk_constraint(table),
                sorted(found.get_unique_constraints(table), key=str),
                sorted(found.get_foreign_keys(table), key=str),
                sorted(found.get_indexes(table), key=str),
            )
            for table in metadata.tables
        }

    assert shape(database.engine) == shape(fresh)
    database.close()
    fresh.dispose()


def test_the_newest_revision_is_the_one_the_code_names():
    assert ScriptDirectory(str(HOME)).get_current_head() == fovea.store.migrate.HEAD


def test_no_key_holds_a_null():
    keys = [c for table in metadata.tables.values() for k in (table.primary_key, *table.constraints) for c in k.columns]
    assert [str(column) for column in keys if column.nullable] == []


def test_whole_numbers_have_64_bits_on_a_server():
    columns = [column for table in metadata.tables.values() for column in table.columns]
    kinds = [c.type.dialect_impl(postgresql.dialect()) for c in columns if isinstance(c.type, Integer)]
    assert kinds
    assert all(isinstance(kind, BigInteger) for kind in kinds)


def test_the_tables_can_be_spelled_for_a_server():
    text = [str(CreateTable(table).compile(dialect=postgresql.dialect())) for table in metadata.sorted_tables]
    assert any("BYTEA" in one for one in text)
