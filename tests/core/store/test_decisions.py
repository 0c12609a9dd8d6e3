from __future__ import annotations

from datetime import timedelta

import pytest

from fovea.errors import PluginError, StoreError
from fovea.plugin import READ_AND_SIGN, Decision, Record, Unreadable, Workflow
from fovea.store.values import BatchKey, Scored

OTHER = BatchKey(bundles={"disease": "b1"}, view_digest="v1", policy_digest="p2", precision="fp32")


def say(label="rust", level="alarm", **more):
    return lambda entries: [Decision(key="spot", subject="field", label=label, level=level, **more)] if entries else []


def decide(farm, how, *pictures, workflow=None):
    """Decide everything anew: another policy each time."""
    number = len(farm.store.batches(farm.site.id))
    key = BatchKey(bundles={"disease": "b1"}, view_digest="v1", policy_digest=f"q{number}", precision="fp32")
    batch = farm.scan(*(pictures or (farm.picture("a"),)), key=key)
    farm.work(batch, how, **({} if workflow is None else {"workflow": workflow}))
    return batch


def events(farm) -> list[str]:
    heard = []
    while told := farm.store.events.due(listener="test", now=farm.clock.now):
        for one in told:
            heard.append(one.event.kind)
            farm.store.events.delivered(one.event.id, listener="test")
    return heard


def finish(farm, number=1):
    farm.store.add_review(number, verb="done", actor="ann", role="agronomist", target=lambda _: "done")
    events(farm)


def test_decisions_are_kept_by_unit(farm):
    farm.work(farm.scan(farm.picture("a", unit="x"), farm.picture("b", unit="y")))
    found = farm.store.decisions(farm.site.id)
    assert {unit: [one.label for one in made] for unit, made in found.items()} == {"x": ["1"], "y": ["1"]}


def test_an_unchanged_decision_adds_no_revision_and_no_event(farm):
    decide(farm, say())
    events(farm)
    batch = decide(farm, say())
    assert len(farm.store.decision_history(site=farm.site.id, unit="field", key="spot")) == 1
    assert events(farm) == []
    assert farm.store.counts(batch).decisions == 0


def test_a_changed_decision_keeps_its_history(farm):
    decide(farm, say("rust"))
    decide(farm, say("blight"))
    history = farm.store.decision_history(site=farm.site.id, unit="field", key="spot")
    assert [(one.revision, one.decision.label) for one in history] == [(1, "rust"), (2, "blight")]


def test_of_two_decisions_with_one_key_the_later_holds(farm):
    decide(farm, lambda _: [Decision(key="k", subject="s", label=label) for label in ("first", "second")])
    assert [one.label for one in farm.store.decisions(farm.site.id)["field"]] == ["second"]


def test_a_decision_that_a_replay_lacks_is_withdrawn_not_deleted(farm):
    decide(farm, say())
    decide(farm, lambda _: [])
    assert farm.store.decisions(farm.site.id) == {}
    history = farm.store.decision_history(site=farm.site.id, unit="field", key="spot")
    assert [one.withdrawn for one in history] == [False, True]


def test_a_unit_whose_pictures_vanished_has_its_decisions_withdrawn(farm, words):
    weather = Record(kind="weather", time=words.start, values={"rain_mm": 1.0})
    farm.work(farm.scan(farm.picture("a", unit="x"), farm.picture("b", unit="y"), records=[weather]), words.alarm)
    farm.work(farm.scan(farm.picture("b", unit="y"), records=[weather]), words.alarm)
    assert list(farm.store.decisions(farm.site.id)) == ["y"]
    assert [case.state for case in farm.store.cases()] == ["withdrawn", "new"]


def test_a_finding_opens_a_case_and_announces_it(farm):
    decide(farm, say())
    (case,) = farm.store.cases()
    assert (case.number, case.state, case.unit, case.decision.label) == (1, "new", "field", "rust")
    assert farm.store.case_site(1) == farm.site
    assert events(farm) == ["finding.opened"]


def test_what_is_no_finding_opens_no_case(farm):
    decide(farm, say(level="notice"))
    assert farm.store.cases() == ()
    assert events(farm) == []


def test_a_review_asked_for_is_a_finding(farm):
    decide(farm, say(level="normal", review=True))
    assert len(farm.store.cases()) == 1


def test_a_changed_finding_updates_its_case(farm):
    decide(farm, say(figures={"share": 0.1}))
    decide(farm, say(figures={"share": 0.2}))
    (case,) = farm.store.cases()
    assert case.decision.figures == {"share": 0.2}
    assert events(farm) == ["finding.opened", "finding.changed"]


