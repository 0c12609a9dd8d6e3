"""The streams' door of the store: what came in is written in one transaction with what was decided on it.

Therefore the last entry that is stored is the last one whose decisions were applied, and a replay after a restart
starts nothing over.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, and_, func, select

from fovea.plugin import Clip, Decision, Entry, Workflow
from fovea.store import audit, cases_table, codec, decisions, publish, quarantine, scan, units
from fovea.store.database import Database
from fovea.store.entries import entries
from fovea.store.rows import SYSTEM, pieces, put
from fovea.store.tables import batches, clips, samples, silence, sources
from fovea.store.tables import units as units_table
from fovea.store.values import Arrived, Batch, BatchKey, Ended, Fault, Scanned, Scored


class Live:
    """What streams bring, and what they leave behind."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database, self._clock = database, clock

    def take(
        self,
        batch: Batch,
        arrived: Sequence[Arrived],
        decided: Mapping[str, Sequence[Decision]],
        *,
        workflow: Workflow,
        faults: Mapping[str, Fault] | None = None,
    ) -> int:
        """Write what came in and what the domain concluded on the way; returns how many decisions changed.

        Earlier decisions of the units stay; findings open, change or close cases, with their events. ``faults``
        names units whose ``decide`` failed.
        """
        with self._database.write() as connection:
            return _take(connection, codec.micros(self._clock()), batch, arrived, decided, faults or {}, workflow)

    def known(self, *, site: int, source: str, parts: Collection[str]) -> set[str]:
        """Those of the parts that this stream has brought before."""
        found: set[str] = set()
        with self._database.read() as connection:
            for part in pieces(sorted(parts)):
                wanted = select(samples.c.part).join(sources, sources.c.id == samples.c.source_id)
                mine = and_(sources.c.site_id == site, sources.c.path == source, samples.c.part.in_(part))
                found.update(connection.execute(wanted.where(mine)).scalars())
        return found

    def open_units(self, *, site: int, source: str) -> tuple[str, ...]:
        """Units of a stream that have entries after their last end, by name."""
        with self._database.read() as connection:
            return _open_units(connection, site, source)

    def tail(self, *, site: int, unit: str, key: BatchKey) -> tuple[Entry, ...]:
        """A unit's entries since it last ended: what its ``decide`` has seen so far."""
        with self._database.read() as connection:
            found = entries(connection, site, unit, key, after=_last_end(connection, site, unit))
            return tuple(entry for entry in found if not isinstance(entry, Ended))

    def add_clip(self, clip: Clip, *, site: int) -> None:
        """Note a finished clip; one of the same decision and start replaces it."""
        row = {
            "site_id": site,
            "unit": clip.unit,
            "key": clip.key,
            "path": str(clip.path),
            "start_us": codec.micros(clip.start),
            "end_us": codec.micros(clip.end),
            "zone": codec.zone_name(clip.start),
            "frames": clip.frames,
        }
        with self._database.write() as connection:
            change = ("path", "end_us", "zone", "frames")
            put(connection, clips, [row], ("site_id", "unit", "key", "start_us"), change)

    def clips(self, site: int) -> tuple[Clip, ...]:
        """The clips of a site, oldest first."""
        wanted = select(clips).where(clips.c.site_id == site).order_by(clips.c.start_us, clips.c.id)
        with self._database.read() as connection:
            return tuple(_clip(row) for row in connection.execute(wanted))


def _clip(row: Row[Any]) -> Clip:
    return Clip(
        unit=row.unit,
        key=row.key,
        path=Path(row.path),
        start=codec.moment(row.start_us, row.zone),
        end=codec.moment(row.end_us, row.zone),
        frames=row.frames,
    )


