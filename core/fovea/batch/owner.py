"""Names to lease under, which tell later whether the process behind them has ended."""

from __future__ import annotations

import os
import socket
import uuid
from pathlib import Path
from typing import Literal

from fovea.store.store import Store
from fovea.store.values import Batch

_ENDED = "ended"
_STATE, _START = 0, 19
"""Places in ``/proc/PID/stat`` after the command's name; proc(5) counts them as fields 3 and 22."""


def new_owner(kind: Literal["worker", "alone"]) -> str:
    """A name that nobody else has: machine, process id, when that process started, and a random part.

    The process is the one that runs the batch; a ``worker`` ends with it, and ``alone`` it does the work itself.
    """
    process = os.getpid()
    return f"{_machine()}:{process}:{_started(process)}:{kind}-{uuid.uuid4().hex[:12]}"


def free_the_dead(store: Store, batch: Batch) -> int:
    """Free what processes of this machine hold that have ended; returns how many pieces of work.

    Workers are not blamed: whatever ended the process that ran them ended them too. A process that worked alone is,
    since the picture in hand may have ended it, and would do so for ever.
    """
    ended = [owner for owner in store.holders(batch) if is_dead(owner)]
    return sum(store.abandon(batch, owner=owner, blame=not _is_worker(owner)) for owner in ended)


def is_dead(owner: str) -> bool:
    """True where the owner's process has surely ended; False where it lives or this machine cannot know."""
    parts = owner.rsplit(":", 3)
    if len(parts) != 4 or parts[0] != _machine() or not parts[1].isdigit() or not parts[2]:  # noqa: PLR2004
        return False
    process, started = int(parts[1]), parts[2]
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except OSError:  # another user's, which /proc may hide from us
        return False
    return _started(process) not in {"", started}


def _is_worker(owner: str) -> bool:
    return owner.rpartition(":")[2].startswith("worker-")


def _machine() -> str:
    """Host, its last start, and container: beyond any of them a process id means something else."""
    try:
        started = Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:8]
        container = str(Path("/proc/self/ns/pid").stat().st_ino)
    except OSError:
        started = container = ""
    return f"{socket.gethostname()}:{started}:{container}"


def _started(process: int) -> str:
    """When a process started, in ticks since the machine did; empty where the system does not tell."""
    try:
        told = Path(f"/proc/{process}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return _ENDED if told[_STATE] in "ZX" else told[_START]