def test_a_finding_whose_alarm_ends_is_announced_as_closed_and_stays_for_review(farm):
    decide(farm, say(state="open"))
    decide(farm, say(state="closed"))
    assert events(farm) == ["finding.opened", "finding.closed"]
    assert farm.store.case(1).state == "new"


@pytest.mark.parametrize("how", [lambda _: [], say(level="normal")], ids=["withdrawn", "cleared"])
def test_a_finding_that_is_none_any_more_closes_its_case_with_a_note(farm, how):
    decide(farm, say())
    decide(farm, how)
    case = farm.store.case(1)
    assert (case.state, case.reviews[0].actor, bool(case.reviews[0].note)) == ("withdrawn", "fovea", True)
    assert events(farm) == ["finding.opened", "finding.closed"]


def test_a_finding_that_comes_back_opens_its_case_again(farm):
    for how in (say(), lambda _: [], say()):
        decide(farm, how)
    assert [(case.number, case.state) for case in farm.store.cases()] == [(1, "new")]
    assert events(farm) == ["finding.opened", "finding.closed", "finding.opened"]


def test_a_finished_case_stays_finished_through_an_identical_replay(farm):
    decide(farm, say())
    finish(farm)
    decide(farm, say())
    assert farm.store.case(1).state == "done"
    assert events(farm) == []


def test_a_finished_case_stays_finished_when_only_its_figures_change(farm):
    decide(farm, say())
    finish(farm)
    decide(farm, say(figures={"share": 0.2}))
    assert (farm.store.case(1).state, farm.store.case(1).decision.figures) == ("done", {"share": 0.2})


def test_a_finished_case_stays_finished_when_its_finding_goes_and_comes_back(farm):
    decide(farm, say())
    finish(farm)
    for how in (lambda _: [], say()):
        decide(farm, how)
    assert farm.store.case(1).state == "done"


@pytest.mark.parametrize("worse", [say("blight"), say(level="alarm")], ids=["label", "level"])
def test_a_finished_case_opens_again_when_the_finding_says_something_else_or_worse(farm, worse):
    decide(farm, say(level="warning"))
    finish(farm)
    decide(farm, worse)
    case = farm.store.case(1)
    assert (case.state, case.reviews[-1].verb) == ("new", "reopened")


def test_events_have_the_same_ids_in_two_stores_of_one_history(farm, tmp_path, clock):
    from fovea.store.store import Store

    def ids(store):
        return [one.event.id for one in store.events.due(listener="l", now=clock.now)]

    decide(farm, say())
    with Store.open(tmp_path / "other.db", clock=clock) as other:
        site = other.add_site(name="farm", title="", domain="crop", root=tmp_path)
        twin = type(farm)(other, site, clock, tmp_path)
        decide(twin, say())
        assert ids(other) == ids(farm.store) != []


def test_a_fault_in_one_unit_leaves_its_decisions_and_the_others_are_decided(farm):
    pictures = farm.picture("a", unit="x"), farm.picture("b", unit="y")
    farm.work(farm.scan(*pictures))
    batch = farm.scan(*pictures, key=OTHER)
    lease = farm.lease(batch)
    fault = PluginError("crop", "decide", "wants more light")
    made = {"y": [Decision(key="count", subject="y", label="new")]}
    assert farm.store.publish_decisions(lease, made, workflow=READ_AND_SIGN, faults={"x": fault})
    labels = {unit: made[0].label for unit, made in farm.store.decisions(farm.site.id).items()}
    assert labels == {"x": "1", "y": "new"}
    (row,) = farm.store.quarantined(farm.site.id)
    assert (row.unit, row.plugin, row.function, row.reason) == ("x", "crop", "decide", "wants more light")
    assert farm.store.counts(batch).faulty_units == 1


def test_a_faulty_unit_is_decided_again_only_when_asked_for(farm):
    batch = farm.scan(farm.picture("a"))
    lease = farm.lease(batch)
    farm.store.publish(lease, [Scored(sample=lease.samples[0])])
    fault = PluginError("crop", "decide", "no")
    farm.store.publish_decisions(farm.lease(batch), {}, workflow=READ_AND_SIGN, faults={"field": fault})
    assert farm.store.plan(batch).units == 0
    assert farm.store.retry(site=farm.site.id) == 1
    assert farm.store.plan(batch).units == 1


