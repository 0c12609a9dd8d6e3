from __future__ import annotations

from datetime import timedelta

import pytest

from fovea.errors import DataError, PluginError, UnknownName
from fovea.fitting import fit, keep, preview
from fovea.plugin import Fitted, Result


def test_the_plugin_learns_from_what_was_reviewed(yard):
    yard.review("east/20", "false")
    yard.review("east/40", "true")
    assert fit(**yard.given).values == {"line": 160.0}


def test_all_units_are_handed_over_in_order_or_just_the_one(yards):
    asked = []

    def fit_nothing(units, view, policy):
        asked.append({unit: [entry.sample.source for entry in entries] for unit, entries in units.items()})
        return Fitted()

    yard = yards(fit=fit_nothing)
    yard.batch()
    fit(**yard.given)
    fit(**yard.given, unit="west")
    east, west = ["east/00.txt", "east/20.txt", "east/40.txt"], ["west/00.txt", "west/30.txt"]
    assert asked == [{"east": east, "west": west}, {"west": west}]


def test_a_preview_takes_the_false_alarm_away_and_keeps_the_true_one(yard):
    yard.review("east/20", "false")
    yard.review("east/40", "true")
    seen = preview(**yard.given, fitted=fit(**yard.given))
    assert (seen.before, seen.after, seen.units) == (3, 1, 2)
    assert (seen.said_false, seen.false_gone, seen.said_true, seen.true_lost) == (1, 1, 1, 0)
    gone, changed, other = seen.changes
    assert (gone.unit, gone.what, gone.verdict, gone.after) == ("east", "gone", "false", None)
    assert gone.case == next(case.number for case in yard.bench.cases() if case.decision.key == "east/20.txt")
    assert (changed.key, changed.what, changed.verdict, changed.after.figures) == (
        "east/40.txt",
        "changed",
        "true",
        {"over": 40.0},
    )
    assert (other.unit, other.what, other.verdict) == ("west", "gone", "")


def test_a_finding_that_would_come_and_one_reviewed_as_true_that_would_go_are_told(yard):
    yard.review("east/20", "true")
    seen = preview(**yard.given, fitted=Fitted(values={"line": 45.0}))
    assert [(one.key, one.case) for one in seen.changes if one.what == "new"] == [("east/00.txt", None)]
    seen = preview(**yard.given, fitted=Fitted(values={"line": 999.0}))
    assert (seen.after, seen.true_lost, seen.said_true) == (0, 1, 1)


def test_nothing_is_written_by_a_preview(yard):
    yard.review("east/20", "false")
    before = yard.tables()
    preview(**yard.given, fitted=fit(**yard.given))
    assert yard.tables() == before


def test_the_same_numbers_change_nothing(yard):
    assert preview(**yard.given, fitted=Fitted(values={"line": 100.0})).changes == ()


def test_kept_numbers_decide_the_next_batch(yard):
    yard.review("east/20", "false")
    yard.review("east/40", "true")
    digest = keep(**{name: yard.given[name] for name in ("store", "site")}, fitted=fit(**yard.given), actor="ann")
    row = yard.store.audit_rows()[-1]
    assert (row.action, row.actor, row.facts["digest"]) == ("fitted.put", "ann", digest)
    yard.batch()
    assert yard.findings() == ["east/40.txt"]


def test_a_false_alarm_that_went_away_is_still_learned_from(yard):
    yard.review("east/20", "false")
    yard.review("east/40", "true")
    keep(store=yard.store, site=yard.bench.site("yard"), fitted=fit(**yard.given), actor="ann")
    yard.batch()
    assert fit(**yard.given).values == {"line": 160.0}


def test_a_units_own_numbers_stand_apart_from_the_sites(yard):
    site = yard.bench.site("yard")
    keep(store=yard.store, site=site, fitted=Fitted(values={"line": 10.0}), unit="west", actor="ann")
    seen = preview(**yard.given, fitted=Fitted(values={"line": 999.0}))
    assert (seen.apart, {one.unit for one in seen.changes}) == (("west",), {"east"})
    own = preview(**yard.given, fitted=Fitted(values={"line": 999.0}), unit="west")
    assert (own.before, own.after, own.apart) == (2, 0, ())


