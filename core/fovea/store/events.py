"""The events' door of the store: announced once, due to each listener until it has heard or was given up on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from fovea.plugin import Event
from fovea.store import codec, outbox, values
from fovea.store.database import Database
from fovea.store.outbox import Owed


class Events:
    """The outbox. Events about findings and batches are queued by the store itself, with what they tell of."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def announce(self, event: Event) -> bool:
        """Queue an event for the listeners; False where one of that id is there already."""
        with self._database.write() as connection:
            return outbox.add(connection, event)

    def due(self, *, listener: str, now: datetime, limit: int = 100) -> tuple[values.Delivery, ...]:
        """Events the listener must hear now, those that failed least first; of one subject, none before its elders."""
        with self._database.read() as connection:
            return outbox.due(connection, listener, codec.micros(now), limit)

    def owed(self, *, listener: str, now: datetime) -> tuple[Owed, ...]:
        """Every event that the listener has neither heard nor been given up on for, oldest first."""
        with self._database.read() as connection:
            return outbox.owed(connection, listener, codec.micros(now))

    def meet(self, listener: str, *, now: datetime) -> None:
        """Note a listener that is new: it is owed what happened since a day before, and all that happens from now."""
        with self._database.read() as connection:  # nobody is kept from writing where there is nothing to note
            if outbox.is_met(connection, listener):
                return
        with self._database.write() as connection:
            outbox.meet(connection, listener, codec.micros(now))

    def claim(self, event_id: str, *, listener: str, now: datetime, seconds: float) -> values.Delivery | None:
        """Take an event that is due, so that nobody else tells it for ``seconds``; None where somebody was quicker.

        It must then be :meth:`delivered` or :meth:`failed`. Whoever claims and vanishes costs the event that time
        and one of its attempts.
        """
        until = codec.micros(now + timedelta(seconds=seconds))
        with self._database.write() as connection:
            return outbox.claim(connection, event_id, listener, codec.micros(now), until)

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

    def retry(self, listener: str | None = None, *, now: datetime, actor: str = "", role: str = "") -> int:
        """Give dead letters another life; returns how many. Audited."""
        with self._database.write() as connection:
            return outbox.revive(connection, codec.micros(now), listener, actor=actor, role=role)

    def tidy(self, listeners: Sequence[str], *, now: datetime, before: datetime) -> int:
        """Forget events older than ``before`` that are over for all these listeners; returns how many."""
        with self._database.write() as connection:
            return outbox.tidy(connection, codec.micros(now), listeners, codec.micros(before))
