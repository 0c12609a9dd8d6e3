from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import IntegrityError

from fovea.errors import StoreError
from fovea.store.columns import metadata
from fovea.store.database import Database, open_database
from fovea.store.store import Store


def raw(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def test_opening_makes_the_folder_and_the_database(tmp_path):
    with Store.open(tmp_path / "new" / "folder" / "fovea.db") as store:
        assert store.sites() == ()


def test_a_path_and_a_url_open_the_same_database(tmp_path):
    path = tmp_path / "fovea.db"
    with Store.open(path) as store:
        store.add_site(name="farm", title="Farm", domain="crop", root=tmp_path)
    with Store.open(f"sqlite:///{path}") as store:
        assert [site.name for site in store.sites()] == ["farm"]


@pytest.mark.parametrize("name", ["fovea.db", "a b?c=d#e%20.db"])
def test_the_location_opens_the_same_database(tmp_path, name):
    with Store.open(tmp_path / name) as store:
        store.add_site(name="farm", title="Farm", domain="crop", root=tmp_path)
        location = store.location
    with Store.open(location) as store:
        assert [site.name for site in store.sites()] == ["farm"]
    assert location == tmp_path / name


def test_a_location_that_is_an_address_stays_one(tmp_path):
    address = f"sqlite:///file:{tmp_path}/fovea.db?uri=true"
    with Store.open(address) as store:
        store.add_site(name="farm", title="Farm", domain="crop", root=tmp_path)
        location = store.location
    with Store.open(location) as store:
        assert [site.name for site in store.sites()] == ["farm"]


def test_connections_are_durable_and_keep_foreign_keys(tmp_path):
    database = open_database(tmp_path / "fovea.db")
    with database.read() as connection:
        found = [
            connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    database.close()
    assert found == ["wal", 2, 1]


def test_a_newer_fovea_s_database_is_refused(tmp_path):
    path = tmp_path / "fovea.db"
    Store.open(path).close()
    raw(path, "UPDATE alembic_version SET version_num = '9000'")
    with pytest.raises(StoreError, match=r"fovea.db was made by a newer Fovea \(revision 9000\); update Fovea"):
        Store.open(path)


def test_a_file_that_is_no_database_is_refused(tmp_path):
    path = tmp_path / "fovea.db"
    path.write_bytes(b"these are only words, and far too many of them to be a header" * 50)
    with pytest.raises(StoreError, match="it is not a database"):
        Store.open(path)


def test_another_program_s_database_is_refused(tmp_path):
    path = tmp_path / "other.db"
    raw(path, "CREATE TABLE songs (title TEXT)")
    with pytest.raises(StoreError, match="belongs to another program"):
        Store.open(path)


def test_a_damaged_database_is_told_in_one_sentence(tmp_path):
    path = tmp_path / "fovea.db"
    with Store.open(path) as store:
        for number in range(50):
            store.add_site(name=f"farm {number}", title="x" * 500, domain="crop", root=tmp_path)
    raw(path, "PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(path.read_bytes())
    content[4096:] = b"\x5a" * (len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(StoreError, match="it is damaged"), Store.open(path) as store:
        store.sites()


def test_a_read_only_database_can_be_read_but_not_written(tmp_path):
    path = tmp_path / "fovea.db"
    Store.open(path).close()
    with Store.open(f"sqlite:///file:{path}?mode=ro&uri=true") as store:
        assert store.sites() == ()
        with pytest.raises(StoreError, match="it is read-only"):
            store.add_site(name="farm", title="Farm", domain="crop", root=tmp_path)


def test_a_full_disk_is_told_and_leaves_what_was_there(tmp_path):
    with Store.open(tmp_path / "fovea.db") as store:
        store.add_site(name="farm", title="Farm", domain="crop", root=tmp_path)
        event.listen(store._database.engine, "begin", lambda c: c.exec_driver_sql("PRAGMA max_page_count = 1"))
        with pytest.raises(StoreError, match="the disk is full"):
            store.add_site(name="big", title="x" * 500_000, domain="crop", root=tmp_path)
        assert [site.name for site in store.sites()] == ["farm"]
        assert store.verify_audit() is None


def test_a_locked_database_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("fovea.store.database.BUSY_SECONDS", 0.05)
    path = tmp_path / "fovea.db"
    with Store.open(path) as store:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked by another process"):
            store.add_site(name="farm", title="Farm", domain="crop", root=tmp_path)
        other.close()


def test_a_folder_in_the_database_s_place_is_told(tmp_path):
    with pytest.raises(StoreError, match="cannot be opened"):
        Store.open(tmp_path)


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="its folder cannot be created"):
        Store.open(tmp_path / "file" / "fovea.db")


def test_an_address_that_means_nothing_is_told():
    with pytest.raises(StoreError, match="needs its driver"):
        Store.open("nosuchkind://host/name")


def make_and_break(database: Database) -> None:
    with database.write() as connection:
        connection.execute(text("CREATE TABLE left_over (a INTEGER UNIQUE)"))
        connection.execute(text("INSERT INTO left_over VALUES (1), (1)"))


def test_a_failed_write_leaves_nothing_behind_and_hides_no_broken_rule(tmp_path):
    database = open_database(tmp_path / "fovea.db")
    with pytest.raises(IntegrityError, match="UNIQUE"):
        make_and_break(database)
    with database.read() as connection:
        assert "left_over" not in connection.execute(text("SELECT name FROM sqlite_master")).scalars().all()
    database.close()


def test_many_may_make_the_same_new_database_at_once(tmp_path):
    path, faults = tmp_path / "fovea.db", []

    def make() -> None:
        try:
            Store.open(path).close()
        except StoreError as error:
            faults.append(error)

    threads = [threading.Thread(target=make) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []


def test_a_database_of_the_first_revision_is_brought_up_to_date(tmp_path, monkeypatch):
    path = tmp_path / "fovea.db"
    with monkeypatch.context() as patched:
        patched.setattr("fovea.store.migrate.HEAD", "0001")
        Store.open(path).close()
    assert "stream" not in columns(path, "sources")
    zeros = "0, 0, 0, 0, '0', 0"
    raw(path, "INSERT INTO sites VALUES (1, x'61', x'61', 'crop', x'2f', 0)")
    raw(path, f"INSERT INTO sources VALUES (1, 1, x'61', 1, {zeros})")
    raw(path, "INSERT INTO samples VALUES (1, 1, 1, 1, x'', '', x'75', NULL, '', 0.0, '{}', '{}', 1, 0, 1, 0)")
    raw(
        path,
        "INSERT INTO predictions VALUES (1, 1, x'', 'stage', 'b', 'v', '', 'disease:bf16 stage:fp32', '{}'), "
        "(2, 1, x'', 'disease', 'b', 'v', '', 'disease:bf16 stage:fp32', '{}')",
    )
    Store.open(path).close()
    with sqlite3.connect(path) as database:
        assert database.execute("SELECT stream FROM sources").fetchall() == [(0,)]
        told = database.execute("SELECT role, precision FROM predictions ORDER BY role").fetchall()
        assert told == [("disease", "bf16"), ("stage", "fp32")]
        assert database.execute("SELECT version_num FROM alembic_version").fetchall() == [("0002",)]


def test_migrations_make_the_tables_that_the_code_knows(tmp_path):
    path = tmp_path / "fovea.db"
    Store.open(path).close()
    made = {table.name: {column.name for column in table.columns} for table in metadata.sorted_tables}
    assert {name: columns(path, name) for name in made} == made


def columns(path, table):
    with sqlite3.connect(path) as database:
        return {row[1] for row in database.execute(f"PRAGMA table_info({table})")}
