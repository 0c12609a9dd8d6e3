"""Units whose ``measure`` keeps state: a worker goes on where the unit stands, whoever brought it there."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TypeAlias

from fovea.plugin import Result, Sample
from fovea.serving.score import Course, Outcome, Scorer
from fovea.store.store import Store
from fovea.store.values import Batch, Lease

_KEPT = 4
"""Units kept going at once; more would only hold memory, since a unit's chunks come one after the other."""

_Place: TypeAlias = tuple[bool, datetime, float, bytes, str]
_NO_TIME = datetime.min.replace(tzinfo=UTC)


class Courses:
    """The units a worker is in the middle of.

    Before a chunk is scored, ``measure`` is shown all of the unit's earlier pictures: by this worker's own earlier
    chunks, or by loading again what other workers, or a run that was killed, have answered meanwhile.
    """

    def __init__(self, *, store: Store, batch: Batch, scorer: Scorer) -> None:
        self._store, self._batch, self._scorer = store, batch, scorer
        self._open: OrderedDict[str, tuple[Course, _Place | None]] = OrderedDict()

    def score(self, lease: Lease) -> list[Outcome]:
        """Answer the samples of a lease on one unit, as if the unit had been seen in one go."""
        first = place_of(lease.samples[0])
        course, stands = self._take(lease.unit, first)
        course.replay(self._between(lease.unit, stands, first))
        outcomes = course.score(lease.samples)
        self._keep(lease.unit, course, place_of(lease.samples[-1]))
        return outcomes

    def close(self) -> None:
        """Let go of all units."""
        while self._open:
            self._open.popitem()[1][0].close()

    def _take(self, unit: str, first: _Place) -> tuple[Course, _Place | None]:
        course, stands = self._open.pop(unit, (None, None))
        if course is not None and stands is not None and stands < first:
            return course, stands
        if course is not None:  # it has seen this chunk already, and the answers were not taken
            course.close()
        return self._scorer.course(unit), None

    def _keep(self, unit: str, course: Course, stands: _Place) -> None:
        self._open[unit] = (course, stands)
        while len(self._open) > _KEPT:
            self._open.popitem(last=False)[1][0].close()

    def _between(self, unit: str, stands: _Place | None, first: _Place) -> Iterator[Sample]:
        for entry in self._store.entries(site=self._batch.site, unit=unit, key=self._batch.key):
            if not isinstance(entry, Result):
                continue
            place = place_of(entry.sample)
            if place >= first:
                return
            if stands is None or place > stands:
                yield entry.sample


def place_of(sample: Sample) -> _Place:
    """Where a sample stands in its unit, ordered as the store orders entries: time, order, source, part."""
    return (
        sample.time is not None,
        sample.time or _NO_TIME,
        sample.order,
        os.fsencode(sample.source),
        sample.part,
    )
