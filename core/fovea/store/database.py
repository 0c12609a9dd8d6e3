"""One engine, its transactions, and the one place where a database's errors become sentences."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError, StatementError

from fovea.errors import StoreError

BUSY_SECONDS = 30.0
_BEGIN = "fovea_begin"
_SENTENCES = {
    sqlite3.SQLITE_FULL: "the disk is full (or the database's size limit is reached): free some space and run again",
    sqlite3.SQLITE_READONLY: "it is read-only: make the file and its folder writable",
    sqlite3.SQLITE_BUSY: "it is locked by another process: wait for that one, or stop it",
    sqlite3.SQLITE_LOCKED: "it is locked by another process: wait for that one, or stop it",
    sqlite3.SQLITE_NOTADB: "it is not a database: move the file away, or name another one",
    sqlite3.SQLITE_CORRUPT: "it is damaged: restore it from a copy",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened: check that the folder exists and may be written to",
    sqlite3.SQLITE_PERM: "it may not be opened: check the permissions of the file and its folder",
    sqlite3.SQLITE_AUTH: "it may not be opened: check the permissions of the file and its folder",
    sqlite3.SQLITE_IOERR: "the disk reported an error: check the disk, then run again",
    sqlite3.SQLITE_NOMEM: "there is not enough memory",
}


class Database:
    """An engine with its two kinds of transaction; ``name`` is what a sentence calls the database."""

    def __init__(self, engine: Engine, name: str) -> None:
        self.engine = engine
        self.name = name

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that holds the write lock from its start; rolled back where the body raises."""
        with told(self.name), self.engine.connect() as plain:
            connection = plain.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})
            with connection.begin():
                yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one state of the database throughout and never waits for a writer."""
        with told(self.name), self.engine.connect() as connection, connection.begin():
            yield connection

    @property
    def location(self) -> str | Path:
        """Where another process opens the same database: a file's path, or an address with its password."""
        url = self.engine.url
        if url.get_backend_name() == "sqlite" and url.database and not _is_special(url.database):
            return Path(url.database)
        return url.render_as_string(hide_password=False)

    def close(self) -> None:
        """Close the connections that nobody is using."""
        self.engine.dispose()


@contextmanager
def told(name: str) -> Iterator[None]:
    """Turn a driver's error about the database as a whole into one sentence; a broken rule stays what it is.

    Raises:
        StoreError: full, read-only, locked, damaged, no database, not to be opened.
    """
    try:
        yield
    except StatementError as error:
        sentence = _sentence(error)
        if sentence is None:
            raise
        raise StoreError(f"the database {name} cannot be used: {sentence}") from error


def _sentence(error: StatementError) -> str | None:
    if isinstance(error.orig, UnicodeEncodeError):
        return f"the text {error.orig.object!a} holds half a character and cannot be stored: mend it at its origin"
    code = getattr(error.orig, "sqlite_errorcode", None)
    if isinstance(code, int):
        return _SENTENCES.get(code & 0xFF)  # the low byte is the class, the rest is detail
    return "the server does not answer or refused: check that it runs" if isinstance(error, OperationalError) else None


def open_database(location: str | Path) -> Database:
    """Make the engine, check what is there, and bring it up to this version's tables.

    Raises:
        StoreError: see :func:`told`; also for a newer Fovea's database and an address that means nothing.
    """
    from fovea.store.migrate import migrate

    url = _address(location)
    database = Database(_engine(url), url.database if url.get_backend_name() == "sqlite" and url.database else str(url))
    try:
        migrate(database)
    except BaseException:
        database.close()
        raise
    return database


def _address(location: str | Path) -> URL:
    text = str(location)
    if isinstance(location, Path) or "://" not in text:
        url = URL.create("sqlite", database=str(Path(location).absolute()))
    else:
        try:
            url = make_url(text)
        except ArgumentError as error:
            raise StoreError(f"'{text}' is no address of a database: give a path, or sqlite:///PATH") from error
    if url.get_backend_name() == "sqlite" and url.database and not _is_special(url.database):
        _make_folder(Path(url.database))
    return url


def _is_special(database: str) -> bool:
    """What SQLite takes for something else than a file's path."""
    return database.startswith((":memory:", "file:"))


def _make_folder(file: Path) -> None:
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # pictures of people are kept beside it
    except OSError as error:
        raise StoreError(
            f"the database {file} cannot be made: its folder cannot be created ({error.strerror})"
        ) from error


def _engine(url: URL) -> Engine:
    try:
        if url.get_backend_name() != "sqlite":
            return create_engine(url)
        # one connection a thread at work: readers that stream hold theirs while a writer takes another
        engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS}, pool_size=4, max_overflow=-1)
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        kind = url.get_backend_name()
        raise StoreError(f"a {kind} database needs its driver: install the one SQLAlchemy uses for {kind}") from error
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: Any, record: Any) -> None:  # noqa: ARG001 - SQLAlchemy's signature
    connection.isolation_level = None  # the driver must not begin or commit by itself
    _to_wal(connection)
    for pragma in ("synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _to_wal(connection: Any) -> None:
    """Switch to WAL; where several open a new database at once, SQLite refuses the switch without any waiting."""
    patience = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").close()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > patience:
                raise
            time.sleep(0.02)
        else:
            return


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get(_BEGIN, "BEGIN"))
