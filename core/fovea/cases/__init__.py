"""Cases: how a finding moves through review."""

from fovea.cases.moves import allowed, move

__all__ = ["allowed", "move"]
