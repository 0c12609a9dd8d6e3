from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from fovea.delivery import Retry, deliver
from fovea.plugin import Event, hookimpl
from fovea.registry import Registry
from fovea.store.store import Store

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


class Post:
    """An outbox, listeners that note what they hear, and a clock that a test turns."""

    def __init__(self, store):
        self.store, self.now = store, NOON
        self.heard = []
        self.broken = set()
        self.retry = Retry(spread=0)

    def announce(self, *names, subject=None, ago=timedelta()):
        for name in names:
            event = Event(id=name, kind="test", subject=subject or name, site="farm", time=self.now - ago)
            assert self.store.events.announce(event)

    def listener(self, name):
        @hookimpl
        def fovea_on_event(event, settings):
            self.heard.append((name, event.id, dict(settings)))
            if event.id in self.broken or name in self.broken:
                raise OSError("no line")

        return SimpleNamespace(__name__=name, fovea_on_event=fovea_on_event)

    def deliver(self, *names, settings=None, limit=100, listeners=None):
        return deliver(
            store=self.store,
            registry=Registry.of(*(listeners or [self.listener(name) for name in names or ("bell",)])),
            settings=settings or {},
            now=lambda: self.now,
            limit=limit,
            retry=self.retry,
        )

    def pass_(self, **time):
        self.now += timedelta(**time)

    def known(self):
        """The ids that the outbox still holds."""
        with closing(sqlite3.connect(self.store.location)) as database:
            return {row[0].decode() for row in database.execute("SELECT event_id FROM outbox WHERE kind = 'test'")}

    def take(self):
        """The ids heard since last asked."""
        ids = [one[1] for one in self.heard]
        self.heard.clear()
        return ids


@pytest.fixture
def post(tmp_path) -> Iterator[Post]:
    with Store.open(tmp_path / "fovea.db") as store:
        yield Post(store)
