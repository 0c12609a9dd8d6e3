"""The survey: every labelled picture looked at once, by the code that the batch looks with, and kept as its square.

The squares lie in one file that is mapped into memory, so that epochs cost no decoding and a large site need not fit.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from fovea.engine.targets import Known, known, restored
from fovea.errors import DataError, PluginError
from fovea.plugin import Domain, Fitted, Preprocess, Sample, ViewSettings
from fovea.progress import Progress
from fovea.serving.network import as_input
from fovea.serving.pictures import is_per_picture, look, regions_for
from fovea.serving.preprocess import PREPROCESS_ID, preprocess
from fovea.settings import digest

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One square: a labelled picture, or a region of one."""

    source: str
    part: str
    region: str
    target: Known
    group: str
    digest: str

    @property
    def name(self) -> tuple[str, str, str]:
        """What tells it from every other row."""
        return self.source, self.part, self.region


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A labelled picture whose pixels could not be had."""

    source: str
    part: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What was seen.

    Args:
        pixels: uint8 (rows, size, size, 3).
        rows: in the order of ``pixels``.
        unreadable: pictures left out, each with its reason.
        unlabelled: number of pictures without a target for the role.
    """

    pixels: NDArray[np.uint8]
    rows: tuple[Row, ...]
    unreadable: tuple[Fault, ...]
    unlabelled: int

    @property
    def fingerprint(self) -> str:
        """Digest of what was learned from: pixels, targets and groups, wherever the files lie; 32 digits."""
        lines = sorted(f"{row.digest} {row.target} {row.group}" for row in self.rows)
        return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogatepass")).hexdigest()[:32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to survey: the labelled pictures of one role, seen in one way."""

    domain: Domain
    root: Path
    view: ViewSettings
    role: str
    spec: Preprocess
    leave_out: tuple[str, ...] = ()


def survey(wanted: Wanted, folder: Path, progress: Progress) -> Survey:
    """Look at every labelled picture, or take what an earlier survey of the same files left in ``folder``.

    Raises:
        DataError: there is no picture, none with a target, or none that can be read.
        PluginError: the domain failed.
    """
    samples = read_samples(wanted)
    labelled = [sample for sample in samples if target_of(wanted, sample) is not None]
    _refuse_empty(wanted, samples, labelled)
    key = _key(wanted, labelled)
    found = _reopen(wanted, folder, key)
    if found is None:
        found = _make(wanted, samples, folder, key, progress)
    if not found.rows:
        raise DataError(f"none of the {len(labelled)} labelled pictures could be read: see {folder / 'survey.json'}")
    return found


def read_samples(wanted: Wanted) -> list[Sample]:
    """The samples below the root, records left out.

    Raises:
        DataError: the root is no folder that can be listed.
    """
    if not wanted.root.is_dir():
        raise DataError(f"there is no folder {wanted.root}")
    items = wanted.domain.read_samples(root=wanted.root, view=wanted.view)
    return [item for item in items if isinstance(item, Sample)]


def target_of(wanted: Wanted, sample: Sample) -> Known | None:
    """The sample's answer for the role; None where it has none or its label is left out.

    Raises:
        PluginError: it is none of the role's kind.
    """
    info = wanted.domain.info
    target = sample.targets.get(info.target(wanted.role))
    if target is None:
        return None
    kind = info.tasks[wanted.role].kind
    try:
        return known(kind, target, wanted.leave_out)
    except ValueError as error:
        word = "label" if kind == "classify" else "target"
        fault = f"{sample.source} has {word} {target!r}, want {error}"
        raise PluginError(info.name, "read_samples", fault) from None


def squares(
    wanted: Wanted, samples: Iterable[Sample], faults: list[Fault], progress: Progress
) -> Iterator[tuple[Sample, str, NDArray[np.uint8]]]:
    """Look at samples unit by unit, in the batch's order; (sample, region's name, square) for each labelled region.

    A ``measure`` that keeps something between pictures sees the unlabelled pictures of the unit too, as it would in
    use. What cannot be read is added to ``faults``.
    """
    task = wanted.domain.info.tasks[wanted.role]
    for unit in _units(wanted, samples):
        seeing = look(
            domain=wanted.domain,
            root=wanted.root,
            samples=unit,
            view=wanted.view,
            fitted=Fitted(),
            side=wanted.spec.side,
        )
        for seen in seeing:
            if target_of(wanted, seen.sample) is None:
                continue
            progress.advance()
            if seen.image is None:
                fault = seen.fault
                code, reason = (fault.code, fault.reason) if fault else ("unknown", "no reason was given")
                faults.append(Fault(source=seen.sample.source, part=seen.sample.part, code=code, reason=reason))
                continue
            for region in regions_for(task, seen.measures):
                square = as_input(preprocess(seen.image, wanted.spec, region))
                yield seen.sample, region.name if region else "", square


