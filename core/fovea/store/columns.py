"""The rules for columns: times are UTC microseconds, texts from outside are bytes, keys hold no NULL.

Texts that come from file names or plugins (:class:`Name`) may hold lone surrogates or NUL, which a text column
refuses; they are stored as the bytes they stand for. JSON is ASCII text, which carries both.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    Text,
)
from sqlalchemy.types import TypeDecorator

_NAMING = {
    "pk": "pk_%(table_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
}


class Name(TypeDecorator[str]):
    """Text from outside, stored as UTF-8 bytes in which surrogates are the bytes they escape."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:  # noqa: ARG002 - its signature
        """Text to bytes."""
        return None if value is None else value.encode("utf-8", "surrogateescape")

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002 - its signature
        """Bytes to text."""
        return None if value is None else bytes(value).decode("utf-8", "surrogateescape")


Id = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself only under this type's name
metadata = MetaData(naming_convention=_NAMING)


def number() -> Column[int]:
    """The row's own number."""
    return Column("id", Id, primary_key=True, autoincrement=True)


def to(target: str, name: str) -> Column[int]:
    """A row of another table; what hangs on it goes with it."""
    return Column(name, Id, ForeignKey(f"{target}.id", ondelete="CASCADE"), nullable=False)


def time(name: str, *, optional: bool = False) -> Column[int]:
    """Microseconds since 1970 in UTC."""
    return Column(name, BigInteger, nullable=optional)


def count(name: str) -> Column[int]:
    """A whole number."""
    return Column(name, BigInteger, nullable=False)


def text(name: str) -> Column[str]:
    """Text of Fovea's own: words, digests, ASCII JSON."""
    return Column(name, Text, nullable=False)


def name(name: str) -> Column[str]:
    """Text from outside."""
    return Column(name, Name, nullable=False)


def flag(name: str) -> Column[bool]:
    """Yes or no."""
    return Column(name, Boolean, nullable=False)
