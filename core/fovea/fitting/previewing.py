"""What other numbers would change, before they are kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from fovea.errors import PluginError
from fovea.fitting.learning import Policies, cases_by_unit, last_key, units_of
from fovea.fitting.reviewed import last_verdict
from fovea.plugin import Case, Decision, Fitted
from fovea.serving.deciding import decide
from fovea.serving.score import Job
from fovea.store.store import Store
from fovea.store.values import BatchKey, Site


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A finding that other numbers would change.

    Args:
        unit: where.
        key: the decision's.
        what: ``gone`` is a finding no more, ``new`` was none before, ``changed`` stays one and says something else.
        before: the decision under the numbers that hold; None where there is none.
        after: the decision under the other ones; None where there is none.
        case: the case's number; None where there is none.
        verdict: the verdict given last; empty where nobody gave one.
    """

    unit: str
    key: str
    what: Literal["gone", "new", "changed"]
    before: Decision | None
    after: Decision | None
    case: int | None
    verdict: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What other numbers would come to.

    Args:
        changes: by unit and key.
        units: how many units were decided with both.
        apart: units that keep numbers of their own, and so would not change.
        before: findings under the numbers that hold.
        after: findings under the other ones.
        said_true: of the findings before, those whose last verdict is ``true``.
        said_false: the same for ``false``.
        true_lost: findings reviewed as true that would be gone.
        false_gone: findings reviewed as false that would be gone.
        faults: units that could not be decided, one sentence each.
    """

    changes: tuple[Change, ...]
    units: int
    apart: tuple[str, ...]
    before: int
    after: int
    said_true: int
    said_false: int
    true_lost: int
    false_gone: int
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Compared:
    """A unit's findings, before and after, and what was reviewed of them."""

    before: int
    after: int
    said: Counter[str]
    changes: tuple[Change, ...]


def preview(*, store: Store, site: Site, job: Job, policies: Policies, fitted: Fitted, unit: str = "") -> Preview:
    """Decide on what is stored with the numbers that hold and with ``fitted``, and tell the findings apart.

    Nothing is written. Measures and predictions are those stored, taken under the numbers that held then: a domain
    whose ``measure`` goes by fitted numbers may see other measures once these are kept.

    Args:
        store: read only.
        site: the site.
        job: holds the numbers that hold, of the site and of its units.
        policies: as decisions are made with.
        fitted: the other numbers.
        unit: whose numbers they would be; empty for the site's, which hold for all units without their own.

    Raises:
        DataError: nothing was worked through yet.
        UnknownName: the site has no such unit.
    """
    key, cases = last_key(store, site), cases_by_unit(store, site)
    names = units_of(store, site, unit)
    apart = () if unit else tuple(name for name in names if name in job.unit_fitted)
    both, faults = [], []
    for name in (name for name in names if name not in apart):
        try:
            before, after = (_findings(store, site, job, policies, key, name, f) for f in (job.fitted_of(name), fitted))
        except PluginError as error:
            faults.append(f"unit {name}: {error}")
            continue
        both.append(_compared(name, before, after, {case.decision.key: case for case in cases.get(name, ())}))
    return _summed(both, apart, faults)


def _findings(
    store: Store, site: Site, job: Job, policies: Policies, key: BatchKey, unit: str, fitted: Fitted
) -> Mapping[str, Decision]:
    """A unit's decisions by key."""
    entries = store.entries(site=site.id, unit=unit, key=key)
    made = decide(domain=job.domain, entries=entries, policy=policies.of(unit), fitted=fitted)
    return {decision.key: decision for decision in made}


def _compared(
    unit: str, before: Mapping[str, Decision], after: Mapping[str, Decision], cases: Mapping[str, Case]
) -> _Compared:
    verdicts = {key: last_verdict(case) for key, case in cases.items()}
    was, now = ({key for key, one in made.items() if one.is_finding} for made in (before, after))

    def changes() -> Iterator[Change]:
        for key in sorted(key for key in was | now if before.get(key) != after.get(key)):
            yield Change(
                unit=unit,
                key=key,
                what="gone" if key not in now else "changed" if key in was else "new",
                before=before.get(key),
                after=after.get(key),
                case=cases[key].number if key in cases else None,
                verdict=verdicts.get(key, ""),
            )

    return _Compared(
        before=len(was),
        after=len(now),
        said=Counter(verdicts.get(key, "") for key in was),
        changes=tuple(changes()),
    )


def _summed(both: list[_Compared], apart: tuple[str, ...], faults: list[str]) -> Preview:
    changes = tuple(change for one in both for change in one.changes)
    said = sum((one.said for one in both), Counter[str]())
    gone = Counter(change.verdict for change in changes if change.what == "gone")
    return Preview(
        changes=changes,
        units=len(both),
        apart=apart,
        before=sum(one.before for one in both),
        after=sum(one.after for one in both),
        said_true=said["true"],
        said_false=said["false"],
        true_lost=gone["true"],
        false_gone=gone["false"],
        faults=tuple(faults),
    )
