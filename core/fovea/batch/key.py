"""The key of a batch: digests of everything that its answers depend on besides pictures and records."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from pydantic import BaseModel

from fovea.batch.work import Policies
from fovea.plugin import Fitted
from fovea.serving.bundle import Bundle
from fovea.serving.score import Job, precisions
from fovea.settings import digest
from fovea.store.values import BatchKey


def key_of(job: Job, policies: Policies, bundles: Mapping[str, Bundle]) -> BatchKey:
    """The key under which this job's answers are kept; equal jobs on one machine have equal keys.

    Raises:
        UsageError: the precision is not to be had for a bundle.
    """
    resolved = precisions(job, bundles)
    return BatchKey(
        bundles={role: bundle.digest for role, bundle in bundles.items()},
        view_digest=digest(job.view, *_by_unit(job.unit_views)),
        fitted_digest=_fitted_digest(job),
        policy_digest=digest(policies.site, *_by_unit(policies.units)),
        precision=" ".join(f"{role}:{precision}" for role, precision in sorted(resolved.items())) or "none",
    )


def _by_unit(settings: Mapping[str, BaseModel]) -> list[BaseModel | str]:
    return [part for unit in sorted(settings) for part in (unit, settings[unit])]


def _fitted_digest(job: Job) -> str:
    """Empty where nothing is fitted."""
    everything = {"": job.fitted, **job.unit_fitted}
    parts = {unit: _of_fitted(fitted) for unit, fitted in everything.items() if fitted.values or fitted.arrays}
    return digest(parts) if parts else ""


def _of_fitted(fitted: Fitted) -> dict[str, object]:
    arrays = {
        name: [array.dtype.str, list(array.shape), hashlib.sha256(array.tobytes()).hexdigest()]
        for name, array in sorted(fitted.arrays.items())
    }
    return {"values": dict(fitted.values), "arrays": arrays}
