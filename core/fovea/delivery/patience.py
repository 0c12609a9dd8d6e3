"""Calling what may hang: from a thread of its own, which is left behind where it gives no answer in time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """How a call went: its fault in a sentence, None where it went well, and whether it was left hanging."""

    fault: str | None
    hangs: bool = False


def in_time(call: Callable[[], str | None], *, listener: str, seconds: float) -> Heard:
    """Call what answers a fault or None, and wait for it no longer than ``seconds``.

    The thread is a daemon: it does not keep the program from ending. A listener that answers late after all has then
    heard of the event before it hears of it again, which a delivery at least once allows.
    """
    answers: list[Heard] = []

    def run() -> None:
        try:
            answers.append(Heard(fault=call()))
        except BaseException as error:  # noqa: BLE001 - sys.exit() in a listener ends neither a thread nor the program
            answers.append(Heard(fault=f"listener '{listener}' failed: {type(error).__name__}"))

    thread = threading.Thread(target=run, name=f"tell {listener}", daemon=True)
    thread.start()
    thread.join(seconds)
    if answers:
        return answers[0]
    thread.name = _left(listener)
    return Heard(fault=f"listener '{listener}' gave no answer within {seconds:g} seconds", hangs=True)


def left_hanging(listener: str) -> int:
    """How many calls of a listener hang in this process."""
    return sum(thread.name == _left(listener) for thread in threading.enumerate())


def _left(listener: str) -> str:
    return f"left hanging: {listener}"
