"""The parent's side of the worker processes: start, hear, restart, stop."""

from __future__ import annotations

import json
import os
import pickle
import queue
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import BinaryIO, Self, cast

from fovea.batch.child import ONE_THREAD, Assignment, Message
from fovea.batch.owner import new_owner
from fovea.errors import FoveaError, PluginError
from fovea.store.store import Store
from fovea.store.values import Batch

_START = (
    "import json, signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); "
    "sys.path[:] = json.loads(sys.argv[1]); from fovea.batch.child import main; main()"
)
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
            worker.kill()
            self._store.abandon(self._batch, owner=worker.owner, blame=False)

    @property
    def pids(self) -> tuple[int, ...]:
        """Process ids of the workers there are."""
        return tuple(worker.process.pid for worker in self._workers)

    def tend(self) -> None:
        """Hear what workers say, and replace the dead.

        Raises:
            FoveaError: what ended a worker would end every other too (a refused bundle, an unusable store).
            PluginError: the domain cannot be sent to, or imported by, another process.
        """
        for number, worker in enumerate(self._workers):
            dead = worker.process.poll() is not None
            if dead:
                worker.reader.join()
            self._hear(worker)
            if dead:
                self._bury(worker)
                self._workers[number] = self._started()

    def _bury(self, worker: _Process) -> None:
        """Free what the dead one held; give up where workers do not even come to life."""
        worker.kill()
        self._store.abandon(self._batch, owner=worker.owner)
        self._stillborn = 0 if worker.ready else self._stillborn + 1
        if self._stillborn == _STILLBORN:
            raise FoveaError(
                f"worker processes end before they begin (exit status {worker.process.returncode}): "
                "look for the reason above, and for what ends processes here (a limit on memory or processes)"
            )

    def stop(self) -> None:
        """Ask all to stop after the chunk in hand, and wait for them, within reason."""
        for worker in self._workers:
            worker.ask_to_stop()
        until = time.monotonic() + _PATIENCE
        for worker in self._workers:
            with suppress(subprocess.TimeoutExpired):
                worker.process.wait(max(0.0, until - time.monotonic()))

    def _hear(self, worker: _Process) -> None:
        while not worker.messages.empty():
            message = worker.messages.get()
            if message.kind == "ready":
                worker.ready = True
            elif message.error is not None:
                raise message.error
            elif message.kind == "unfit":
                raise PluginError(
                    self._domain, "loading", f"a worker process cannot import it ({message.text}); install it"
                )
            else:
                raise RuntimeError(message.text)

    def _started(self) -> _Process:
        owner = new_owner("worker")
        try:
            order = pickle.dumps(replace(self._assignment, owner=owner))
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise PluginError(
                self._domain,
                "loading",
                f"it cannot be sent to a worker process ({error}); define its functions at the top of a module",
            ) from error
        return _Process(owner, order)


@dataclass(slots=True)
class _Process:
    owner: str
    order: bytes
    ready: bool = False
    messages: queue.SimpleQueue[Message] = field(default_factory=queue.SimpleQueue)
    process: subprocess.Popen[bytes] = field(init=False)
    reader: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self.process = subprocess.Popen(  # noqa: S603 - our own interpreter
            [sys.executable, "-c", _START, json.dumps(sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **ONE_THREAD},
        )
        self._say(self.order)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def ask_to_stop(self) -> None:
        self._say(b"stop\n")

    def kill(self) -> None:
        """End it, dead or alive, and close what leads to it."""
        self.process.kill()
        self.process.wait()
        self.reader.join()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()

    def _say(self, words: bytes) -> None:
        pipe = cast("BinaryIO", self.process.stdin)
        with suppress(OSError):  # it died: whoever tends to it will see
            pipe.write(words)
            pipe.flush()

    def _read(self) -> None:
        pipe = cast("BinaryIO", self.process.stdout)
        with suppress(EOFError, OSError, pickle.UnpicklingError):
            while True:
                self.messages.put(pickle.load(pipe))  # noqa: S301 - from our own child
