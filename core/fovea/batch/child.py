"""A worker process: what it is sent, what it sends back, and how it ends with its parent.

The parent writes one pickled :class:`Assignment` to the worker's standard input and keeps that open: a line of
text means *stop after this chunk*, its end means that the parent died. Messages go back, pickled, over what was
standard output; whatever a plugin prints goes to standard error instead.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal

if TYPE_CHECKING:
    from fovea.batch.work import Policies
    from fovea.serving.score import Job

ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENCV_FOR_THREADS_NUM": "1",
}
"""Environment of a worker: several processes of one thread each beat one process of several."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """What a worker is to do; ``batch`` is a number, since each process opens the store itself."""

    location: str | Path
    batch: int
    job: Job
    policies: Policies
    owner: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What a worker tells: that it works, an error that ends the batch, or what it could not unpack."""

    kind: Literal["ready", "error", "unfit", "bug"]
    error: Exception | None = None
    text: str = ""


def main() -> None:
    """Run one worker; called by :mod:`fovea.batch.pool` in a process of its own."""
    for unheard in (signal.SIGINT, signal.SIGTERM):  # the parent hears them, and asks us to stop
        signal.signal(unheard, signal.SIG_IGN)
    told = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    stop = threading.Event()
    try:
        assignment = _receive()
    except Exception as error:  # noqa: BLE001 - unpickling imports the plugin, which may raise anything
        _tell(told, Message(kind="unfit", text=f"{type(error).__name__}: {error}"))
        _leave(1)
    threading.Thread(target=_listen, args=(stop,), daemon=True).start()
    _tell(told, Message(kind="ready"))
    _leave(_work(assignment, stop.is_set, told))


def _receive() -> Assignment:
    assignment: Assignment = pickle.load(sys.stdin.buffer)  # noqa: S301 - from our own parent
    return assignment


def _work(assignment: Assignment, stop: Callable[[], bool], told: BinaryIO) -> int:
    from fovea.batch.work import Worker
    from fovea.errors import FoveaError
    from fovea.store.store import Store

    try:
        with Store.open(assignment.location) as store:
            Worker(
                store=store,
                batch=store.batch(assignment.batch),
                job=assignment.job,
                policies=assignment.policies,
                owner=assignment.owner,
                seconds=assignment.seconds,
            ).run(stop)
    except FoveaError as error:
        _tell(told, Message(kind="error", error=error))
        return error.exit_code
    except Exception:  # noqa: BLE001 - told to the parent, which raises it there
        _tell(told, Message(kind="bug", text=traceback.format_exc()))
        return 1
    return 0


def _listen(stop: threading.Event) -> None:
    while sys.stdin.buffer.readline():
        stop.set()
    os._exit(1)  # the parent is gone: what is leased runs out, and nothing half done was written


def _tell(told: BinaryIO, message: Message) -> None:
    pickle.dump(message, told)
    told.flush()


def _leave(code: int) -> None:
    """End at once: with libraries' threads about, an orderly end of the interpreter gains nothing and may hang."""
    sys.stderr.flush()
    os._exit(code)
