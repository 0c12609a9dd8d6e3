"""The store's door: named methods, each one transaction, that take and return frozen values."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Self

from sqlalchemy import Connection

from fovea.plugin import Case, Coverage, Decision, Entry, Fitted, Record, Result, Review, Workflow
from fovea.store import (
    audit,
    batches,
    cases_table,
    codec,
    entries,
    fitted,
    plan,
    publish,
    quarantine,
    retention,
    scan,
    settings_table,
    sites,
    units,
    values,
    work,
)
from fovea.store import decisions as decisions_table
from fovea.store import runs as run_table
from fovea.store.database import Database, open_database
from fovea.store.events import Events
from fovea.store.live import Live


class Store:
    """One open database. Safe to share between threads; a process opens its own.

    Every method raises :class:`~fovea.errors.StoreError` with one sentence where the database cannot be read or
    written (full disk, read-only, locked by another, damaged).
    """

    def __init__(self, database: Database, clock: Callable[[], datetime] = codec.utc_now) -> None:
        self._database = database
        self._clock = clock

    @classmethod
    def open(cls, location: str | Path, *, clock: Callable[[], datetime] = codec.utc_now) -> Self:
        """Open the database at a path or URL; make it (and its folder) where there is none, migrate an older one.

        Raises:
            StoreError: no database, a newer Fovea's database, or one that cannot be opened.
        """
        return cls(open_database(location), clock)

    @property
    def location(self) -> str | Path:
        """Where another process opens the same database."""
        return self._database.location

    @property
    def live(self) -> Live:
        """What comes in by streams."""
        return Live(self._database, self._clock)

    @property
    def events(self) -> Events:
        """What listeners are to hear."""
        return Events(self._database)

    def close(self) -> None:
        """Close all connections; the store cannot be used afterwards."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _write(self) -> Iterator[tuple[Connection, int]]:
        with self._database.write() as connection:
            yield connection, codec.micros(self._clock())  # asked late: waiting for the lock takes time

    def add_site(
        self, *, name: str, title: str, domain: str, root: Path, actor: str = "", role: str = ""
    ) -> values.Site:
        """Add a site; UsageError where the name is taken."""
        with self._write() as (connection, now):
            return sites.add(connection, now, name=name, title=title, domain=domain, root=root, actor=actor, role=role)

    def sites(self) -> tuple[values.Site, ...]:
        """All sites, by name."""
        with self._database.read() as connection:
            return sites.every(connection)

    def site(self, name: str) -> values.Site:
        """The site of that name; UnknownName where there is none."""
        with self._database.read() as connection:
            return sites.of_name(connection, name)

    def put_settings(
        self, *, site: int, kind: values.Settings, data: values.Data, unit: str = "", actor: str = "", role: str = ""
    ) -> None:
        """Set the view or policy of a site, or of one unit of it; what was set before is kept as history."""
        with self._write() as (connection, now):
            settings_table.put(connection, now, site=site, kind=kind, unit=unit, data=data, actor=actor, role=role)

    def settings(self, *, site: int, kind: values.Settings) -> Mapping[str, values.Data]:
        """Newest data by unit; the site's own stand under the empty text (absent where none were ever set)."""
        with self._database.read() as connection:
            return settings_table.newest(connection, site, kind)

    def settings_history(self, *, site: int) -> tuple[values.Setting, ...]:
        """All settings ever put, oldest first."""
        with self._database.read() as connection:
            return settings_table.history(connection, site)

    def set_bundle(
        self, *, site: int, role: str, name: str, path: Path, digest: str, actor: str = "", actor_role: str = ""
    ) -> None:
        """Let a bundle serve a role of the site from now on."""
        bundle = {"role": role, "name": name, "path": str(path), "digest": digest}
        with self._write() as (connection, now):
            sites.set_bundle(connection, now, site, bundle, actor=actor, role=actor_role)

    def line_up(self, site: int) -> tuple[values.LineUp, ...]:
        """The bundle of each role, by role."""
        with self._database.read() as connection:
            return sites.line_up_of(connection, site)

    def add_run(self, run: values.Run) -> None:
        """Add a training; UsageError where its name is taken."""
        with self._database.write() as connection:
            run_table.add(connection, run)

    def update_run(self, run: values.Run) -> None:
        """Replace the training of that name; UnknownName where there is none."""
        with self._database.write() as connection:
            run_table.update(connection, run)

    def runs(self) -> tuple[values.Run, ...]:
        """All trainings, oldest first."""
        with self._database.read() as connection:
            return run_table.every(connection)

    def run(self, name: str) -> values.Run:
        """The training of that name; UnknownName where there is none."""
        with self._database.read() as connection:
            return run_table.of_name(connection, name)

    def put_fitted(self, *, site: int, values: Fitted, unit: str = "", actor: str = "", role: str = "") -> str:
        """Keep fitted numbers for a site or a unit, as a new version; returns their digest."""
        with self._write() as (connection, now):
            return fitted.put(connection, now, site=site, unit=unit, values=values, actor=actor, role=role)

    def fitted(self, site: int) -> Mapping[str, Fitted]:
        """Newest fitted numbers by unit; the site's own stand under the empty text."""
        with self._database.read() as connection:
            return fitted.newest(connection, site)

    def fitted_versions(self, site: int) -> Mapping[str, str]:
        """Digest of the newest fitted numbers by unit."""
        with self._database.read() as connection:
            return fitted.versions(connection, site)

    def open_batch(self, *, site: int, key: values.BatchKey, actor: str = "", role: str = "") -> values.Batch:
        """Resume the site's unfinished batch of an equal key, or begin one; either way a new scan begins.

        An unfinished batch of another key is superseded: its work is cancelled and its leases are fenced out.
        """
        with self._write() as (connection, now):
            return batches.open_one(connection, now, site=site, key=key, actor=actor, role=role)

    def finish_batch(self, batch: values.Batch) -> None:
        """Mark the batch finished and announce ``batch.finished``; does nothing the second time."""
        with self._write() as (connection, now):
            batches.finish(connection, now, batch)

    def batches(self, site: int) -> tuple[values.Batch, ...]:
        """All batches of a site, oldest first; the last one's key is what reports are made from."""
        with self._database.read() as connection:
            return batches.every(connection, site)

    def batch(self, number: int) -> values.Batch:
        """The batch of that id; UnknownName where there is none."""
        with self._database.read() as connection:
            return batches.of_id(connection, number)

    def record_scan(
        self,
        batch: values.Batch,
        items: Sequence[values.Scanned],
        records: Sequence[Record] = (),
        *,
        stream: bool = False,
    ) -> values.ScanCount:
        """Write down what a scan met, at most about 1,000 samples and records a call.

        A file whose stat differs is a new version: results of the old one are no longer current. ``stream=True``
        keeps these samples and records when a later folder scan does not meet them.
        """
        with self._write() as (connection, now):
            return scan.record(connection, now, batch, items, records, stream=stream)

    def end_scan(self, batch: values.Batch) -> int:
        """The scan met everything there is: mark what it did not meet as gone; returns how many samples are."""
        with self._write() as (connection, now):
            return scan.end(connection, now, batch)

    def plan(
        self, batch: values.Batch, *, chunk: int = 16, in_order: bool = False, hold: Collection[str] = ()
    ) -> values.WorkCount:
        """Create the work that is missing; may be called again at any time and then adds only what is new.

        Chunks hold at most ``chunk`` samples. With ``in_order`` a chunk holds samples of one unit, and a unit's
        chunks are leased one after the other; without it a chunk may hold several (small) units. Units to ``hold``
        are left for a later call: their pictures are still coming in.
        """
        with self._database.write() as connection:
            return plan.plan(connection, batch, chunk=chunk, in_order=in_order, hold=hold)

    def lease(self, batch: values.Batch, *, owner: str, seconds: float) -> values.Lease | None:
        """Take the oldest work nobody holds, decisions first; None where there is none to be had just now.

        A lease that ran out is taken over; where it ran out for the third time it is split or quarantined.
        """
        with self._write() as (connection, now):
            return work.lease(connection, now, batch, owner=owner, until=now + round(seconds * 1e6))

    def renew(self, lease: values.Lease, *, seconds: float) -> bool:
        """Hold the lease ``seconds`` from now on; False where it was lost."""
        with self._write() as (connection, now):
            return work.renew(connection, lease, now + round(seconds * 1e6))

    def publish(self, lease: values.Lease, outcomes: Sequence[values.Scored]) -> bool:
        """Write the answers of a ``score`` lease, one for each of its samples, and finish it; all or nothing.

        Units whose last chunk it was get ``decide`` work. False, and nothing written, where the lease was lost.
        """
        with self._write() as (connection, now):
            return publish.publish(connection, now, lease, outcomes)

    def publish_decisions(
        self, lease: values.Lease, decisions: values.Decided, *, workflow: Workflow, faults: values.Faults | None = None
    ) -> bool:
        """Write the decisions of a ``decide`` lease, by unit, and finish it; all or nothing.

        A unit without decisions has its earlier ones withdrawn; one in ``faults`` keeps them and is listed by
        :meth:`quarantined`. Findings open, change or close cases. False, and nothing written, where it was lost.
        """
        with self._write() as (connection, now):
            return decisions_table.publish(connection, now, lease, decisions, faults or {}, workflow)

    def give_up(self, lease: values.Lease, fault: values.Fault) -> bool:
        """No answer: try again, after three attempts split, a single quarantine with ``fault``; False where lost."""
        with self._write() as (connection, now):
            return work.give_up(connection, now, lease, fault)

    def hand_back(self, lease: values.Lease) -> bool:
        """Return unfinished work at once without counting the attempt (a stop was asked for)."""
        with self._database.write() as connection:
            return work.hand_back(connection, lease)

    def holders(self, batch: values.Batch) -> tuple[str, ...]:
        """Owners of the leases in hand, whether they live or not."""
        with self._database.read() as connection:
            return work.holders(connection, batch)

    def abandon(self, batch: values.Batch, *, owner: str, blame: bool = True) -> int:
        """Free all leases of a dead worker; ``blame=False`` does not count the attempt. Returns how many."""
        with self._write() as (connection, now):
            return work.abandon(connection, now, batch, owner=owner, blame=blame)

    def counts(self, batch: values.Batch) -> values.BatchCounts:
        """How far the batch is."""
        with self._database.read() as connection:
            return batches.counts(connection, batch.id)

    def entries(self, *, site: int, unit: str, key: values.BatchKey) -> Iterator[Entry | values.Ended]:
        """A unit's results, records and ticks in order (time, order, source, part), streamed.

        Results without a time come first; of one moment, the record comes before the result. A record with an
        empty unit belongs to every unit that has samples or records of its own. Where the unit's stream ended,
        there is an :class:`Ended`.
        """
        with self._database.read() as connection:
            yield from entries.entries(connection, site, unit, key)

    def results(self, *, site: int, key: values.BatchKey, unit: str | None = None) -> Iterator[Result]:
        """All current results of a site, unit by unit in order, streamed."""
        with self._database.read() as connection:
            yield from entries.results(connection, site, key, unit)

    def records(self, *, site: int) -> Iterator[Record]:
        """All current records of a site, unit by unit in order of time, streamed."""
        with self._database.read() as connection:
            yield from entries.every_record(connection, site)

    def units(self, site: int) -> tuple[str, ...]:
        """Names of the units that have current samples or records of their own."""
        with self._database.read() as connection:
            return units.names(connection, site)

    def decisions(self, site: int) -> Mapping[str, tuple[Decision, ...]]:
        """Current decisions by unit, in order of key; withdrawn ones are left out."""
        with self._database.read() as connection:
            return decisions_table.current(connection, site)

    def decision_history(self, *, site: int, unit: str, key: str) -> tuple[values.DecisionRevision, ...]:
        """Every state one decision has been in, oldest first."""
        with self._database.read() as connection:
            return decisions_table.history(connection, site, unit, key)

    def coverage(self, *, site: int, gap_s: float = 300.0) -> tuple[Coverage, ...]:
        """When pictures were seen, by unit; samples at most ``gap_s`` seconds apart make one span."""
        with self._database.read() as connection:
            return entries.coverage(connection, site, round(gap_s * 1e6))

    def quarantined(self, site: int) -> tuple[values.FaultRow, ...]:
        """What cannot be worked with, by source; units whose ``decide`` failed come last."""
        with self._database.read() as connection:
            return quarantine.every(connection, site)

    def retry(self, *, site: int, source: str | None = None, actor: str = "", role: str = "") -> int:
        """Take quarantined things (of one source, or all, units included) up again with the next plan."""
        with self._write() as (connection, now):
            return quarantine.retry(connection, now, site=site, source=source, actor=actor, role=role)

    def prune(self, *, site: int, before: datetime, actor: str = "", role: str = "") -> int:
        """Delete samples that were replaced or gone before that moment, with their results; returns how many."""
        with self._write() as (connection, now):
            return retention.prune(connection, now, site=site, before=codec.micros(before), actor=actor, role=role)

    def cases(self, *, site: int | None = None, state: str | None = None) -> tuple[Case, ...]:
        """Cases, oldest first."""
        with self._database.read() as connection:
            return cases_table.every(connection, site, state)

    def case(self, number: int) -> Case:
        """The case of that number; UnknownName where there is none."""
        with self._database.read() as connection:
            return cases_table.of_number(connection, number)

    def case_site(self, number: int) -> values.Site:
        """The site a case belongs to."""
        with self._database.read() as connection:
            return cases_table.site_of(connection, number)

    def add_review(
        self,
        number: int,
        *,
        verb: str,
        actor: str,
        role: str,
        target: Callable[[Case], str],
        verdict: str = "",
        note: str = "",
    ) -> Case:
        """Add a review and move the case, in one transaction with its audit row and its event.

        ``target`` is called inside the transaction with the case as it is; it answers the new state, or raises.
        """
        with self._write() as (connection, now):
            said = Review(verb=verb, actor=actor, role=role, time=codec.moment(now), verdict=verdict, note=note)
            return cases_table.review(connection, now, number, said, target)

    def write_audit(
        self, *, action: str, subject: str, facts: values.Data, actor: str = "", role: str = ""
    ) -> values.AuditHead:
        """Append a row of one's own to the audit chain; ``facts`` must be JSON-ready."""
        with self._write() as (connection, now):
            return audit.append(connection, now, action=action, subject=subject, facts=facts, actor=actor, role=role)

    def audit_rows(self, *, after: int = 0, limit: int = 1000) -> tuple[values.AuditRow, ...]:
        """Rows of the audit chain after a number, oldest first."""
        with self._database.read() as connection:
            return audit.rows(connection, after, limit)

    def audit_head(self) -> values.AuditHead:
        """The chain's last link; number 0 and an empty digest before the first."""
        with self._database.read() as connection:
            return audit.head(connection)

    def verify_audit(self, expected_head: values.AuditHead | None = None) -> str | None:
        """The first fault of the audit chain in one sentence, or None. A head exported earlier shows truncation."""
        with self._database.read() as connection:
            return audit.verify(connection, expected_head)
