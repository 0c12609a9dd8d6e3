"""What a domain concludes, and the way a finding takes through review."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias

from fovea.plugin.values import Place, _empty

Level: TypeAlias = Literal["normal", "notice", "warning", "alarm"]
"""How much a decision matters: nothing, worth knowing, worth going there, at once."""

DecisionState: TypeAlias = Literal["open", "closed"]
"""``open`` while it may still change by itself; ``closed`` once the domain is sure."""

LEVELS: tuple[Level, ...] = ("normal", "notice", "warning", "alarm")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A picture that a decision rests on.

    Args:
        source: source of the sample.
        part: part of the sample.
        region: name of the region looked at; empty for the whole picture.
        note: why this picture, in a few words.
    """

    source: str
    part: str = ""
    region: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the domain concludes about a unit, or a part of it.

    A decision is upserted on (unit, ``key``): one that comes again with the same key replaces its elder, so an
    alarm opens and closes under one key.

    Args:
        key: unique inside the unit and the same on every replay: built from what it is about, never from a count.
        subject: what it is about, in words a person uses (``field river-strip, plant p0123``).
        label: the conclusion.
        level: how much it matters; from ``warning`` on it is a finding.
        state: whether it may still change.
        start: first moment it is about.
        end: last moment it is about.
        place: where.
        reason: one sentence saying why.
        review: True asks for a person, whatever the level; it is then a finding too.
        evidence: the pictures it rests on, the most telling first.
        figures: the numbers behind it (share, confidence, count), for reports and exports.
    """

    key: str
    subject: str
    label: str
    level: Level = "normal"
    state: DecisionState = "closed"
    start: datetime | None = None
    end: datetime | None = None
    place: Place | None = None
    reason: str = ""
    review: bool = False
    evidence: tuple[Evidence, ...] = ()
    figures: Mapping[str, float] = field(default_factory=_empty)

    @property
    def is_finding(self) -> bool:
        """True where somebody must act: level ``warning`` or above, or a review asked for."""
        return self.review or LEVELS.index(self.level) >= LEVELS.index("warning")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One way a finding may move.

    Args:
        verb: what the person does (``read``, ``sign``, ``amend``, ``dismiss``).
        source: the states it may start from.
        target: the state it leads to.
        roles: the roles that may do it; empty means anyone.
        other_person: True where it must be somebody who has not acted on the case since it was last opened or
            amended (a second reader is never the first).
    """

    verb: str
    source: tuple[str, ...]
    target: str
    roles: tuple[str, ...] = ()
    other_person: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """The states of a finding and who may move it. The first state is where a finding starts."""

    states: tuple[str, ...]
    steps: tuple[Step, ...]
    final: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        named = {state for step in self.steps for state in (*step.source, step.target)} | set(self.final)
        strangers = sorted(named - set(self.states))
        if not self.states or strangers:
            named_wrongly = ", ".join(strangers) or "any state"
            msg = f"a workflow's steps may only name its own states; not among them: {named_wrongly}"
            raise ValueError(msg)

    def step(self, verb: str, state: str) -> Step | None:
        """The step that ``verb`` means in ``state``, or None where it is not allowed there."""
        return next((s for s in self.steps if s.verb == verb and state in s.source), None)


READ_AND_SIGN = Workflow(
    states=("new", "read", "signed"),
    steps=(
        Step(verb="read", source=("new", "read"), target="read"),
        Step(verb="sign", source=("new", "read"), target="signed"),
        Step(verb="amend", source=("signed",), target="read"),
    ),
    final=("signed",),
)
"""The workflow of a domain that names none: one person reads and signs; a signed case can be amended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What one person said of a case; added, never overwritten.

    Args:
        verb: the step taken.
        actor: who, as they signed in.
        role: in what role.
        time: when.
        verdict: ``true``, ``false``, ``unsure`` or a label; empty where none was given.
        note: free text.
    """

    verb: str
    actor: str
    role: str
    time: datetime
    verdict: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A finding on its way through review."""

    number: int
    unit: str
    decision: Decision
    state: str
    opened: datetime
    reviews: tuple[Review, ...] = ()
