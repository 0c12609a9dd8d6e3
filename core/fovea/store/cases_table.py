"""Cases: findings on their way through review, and what changing decisions do to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, Select, select

from fovea.errors import UnknownName, UsageError
from fovea.plugin import LEVELS, Case, Decision, Event, Review, Workflow
from fovea.store import audit, codec, outbox, sites
from fovea.store.rows import SYSTEM
from fovea.store.tables import cases, decisions, reviews
from fovea.store.values import Site

if TYPE_CHECKING:
    from fovea.store.decisions import Change

WITHDRAWN = "withdrawn"
"""The state of a case whose decision is no finding any more and that nobody had brought to an end."""


@dataclass(frozen=True, slots=True)
class _Scene:
    connection: Connection
    now: int
    site: Site
    workflow: Workflow


def follow(connection: Connection, now: int, site: int, changes: Sequence[Change], workflow: Workflow) -> None:
    """Open, update and close cases as their decisions changed, and queue the events."""
    scene = _Scene(connection, now, sites.of_id(connection, site), workflow)
    for change in changes:
        was = change.before is not None and change.before.is_finding and not change.was_withdrawn
        now_is = change.decision.is_finding and not change.withdrawn
        if now_is and not was:
            _appear(scene, change)
        elif now_is:
            _alter(scene, change)
        elif was:
            _vanish(scene, change)


def _row(scene: _Scene, change: Change) -> Row[Any] | None:
    wanted = (
        select(cases)
        .join(decisions, decisions.c.id == cases.c.decision_id)
        .where(decisions.c.site_id == scene.site.id, decisions.c.unit == change.unit, decisions.c.key == change.key)
    )
    return scene.connection.execute(wanted).first()


def _appear(scene: _Scene, change: Change) -> None:
    row = _row(scene, change)
    if row is None:
        _announce(scene, change, _open(scene, change), "finding.opened", "new")
        return
    _set(scene, row.id, active=True)
    if row.state == WITHDRAWN:
        _reopen(scene, row.id, "the finding came back")
    else:
        _reopen_if_worse(scene, row, change)
    _announce(scene, change, row.id, "finding.opened", "back")


def _open(scene: _Scene, change: Change) -> int:
    of = select(decisions.c.id).where(
        decisions.c.site_id == scene.site.id, decisions.c.unit == change.unit, decisions.c.key == change.key
    )
    values = {
        "site_id": scene.site.id,
        "decision_id": scene.connection.execute(of).scalar_one(),
        "unit": change.unit,
        "state": scene.workflow.states[0],
        "active": True,
        "opened": scene.now,
    }
    key = scene.connection.execute(cases.insert(), values).inserted_primary_key
    return int(key[0]) if key is not None else 0


def _alter(scene: _Scene, change: Change) -> None:
    row = _row(scene, change)
    if row is None:
        return
    _reopen_if_worse(scene, row, change)
    ended = change.before is not None and change.before.state == "open" and change.decision.state == "closed"
    _announce(scene, change, row.id, "finding.closed" if ended else "finding.changed", "ended" if ended else "changed")


def _reopen_if_worse(scene: _Scene, row: Row[Any], change: Change) -> None:
    """What a person brought to an end stays there, unless the decision now says something else or something worse."""
    before, now = change.before, change.decision
    if row.state not in scene.workflow.final or before is None:
        return
    if now.label != before.label:
        _reopen(scene, row.id, f"the label was '{before.label}' and is now '{now.label}'")
    elif LEVELS.index(now.level) > LEVELS.index(before.level):
        _reopen(scene, row.id, f"the level was '{before.level}' and is now '{now.level}'")


def _reopen(scene: _Scene, number: int, note: str) -> None:
    _set(scene, number, state=scene.workflow.states[0])
    _note(scene, number, "reopened", note, scene.workflow.states[0])


def _vanish(scene: _Scene, change: Change) -> None:
    row = _row(scene, change)
    if row is None:
        return
    why = "withdrawn" if change.withdrawn else "cleared"
    state = row.state if row.state in scene.workflow.final else WITHDRAWN
    _set(scene, row.id, active=False, state=state)
    reason = "the decision was withdrawn" if change.withdrawn else f"the level is now '{change.decision.level}'"
    _note(scene, row.id, WITHDRAWN, reason, state)
    _announce(scene, change, row.id, "finding.closed", why)


def _set(scene: _Scene, number: int, **values: Any) -> None:
    scene.connection.execute(cases.update().where(cases.c.id == number).values(**values))


def _note(scene: _Scene, number: int, verb: str, note: str, state: str) -> None:
    review = Review(verb=verb, actor=SYSTEM, role="system", time=codec.moment(scene.now), note=note)
    _add_review(scene.connection, number, review, state)


def _add_review(connection: Connection, number: int, review: Review, state: str) -> None:
    revision = select(decisions.c.revision).join(cases, cases.c.decision_id == decisions.c.id)
    row = {
        "case_id": number,
        "verb": review.verb,
        "actor": review.actor,
        "role": review.role,
        "time": codec.micros(review.time),
        "verdict": review.verdict,
        "note": review.note,
        "state": state,
        "revision": connection.execute(revision.where(cases.c.id == number)).scalar_one(),
    }
    connection.execute(reviews.insert(), row)


def _announce(scene: _Scene, change: Change, number: int, kind: str, why: str) -> None:
    name = scene.site.name
    place = codec.digest(codec.dump([name, change.unit, change.key, change.revision, kind]))
    event = Event(
        id=f"{kind}-{place[:32]}",
        kind=kind,
        subject=f"{name}/{change.unit}/{change.key}",
        site=name,
        time=codec.moment(scene.now),
        facts={"case": number, "unit": change.unit, "why": why, "decision": facts_of(change.decision)},
    )
    outbox.add(scene.connection, event)


def facts_of(decision: Decision) -> Mapping[str, object]:
    """A decision in words a listener can read without knowing the store's spelling."""
    place = decision.place
    return {
        "key": decision.key,
        "subject": decision.subject,
        "label": decision.label,
        "level": decision.level,
        "state": decision.state,
        "start": decision.start.isoformat() if decision.start else None,
        "end": decision.end.isoformat() if decision.end else None,
        "place": [place.latitude, place.longitude] if place else None,
        "reason": decision.reason,
        "review": decision.review,
        "evidence": [{"source": one.source, "part": one.part, "note": one.note} for one in decision.evidence],
        "figures": dict(decision.figures),
    }


