"""A ``decide`` that is handed its entries one by one: it runs in a thread of its own, and only while we wait for it.

``decide`` pulls its entries, as a generator over a list does; a stream pushes them, and a child may have several
units. The thread turns the one into the other and never runs beside its owner.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import Final

from fovea.errors import PluginError
from fovea.plugin import Decision, Domain, Entry, Fitted, PolicySettings
from fovea.registry import blamed

MOST = 10_000
"""Decisions between two entries: a ``decide`` that makes more will never ask for the next."""

_NEXT: Final = object()
_OVER: Final = object()


class Decider:
    """One stretch of one unit, from its first entry to its end."""

    def __init__(self, domain: Domain, policy: PolicySettings, fitted: Fitted) -> None:
        self._domain, self._policy, self._fitted = domain, policy, fitted
        self._given: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._said: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._over = False
        self._made = 0
        self.fault: PluginError | None = None
        """What ended ``decide`` before its unit ended; it then concludes nothing more of this stretch."""

    def give(self, entry: Entry) -> list[Decision]:
        """What the domain concludes on this entry, before it asks for the next."""
        made = self._begin()
        if self._over:
            return made
        self._given.put(entry)
        return made + self._listen()

    def end(self) -> list[Decision]:
        """What the domain concludes when there is nothing more to come."""
        made = self._begin()
        if self._over:
            return made
        self._given.put(_OVER)
        made += self._listen()
        self._over = True
        return made

    def close(self) -> None:
        """Let its thread end, where nobody will ask any more."""
        self._over = True
        self._given.put(_OVER)

    def _begin(self) -> list[Decision]:
        if self._thread is not None or self._over:
            return []
        self._thread = threading.Thread(target=self._run, name="decide", daemon=True)
        self._thread.start()
        return self._listen()

    def _listen(self) -> list[Decision]:
        """Hear it out until it asks for the next entry, or is done."""
        made: list[Decision] = []
        while True:
            said = self._said.get()
            if said is _NEXT:
                return made
            if said is _OVER:
                self._over = True
                return made
            if isinstance(said, Decision):
                made.append(said)
            elif isinstance(said, PluginError):
                self.fault = said

    def _run(self) -> None:
        info = self._domain.info
        try:
            with blamed(info, "decide"):
                for decision in self._domain.decide(entries=self._entries(), policy=self._policy, fitted=self._fitted):
                    self._made += 1
                    if self._made > MOST:
                        raise PluginError(info.name, "decide", f"made more than {MOST} decisions on one entry")  # noqa: TRY301
                    self._said.put(decision)
        except PluginError as error:
            self._said.put(error)
        except BaseException as error:  # noqa: BLE001 - told like a plugin's fault: the owner waits for an answer
            self._said.put(PluginError(info.name, "decide", f"raised {type(error).__name__}"))
        finally:
            self._said.put(_OVER)

    def _entries(self) -> Iterator[Entry]:
        while True:
            self._made = 0
            self._said.put(_NEXT)
            entry = self._given.get()
            if entry is _OVER:
                return
            yield entry  # type: ignore[misc]  # what `give` was given
