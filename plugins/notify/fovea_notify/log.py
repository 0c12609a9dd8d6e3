"""Events as lines of JSON in a file."""

from __future__ import annotations

import json
import os
from pathlib import Path

from fovea.plugin import Event


def append(event: Event, path: Path) -> None:
    """Append one event as one line, in one write, so that lines of several processes do not mix.

    A line has ``id``, ``kind``, ``subject``, ``site``, ``time`` (ISO 8601 with offset) and ``facts``. Events are
    delivered at least once: a reader drops a second line of the same ``id``. The file is readable by its owner only.

    Raises:
        OSError: where the file cannot be written, or not in full.
    """
    line = {
        "id": event.id,
        "kind": event.kind,
        "subject": event.subject,
        "site": event.site,
        "time": event.time.isoformat(),
        "facts": dict(event.facts),
    }
    data = json.dumps(line, default=str).encode() + b"\n"
    file = os.open(path.expanduser(), os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if os.write(file, data) != len(data):
            raise OSError(f"the event {event.id} was not written in full")
        os.fsync(file)
    finally:
        os.close(file)
