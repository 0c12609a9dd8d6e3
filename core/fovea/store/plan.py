"""What is missing becomes work: statements over sets, however many pictures there are."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Connection, Subquery, and_, case, exists, func, insert, literal, or_, select

from fovea.store.rows import pieces
from fovea.store.tables import (
    batches,
    measures,
    predictions,
    quarantine,
    samples,
    sources,
    units,
    work,
    work_samples,
    work_units,
)
from fovea.store.values import Batch, BatchKey, WorkCount

SPAN = 1 << 20
"""Room between the places of two chunks, so that a split chunk's singles stay between its neighbours."""

DECIDE_TOGETHER = 512
"""Units are decided together until they hold about this many samples: a transaction a unit is slow for small ones."""


def plan(connection: Connection, batch: Batch, *, chunk: int, in_order: bool, hold: Collection[str] = ()) -> WorkCount:
    """Create the missing work of a batch, but for the units held back."""
    # on a server this also locks the batch's row, so that two planners do not plan the same pictures
    connection.execute(batches.update().where(batches.c.id == batch.id).values(in_order=in_order))
    if in_order:
        _set_back(connection, batch)
    last, place = connection.execute(
        select(func.coalesce(func.max(work.c.id), 0), func.coalesce(func.max(work.c.place), -SPAN))
    ).one()
    start = place - place % SPAN + SPAN
    cut = _cut(batch, chunk, start, in_order=in_order, hold=hold)
    pictures = _score(connection, batch, cut, last)
    place = connection.execute(select(func.coalesce(func.max(work.c.place), -SPAN))).scalar_one()
    decided = _decide(connection, batch, place - place % SPAN + SPAN, last, hold)
    chunks = select(func.count()).where(work.c.id > last, work.c.batch_id == batch.id, work.c.kind == "score")
    return WorkCount(pictures=pictures, chunks=connection.execute(chunks).scalar_one(), units=decided)


def _score(connection: Connection, batch: Batch, cut: Subquery, last: int) -> int:
    by = (cut.c.bound, cut.c.place)
    groups = select(*_common(batch, "score"), *by, func.count()).group_by(*by).order_by(*by)
    connection.execute(insert(work).from_select([*_COMMON, "unit", "place", "pictures"], groups))
    same = (work.c.batch_id == batch.id, work.c.unit == cut.c.bound, work.c.place == cut.c.place)
    rows = select(work.c.id, cut.c.id, cut.c.nth).select_from(cut.join(work, and_(*same)))
    added = connection.execute(insert(work_samples).from_select(["work_id", "sample_id", "place"], rows)).rowcount
    of = (
        select(work.c.id, samples.c.unit, work.c.batch_id, work.c.kind, literal(0))
        .select_from(work.join(work_samples, work_samples.c.work_id == work.c.id).join(samples))
        .where(work.c.batch_id == batch.id, work.c.id > last)
        .distinct()
    )
    connection.execute(insert(work_units).from_select(_UNIT_COLUMNS, of))
    return added


_COMMON = ("batch_id", "kind", "state", "owner", "fence", "attempt", "lease_until")
_UNIT_COLUMNS = ("work_id", "unit", "batch_id", "kind", "seq")


def _common(batch: Batch, kind: str) -> list[ColumnElement[Any]]:
    return [literal(batch.id), literal(kind), literal("ready"), literal(b""), literal(0), literal(0), literal(0)]


def _cut(batch: Batch, chunk: int, start: int, *, in_order: bool, hold: Collection[str]) -> Subquery:
    """The missing samples, each with its chunk (unit and place) and its own place in that."""
    order = (*in_time(), sources.c.path, samples.c.part)
    window: dict[str, Any] = {"partition_by": samples.c.unit} if in_order else {}
    nth = func.row_number().over(order_by=order if in_order else (samples.c.unit, *order), **window) - 1
    missing = (
        select(samples.c.id, samples.c.unit, nth.label("nth"))
        .select_from(samples.join(sources, sources.c.id == samples.c.source_id))
        .where(
            samples.c.site_id == batch.site,
            samples.c.current,
            ~sources.c.stream,  # the pixels of a stream are gone: what was said of them when they came in, stands
            samples.c.unit.not_in(hold),
            *_missing(batch),
        )
        .subquery()
    )
    place = missing.c.nth // chunk * SPAN + start
    bound = missing.c.unit if in_order else literal(b"")  # the unit that binds the chunk to an order, if any
    return select(missing.c.id, missing.c.nth, bound.label("bound"), place.label("place")).subquery()


