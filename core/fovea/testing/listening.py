"""A listener hears of everything, knows nothing of its settings yet, and must not stumble over either."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

from fovea.plugin import Decision, Event, Evidence, Place, Workflow
from fovea.registry import Registry
from fovea.store.cases_table import facts_of
from fovea.testing.subject import Found

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def check_listening(registry: Registry, workflow: Workflow) -> Found:
    """An event of each kind is heard with empty settings; and heard again, for it may be delivered twice."""
    for listener in registry.listeners():
        for event in _events(workflow):
            for word in ("", " when it was told the second time"):
                fault = registry.tell(listener, event, {})
                if fault is not None:
                    yield f"{' '.join(fault.split())} (event {event.kind}{word}, without settings)"
                    break


def _events(workflow: Workflow) -> Iterator[Event]:
    batch = {"batch": 1, "pictures": 3, "quarantined": 1, "decisions": 1}
    yield _event("batch.finished", "batch 1 of conformance", batch)
    for kind, reason in (("lost", "no frame for 30 seconds"), ("found", "")):
        yield _event(f"source.{kind}", "conformance/gate", {"stream": "gate", "reason": reason})
    about, subject = facts_of(_decision()), "conformance/gate/one"
    for kind, why in (("opened", "new"), ("changed", "changed"), ("closed", "withdrawn")):
        yield _event(f"finding.{kind}", subject, {"case": 1, "unit": "gate", "why": why, "decision": about})
    for state in workflow.states:
        facts = {"case": 1, "unit": "gate", "verb": "move", "actor": "ann", "verdict": "false"}
        yield _event(f"case.{state}", subject, facts)


def _event(kind: str, subject: str, facts: Mapping[str, object]) -> Event:
    return Event(id=f"{kind}-1", kind=kind, subject=subject, site="conformance", time=NOON, facts=facts)


def _decision() -> Decision:
    return Decision(
        key="one",
        subject="gate",
        label="seen",
        level="alarm",
        start=NOON,
        end=NOON + timedelta(seconds=5),
        place=Place(latitude=48.0, longitude=16.0),
        reason="Somebody looked.",
        evidence=(Evidence(source="gate/1.jpg"),),
        figures={"share": 0.5},
    )
