"""Processes of our own: what a parent starts, what a child is sent, and how it ends with its parent.

The parent writes one pickled order to the child's standard input and keeps that open: a line of text means *stop
after what is in hand*, its end means that the parent died. Messages go back, pickled, over what was standard
output; whatever a plugin prints goes to standard error instead, and a program it starts finds nothing to read.
:mod:`multiprocessing` is not used, since it would import the parent's main module in every child.

Each child leads a process group of its own: what a plugin starts in it (a decoder, say) hears no Ctrl-C of ours,
and is ended with it.
"""

from __future__ import annotations

import json
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Literal, TypeAlias, cast

from fovea.errors import FoveaError, PluginError

ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENCV_FOR_THREADS_NUM": "1",
}
"""Environment of a child: several processes of one thread each beat one process of several."""

_LAST_WORDS_S = 2.0
"""Seconds in which a dead child's last messages come in: what it started itself may hold its pipe open for ever."""

_START = (
    "import importlib, json, signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); "
    "sys.path[:] = json.loads(sys.argv[1]); importlib.import_module(sys.argv[2]).main()"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What a child tells: that it works, something of its own, what ended it, or that it could not be unpacked."""

    kind: Literal["ready", "told", "error", "unfit", "bug"]
    error: Exception | None = None
    text: str = ""
    said: Any = None


Tell: TypeAlias = Callable[[object], None]
Work: TypeAlias = Callable[[Any, Callable[[], bool], Tell], int]


def pack(order: object, domain: str) -> bytes:
    """An order as it is sent.

    Raises:
        PluginError: the domain in it cannot be sent to another process.
    """
    try:
        return pickle.dumps(order)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        fault = f"it cannot be sent to a worker process ({error}); define its functions at the top of a module"
        raise PluginError(domain, "loading", fault) from error


def unfit(message: Message, domain: str) -> PluginError:
    """What it means that a child could not unpack its order."""
    return PluginError(domain, "loading", f"a worker process cannot import it ({message.text}); install it")


@dataclass(slots=True)
class Child:
    """A running child, as its parent sees it.

    Args:
        module: the module whose ``main`` it runs, which calls :func:`serve`.
        order: from :func:`pack`.
    """

    module: str
    order: bytes
    messages: queue.SimpleQueue[Message] = field(default_factory=queue.SimpleQueue)
    process: subprocess.Popen[bytes] = field(init=False)
    reader: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self.process = subprocess.Popen(  # noqa: S603 - our own interpreter
            [sys.executable, "-c", _START, json.dumps(sys.path), self.module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **ONE_THREAD},
            process_group=0,
        )
        self._say(b"%d\n" % len(self.order) + self.order)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    @property
    def is_dead(self) -> bool:
        """True once it ended; all that it said is then in ``messages``."""
        if self.process.poll() is None:
            return False
        self.reader.join(_LAST_WORDS_S)
        return True

    def ask_to_stop(self) -> None:
        """Ask it to stop after what it has in hand."""
        self._say(b"stop\n")

    def wait(self, seconds: float) -> None:
        """Wait for its end, at most so long."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(max(0.0, seconds))

    def kill(self) -> None:
        """End it, dead or alive, with what it started, and close what leads to it."""
        if self.process.stdin is None or self.process.stdin.closed:
            return  # it was ended before, and its number may be somebody else's by now
        with suppress(ProcessLookupError, PermissionError):  # nobody is left
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.reader.join(_LAST_WORDS_S)
        with suppress(OSError):
            self.process.stdin.close()

    def _say(self, words: bytes) -> None:
        pipe = cast("BinaryIO", self.process.stdin)
        with suppress(OSError, ValueError):  # it died, or was ended: whoever tends to it will see
            pipe.write(words)
            pipe.flush()

    def _read(self) -> None:
        pipe = cast("BinaryIO", self.process.stdout)
        with pipe, suppress(Exception):  # it ended; perhaps in the middle of a word
            while True:
                self.messages.put(pickle.load(pipe))  # noqa: S301 - from our own child


def serve(work: Work) -> None:
    """The child's side: receive the order, do the work, tell how it ended; never returns.

    ``work`` is given the order, a function that is true once a stop was asked for, and one that tells the parent
    something; it answers the exit status.
    """
    for unheard in (signal.SIGINT, signal.SIGTERM):  # the parent hears them, and asks us to stop
        signal.signal(unheard, signal.SIG_IGN)
    heard, told = _own_pipes()
    stop, voice = threading.Event(), threading.Lock()

    def tell(message: Message) -> None:
        packed = pickle.dumps(message)
        with voice:
            told.write(packed)
            told.flush()

    packed = heard.read(int(heard.readline() or 0))  # whole before it is unpacked: our parent must not wait for that
    threading.Thread(target=_listen, args=(heard, stop), daemon=True).start()
    try:
        order = pickle.loads(packed)  # noqa: S301 - from our own parent
    except BaseException as error:  # noqa: BLE001 - unpickling imports the plugin, which may raise anything
        tell(Message(kind="unfit", text=f"{type(error).__name__}: {error}"))
        _leave(1)
    tell(Message(kind="ready"))
    _leave(_done(work, order, stop, tell))


def _own_pipes() -> tuple[BinaryIO, BinaryIO]:
    """What leads from and to the parent, out of reach of what a plugin reads, prints or starts."""
    heard, told = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return heard, told


def _done(work: Work, order: object, stop: threading.Event, tell: Callable[[Message], None]) -> int:
    try:
        return work(order, stop.is_set, lambda said: tell(Message(kind="told", said=said)))
    except FoveaError as error:
        tell(Message(kind="error", error=error))
        return error.exit_code
    except BaseException:  # noqa: BLE001 - told to the parent; a plugin's sys.exit(0) must not pass for a good end
        tell(Message(kind="bug", text=traceback.format_exc()))
        return 1


def _listen(heard: BinaryIO, stop: threading.Event) -> None:
    while heard.readline():
        stop.set()
    # the parent is gone: what is leased runs out, and nothing half done was written
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def _leave(code: int) -> None:
    """End at once: with libraries' threads about, an orderly end of the interpreter gains nothing and may hang."""
    with suppress(Exception):  # nobody may listen there any more
        sys.stderr.flush()
    os._exit(code)
