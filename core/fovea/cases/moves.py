"""Who may move a case, and where to: the domain's workflow, enforced in the transaction that writes the review."""

from __future__ import annotations

from fovea.errors import UsageError
from fovea.plugin import Case, Step, Workflow
from fovea.store.store import Store

_SYSTEM = "system"


def move(
    *,
    store: Store,
    workflow: Workflow,
    number: int,
    verb: str,
    actor: str,
    role: str,
    verdict: str = "",
    note: str = "",
) -> Case:
    """Add one person's review to a case and move it; the review is never overwritten.

    The rules are judged on the case as it is in the very transaction that writes the review, its audit row and its
    event, so that of two people who act at once the second is judged on what the first did.

    Raises:
        UnknownName: there is no such case.
        UsageError: the verb is not allowed in the case's state, the role may not do it, it must be another person,
            no actor was named, or the role is the program's own.
    """
    if role == _SYSTEM:
        raise UsageError(f"the role '{_SYSTEM}' is the program's own: give the role of the person who acts")

    def target(case: Case) -> str:
        step = _step(workflow, case, verb)
        _check_role(step, role)
        _check_person(workflow, case, step, actor)
        return step.target

    return store.add_review(number, verb=verb, actor=actor, role=role, target=target, verdict=verdict, note=note)


def allowed(workflow: Workflow, case: Case) -> tuple[Step, ...]:
    """The steps that lead on from a case's state, in the workflow's order."""
    return tuple(step for step in workflow.steps if case.state in step.source)


def _step(workflow: Workflow, case: Case, verb: str) -> Step:
    step = workflow.step(verb, case.state)
    if step is None:
        verbs = ", ".join(one.verb for one in allowed(workflow, case)) or "nothing"
        raise UsageError(f"case {case.number} is '{case.state}' and cannot be moved by '{verb}': allowed is {verbs}")
    return step


def _check_role(step: Step, role: str) -> None:
    if step.roles and role not in step.roles:
        raise UsageError(f"the role '{role}' may not {step.verb} a case: that takes {' or '.join(step.roles)}")


def _check_person(workflow: Workflow, case: Case, step: Step, actor: str) -> None:
    if step.other_person and _person(actor) in _acted(workflow, case):
        raise UsageError(
            f"{actor} has acted on case {case.number} already: to {step.verb} it takes another person than before"
        )


def _acted(workflow: Workflow, case: Case) -> set[str]:
    """Who acted since the case was last opened or amended; who amended it is among them."""
    people: set[str] = set()
    state = workflow.states[0]
    for review in case.reviews:
        if review.role == _SYSTEM:
            if review.verb == "reopened":
                people, state = set(), workflow.states[0]
            continue
        if state in workflow.final:
            people = set()
        people.add(_person(review.actor))
        step = workflow.step(review.verb, state)
        state = state if step is None else step.target
    return people


def _person(actor: str) -> str:
    return " ".join(actor.split()).casefold()
