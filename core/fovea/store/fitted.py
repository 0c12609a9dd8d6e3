"""Fitted numbers and arrays, kept per unit as versions."""

from __future__ import annotations

import io
from collections.abc import Mapping

from sqlalchemy import Connection, select

from fovea.errors import StoreError
from fovea.plugin import Fitted
from fovea.store import audit, codec, sites
from fovea.store.tables import fitted


def put(connection: Connection, now: int, *, site: int, unit: str, values: Fitted, actor: str, role: str) -> str:
    """Append a version; the digest covers the values and the arrays' types, shapes and bytes."""
    arrays, facts = _dump_arrays(values)
    text = codec.dump({"values": dict(values.values), "arrays": sorted(values.arrays)}, "set of fitted numbers")
    digest = codec.digest(codec.dump([text, facts]))[:16]
    row = {"site_id": site, "unit": unit, "digest": digest, "data": text, "arrays": arrays, "actor": actor, "time": now}
    subject = sites.of_id(connection, site).name
    connection.execute(fitted.insert(), row)
    audit.append(
        connection,
        now,
        action="fitted.put",
        subject=subject,
        facts={"unit": unit, "digest": digest},
        actor=actor,
        role=role,
    )
    return digest


def newest(connection: Connection, site: int) -> Mapping[str, Fitted]:
    """Newest version by unit."""
    ids = sites.newest_of(fitted, site, fitted.c.unit)
    found = connection.execute(select(fitted).where(fitted.c.id.in_(ids)))
    return {row.unit: _value(row.data, row.arrays) for row in found}


def versions(connection: Connection, site: int) -> Mapping[str, str]:
    """Digest of the newest version by unit."""
    ids = sites.newest_of(fitted, site, fitted.c.unit)
    found = connection.execute(select(fitted.c.unit, fitted.c.digest).where(fitted.c.id.in_(ids)))
    return {row.unit: row.digest for row in found}


def _dump_arrays(values: Fitted) -> tuple[bytes, list[list[str]]]:
    import numpy as np

    facts, stream, arrays = [], io.BytesIO(), []
    for name, array in sorted(values.arrays.items()):
        if array.dtype.hasobject:
            raise StoreError(f"the fitted array '{name}' holds Python objects: give it a number type")
        arrays.append(np.asarray(array, order="C"))
        facts.append([name, array.dtype.str, str(array.shape), codec.digest(arrays[-1].tobytes().hex())])
    np.savez(stream, *arrays, allow_pickle=False)
    return stream.getvalue(), facts


def _value(text: str, arrays: bytes) -> Fitted:
    import numpy as np

    data = codec.load(text)
    with np.load(io.BytesIO(arrays), allow_pickle=False) as content:
        return Fitted(
            values=data["values"], arrays={name: content[f"arr_{at}"] for at, name in enumerate(data["arrays"])}
        )
