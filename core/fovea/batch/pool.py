"""The parent's side of the worker processes: start, hear, restart, stop."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Self

from fovea.batch.child import Assignment
from fovea.batch.owner import new_owner
from fovea.errors import FoveaError
from fovea.processes import Child, pack, unfit
from fovea.store.store import Store
from fovea.store.values import Batch

_PATIENCE = 60.0
"""Seconds a worker is given to finish its chunk after a stop was asked for."""

_STILLBORN = 3
"""Workers that may end in a row before they are ready: one may meet the system out of memory."""


class Pool:
    """Worker processes on one batch. A dead one's work is freed at once, and another takes its place.

    Use it as a context manager: no worker outlives the block.
    """

    def __init__(self, *, store: Store, batch: Batch, assignment: Assignment, count: int) -> None:
        self._store, self._batch = store, batch
        self._domain = assignment.job.domain.info.name
        self._assignment = assignment
        self._stillborn = 0
        self._workers = [self._started() for _ in range(count)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.child.kill()
            self._store.abandon(self._batch, owner=worker.owner, blame=False)

    @property
    def pids(self) -> tuple[int, ...]:
        """Process ids of the workers there are."""
        return tuple(worker.child.process.pid for worker in self._workers)

    def tend(self) -> None:
        """Hear what workers say, and replace the dead.

        Raises:
            FoveaError: what ended a worker would end every other too (a refused bundle, an unusable store).
            PluginError: the domain cannot be sent to, or imported by, another process.
        """
        for number, worker in enumerate(self._workers):
            dead = worker.child.is_dead
            self._hear(worker)
            if dead:
                self._bury(worker)
                self._workers[number] = self._started()

    def _bury(self, worker: _Worker) -> None:
        """Free what the dead one held; give up where workers do not even come to life."""
        worker.child.kill()
        self._store.abandon(self._batch, owner=worker.owner)
        self._stillborn = 0 if worker.ready else self._stillborn + 1
        if self._stillborn == _STILLBORN:
            raise FoveaError(
                f"worker processes end before they begin (exit status {worker.child.process.returncode}): "
                "look for the reason above, and for what ends processes here (a limit on memory or processes)"
            )

    def stop(self) -> None:
        """Ask all to stop after the chunk in hand, and wait for them, within reason."""
        for worker in self._workers:
            worker.child.ask_to_stop()
        until = time.monotonic() + _PATIENCE
        for worker in self._workers:
            worker.child.wait(until - time.monotonic())

    def _hear(self, worker: _Worker) -> None:
        while not worker.child.messages.empty():
            message = worker.child.messages.get()
            if message.kind == "ready":
                worker.ready = True
            elif message.error is not None:
                raise message.error
            elif message.kind == "unfit":
                raise unfit(message, self._domain)
            else:
                raise RuntimeError(message.text)

    def _started(self) -> _Worker:
        owner = new_owner("worker")
        order = pack(replace(self._assignment, owner=owner), self._domain)
        return _Worker(owner=owner, child=Child(module="fovea.batch.child", order=order))


@dataclass(slots=True)
class _Worker:
    owner: str
    child: Child
    ready: bool = False