def test_decisions_for_a_stranger_s_unit_are_refused(farm, words):
    batch = farm.scan(farm.picture("a"))
    lease = farm.lease(batch)
    farm.store.publish(lease, [words.good(lease.samples[0])])
    with pytest.raises(StoreError, match="'elsewhere', which is not among its units"):
        farm.store.publish_decisions(farm.lease(batch), {"elsewhere": []}, workflow=READ_AND_SIGN)


def test_what_changes_while_a_unit_is_decided_has_it_decided_again(farm, words):
    batch = farm.scan(farm.picture("a"))
    lease = farm.lease(batch)
    farm.store.publish(lease, [words.good(lease.samples[0])])
    deciding = farm.lease(batch)
    late = Record(kind="soil", time=words.start + timedelta(hours=1), values={"ph": 6.0}, unit="field")
    farm.store.record_scan(batch, [], [late])
    assert farm.store.publish_decisions(deciding, {}, workflow=READ_AND_SIGN)
    assert farm.lease(batch).units == ("field",)


def test_what_was_read_earlier_does_not_overwrite_what_was_decided_later(farm, words):
    batch = farm.scan(farm.picture("a", at=0), farm.picture("b", at=1), chunk=1)
    slow = farm.lease(batch)
    farm.store.publish(slow, [words.good(slow.samples[0])])
    rest = farm.lease(batch)
    farm.store.publish(rest, [words.good(rest.samples[0])])
    early = farm.lease(batch)
    farm.store.record_scan(batch, [farm.picture("c", at=2)])
    farm.store.plan(batch)
    third = farm.lease(batch)
    farm.store.publish(third, [words.good(third.samples[0])])
    late = farm.lease(batch)
    made = {name: {"field": [Decision(key="k", subject="s", label=name)]} for name in ("early", "late")}
    assert farm.store.publish_decisions(late, made["late"], workflow=READ_AND_SIGN)
    assert farm.store.publish_decisions(early, made["early"], workflow=READ_AND_SIGN)
    assert [one.label for one in farm.store.decisions(farm.site.id)["field"]] == ["late"]


def test_a_lost_lease_decides_nothing(farm, clock, words):
    batch = farm.scan(farm.picture("a"))
    lease = farm.lease(batch)
    farm.store.publish(lease, [words.good(lease.samples[0])])
    lost = farm.lease(batch, "slow", 10)
    clock.pass_(11)
    farm.lease(batch, "quick")
    made = {"field": [Decision(key="k", subject="s", label="l", level="alarm")]}
    assert farm.store.publish_decisions(lost, made, workflow=READ_AND_SIGN) is False
    assert (farm.store.cases(), farm.store.decisions(farm.site.id)) == ((), {})


def test_a_case_that_is_being_read_stays_where_it_is_when_its_finding_changes(farm):
    reading = Workflow(states=("new", "read", "done"), steps=(), final=("done",))
    decide(farm, say("rust"), workflow=reading)
    farm.store.add_review(1, verb="read", actor="ann", role="agronomist", target=lambda _: "read")
    decide(farm, say("blight"), workflow=reading)
    assert (farm.store.case(1).state, farm.store.case(1).decision.label) == ("read", "blight")


def test_a_result_that_came_before_a_batch_was_superseded_is_still_decided_on(farm, words):
    batch = farm.scan(farm.picture("a"), farm.picture("b"), chunk=1)
    for fault in (None, Unreadable(code="empty", reason="")):
        lease = farm.lease(batch)
        farm.store.publish(lease, [Scored(sample=lease.samples[0], fault=fault)])
    farm.work(batch)
    farm.store.retry(site=farm.site.id)
    again = farm.scan(farm.picture("a"), farm.picture("b"))
    lease = farm.lease(again)
    farm.store.publish(lease, [words.good(lease.samples[0])])
    farm.store.open_batch(site=farm.site.id, key=BatchKey(view_digest="v2"))
    farm.work(farm.scan(farm.picture("a"), farm.picture("b")))
    assert [one.label for one in farm.store.decisions(farm.site.id)["field"]] == ["2"]


def test_weather_does_not_have_vanished_units_decided_again(farm, words):
    farm.work(farm.scan(farm.picture("a", unit="x"), farm.picture("b", unit="y")))
    farm.work(farm.scan(farm.picture("b", unit="y")))
    rain = Record(kind="weather", time=words.start, values={"rain_mm": 1.0})
    batch = farm.scan(farm.picture("b", unit="y"), records=[rain])
    assert farm.lease(batch).units == ("y",)
