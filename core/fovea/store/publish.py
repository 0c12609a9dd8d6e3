"""The answers of a chunk, written once: all in one transaction that the lease's fence guards."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, TypeAlias

from sqlalchemy import Connection, select

from fovea.errors import StoreError
from fovea.store import audit, codec, quarantine, work
from fovea.store.rows import SYSTEM, add_missing
from fovea.store.tables import batches, measures, predictions
from fovea.store.values import BatchKey, Fault, Lease, Scored

Rows: TypeAlias = tuple[list[dict[str, Any]], list[dict[str, Any]]]
_IDENTITY = ("sample_id", "region", "role", "bundle_digest", "view_digest", "fitted_digest", "precision")


def publish(connection: Connection, now: int, lease: Lease, outcomes: Sequence[Scored]) -> bool:
    """Write a chunk's answers.

    Raises:
        StoreError: the outcomes are not one for each of the lease's samples.
    """
    if not work.is_held(connection, lease):
        return False
    batch = connection.execute(select(batches).where(batches.c.id == lease.batch)).one()
    key = BatchKey(**codec.load(batch.job))
    by_id = _by_id(lease, outcomes)
    good = {number: one for number, one in by_id.items() if one.fault is None}
    faults: list[tuple[int, Fault]] = [(number, one.fault) for number, one in by_id.items() if one.fault is not None]
    rows = write_results(connection, good, key, batch.id)
    quarantine.clear(connection, lease.site, list(good))
    quarantine.put_samples(connection, now, batch, faults)
    names = work.finish_score(connection, lease.site, lease.id, lease.batch)
    facts = {
        "work": lease.id,
        "by": lease.owner,
        "units": len(names),
        "pictures": len(by_id),
        "quarantined": len(faults),
        "root": _root(rows, by_id),
    }
    audit.append(
        connection,
        now,
        action="results.published",
        subject=f"batch {batch.id}",
        facts=facts,
        actor=SYSTEM,
        role="system",
    )
    return True


def write_results(connection: Connection, good: dict[int, Scored], key: BatchKey, batch: int) -> Rows:
    """Write measures and predictions of samples by the store's number; answers the rows."""
    rows = _measures(good, key, batch), _predictions(good, key)
    add_missing(connection, measures, rows[0], ("sample_id", "result_key"))
    add_missing(connection, predictions, rows[1], _IDENTITY)
    return rows


def _by_id(lease: Lease, outcomes: Sequence[Scored]) -> dict[int, Scored]:
    answers = {one.sample.key: one for one in outcomes}
    wanted = [sample.key for sample in lease.samples]
    if len(outcomes) != len(wanted) or set(answers) != set(wanted):
        raise StoreError(
            f"work {lease.id} of batch {lease.batch} has {len(wanted)} samples and was given {len(outcomes)} answers: "
            "give each sample exactly one"
        )
    return {number: answers[key] for number, key in zip(lease.sample_ids, wanted, strict=True)}


def _measures(good: dict[int, Scored], key: BatchKey, batch: int) -> list[dict[str, Any]]:
    result_key = key.result_key
    return [
        {"sample_id": number, "result_key": result_key, "data": codec.dump_measures(one.measures), "batch_id": batch}
        for number, one in good.items()
    ]


def _predictions(good: dict[int, Scored], key: BatchKey) -> list[dict[str, Any]]:
    return [
        {
            "sample_id": number,
            "region": prediction.region,
            "role": prediction.role,
            "bundle_digest": _bundle(prediction.role, key),
            "view_digest": key.view_digest,
            "fitted_digest": key.fitted_digest,
            "precision": key.precision_of(prediction.role),
            "data": codec.dump_prediction(prediction),
        }
        for number, one in good.items()
        for prediction in one.predictions
    ]


def _bundle(role: str, key: BatchKey) -> str:
    if role not in key.bundles:
        raise StoreError(f"a prediction came for the role '{role}', which has no bundle in this batch")
    return key.bundles[role]


def _root(rows: Rows, by_id: dict[int, Scored]) -> str:
    """One digest over everything the chunk wrote, in the order of its samples."""
    total = hashlib.sha256()
    for row in (*rows[0], *rows[1]):
        total.update(codec.dump([str(value) for value in row.values()]).encode("ascii") + b"\n")
    for number, one in by_id.items():
        if one.fault is not None:
            total.update(f"{number} quarantined\n".encode("ascii"))
    return total.hexdigest()
