"""Fitting a domain's own numbers to a site, with what they would change shown first."""

from __future__ import annotations

from collections.abc import Mapping

from fovea.errors import UsageError
from fovea.fitting import fit as learn
from fovea.fitting import keep, preview
from fovea.plugin import Domain, Fitted
from fovea.registry import own_parts
from fovea.store.store import Store
from fovea.store.values import Site
from fovea.workbench.sites import job_of, policies_of
from fovea.workbench.views import FitView


def fit(store: Store, domain: Domain, site: Site, *, unit: str, kept: bool, actor: str) -> FitView:
    """Learn the numbers, show what they would change, and keep them where that is wanted.

    Raises:
        UsageError: the domain has no ``fit`` of its own.
        DataError: nothing was worked through yet.
        UnknownName: the site has no such unit.
        PluginError: the domain's ``fit`` failed.
    """
    if not own_parts(domain)["fit"]:
        raise UsageError(
            f"the domain '{domain.info.name}' has no numbers to fit: its decisions follow from its settings alone"
        )
    job, policies = job_of(store, domain, site), policies_of(store, domain, site)
    fitted = learn(store=store, site=site, job=job, policies=policies, unit=unit)
    shown = preview(store=store, site=site, job=job, policies=policies, fitted=fitted, unit=unit)
    digest = keep(store=store, site=site, fitted=fitted, unit=unit, actor=actor) if kept else ""
    return FitView(
        site=site.name,
        unit=unit,
        values=fitted.values,
        arrays=_shapes(fitted),
        preview=shown,
        kept=digest,
    )


def _shapes(fitted: Fitted) -> Mapping[str, str]:
    """Type and shape by name: the arrays themselves may be large."""
    return {
        name: f"{array.dtype} {' x '.join(map(str, array.shape)) or 'number'}"
        for name, array in sorted(fitted.arrays.items())
    }