def _wanted() -> Select[Any]:
    return select(cases, decisions.c.data).join(decisions, decisions.c.id == cases.c.decision_id).order_by(cases.c.id)


def every(connection: Connection, site: int | None, state: str | None) -> tuple[Case, ...]:
    """Cases, oldest first."""
    wanted, said = _wanted(), select(reviews).join(cases, cases.c.id == reviews.c.case_id).order_by(reviews.c.id)
    for column, value in ((cases.c.site_id, site), (cases.c.state, state)):
        if value is not None:
            wanted, said = wanted.where(column == value), said.where(column == value)
    by_case: dict[int, list[Review]] = {}
    for row in connection.execute(said):
        by_case.setdefault(row.case_id, []).append(_review(row))
    return tuple(_value(row, by_case.get(row.id, ())) for row in connection.execute(wanted))


def of_number(connection: Connection, number: int) -> Case:
    """The case of that number."""
    row = connection.execute(_wanted().where(cases.c.id == number)).first()
    if row is None:
        known = connection.execute(select(cases.c.id).order_by(cases.c.id).limit(20)).scalars()
        raise UnknownName("case", str(number), [str(one) for one in known])
    said = connection.execute(select(reviews).where(reviews.c.case_id == number).order_by(reviews.c.id))
    return _value(row, [_review(one) for one in said])


def site_of(connection: Connection, number: int) -> Site:
    """The site a case belongs to."""
    of_number(connection, number)
    return sites.of_id(connection, connection.execute(select(cases.c.site_id).where(cases.c.id == number)).scalar_one())


def _value(row: Row[Any], said: Sequence[Review]) -> Case:
    return Case(
        number=row.id,
        unit=row.unit,
        decision=codec.load_decision(row.data),
        state=row.state,
        opened=codec.moment(row.opened),
        reviews=tuple(said),
    )


def _review(row: Row[Any]) -> Review:
    return Review(
        verb=row.verb,
        actor=row.actor,
        role=row.role,
        time=codec.moment(row.time),
        verdict=row.verdict,
        note=row.note,
    )


def review(connection: Connection, now: int, number: int, said: Review, target: Callable[[Case], str]) -> Case:
    """Add a review and move the case; ``target`` judges the case as it is in this very transaction."""
    if not said.actor.strip():
        raise UsageError("a review needs the name of the person who makes it: give an actor")
    if connection.dialect.name != "sqlite":
        connection.execute(select(cases.c.id).where(cases.c.id == number).with_for_update())
    case = of_number(connection, number)
    state = target(case)
    connection.execute(cases.update().where(cases.c.id == number).values(state=state))
    _add_review(connection, number, said, state)
    site = site_of(connection, number)
    facts = {
        "verb": said.verb,
        "from": case.state,
        "to": state,
        "verdict": said.verdict,
        "note": said.note,
        "decision": codec.digest(codec.dump_decision(case.decision)),
    }
    row = audit.append(
        connection, now, action="case.reviewed", subject=f"case {number}", facts=facts, actor=said.actor, role=said.role
    )
    event = Event(
        id=f"case.{state}-{row.digest[:32]}",
        kind=f"case.{state}",
        subject=f"{site.name}/{case.unit}/{case.decision.key}",
        site=site.name,
        time=codec.moment(now),
        facts={"case": number, "unit": case.unit, "verb": said.verb, "actor": said.actor, "verdict": said.verdict},
    )
    outbox.add(connection, event)
    return of_number(connection, number)
