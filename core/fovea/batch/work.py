"""What a worker does: take a piece of work, answer it, publish, until nothing is left."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from fovea.batch.courses import Courses
from fovea.errors import FoveaError, PluginError, StoreError
from fovea.plugin import Decision, PolicySettings, Unreadable
from fovea.serving import deciding
from fovea.serving.pictures import is_per_picture
from fovea.serving.score import Job, Outcome, Scorer
from fovea.store.store import Store
from fovea.store.values import Batch, Lease

LEASE_SECONDS = 20.0
"""How long work is held without a sign of life; a sign is given four times as often."""

_log = logging.getLogger("fovea.batch")
_NAP = 0.1
_RENEWALS = 4


def _nothing() -> Mapping[str, PolicySettings]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """Policy settings of a site, and of the units that have their own; a unit's hold where there are both."""

    site: PolicySettings
    units: Mapping[str, PolicySettings] = field(default_factory=_nothing)

    def of(self, unit: str) -> PolicySettings:
        """The policy that holds for a unit."""
        return self.units.get(unit, self.site)


class Worker:
    """One worker on one batch; networks are loaded when the first picture is to be scored.

    Args:
        store: the worker's own.
        batch: what to work on.
        job: what a picture's answers depend on.
        policies: what decisions depend on besides.
        owner: the name this worker leases under; no other may use it.
        seconds: how long a lease is held without a sign of life.
    """

    def __init__(
        self, *, store: Store, batch: Batch, job: Job, policies: Policies, owner: str, seconds: float = LEASE_SECONDS
    ) -> None:
        self._store, self._batch, self._job, self._policies = store, batch, job, policies
        self._owner, self._seconds = owner, seconds
        self._scorer: Scorer | None = None
        self._courses: Courses | None = None

    def run(self, stop: Callable[[], bool]) -> None:
        """Work until nothing is left, neither here nor in the hands of others, or a stop is asked for.

        Raises:
            FoveaError: the store or a bundle cannot be used; work in hand is given back.
        """
        try:
            while not stop():
                lease = self._store.lease(self._batch, owner=self._owner, seconds=self._seconds)
                if lease is not None:
                    self._work_on(lease)
                elif all_done(self._store, self._batch):
                    return
                else:
                    time.sleep(_NAP)  # others hold what is left; if they die, it falls to us
        finally:
            self._let_go()

    def _work_on(self, lease: Lease) -> None:
        try:
            with _held(self._store, lease, self._seconds):
                self._answer(lease)
        except Exception as error:
            self._let_go()  # what a measure saw of this chunk is not to be built on
            if isinstance(error, FoveaError):
                self._store.hand_back(lease)
                raise
            _log.exception("work %d failed at attempt %d", lease.id, lease.attempt)
            fault = Unreadable(code="crash", reason=f"Working on it failed with {type(error).__name__}.")
            self._store.give_up(lease, fault)
        except BaseException:
            self._store.hand_back(lease)
            raise

    def _answer(self, lease: Lease) -> None:
        if lease.kind == "decide":
            workflow = self._job.domain.info.workflow
            decided, faults = decide(
                store=self._store, batch=self._batch, job=self._job, policies=self._policies, units=lease.units
            )
            self._store.publish_decisions(lease, decided, workflow=workflow, faults=faults)
        else:
            self._store.publish(lease, [outcome.scored() for outcome in self._score(lease)])

    def _score(self, lease: Lease) -> list[Outcome]:
        if self._scorer is None:
            self._scorer = Scorer(self._job)
        if is_per_picture(self._job.domain):
            return self._scorer.score(lease.samples)
        if self._courses is None:
            self._courses = Courses(store=self._store, batch=self._batch, scorer=self._scorer)
        return self._courses.score(lease)

    def _let_go(self) -> None:
        courses, self._courses = self._courses, None
        if courses is not None:
            courses.close()


def all_done(store: Store, batch: Batch) -> bool:
    """True where nothing is left to lease and nobody holds anything."""
    counts = store.counts(batch)
    return counts.todo + counts.leased == 0


def decide(
    *, store: Store, batch: Batch, job: Job, policies: Policies, units: Sequence[str]
) -> tuple[dict[str, list[Decision]], dict[str, PluginError]]:
    """Let the domain decide on units; one that fails is named with its fault and does not hold up the others."""
    decided: dict[str, list[Decision]] = {}
    faults: dict[str, PluginError] = {}
    for unit in units:
        entries = store.entries(site=batch.site, unit=unit, key=batch.key)
        try:
            decided[unit] = deciding.decide(
                domain=job.domain, entries=entries, policy=policies.of(unit), fitted=job.fitted_of(unit)
            )
        except PluginError as error:
            faults[unit] = error
    return decided, faults


@contextmanager
def _held(store: Store, lease: Lease, seconds: float) -> Iterator[None]:
    """Renew a lease from a thread of its own while the body works, however long a picture takes."""
    over = threading.Event()

    def renew() -> None:
        while not over.wait(seconds / _RENEWALS):
            try:
                if not store.renew(lease, seconds=seconds):
                    return  # lost: publishing will be refused, and the new holder's answer counts
            except StoreError:
                continue  # publishing will say so

    thread = threading.Thread(target=renew, name=f"renew-{lease.id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
