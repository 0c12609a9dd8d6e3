"""Telling the listeners: when somebody asks for it, and after work that announced something."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime

from fovea.delivery import Delivered, deliver
from fovea.errors import FoveaError, UnknownName
from fovea.plugin import Event
from fovea.registry import Registry
from fovea.store.store import Store
from fovea.workbench.config import Config, listener_settings
from fovea.workbench.views import EventView

LIMIT = 10_000
"""Events told to one listener at a time: more than a batch finds, and yet an end."""

_log = logging.getLogger("fovea.delivery")


def tell(store: Store, registry: Registry, config: Config) -> Delivered:
    """Tell every listener what is due to it; see :func:`fovea.delivery.deliver`.

    Raises:
        SettingsError: settings are given for a listener that there is not.
        StoreError: the database cannot be read or written.
    """
    left_out = [one.name for one in registry.broken]
    settings = listener_settings(config, listeners=registry.listeners(), left_out=left_out)
    return deliver(store=store, registry=registry, settings=settings, now=_now, limit=LIMIT)


def tell_quietly(store: Store, registry: Registry, config: Config) -> None:
    """The same after work that is done whatever listeners make of it: what goes wrong is one line of warning."""
    try:
        done = tell(store, registry, config)
    except FoveaError as error:
        _log.warning("listeners were not told: %s", error)
        return
    if done.errors:
        _log.warning("%s; see: fovea events list", "; ".join(_one_line(fault) for fault in done.errors.values()))


def listed(store: Store, registry: Registry, *, dead: bool) -> tuple[EventView, ...]:
    """What listeners have not heard yet, or what was given up on, oldest first."""
    if dead:
        return tuple(
            _view(one.event, one.listener, "dead", failures=one.attempts, error=one.error)
            for one in store.events.dead_letters()
        )
    found = [view for listener in registry.listeners() for view in _owed(store, listener)]
    return tuple(sorted(found, key=lambda view: (view.time, view.listener)))


def retry(store: Store, registry: Registry, listener: str | None, *, actor: str) -> int:
    """Give dead letters another life; returns how many.

    Raises:
        UnknownName: no such plugin listens.
    """
    if listener is not None and listener not in registry.listeners():
        raise UnknownName("listener", listener, sorted(registry.listeners()))
    return store.events.retry(listener, now=_now(), actor=actor)


def _now() -> datetime:
    return datetime.now(UTC)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _owed(store: Store, listener: str) -> Iterator[EventView]:
    now, before = _now(), set()
    for one in store.events.owed(listener=listener, now=now):
        later = one.not_before is not None and one.not_before > now
        state = "behind" if one.event.subject in before else "waiting" if later else "due"
        before.add(one.event.subject)
        again = one.not_before if state == "waiting" else None
        yield _view(one.event, listener, state, failures=one.attempts, error=one.error, again=again)


def _view(
    event: Event, listener: str, state: str, *, failures: int, error: str, again: datetime | None = None
) -> EventView:
    return EventView(
        id=event.id,
        kind=event.kind,
        subject=event.subject,
        site=event.site,
        time=event.time,
        listener=listener,
        state=state,
        failures=failures,
        error=_one_line(error),
        again=again,
    )
