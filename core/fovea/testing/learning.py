"""Numbers that a domain fits: the same each time, and the same again when they come back from the store."""

from __future__ import annotations

from fovea.errors import FoveaError
from fovea.fitting.reviewed import with_reviews
from fovea.plugin import Fitted
from fovea.registry import blamed
from fovea.testing.same import same_fitted
from fovea.testing.subject import Found
from fovea.testing.working import Place, entries_of

UNIT = "conformance"
"""Kept under a unit of its own, the numbers change nothing for the steps that follow."""


def check_fitting(place: Place) -> Found:
    """``fit`` learns from the batch's entries, without predictions and with made-up ones, what the store can keep."""
    for said, word in ((False, "without"), (True, "with")):
        where = f"{word} predictions"
        try:
            first, again = (_fit(place, said=said) for _ in range(2))
            with blamed(place.subject.domain.info, "fit"):  # what holds no arrays of numbers fails where it is used
                same = same_fitted(first, again)
                place.store.put_fitted(site=place.site.id, unit=UNIT, values=first)
                kept = same_fitted(first, place.store.fitted(place.site.id)[UNIT])
        except FoveaError as error:
            yield f"{error} ({where})"
            continue
        if not same:
            yield f"fitted again, the numbers are others ({where}); they must depend on the arguments only"
        if not kept:
            yield f"the numbers come back from the store as others ({where}); answer texts, numbers and number arrays"


def _fit(place: Place, *, said: bool) -> Fitted:
    names = place.store.units(place.site.id)
    units = {unit: list(with_reviews(entries_of(place, unit, said=said), ())) for unit in names}
    fitted: Fitted = place.subject.domain.fit(units=units, view=place.subject.view, policy=place.subject.policy)
    return fitted
