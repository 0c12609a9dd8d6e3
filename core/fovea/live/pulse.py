"""How a stream's process tells its parent how far it is."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace

from fovea.live.child import Beat
from fovea.processes import Tell

BEAT_S = 1.0
"""Seconds between two signs of life."""


@dataclass(slots=True)
class Pulse:
    """Tells the parent how far the stream is: at most once a second, and at once where something new happened."""

    tell: Tell
    beat: Beat = field(default_factory=Beat)
    _due: float = 0.0

    def note(self, **changes: object) -> None:
        """Remember what changed."""
        self.beat = replace(self.beat, **changes)  # type: ignore[arg-type]

    def maybe(self) -> None:
        """Tell, where a second has passed."""
        if time.monotonic() >= self._due:
            self.now()

    def now(self) -> None:
        """Tell."""
        self.tell(self.beat)
        self._due = time.monotonic() + BEAT_S
