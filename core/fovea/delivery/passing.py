"""One pass: what is due goes to each listener in turn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from fovea.delivery.patience import in_time, left_hanging
from fovea.delivery.retry import Retry
from fovea.registry import Registry
from fovea.store.store import Store
from fovea.store.values import Delivery

KEPT = timedelta(days=30)
"""How long an event is kept once it is over for every listener: as long as a dead letter may be brought back."""

CHUNK = 200
"""Events looked up at once: finding out what is due costs more the more there is."""

_USUAL = Retry()


def _nothing() -> Mapping[str, int]:
    return {}


def _no_words() -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """What one pass came to; each mapping is by listener and leaves out those with nothing to tell.

    Args:
        told: events that a listener heard.
        failed: failures after which the event comes again.
        dead: failures after which the event was given up on.
        errors: the last failure, in a sentence.
    """

    told: Mapping[str, int] = field(default_factory=_nothing)
    failed: Mapping[str, int] = field(default_factory=_nothing)
    dead: Mapping[str, int] = field(default_factory=_nothing)
    errors: Mapping[str, str] = field(default_factory=_no_words)


def deliver(
    *,
    store: Store,
    registry: Registry,
    settings: Mapping[str, Mapping[str, object]],
    now: Callable[[], datetime],
    limit: int,
    retry: Retry = _USUAL,
) -> Delivered:
    """Tell every listener what is due to it.

    At least once: a process that is killed after telling and before noting it has the event told again, under the
    same id. In order per subject: what waits holds back its juniors, a dead letter does not. A listener that hangs
    costs its patience once a pass, and is called in a thread of its own for that reason.

    Args:
        store: holds the outbox.
        registry: its listeners are told.
        settings: for each listener what it is given with an event; nothing where it is not named.
        now: the time, with a zone; asked again for each event.
        limit: events told to one listener at most.
        retry: how failures are met.

    Raises:
        StoreError: the database cannot be read or written.
    """
    listeners = registry.listeners()
    rounds = [_Round(store=store, registry=registry, listener=name, now=now, retry=retry) for name in listeners]
    for one in rounds:
        one.run(settings.get(one.listener, {}), limit)
    busy = [one for one in rounds if one.told or one.error]
    if busy:  # whoever has nothing to tell writes nothing
        store.events.tidy(listeners, now=now(), before=now() - KEPT)
    return Delivered(
        told={one.listener: one.told for one in busy if one.told},
        failed={one.listener: one.failed for one in busy if one.failed},
        dead={one.listener: one.dead for one in busy if one.dead},
        errors={one.listener: one.error for one in busy if one.error},
    )


@dataclass(slots=True, kw_only=True)
class _Round:
    """One listener's turn."""

    store: Store
    registry: Registry
    listener: str
    now: Callable[[], datetime]
    retry: Retry
    told: int = 0
    failed: int = 0
    dead: int = 0
    error: str = ""
    in_a_row: int = 0

    def run(self, settings: Mapping[str, object], limit: int) -> None:
        """Tell one event after the other until nothing is due, or the listener fails too often in a row."""
        events = self.store.events
        events.meet(self.listener, now=self.now())
        while limit > 0:
            taken = 0
            for one in events.due(listener=self.listener, now=self.now(), limit=min(limit, CHUNK)):
                if self.in_a_row >= self.retry.in_a_row or left_hanging(self.listener) >= self.retry.hanging:
                    return
                taken += self._take(one.event.id, settings)
            limit -= taken
            if not taken:  # nothing is due, or another process is at it
                return

    def _take(self, event_id: str, settings: Mapping[str, object]) -> bool:
        """Tell one event, unless somebody else does."""
        seconds = self.retry.claim_s
        due = self.store.events.claim(event_id, listener=self.listener, now=self.now(), seconds=seconds)
        if due is None:
            return False
        if due.attempts >= self.retry.attempts:
            self._failed(due, due.error, due.attempts)  # it took its program down with it each time
        else:
            self._tell(due, settings)
        return True

    def _tell(self, due: Delivery, settings: Mapping[str, object]) -> None:
        def call() -> str | None:
            return self.registry.tell(self.listener, due.event, settings)

        heard = in_time(call, listener=self.listener, seconds=self.retry.patience_s)
        if heard.fault is None:
            self.store.events.delivered(due.event.id, listener=self.listener)
            self.told, self.in_a_row = self.told + 1, 0
            return
        self._failed(due, heard.fault, due.attempts + 1)
        if heard.hangs:
            self.in_a_row = self.retry.in_a_row  # one such wait a pass is enough

    def _failed(self, due: Delivery, fault: str, failures: int) -> None:
        wait = self.retry.wait(due.event.id, failures)
        next_time = None if wait is None else self.now() + wait
        self.store.events.failed(due.event.id, listener=self.listener, error=fault, next_time=next_time)
        self.failed, self.dead = self.failed + (wait is not None), self.dead + (wait is None)
        self.error, self.in_a_row = fault, self.in_a_row + 1
