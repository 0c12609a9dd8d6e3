"""One batch from the folder to the decisions."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fovea.batch.child import Assignment
from fovea.batch.key import key_of
from fovea.batch.owner import free_the_dead, new_owner
from fovea.batch.pool import Pool
from fovea.batch.scan import Found, scan
from fovea.batch.work import LEASE_SECONDS, Policies, Worker
from fovea.errors import Locked, PluginError, Stopped
from fovea.plugin import PolicySettings
from fovea.progress import Progress
from fovea.serving.pictures import is_per_picture
from fovea.serving.score import Job, open_bundles
from fovea.store.store import Store
from fovea.store.values import Batch, BatchCounts, FaultRow, Site

CHUNK = 16
"""Pictures leased, answered and published at once: what a kill may cost, against one transaction each."""

_POLL = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a batch waits.

    Args:
        lease_s: seconds that the work of a machine that vanished stays out of reach for others.
        fresh_s: units that got a file less than so many seconds ago are left for a later batch: more may come.
    """

    lease_s: float = LEASE_SECONDS
    fresh_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchSummary:
    """What a batch came to: what it did itself, where two ran at once on one site and shared the work.

    Args:
        batch: the store's number of it.
        pictures: pictures in the folder.
        scored: pictures that got a result now.
        known: pictures that had their answer from before, or got it from another batch beside this one.
        quarantined: pictures of the site in quarantine, by code.
        new_quarantined: pictures sent to quarantine now.
        units: units decided now.
        held: pictures left for a later batch, because their unit is still getting files.
        decisions: decisions made or changed now.
        findings: decisions of the site, as it stands, that somebody must act on.
        seconds: from start to end.
        rate: pictures answered a second while scoring; 0 where there were none.
        faults: faults of the plugin, one sentence each.
    """

    batch: int
    pictures: int
    scored: int
    known: int
    quarantined: Mapping[str, int]
    new_quarantined: int
    units: int
    held: int
    decisions: int
    findings: int
    seconds: float
    rate: float
    faults: tuple[str, ...]


def run_batch(
    *,
    store: Store,
    site: Site,
    job: Job,
    policy: PolicySettings | Policies,
    workers: int,
    progress: Progress,
    stop: Callable[[], bool],
    patience: Patience = Patience(),
) -> BatchSummary:
    """Answer every picture of a site that has no answer under this job yet, and decide on every unit concerned.

    Killed at any moment and run again, it ends with the same tables as an undisturbed run. Several may run on one
    site at once and share the work.

    Args:
        store: the workplace's store.
        site: the site, as the store knows it.
        job: the domain, the bundles and the view; its root is what is scanned.
        policy: of the site, or with those of single units.
        workers: processes to start, at most; 0 works in this process, where a crashing decoder ends the batch.
        progress: told of two pieces of work, the scan and the scoring.
        stop: asked several times a second; once true, chunks in hand are finished and the batch can be resumed.
        patience: with vanished machines, and with units whose files are still coming in.

    Raises:
        DataError: the folder is not there, or holds no picture the domain knows.
        PluginError: ``read_samples`` failed, or the domain cannot be sent to a worker process.
        BundleRefused: a bundle is damaged or made for something else.
        Locked: a batch with other settings took the site over.
        Stopped: ``stop`` answered true.
    """
    began = time.monotonic()
    policies = policy if isinstance(policy, Policies) else Policies(site=policy)
    key = key_of(job, policies, open_bundles(job))
    batch = store.open_batch(site=site.id, key=key)
    found = scan(store=store, batch=batch, job=job, progress=progress, stop=stop, fresh_s=patience.fresh_s)
    free_the_dead(store, batch)
    store.plan(batch, chunk=CHUNK, in_order=not is_per_picture(job.domain), hold=set(found.fresh))
    before, started = store.counts(batch), time.monotonic()
    watch, since = _Watch(store, batch, progress, stop, before), store.audit_head().number
    if before.todo + before.leased:
        assignment = Assignment(
            location=store.location,
            batch=batch.id,
            job=job,
            policies=policies,
            owner=new_owner("alone"),
            seconds=patience.lease_s,
        )
        _work(watch, assignment, workers)
    _not_superseded(store, batch)
    store.finish_batch(batch)
    scoring = time.monotonic() - started
    return _summary(store, batch, found, _done(store, batch, since), began=began, scoring=scoring)