def row_of(wanted: Wanted, sample: Sample, region: str, square: NDArray[np.uint8]) -> Row:
    """The row of a square, with the digest of its pixels."""
    return Row(
        source=sample.source,
        part=sample.part,
        region=region,
        target=cast("Known", target_of(wanted, sample)),
        group=sample.of_group,
        digest=hashlib.blake2b(np.ascontiguousarray(square).data, digest_size=8).hexdigest(),
    )


def _units(wanted: Wanted, samples: Iterable[Sample]) -> list[list[Sample]]:
    alone = is_per_picture(wanted.domain)
    units: defaultdict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        if not alone or target_of(wanted, sample) is not None:
            units[sample.of_unit].append(sample)
    labelled = [unit for unit in units.values() if any(target_of(wanted, sample) is not None for sample in unit)]
    return [sorted(unit, key=_place_in_unit) for unit in labelled]


def _place_in_unit(sample: Sample) -> tuple[datetime, float, bytes, str]:
    time = sample.time if sample.time is not None else _EPOCH
    return time, sample.order, os.fsencode(sample.source), sample.part


def _refuse_empty(wanted: Wanted, samples: Sequence[Sample], labelled: Sequence[Sample]) -> None:
    domain, target = wanted.domain.info.name, wanted.domain.info.target(wanted.role)
    if not samples:
        raise DataError(f"the domain {domain} found no picture in {wanted.root}: is it the right folder?")
    if not labelled:
        raise DataError(
            f"none of the {len(samples)} pictures in {wanted.root} has a target '{target}' to learn from: "
            f"label some, or check how the domain {domain} reads labels from folders"
        )


def _key(wanted: Wanted, labelled: Sequence[Sample]) -> str:
    """Digest of all that the survey depends on: samples, the files' sizes and times, view and preprocessing."""
    spec = {**asdict(wanted.spec), "id": PREPROCESS_ID, "domain": wanted.domain.info.name, "role": wanted.role}
    lines = [
        f"{s.source}|{s.part}|{target_of(wanted, s)}|{s.group}|{s.unit}|{_stat(wanted.root, s.source)}"
        for s in labelled
    ]
    return digest(wanted.view, spec, "\n".join(lines))


def _stat(root: Path, source: str) -> str:
    try:
        found = os.stat(root / source)
    except (OSError, ValueError):  # a stream's name, or a file that is gone
        return "-"
    return f"{found.st_size}:{found.st_mtime_ns}"


def _make(wanted: Wanted, samples: Sequence[Sample], folder: Path, key: str, progress: Progress) -> Survey:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "survey.json").unlink(missing_ok=True)
    labelled = sum(target_of(wanted, sample) is not None for sample in samples)
    progress.start("look at the pictures", labelled)
    rows: list[Row] = []
    faults: list[Fault] = []
    with (folder / "pixels.u8").open("wb") as stream:
        for sample, region, square in squares(wanted, samples, faults, progress):
            rows.append(row_of(wanted, sample, region, square))
            stream.write(np.ascontiguousarray(square).data)
    progress.finish()
    data = {
        "key": key,
        "unlabelled": len(samples) - labelled,
        "unreadable": [asdict(fault) for fault in faults],
        "rows": [asdict(row) for row in rows],
    }
    beside = folder / ".survey.json"
    beside.write_text(json.dumps(data), encoding="ascii")
    beside.replace(folder / "survey.json")
    return _open(wanted, folder, data)


def _reopen(wanted: Wanted, folder: Path, key: str) -> Survey | None:
    size = wanted.spec.size
    try:
        data = json.loads((folder / "survey.json").read_text(encoding="ascii"))
        whole = (folder / "pixels.u8").stat().st_size == len(data["rows"]) * size * size * 3
        return _open(wanted, folder, data) if data["key"] == key and whole else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _open(wanted: Wanted, folder: Path, data: dict[str, Any]) -> Survey:
    kind, size = wanted.domain.info.tasks[wanted.role].kind, wanted.spec.size
    rows = tuple(Row(**{**row, "target": restored(kind, row["target"])}) for row in data["rows"])
    shape = (len(rows), size, size, 3)
    pixels = np.memmap(folder / "pixels.u8", np.uint8, "r", shape=shape) if rows else np.empty(shape, np.uint8)
    faults = tuple(Fault(**fault) for fault in data["unreadable"])
    return Survey(pixels=pixels, rows=rows, unreadable=faults, unlabelled=data["unlabelled"])
