"""What a scan met: sources and their versions, samples, records."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, Table, exists, select, tuple_

from fovea.errors import UsageError
from fovea.plugin import Record, Sample
from fovea.store import codec, units
from fovea.store.rows import add_missing, pieces, put
from fovea.store.tables import records, samples, sources
from fovea.store.values import Batch, FileStat, ScanCount, Scanned

_STREAM = FileStat(size=0, mtime_ns=0, ctime_ns=0, inode=0)


@dataclass(slots=True)
class _Found:
    """What one call will write about samples."""

    new: list[dict[str, Any]] = field(default_factory=list)
    seen: list[int] = field(default_factory=list)
    revived: list[int] = field(default_factory=list)
    replaced: list[int] = field(default_factory=list)
    answers: list[dict[str, Any]] = field(default_factory=list)
    kept: dict[bool, list[int]] = field(default_factory=lambda: {True: [], False: []})
    touched: set[str] = field(default_factory=set)
    count: ScanCount = field(default_factory=ScanCount)


def record(
    connection: Connection, now: int, batch: Batch, items: Sequence[Scanned], found: Sequence[Record], *, stream: bool
) -> ScanCount:
    """Write down samples and records."""
    wanted = {item.sample.key: item for item in items}
    versions = _sources(connection, batch.site, list(wanted.values()), stream=stream)
    done = _compare(connection, now, batch, list(wanted.values()), versions, stream=stream)
    _write(connection, now, batch, done)
    changed = _records(connection, batch, found, stream=stream)
    return done.count + ScanCount(records=changed)


def _sources(
    connection: Connection, site: int, items: Sequence[Scanned], *, stream: bool
) -> dict[str, tuple[int, int]]:
    """Add and update the sources; answers (id, version) by path."""
    stats = {item.sample.source: item.stat for item in items}
    there = _sources_there(connection, site, list(stats))
    _only_of_its_kind(there, stream=stream)
    fresh = [
        {"site_id": site, "path": path, "version": 1, "deleted": False, "stream": stream, **_stat(stat)}
        for path, stat in stats.items()
        if path not in there
    ]
    add_missing(connection, sources, fresh, ("site_id", "path"))
    there |= _sources_there(connection, site, [row["path"] for row in fresh])
    changed = []
    for path, stat in stats.items():
        row = there[path]
        if stat is not None and _stat(stat) != {name: getattr(row, name) for name in _stat(stat)}:
            changed.append({"number": row.id, "next": row.version + 1, **_stat(stat)})
    for one in changed:
        number, version = one.pop("number"), one.pop("next")
        connection.execute(sources.update().where(sources.c.id == number).values(version=version, **one))
    back = [row.id for row in there.values() if row.deleted]
    for part in pieces(back):
        connection.execute(sources.update().where(sources.c.id.in_(part)).values(deleted=False))
    if changed:
        there = _sources_there(connection, site, list(stats))
    return {path: (row.id, row.version) for path, row in there.items()}


def _only_of_its_kind(there: Mapping[str, Row[Any]], *, stream: bool) -> None:
    clash = next((path for path, row in there.items() if row.stream != stream), None)
    if clash is not None:
        raise UsageError(f"'{clash}' is the name of a stream of this site and of a file in its folder: rename the file")


def _stat(stat: FileStat | None) -> dict[str, Any]:
    given = stat or _STREAM
    return {
        "is_file": stat is not None,
        "size": given.size,
        "mtime_ns": given.mtime_ns,
        "ctime_ns": given.ctime_ns,
        "inode": str(given.inode),
    }


def _sources_there(connection: Connection, site: int, paths: Sequence[str]) -> dict[str, Row[Any]]:
    there: dict[str, Row[Any]] = {}
    for part in pieces(paths):
        found = connection.execute(select(sources).where(sources.c.site_id == site, sources.c.path.in_(part)))
        there |= {row.path: row for row in found}
    return there


def _compare(
    connection: Connection,
    now: int,
    batch: Batch,
    items: Sequence[Scanned],
    versions: dict[str, tuple[int, int]],
    *,
    stream: bool,
) -> _Found:
    there = _samples_there(connection, [(versions[item.sample.source][0], item.sample.part) for item in items])
    done, tally = _Found(), {"new": 0, "changed": 0, "known": 0}
    for item in items:
        number, version = versions[item.sample.source]
        elders = there[number, item.sample.part]
        row = _row(item.sample, batch, number, version, now, kept=stream or item.stat is None)
        same = next((e for e in elders if e.version == version and e.facts == row["facts"]), None)
        tally["known" if same is not None else "changed" if elders else "new"] += 1
        gone = [e for e in elders if e is not same and e.current]
        done.replaced += [e.id for e in gone]
        done.touched |= {e.unit for e in gone}
        if same is None:
            done.new.append(row)
            done.touched.add(item.sample.of_unit)
        else:
            _meet(done, same, row)
    done.count = ScanCount(**tally)
    return done


def _meet(done: _Found, there: Row[Any], row: dict[str, Any]) -> None:
    done.seen.append(there.id)
    if there.kept != row["kept"]:
        done.kept[row["kept"]].append(there.id)
    if not there.current:
        done.revived.append(there.id)
        done.touched.add(there.unit)
    if there.answers != row["answers"]:
        done.answers.append({"number": there.id, "given": row["answers"]})
        done.touched.add(there.unit)


def _samples_there(connection: Connection, keys: Sequence[tuple[int, str]]) -> defaultdict[tuple[int, str], list[Any]]:
    there: defaultdict[tuple[int, str], list[Any]] = defaultdict(list)
    columns = (samples.c.id, samples.c.source_id, samples.c.part, samples.c.version, samples.c.facts, samples.c.unit)
    more = (samples.c.answers, samples.c.current, samples.c.kept)
    for part in pieces(keys):
        wanted = select(*columns, *more).where(tuple_(samples.c.source_id, samples.c.part).in_(part))
        for row in connection.execute(wanted):
            there[row.source_id, row.part].append(row)
    return there


def _row(sample: Sample, batch: Batch, source: int, version: int, now: int, *, kept: bool) -> dict[str, Any]:
    facts = codec.dump_facts(sample)
    return {
        "site_id": batch.site,
        "source_id": source,
        "version": version,
        "part": sample.part,
        "facts": codec.digest(facts)[:16],
        "unit": sample.of_unit,
        "time_us": None if sample.time is None else codec.micros(sample.time),
        "zone": "" if sample.time is None else codec.zone_name(sample.time),
        "position": sample.order,
        "data": facts,
        "answers": codec.dump_answers(sample),
        "current": True,
        "kept": kept,
        "seen_scan": batch.scan,
        "changed": now,
    }


def _write(connection: Connection, now: int, batch: Batch, done: _Found) -> None:
    add_missing(connection, samples, done.new, ("source_id", "part", "version", "facts"))
    _see(connection, samples, done.seen, batch)
    _set(connection, done.revived, current=True, changed=now)
    _set(connection, done.replaced, current=False, changed=now)
    for kept, numbers in done.kept.items():
        _set(connection, numbers, kept=kept)
    for one in done.answers:
        connection.execute(samples.update().where(samples.c.id == one["number"]).values(answers=one["given"]))
    units.touch(connection, batch.site, done.touched)


def _see(connection: Connection, table: Table, numbers: Sequence[int], batch: Batch) -> None:
    """Of two scans at once the newer one's mark stays: by it, the newer one tells what is gone."""
    for part in pieces(numbers):
        older = table.update().where(table.c.id.in_(part), table.c.seen_scan < batch.scan)
        connection.execute(older.values(seen_scan=batch.scan))