def _work(watch: _Watch, assignment: Assignment, workers: int) -> None:
    watch.progress.start("score", watch.before.waiting)
    if workers == 0 or not watch.before.waiting:  # decisions alone are not worth a process
        _work_here(watch, assignment)
    else:
        count = min(workers, watch.before.todo + watch.before.leased)
        with Pool(store=watch.store, batch=watch.batch, assignment=assignment, count=count) as pool:
            _watch_over(watch, pool)
    watch.due = 0.0
    watch.look()
    watch.progress.finish()


def _work_here(watch: _Watch, assignment: Assignment) -> None:
    def stop() -> bool:
        watch.look()
        return watch.stop()

    Worker(
        store=watch.store,
        batch=watch.batch,
        job=assignment.job,
        policies=assignment.policies,
        owner=assignment.owner,
        seconds=assignment.seconds,
    ).run(stop)
    if watch.stop():
        raise _stopped()


def _watch_over(watch: _Watch, pool: Pool) -> None:
    while not watch.look():
        if watch.stop():
            pool.stop()
            raise _stopped()
        pool.tend()
        time.sleep(_POLL / 2)


def _stopped() -> Stopped:
    return Stopped("stopped; what is finished is kept: run the same command again to go on")


@dataclass(slots=True)
class _Watch:
    """Tells the progress how far the batch is, from the store: so it counts what any process did."""

    store: Store
    batch: Batch
    progress: Progress
    stop: Callable[[], bool]
    before: BatchCounts
    told: int = 0
    began: float = 0.0
    due: float = 0.0

    def look(self) -> bool:
        """Tell what is new; True where all is done. Asking too soon is free, and answered with False."""
        now = time.monotonic()
        if now < self.due:
            return False
        counts = self.store.counts(self.batch)
        self._tell(counts, now)
        self.due = now + max(_POLL, 20 * (time.monotonic() - now))  # counting grows with the batch; it may cost 5 %
        return counts.todo + counts.leased == 0

    def _tell(self, counts: BatchCounts, now: float) -> None:
        self.began = self.began or now
        done = counts.pictures - self.before.pictures
        if done > self.told:
            self.progress.advance(done - self.told)
            self.told = done
            rate = done / max(now - self.began, 1e-3)
            self.progress.show(rate=f"{rate:.0f}/s", quarantined=counts.quarantined)


def _not_superseded(store: Store, batch: Batch) -> None:
    if store.batch(batch.id).state == "superseded":
        raise Locked("another batch with other settings or bundles took this site over: run again once it is done")


def _done(store: Store, batch: Batch, since: int) -> Counter[str]:
    """What this process and its workers published in the batch after an audit row: the audit says whose work it was."""
    ours, subject = new_owner("alone").rpartition(":")[0], f"batch {batch.id}"
    done: Counter[str] = Counter()
    while rows := store.audit_rows(after=since):
        since = rows[-1].number
        for row in rows:
            if row.subject == subject and str(row.facts.get("by", "")).rpartition(":")[0] == ours:
                units = row.facts["units"] if row.action == "decisions.published" else 0
                counts = {name: row.facts.get(name, 0) for name in ("pictures", "quarantined", "changed")}
                done.update({**counts, "units": units})
    return done


def _summary(
    store: Store, batch: Batch, found: Found, done: Counter[str], *, began: float, scoring: float
) -> BatchSummary:
    faults = store.quarantined(batch.site)
    pictures = found.count.new + found.count.changed + found.count.known
    held, answered = sum(found.fresh.values()), done["pictures"]
    made = [decision for of_unit in store.decisions(batch.site).values() for decision in of_unit]
    return BatchSummary(
        batch=batch.id,
        pictures=pictures,
        scored=answered - done["quarantined"],
        known=pictures - answered - held,
        quarantined=dict(sorted(Counter(row.code for row in faults if row.source).items())),
        new_quarantined=done["quarantined"],
        units=done["units"],
        held=held,
        decisions=done["changed"],
        findings=sum(decision.is_finding for decision in made),
        seconds=time.monotonic() - began,
        rate=answered / scoring if answered else 0.0,
        faults=_sentences(faults),
    )


def _sentences(faults: tuple[FaultRow, ...]) -> tuple[str, ...]:
    told = Counter(str(PluginError(row.plugin, row.function, row.reason)) for row in faults if row.plugin)
    return tuple(text if count == 1 else f"{text} ({count} times)" for text, count in told.items())