def test_a_unit_that_cannot_be_decided_is_told_and_holds_up_no_other(yards):
    def decide_on_west_only(entries, policy, fitted):
        for entry in entries:
            if entry.sample.of_unit == "east":
                raise ValueError("tripped")
        yield from ()

    broken = yards(decide=decide_on_west_only)
    broken.batch()
    seen = preview(**broken.given, fitted=Fitted())
    assert (seen.units, len(seen.faults)) == (1, 1)
    assert "unit east: plugin 'toy' failed in decide: raised ValueError: tripped" in seen.faults


def reviews_of(yards, *said, decide=None):
    """The ``review`` targets that ``fit`` is given, by source, after these reviews."""
    targets = {}

    def look(units, view, policy):
        for entry in (entry for entries in units.values() for entry in entries if isinstance(entry, Result)):
            if "review" in entry.sample.targets:
                targets[entry.sample.source] = entry.sample.targets["review"]
        return Fitted()

    yard = yards(fit=look, **({} if decide is None else {"decide": decide}))
    yard.batch()
    for source, verdict in said:
        yard.review(source, verdict)
    fit(**yard.given)
    return targets


@pytest.mark.parametrize("verdict", ["true", "false", "unsure"])
def test_a_verdict_reaches_the_pictures_inside_its_finding_and_no_others(yards, verdict):
    assert reviews_of(yards, ("east/20", verdict)) == {"east/20.txt": verdict}


def test_the_last_verdict_of_a_finding_counts(yards):
    assert reviews_of(yards, ("east/20", "false"), ("east/20", ""), ("east/20", "True")) == {"east/20.txt": "true"}


def test_a_verdict_that_is_a_label_is_not_carried(yards):
    assert reviews_of(yards, ("east/20", "false"), ("east/20", "lamp")) == {}


def test_of_two_findings_over_one_picture_the_one_reviewed_last_speaks(yards):
    from fovea.plugin import Decision

    def over_all(entries, policy, fitted):
        times = [entry.sample.time for entry in entries]
        for key in ("a.txt", "b.txt"):
            yield Decision(key=key, subject=key, label="x", level="alarm", start=times[0], end=times[0])

    def east_only(entries, policy, fitted):
        found = list(entries)
        if found[0].sample.of_unit == "east":
            yield from over_all(found, policy, fitted)

    said = reviews_of(yards, ("b", "true"), ("a", "false"), decide=east_only)
    assert said == {"east/00.txt": "false"}


def test_a_finding_without_times_tells_of_the_pictures_it_rests_on(yards):
    from fovea.plugin import Decision, Evidence

    def timeless(entries, policy, fitted):
        for entry in entries:
            if entry.sample.source == "east/40.txt":
                evidence = (Evidence(source="east/40.txt"),)
                yield Decision(key="east/40.txt", subject="s", label="x", level="alarm", evidence=evidence)

    assert reviews_of(yards, ("east/40", "false"), decide=timeless) == {"east/40.txt": "false"}


def test_before_the_first_batch_there_is_nothing_to_learn_from(yards):
    yard = yards()
    with pytest.raises(DataError, match="run: fovea batch yard"):
        fit(**yard.given)


def test_an_unknown_unit_is_answered_with_the_known_ones(yard):
    with pytest.raises(UnknownName, match=r"no unit of the site yard 'eastt'; did you mean 'east'"):
        fit(**yard.given, unit="eastt")


def test_a_fit_that_fails_is_named(yards):
    def broken(units, view, policy):
        raise KeyError("line")

    yard = yards(fit=broken)
    yard.batch()
    with pytest.raises(PluginError, match="plugin 'toy' failed in fit: raised KeyError"):
        fit(**yard.given)


def test_where_a_stream_ended_is_no_entry_for_fit(yard):
    from fovea.fitting.reviewed import with_reviews
    from fovea.plugin import Tick
    from fovea.store.values import Ended

    case = yard.bench.cases()[0]
    tick = Tick(time=case.opened)
    assert list(with_reviews([tick, Ended(time=case.opened + timedelta(minutes=1)), tick], [case])) == [tick, tick]
