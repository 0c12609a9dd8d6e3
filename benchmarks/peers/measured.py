"""What every side of ``benchmarks/peers.py`` says of itself; the standard library alone, as each peer runs it.

Each side is started as ``python SIDE.py ASKED.json`` with the settings that all share, and writes what it spent to the
file that they name.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Asked:
    """What all sides are asked alike.

    Args:
        data: folder with ``train/LABEL/*.jpg`` and ``val/LABEL/*.jpg``.
        way: ``full`` (every weight learns) or ``probe`` (the head alone).
        epochs: passes over ``train``, each followed by one over ``val``.
        size: side of the network's square in pixels.
        batch: pictures a step.
        workers: processes that load pictures, where a peer wants to be told.
        answer: the file that a side writes.
        scratch: an empty folder for checkpoints.
    """

    data: str
    way: str
    epochs: int
    size: int
    batch: int
    workers: int
    answer: str
    scratch: str


@dataclass
class Meter:
    """CPU seconds since it was made: after the imports, before pictures are listed and a network is built."""

    began: float
    ends: list[float] = field(default_factory=list)

    def end_epoch(self) -> None:
        """An epoch is learned, validated and saved."""
        self.ends.append(spent() - self.began)

    def answer(self, asked: Asked, version: str) -> None:
        """Write what was spent; where epochs were not told apart, all of it now."""
        if not self.ends:
            self.end_epoch()
        told = {"startup": self.began, "ends": self.ends, "version": version}
        Path(asked.answer).write_text(json.dumps(told), encoding="ascii")


def read_asked() -> Asked:
    """The settings named on the command line."""
    return Asked(**json.loads(Path(sys.argv[1]).read_text(encoding="ascii")))


def start() -> Meter:
    """A meter that counts from now."""
    return Meter(began=spent())


def spent() -> float:
    """CPU seconds of this process and of all processes that it has started, also of those that still run."""
    seconds = 0.0
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        used = resource.getrusage(who)
        seconds += used.ru_utime + used.ru_stime
    return seconds + _of_living() / os.sysconf("SC_CLK_TCK")


def _of_living() -> int:
    """Ticks of the processes below this one (proc(5))."""
    below: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                fields = (
                    Path("/proc", name, "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
                )
            except OSError:  # it has ended meanwhile
                continue
            below[int(fields[1])].append((int(name), sum(map(int, fields[11:15]))))
    waiting, ticks = [os.getpid()], 0
    while waiting:
        for process, own in below[waiting.pop()]:
            ticks += own
            waiting.append(process)
    return ticks
