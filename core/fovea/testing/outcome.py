"""What a check of a plugin came to."""

from __future__ import annotations

from dataclasses import dataclass

from fovea.errors import FoveaError


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One part of the contract that was tried; a part with several faults has several steps.

    Args:
        name: the part, such as ``prepare`` or ``export geojson``.
        fault: what is wrong with it; empty where it holds.
        note: what is no fault, but an author should know.
    """

    name: str
    fault: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conformance:
    """Every step of a check, in the order they were tried."""

    domain: str
    steps: tuple[Step, ...]

    @property
    def faults(self) -> tuple[str, ...]:
        """One text for each fault, beginning with its step's name."""
        return tuple(f"{step.name}: {step.fault}" for step in self.steps if step.fault)

    @property
    def notes(self) -> tuple[str, ...]:
        """One text for each note, beginning with its step's name."""
        return tuple(f"{step.name}: {step.note}" for step in self.steps if step.note)

    def require(self) -> Conformance:
        """The conformance itself, where it has no fault.

        Raises:
            FoveaError: naming every fault, one a line.
        """
        if self.faults:
            raise FoveaError("\n".join((f"the domain '{self.domain}' does not keep the contract:", *self.faults)))
        return self
