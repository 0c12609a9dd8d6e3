from __future__ import annotations

import pytest

from fovea.plugin import READ_AND_SIGN, Decision, Step, Workflow


@pytest.mark.parametrize("level,finding", [("normal", False), ("notice", False), ("warning", True), ("alarm", True)])
def test_a_decision_is_a_finding_from_warning_on(level, finding):
    assert Decision(key="k", subject="p1", label="rust", level=level).is_finding is finding


def test_a_decision_that_asks_for_review_is_a_finding_whatever_its_level():
    assert Decision(key="k", subject="p1", label="rust", review=True).is_finding


def test_a_verb_means_a_step_only_where_it_is_allowed():
    assert READ_AND_SIGN.step("sign", "new").target == "signed"
    assert READ_AND_SIGN.step("sign", "signed") is None
    assert READ_AND_SIGN.step("dance", "new") is None


def test_a_signed_case_can_be_amended():
    assert READ_AND_SIGN.step("amend", "signed").target == "read"


@pytest.mark.parametrize(
    "steps,final",
    [
        ((Step(verb="read", source=("new",), target="raed"),), ()),
        ((Step(verb="read", source=("raed",), target="new"),), ()),
        ((), ("raed",)),
    ],
)
def test_a_workflow_that_names_a_foreign_state_is_refused(steps, final):
    with pytest.raises(ValueError, match="may only name its own states; not among them: raed"):
        Workflow(states=("new", "read"), steps=steps, final=final)


def test_a_workflow_without_states_is_refused():
    with pytest.raises(ValueError, match="not among them: any state"):
        Workflow(states=(), steps=())
