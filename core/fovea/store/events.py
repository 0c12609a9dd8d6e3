"""The events' door of the store: announced once, due to each listener until it has heard or was given up on."""

from __future__ import annotations

from datetime import datetime

from fovea.plugin import Event
from fovea.store import codec, outbox, values
from fovea.store.database import Database


class Events:
    """The outbox. Events about findings and batches are queued by the store itself, with what they tell of."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def announce(self, event: Event) -> bool:
        """Queue an event for the listeners; False where one of that id is there already."""
        with self._database.write() as connection:
            return outbox.add(connection, event)

    def due(self, *, listener: str, now: datetime, limit: int = 100) -> tuple[values.Delivery, ...]:
        """Events the listener must hear now, oldest first; of one subject, none before its elders."""
        with self._database.read() as connection:
            return outbox.due(connection, listener, codec.micros(now), limit)

    def delivered(self, event_id: str, *, listener: str) -> None:
        """The listener heard the event."""
        with self._database.write() as connection:
            outbox.settle(connection, event_id, listener, state="done")

    def failed(self, event_id: str, *, listener: str, error: str, next_time: datetime | None) -> None:
        """The listener failed; try again at ``next_time``, or never (a dead letter) where it is None."""
        state, later = ("dead", 0) if next_time is None else ("waiting", codec.micros(next_time))
        with self._database.write() as connection:
            outbox.settle(connection, event_id, listener, state=state, next_time=later, error=error)

    def dead_letters(self, listener: str | None = None) -> tuple[values.Delivery, ...]:
        """Events that were given up on."""
        with self._database.read() as connection:
            return outbox.dead(connection, listener)