def _take(
    connection: Connection,
    now: int,
    batch: Batch,
    arrived: Sequence[Arrived],
    decided: Mapping[str, Sequence[Decision]],
    faults: Mapping[str, Fault],
    workflow: Workflow,
) -> int:
    row = connection.execute(select(batches).where(batches.c.id == batch.id)).one()
    _write_frames(connection, now, batch, row, [one.scored for one in arrived if one.scored is not None])
    _write_silence(connection, batch.site, arrived)
    names = {one.unit for one in arrived} | set(decided) | set(faults)
    units.touch(connection, batch.site, names)
    changes = decisions.changes_of(connection, batch.site, decided, whole=False)
    decisions.write(connection, now, row, changes)
    cases_table.follow(connection, now, batch.site, changes, workflow)
    seqs = _seqs(connection, batch.site, names)
    decisions.mark(connection, row, {name: seq for name, seq in seqs.items() if name not in faults})
    quarantine.put_units(connection, now, row, {name: (seqs[name], fault) for name, fault in faults.items()})
    if changes:
        facts = {"units": len(decided), "changed": len(changes), "root": decisions.root(changes)}
        subject = f"batch {batch.id}"
        audit.append(
            connection, now, action="stream.decided", subject=subject, facts=facts, actor=SYSTEM, role="system"
        )
    return len(changes)


def _write_frames(connection: Connection, now: int, batch: Batch, row: Row[Any], frames: Sequence[Scored]) -> None:
    scan.record(connection, now, batch, [Scanned(sample=frame.sample) for frame in frames], (), stream=True)
    numbers = _numbers(connection, batch.site, frames)
    by_id = {numbers[frame.sample.key]: frame for frame in frames}
    good = {number: frame for number, frame in by_id.items() if frame.fault is None}
    publish.write_results(connection, good, batch.key, batch.id)
    faults = [(number, frame.fault) for number, frame in by_id.items() if frame.fault is not None]
    quarantine.put_samples(connection, now, row, faults)


def _numbers(connection: Connection, site: int, frames: Sequence[Scored]) -> dict[tuple[str, str], int]:
    parts: dict[str, list[str]] = {}
    for frame in frames:
        parts.setdefault(frame.sample.source, []).append(frame.sample.part)
    found = {}
    for source, names in parts.items():
        wanted = select(samples.c.id, samples.c.part).join(sources, sources.c.id == samples.c.source_id)
        of_source = wanted.where(sources.c.site_id == site, sources.c.path == source, samples.c.current)
        for part in pieces(names):
            rows = connection.execute(of_source.where(samples.c.part.in_(part)))
            found.update({(source, row.part): row.id for row in rows})
    return found


def _write_silence(connection: Connection, site: int, arrived: Sequence[Arrived]) -> None:
    rows: dict[tuple[str, int], dict[str, object]] = {}
    for one in arrived:
        time = one.tick or one.ended
        if time is None:
            continue
        key = (one.unit, codec.micros(time))
        empty = {"site_id": site, "unit": key[0], "time_us": key[1], "zone": codec.zone_name(time)}
        row = rows.setdefault(key, {**empty, "tick": False, "ends": False})
        row["tick" if one.tick else "ends"] = True
    ticks = [row for row in rows.values() if not row["ends"]]
    ends = [row for row in rows.values() if row["ends"]]
    put(connection, silence, ticks, ("site_id", "unit", "time_us"), ("tick",))
    put(connection, silence, ends, ("site_id", "unit", "time_us"), ("ends",))


def _seqs(connection: Connection, site: int, names: Collection[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for part in pieces(sorted(names)):
        wanted = select(units_table.c.unit, units_table.c.seq).where(
            units_table.c.site_id == site, units_table.c.unit.in_(part)
        )
        found.update({row.unit: row.seq for row in connection.execute(wanted)})
    return found


def _last_end(connection: Connection, site: int, unit: str) -> int | None:
    wanted = select(func.max(silence.c.time_us)).where(
        silence.c.site_id == site, silence.c.unit == unit, silence.c.ends
    )
    found: int | None = connection.execute(wanted).scalar()
    return found


def _open_units(connection: Connection, site: int, source: str) -> tuple[str, ...]:
    wanted = (
        select(samples.c.unit, func.max(samples.c.time_us).label("last"))
        .join(sources, sources.c.id == samples.c.source_id)
        .where(sources.c.site_id == site, sources.c.path == source, sources.c.stream, samples.c.current)
        .group_by(samples.c.unit)
        .order_by(samples.c.unit)
    )
    rows = connection.execute(wanted).all()
    ends = {row.unit: _last_end(connection, site, row.unit) for row in rows}
    return tuple(row.unit for row in rows if row.last is not None and (ends[row.unit] or row.last - 1) < row.last)
