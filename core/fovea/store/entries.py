"""What was found out, streamed in order: results, records, and the two merged for ``decide``."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, case, exists, false, func, or_, select

from fovea.plugin import Coverage, Entry, Prediction, Record, Result, Tick
from fovea.store import codec, units
from fovea.store.plan import in_time
from fovea.store.tables import measures, predictions, quarantine, records, samples, silence, sources
from fovea.store.values import BatchKey, Ended

_WINDOW = 200
_BEFORE_ALL = -(1 << 62)


def entries(
    connection: Connection, site: int, unit: str, key: BatchKey, after: int | None = None
) -> Iterator[Entry | Ended]:
    """A unit's results, records and silences in order of time; of one moment, in that order: record first.

    ``after`` leaves out what came until that moment (microseconds), the timeless included.
    """
    if not units.is_alive(connection, site, unit):
        return
    parts: tuple[Iterator[tuple[int, Entry | Ended]], ...] = (
        _timed_records(connection, site, unit, after),
        _timed_results(connection, site, key, unit, after),
        _silences(connection, site, unit, after),
    )
    for _, entry in heapq.merge(*parts, key=lambda timed: timed[0]):  # of equals, the earlier part's first
        yield entry


def _silences(connection: Connection, site: int, unit: str, after: int | None) -> Iterator[tuple[int, Entry | Ended]]:
    wanted = select(silence).where(silence.c.site_id == site, silence.c.unit == unit, *_since(silence, after))
    ordered = wanted.order_by(silence.c.time_us)
    for row in connection.execute(ordered, execution_options={"yield_per": _WINDOW}):
        if row.tick:
            yield row.time_us, Tick(time=codec.moment(row.time_us, row.zone))
        if row.ends:
            yield row.time_us, Ended(time=codec.moment(row.time_us, row.zone))


def _since(table: Table, after: int | None) -> list[ColumnElement[bool]]:
    return [] if after is None else [table.c.time_us > after]


def results(connection: Connection, site: int, key: BatchKey, unit: str | None) -> Iterator[Result]:
    """Current results, unit by unit in order."""
    for _, result in _timed_results(connection, site, key, unit):
        yield result


def every_record(connection: Connection, site: int) -> Iterator[Record]:
    """Current records, unit by unit in order of time."""
    wanted = select(records).where(records.c.site_id == site, records.c.current)
    ordered = wanted.order_by(records.c.unit, records.c.time_us, records.c.kind, records.c.key)
    for row in connection.execute(ordered, execution_options={"yield_per": _WINDOW}):
        yield codec.load_record(row.kind, row.unit, row.key, row.data)


def _timed_records(connection: Connection, site: int, unit: str, after: int | None) -> Iterator[tuple[int, Record]]:
    wanted = (
        select(records)
        .where(records.c.site_id == site, records.c.unit.in_((unit, "")), records.c.current, *_since(records, after))
        .order_by(records.c.time_us, records.c.unit, records.c.kind, records.c.key)
    )
    for row in connection.execute(wanted, execution_options={"yield_per": _WINDOW}):
        yield row.time_us, codec.load_record(row.kind, row.unit, row.key, row.data)


def _timed_results(
    connection: Connection, site: int, key: BatchKey, unit: str | None, after: int | None = None
) -> Iterator[tuple[int, Result]]:
    """Results under the key; those of streams under whichever key they came in, for their pixels are gone."""
    under = or_(measures.c.result_key == key.result_key, sources.c.stream)
    wanted = (
        select(
            samples.c.id,
            samples.c.part,
            samples.c.time_us,
            samples.c.data,
            samples.c.answers,
            sources.c.path,
            sources.c.stream,
            measures.c.data.label("measures"),
        )
        .join(sources, sources.c.id == samples.c.source_id)
        .join(measures, and_(measures.c.sample_id == samples.c.id, under))
        .where(samples.c.site_id == site, samples.c.current, *_since(samples, after))
        .order_by(samples.c.unit, *in_time(), sources.c.path, samples.c.part)
    )
    if unit is not None:
        wanted = wanted.where(samples.c.unit == unit)
    found = connection.execute(wanted, execution_options={"yield_per": _WINDOW})
    for rows in found.partitions(_WINDOW):
        said = _predictions(connection, [row.id for row in rows if not row.stream], _under(key))
        said |= _predictions(connection, [row.id for row in rows if row.stream], [])
        for row in rows:
            yield _BEFORE_ALL if row.time_us is None else row.time_us, _result(row, said.get(row.id, ()))


def _under(key: BatchKey) -> list[ColumnElement[bool]]:
    by_bundle = [
        and_(
            predictions.c.role == role,
            predictions.c.bundle_digest == digest,
            predictions.c.precision == key.precision_of(role),
        )
        for role, digest in sorted(key.bundles.items())
    ]
    return [
        predictions.c.view_digest == key.view_digest,
        predictions.c.fitted_digest == key.fitted_digest,
        or_(false(), *by_bundle),
    ]


def _predictions(
    connection: Connection, numbers: Sequence[int], rules: Sequence[ColumnElement[bool]]
) -> dict[int, list[Prediction]]:
    found: dict[int, list[Prediction]] = {}
    if not numbers:
        return found
    wanted = (
        select(predictions)
        .where(predictions.c.sample_id.in_(numbers), *rules)
        .order_by(predictions.c.sample_id, predictions.c.role, predictions.c.region)
    )
    for row in connection.execute(wanted):
        one = codec.load_prediction(row.role, row.region, row.bundle_digest, row.data)
        found.setdefault(row.sample_id, []).append(one)
    return found


def _result(row: Any, said: Sequence[Prediction]) -> Result:
    by_role: dict[str, tuple[Prediction, ...]] = {}
    for one in said:
        by_role[one.role] = (*by_role.get(one.role, ()), one)
    sample = codec.load_sample(row.path, row.part, row.data, row.answers)
    return Result(sample=sample, measures=codec.load_measures(row.measures), predictions=by_role)


def coverage(connection: Connection, site: int, gap: int) -> tuple[Coverage, ...]:
    """Spans of readable samples at most ``gap`` microseconds apart."""
    unreadable = exists().where(
        quarantine.c.source_id == samples.c.source_id,
        quarantine.c.part == samples.c.part,
        quarantine.c.version == samples.c.version,
        quarantine.c.active,
    )
    before = func.lag(samples.c.time_us).over(partition_by=samples.c.unit, order_by=samples.c.time_us)
    timed = (
        select(samples.c.unit, samples.c.time_us, samples.c.zone, before.label("before"))
        .where(samples.c.site_id == site, samples.c.current, samples.c.time_us.is_not(None), ~unreadable)
        .subquery()
    )
    starts = case((or_(timed.c.before.is_(None), timed.c.time_us - timed.c.before > gap), 1), else_=0)
    numbered = select(
        timed.c.unit,
        timed.c.time_us,
        timed.c.zone,
        func.sum(starts).over(partition_by=timed.c.unit, order_by=timed.c.time_us).label("span"),
    ).subquery()
    wanted = (
        select(
            numbered.c.unit,
            func.min(numbered.c.time_us).label("start"),
            func.max(numbered.c.time_us).label("end"),
            func.min(numbered.c.zone).label("zone"),
        )
        .group_by(numbered.c.unit, numbered.c.span)
        .order_by(numbered.c.unit, func.min(numbered.c.time_us))
    )
    return tuple(
        Coverage(unit=row.unit, start=codec.moment(row.start, row.zone), end=codec.moment(row.end, row.zone))
        for row in connection.execute(wanted)
    )