def _set_back(connection: Connection, batch: Batch) -> None:
    """Where a picture came, changed or went in the middle of a unit, what ``measure`` saw after it is seen again.

    Its answers are forgotten under this batch's key; what stands under other keys is history.
    """
    key = batch.key
    answered = exists().where(measures.c.sample_id == samples.c.id, measures.c.result_key == key.result_key)
    nth = func.row_number().over(
        partition_by=samples.c.unit, order_by=(*in_time(), sources.c.path, samples.c.part, samples.c.version)
    )
    stirred = case((or_(and_(samples.c.current, *_missing(batch)), and_(~samples.c.current, answered)), 1), else_=0)
    columns = (samples.c.id, samples.c.unit, nth.label("nth"), stirred.label("stirred"))
    every = (
        select(*columns)
        .select_from(samples.join(sources, sources.c.id == samples.c.source_id))
        .where(samples.c.site_id == batch.site, ~sources.c.stream, or_(samples.c.current, answered))
        .subquery()
    )
    first = select(every.c.unit, func.min(every.c.nth).label("nth")).where(every.c.stirred == 1).group_by(every.c.unit)
    since = first.subquery()
    stale = select(every.c.id).join(since, and_(since.c.unit == every.c.unit, every.c.nth >= since.c.nth))
    ready = (work.c.batch_id == batch.id, work.c.kind == "score", work.c.state == "ready")
    later = select(work_samples.c.work_id).where(work_samples.c.sample_id.in_(stale))
    doomed = connection.execute(select(work.c.id).where(*ready, work.c.id.in_(later))).scalars().all()
    numbers = connection.execute(stale).scalars().all()
    for part in pieces(numbers):
        connection.execute(
            measures.delete().where(measures.c.sample_id.in_(part), measures.c.result_key == key.result_key)
        )
        connection.execute(predictions.delete().where(predictions.c.sample_id.in_(part), *_identity(key)))
    for part in pieces(doomed):
        connection.execute(work.delete().where(work.c.id.in_(part)))


def in_time() -> tuple[ColumnElement[Any], ...]:
    """The order of a unit's samples in time; those without a time come first."""
    return samples.c.time_us.is_not(None), samples.c.time_us, samples.c.position


def _identity(key: BatchKey) -> list[ColumnElement[bool]]:
    return [
        predictions.c.view_digest == key.view_digest,
        predictions.c.fitted_digest == key.fitted_digest,
        predictions.c.precision.in_([key.precision_of(role) for role in key.bundles]),
        predictions.c.bundle_digest.in_(list(key.bundles.values())),
    ]


def _missing(batch: Batch) -> list[ColumnElement[bool]]:
    return [
        ~exists().where(measures.c.sample_id == samples.c.id, measures.c.result_key == batch.key.result_key),
        ~exists().where(work_samples.c.sample_id == samples.c.id),
        ~exists().where(
            quarantine.c.source_id == samples.c.source_id,
            quarantine.c.part == samples.c.part,
            quarantine.c.version == samples.c.version,
            quarantine.c.view_digest == batch.key.view_digest,
            quarantine.c.active,
        ),
    ]


def _decide(connection: Connection, batch: Batch, start: int, last: int, hold: Collection[str]) -> int:
    """Work for units whose inputs are not those last decided on and that have nothing left to score."""
    size = select(func.count() + 1).where(
        samples.c.site_id == units.c.site_id, samples.c.unit == units.c.unit, samples.c.current
    )
    stale = (
        select(units.c.unit, size.scalar_subquery().label("size"))
        .where(
            units.c.site_id == batch.site,
            units.c.unit.not_in(hold),
            or_(units.c.decided_seq != units.c.seq, units.c.decided_key != batch.key.decision_key),
            ~exists().where(work_units.c.batch_id == batch.id, work_units.c.unit == units.c.unit),
        )
        .subquery()
    )
    total = func.sum(stale.c.size).over(order_by=stale.c.unit)
    cut = select(stale.c.unit, (total // DECIDE_TOGETHER * SPAN + start).label("place")).subquery()
    groups = select(*_common(batch, "decide"), literal(b""), cut.c.place, literal(0)).distinct().order_by(cut.c.place)
    connection.execute(insert(work).from_select([*_COMMON, "unit", "place", "pictures"], groups))
    same = (work.c.batch_id == batch.id, work.c.unit == literal(b""), work.c.place == cut.c.place)
    mine = (work.c.id > last, work.c.kind == "decide")
    joined = cut.join(work, and_(*same, *mine))
    rows = select(work.c.id, cut.c.unit, work.c.batch_id, work.c.kind, literal(0)).select_from(joined)
    return connection.execute(insert(work_units).from_select(_UNIT_COLUMNS, rows)).rowcount
