"""Letting a domain learn its numbers from what is stored, and keeping them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Protocol

from fovea.errors import DataError, UnknownName
from fovea.fitting.reviewed import with_reviews
from fovea.plugin import Case, Entry, Fitted, PolicySettings
from fovea.serving.score import Job
from fovea.store.store import Store
from fovea.store.values import BatchKey, Site


class Policies(Protocol):
    """Policy settings of a site and of its units."""

    @property
    def site(self) -> PolicySettings:
        """Those of the site."""

    def of(self, unit: str) -> PolicySettings:
        """Those that hold for a unit."""


def fit(*, store: Store, site: Site, job: Job, policies: Policies, unit: str = "") -> Fitted:
    """What the domain learns from a site's stored entries, all units together, or from those of one unit.

    Results that lie inside a reviewed finding (same unit, taken between the finding's start and end; of a finding
    without times, the pictures of its evidence) carry its last verdict as the target ``review``: ``true``, ``false``
    or ``unsure``. A verdict that is a label is none of the three and is not carried.

    Raises:
        DataError: nothing was worked through yet.
        UnknownName: the site has no such unit.
        PluginError: the domain's ``fit`` failed.
    """
    key, cases = last_key(store, site), cases_by_unit(store, site)
    units: dict[str, list[Entry]] = {
        name: list(with_reviews(store.entries(site=site.id, unit=name, key=key), cases.get(name, ())))
        for name in units_of(store, site, unit)
    }
    if not any(units.values()):
        raise DataError(f"'{site.name}' has no results to learn from; run: fovea batch {site.name}")
    view = job.unit_views.get(unit, job.view) if unit else job.view
    learned: Fitted = job.domain.fit(units=units, view=view, policy=policies.of(unit) if unit else policies.site)
    return learned


def keep(*, store: Store, site: Site, fitted: Fitted, unit: str = "", actor: str, role: str = "") -> str:
    """Store the numbers as a new version, audited; the next batch measures and decides with them.

    Returns:
        Their digest.

    Raises:
        StoreError: they hold what cannot be stored.
    """
    return store.put_fitted(site=site.id, values=fitted, unit=unit, actor=actor, role=role)


def units_of(store: Store, site: Site, unit: str) -> tuple[str, ...]:
    """The unit meant, or all of the site's. Raises UnknownName."""
    names = store.units(site.id)
    if unit and unit not in names:
        raise UnknownName(f"unit of the site {site.name}", unit, names)
    return (unit,) if unit else names


def last_key(store: Store, site: Site) -> BatchKey:
    """The key of the newest batch, under which results are looked for. Raises DataError where there is none."""
    known = store.batches(site.id)
    if not known:
        raise DataError(f"'{site.name}' was not worked through yet; run: fovea batch {site.name}")
    return known[-1].key


def cases_by_unit(store: Store, site: Site) -> Mapping[str, list[Case]]:
    """The site's cases, those that were withdrawn included."""
    found: dict[str, list[Case]] = defaultdict(list)
    for case in store.cases(site=site.id):
        found[case.unit].append(case)
    return found
