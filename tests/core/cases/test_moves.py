from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from fovea.cases import allowed, move
from fovea.errors import UnknownName, UsageError
from fovea.plugin import Decision, Sample, Step, Workflow
from fovea.store.store import Store
from fovea.store.values import BatchKey, Scanned, Scored

DOUBLE = Workflow(
    states=("new", "read", "signed"),
    steps=(
        Step(verb="read", source=("new", "read"), target="read"),
        Step(verb="sign", source=("read",), target="signed", roles=("radiologist", "chief"), other_person=True),
        Step(verb="amend", source=("signed",), target="read"),
    ),
    final=("signed",),
)


def find(store: Store, label: str, policy: str, level: str = "alarm") -> None:
    """One study with one finding."""
    site = store.site("clinic")
    batch = store.open_batch(site=site.id, key=BatchKey(policy_digest=policy))
    store.record_scan(batch, [Scanned(sample=Sample(source="a", unit="study"))])
    store.plan(batch)
    while (lease := store.lease(batch, owner="w", seconds=60)) is not None:
        if lease.kind == "score":
            store.publish(lease, [Scored(sample=sample) for sample in lease.samples])
        else:
            made = {"study": [Decision(key="k", subject="study", label=label, level=level)]}
            store.publish_decisions(lease, made, workflow=DOUBLE)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "fovea.db") as store:
        store.add_site(name="clinic", title="Clinic", domain="medical", root=tmp_path)
        find(store, "nodule", "p1")
        yield store


def act(store: Store, verb: str, actor: str, role: str = "radiologist", **more):
    return move(store=store, workflow=DOUBLE, number=1, verb=verb, actor=actor, role=role, **more)


def test_a_review_moves_the_case_and_is_kept(store):
    case = act(store, "read", "ann", verdict="true", note="left lobe")
    assert case.state == "read"
    (review,) = case.reviews
    assert (review.verb, review.actor, review.role, review.verdict, review.note) == (
        "read",
        "ann",
        "radiologist",
        "true",
        "left lobe",
    )


def test_reviews_are_added_never_overwritten(store):
    act(store, "read", "ann", verdict="true")
    act(store, "read", "ann", verdict="false")
    assert [review.verdict for review in store.case(1).reviews] == ["true", "false"]


def test_a_verb_that_is_not_allowed_names_those_that_are(store):
    with pytest.raises(UsageError, match="case 1 is 'new' and cannot be moved by 'sign': allowed is read"):
        act(store, "sign", "ann")
    assert store.case(1).reviews == ()


def test_a_role_that_may_not_do_it_names_those_that_may(store):
    act(store, "read", "ann")
    with pytest.raises(UsageError, match="role 'nurse' may not sign a case: that takes radiologist or chief"):
        act(store, "sign", "bob", role="nurse")


@pytest.mark.parametrize("actor", ["ann", "Ann", " ann "])
def test_a_second_reader_is_never_the_first(store, actor):
    act(store, "read", "ann")
    with pytest.raises(UsageError, match="it takes another person"):
        act(store, "sign", actor)
    assert act(store, "sign", "bob").state == "signed"


def test_who_read_before_an_amendment_may_sign_after_it_but_not_who_amended(store):
    act(store, "read", "ann")
    act(store, "sign", "bob")
    act(store, "amend", "cleo")
    with pytest.raises(UsageError, match="it takes another person"):
        act(store, "sign", "cleo")
    assert act(store, "sign", "ann").state == "signed"


def test_a_finding_that_opened_again_wants_two_people_again(store):
    act(store, "read", "ann")
    act(store, "sign", "bob")
    find(store, "mass", "p2")
    assert store.case(1).state == "new"
    act(store, "read", "bob")
    assert act(store, "sign", "ann").state == "signed"


def test_a_withdrawn_case_cannot_be_moved(store):
    find(store, "nothing", "p2", level="normal")
    with pytest.raises(UsageError, match="is 'withdrawn' and cannot be moved by 'read': allowed is nothing"):
        act(store, "read", "ann")


def test_nobody_acts_without_a_name_or_as_the_program(store):
    with pytest.raises(UsageError, match="give an actor"):
        act(store, "read", "  ")
    with pytest.raises(UsageError, match="is the program's own"):
        act(store, "read", "ann", role="system")


def test_an_unknown_case_names_those_there_are(store):
    with pytest.raises(UnknownName, match=r"there is no case '7'.*there is: 1"):
        move(store=store, workflow=DOUBLE, number=7, verb="read", actor="ann", role="radiologist")


def test_a_move_is_audited_and_announced(store):
    act(store, "read", "ann", verdict="true")
    row = store.audit_rows()[-1]
    assert (row.action, row.actor, row.facts["from"], row.facts["to"]) == ("case.reviewed", "ann", "new", "read")
    kinds = []
    while told := store.events.due(listener="l", now=row.time):
        kinds += [one.event.kind for one in told]
        for one in told:
            store.events.delivered(one.event.id, listener="l")
    assert kinds == ["finding.opened", "case.read"]


def test_a_refused_move_leaves_no_audit_row(store):
    before = store.audit_head()
    with pytest.raises(UsageError):
        act(store, "sign", "ann")
    assert store.audit_head() == before


def test_the_steps_that_lead_on_are_told(store):
    assert [step.verb for step in allowed(DOUBLE, store.case(1))] == ["read"]


def test_of_two_who_sign_at_once_one_is_refused(store):
    act(store, "read", "ann")
    start, refused = threading.Barrier(2), []

    def sign(actor: str) -> None:
        start.wait(timeout=30)
        try:
            act(store, "sign", actor)
        except UsageError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=sign, args=(actor,)) for actor in ("bob", "cleo")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 1
    assert [review.verb for review in store.case(1).reviews] == ["read", "sign"]