def _set(connection: Connection, numbers: Sequence[int], **values: Any) -> None:
    for part in pieces(numbers):
        connection.execute(samples.update().where(samples.c.id.in_(part)).values(**values))


_RECORD_KEY = ("site_id", "unit", "time_us", "kind", "key")


def _records(connection: Connection, batch: Batch, found: Sequence[Record], *, stream: bool) -> int:
    rows = {}
    for one in found:
        values = (batch.site, one.unit, codec.micros(one.time), one.kind, one.key)
        rest = {"data": codec.dump_record(one), "current": True, "kept": stream, "seen_scan": batch.scan}
        rows[values] = dict(zip(_RECORD_KEY, values, strict=True)) | rest
    there: dict[Any, Row[Any]] = {}
    columns = [records.c[name] for name in _RECORD_KEY]
    for part in pieces(list(rows), 200):
        for row in connection.execute(select(records).where(tuple_(*columns).in_(part))):
            there[tuple(getattr(row, name) for name in _RECORD_KEY)] = row
    changed = {
        key: row
        for key, row in rows.items()
        if key not in there or there[key].data != row["data"] or not there[key].current
    }
    put(connection, records, list(changed.values()), _RECORD_KEY, ("data", "current", "kept"))
    seen = [there[key].id for key in rows if key in there]
    for part in pieces(seen):
        connection.execute(records.update().where(records.c.id.in_(part)).values(kept=stream))
    _see(connection, records, seen, batch)
    _touch(connection, batch.site, {str(row["unit"]) for row in changed.values()})
    return len(changed)


def _touch(connection: Connection, site: int, names: Iterable[str]) -> None:
    """A record of no unit belongs to all units, so it changes them all."""
    given = set(names)
    units.touch(connection, site, given - {""})
    if "" in given:
        units.touch_all(connection, site)


def end(connection: Connection, now: int, batch: Batch) -> int:
    """What this scan did not meet is gone."""
    unseen = (
        samples.c.site_id == batch.site,
        samples.c.current,
        ~samples.c.kept,
        samples.c.seen_scan < batch.scan,
    )
    units.touch(connection, batch.site, connection.execute(select(samples.c.unit).where(*unseen).distinct()).scalars())
    gone = connection.execute(samples.update().where(*unseen).values(current=False, changed=now)).rowcount
    left = exists().where(samples.c.source_id == sources.c.id, samples.c.current)
    empty = sources.update().where(sources.c.site_id == batch.site, ~sources.c.deleted, ~left)
    connection.execute(empty.values(deleted=True))
    _end_records(connection, batch)
    return gone


def _end_records(connection: Connection, batch: Batch) -> None:
    unseen = (
        records.c.site_id == batch.site,
        records.c.current,
        ~records.c.kept,
        records.c.seen_scan < batch.scan,
    )
    names = connection.execute(select(records.c.unit).where(*unseen).distinct()).scalars().all()
    _touch(connection, batch.site, names)
    connection.execute(records.update().where(*unseen).values(current=False))
