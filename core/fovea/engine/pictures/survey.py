"""The survey: every labelled picture looked at once, by the code that the batch looks with, and kept as its square.

The squares lie in one file that is mapped into memory, so that epochs cost no decoding and a large site need not fit.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from fovea.engine.pictures import masks, shelf
from fovea.engine.pictures.targets import Known, known, restored
from fovea.errors import DataError, PluginError
from fovea.plugin import Domain, Fitted, Image, Mask, Measures, Preprocess, Sample, ViewSettings
from fovea.plugin.imaging import Refused
from fovea.progress import Progress
from fovea.serving.network import as_input
from fovea.serving.pictures import is_per_picture, look, regions_for
from fovea.serving.preprocess import PREPROCESS_ID, preprocess
from fovea.settings import digest

_MOST_STRANGE = 20
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One square: a labelled picture, or a region of one.

    Args:
        source: of the sample.
        part: of the sample.
        region: name of the region, empty for the whole picture.
        target: the known answer.
        group: what must never straddle a split.
        digest: of the square's pixels, 16 hexadecimal digits.
        time: when it was taken, in seconds since 1970 (UTC); None where nobody knows.
        attributes: the sample's further facts.
        painted: of ``segment``: digest of the square's mask, 16 hexadecimal digits.
    """

    source: str
    part: str
    region: str
    target: Known
    group: str
    digest: str
    time: float | None = None
    attributes: Mapping[str, str | float] = field(default_factory=dict)
    painted: str = ""

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
        masks: of ``segment``: uint8 (rows, size, size), the place of each pixel's label among those that the rows show,
            as :func:`fovea.engine.pictures.masks.ordered` orders them; 255 where nothing is known. Else None.
        strange: number of masks by a pixel value in them that is no class.
    """

    pixels: NDArray[np.uint8]
    rows: tuple[Row, ...]
    unreadable: tuple[Fault, ...]
    unlabelled: int
    masks: NDArray[np.uint8] | None = None
    strange: Mapping[str, int] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """Digest of what was learned from: pixels, targets and groups, wherever the files lie; 32 digits."""
        lines = sorted(f"{row.digest} {row.target} {row.group}{row.painted}" for row in self.rows)
        return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogatepass")).hexdigest()[:32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Square:
    """What the network will be shown of one labelled picture or region.

    Args:
        sample: it is of.
        region: name of the region, empty for the whole picture.
        pixels: uint8 (size, size, 3).
        mask: of ``segment``, None for the other kinds.
    """

    sample: Sample
    region: str
    pixels: NDArray[np.uint8]
    mask: masks.Laid | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to survey: the labelled pictures of one role, seen in one way."""

    domain: Domain
    root: Path
    view: ViewSettings
    role: str
    spec: Preprocess
    leave_out: tuple[str, ...] = ()


def survey(wanted: Wanted, cache: Path, progress: Progress) -> Survey:
    """Look at every labelled picture, or take what an earlier survey of the same files left in the cache.

    Surveys of other files, views or sizes lie beside each other there; one that nobody asked for in two months goes.

    Raises:
        DataError: there is no picture, none with a target, or none that can be read.
        PluginError: the domain failed.
    """
    samples = read_samples(wanted)
    labelled = [sample for sample in samples if target_of(wanted, sample) is not None]
    _refuse_empty(wanted, samples, labelled)
    key = _key(wanted, labelled)
    folder = cache / key[:24]
    found = _reopen(wanted, folder, key)
    if found is None:
        shelf.forget(cache)
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


def squares(wanted: Wanted, samples: Iterable[Sample], faults: list[Fault], progress: Progress) -> Iterator[Square]:
    """Look at samples unit by unit, in the batch's order; one square for each labelled region.

    A ``measure`` that keeps something between pictures sees the unlabelled pictures of the unit too, as it would in
    use. What cannot be read, mask included, is added to ``faults``.
    """
    samples = list(samples)
    names = names_of(wanted, samples)
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
            try:
                yield from _squares_of(wanted, seen.sample, seen.image, seen.measures, names)
            except Refused as refused:
                reason = f"its mask cannot be used: {refused.reason}"
                faults.append(Fault(source=seen.sample.source, part=seen.sample.part, code=masks.CODE, reason=reason))


def _squares_of(
    wanted: Wanted, sample: Sample, image: Image, measures: Measures, names: Sequence[str]
) -> Sequence[Square]:
    regions = regions_for(wanted.domain.info.tasks[wanted.role], measures)
    laid: Sequence[masks.Laid | None] = [None] * len(regions)
    if (mask := _mask_of(wanted, sample)) is not None:
        painting = masks.read_mask(wanted.root, mask, names, wanted.view)
        laid = [masks.lay(painting, image, wanted.spec, region) for region in regions]
    return [
        Square(
            sample=sample,
            region=region.name if region else "",
            pixels=as_input(preprocess(image, wanted.spec, region)),
            mask=one,
        )
        for region, one in zip(regions, laid, strict=True)
    ]


def names_of(wanted: Wanted, samples: Iterable[Sample]) -> tuple[str, ...]:
    """The labels that the samples' masks may show, in order; none for the kinds without masks."""
    drawn = [mask for sample in samples if (mask := _mask_of(wanted, sample)) is not None]
    return masks.ordered({name for mask in drawn for name in mask.classes.values()} - set(wanted.leave_out))


def _mask_of(wanted: Wanted, sample: Sample) -> Mask | None:
    target = sample.targets.get(wanted.domain.info.target(wanted.role))
    return target if isinstance(target, Mask) and target_of(wanted, sample) is not None else None


def row_of(wanted: Wanted, square: Square) -> Row:
    """The row of a square, with the digest of its pixels; of ``segment`` its target is the labels it shows."""
    sample, mask = square.sample, square.mask
    return Row(
        source=sample.source,
        part=sample.part,
        region=square.region,
        target=cast("Known", target_of(wanted, sample) if mask is None else mask.shown),
        group=sample.of_group,
        digest=_digest(square.pixels),
        time=None if sample.time is None else sample.time.timestamp(),
        attributes=dict(sample.attributes),
        painted="" if mask is None else _digest(mask.places),
    )


def _digest(square: NDArray[np.uint8]) -> str:
    return hashlib.blake2b(np.ascontiguousarray(square).data, digest_size=8).hexdigest()


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
        f"{s.source}|{s.part}|{target_of(wanted, s)}|{s.group}|{s.unit}|{s.time}|{sorted(s.attributes.items())}"
        f"|{_stat(wanted.root, s.source)}{_stat_of_mask(wanted, s)}"
        for s in labelled
    ]
    return digest(wanted.view, spec, "\n".join(lines))


def _stat(root: Path, source: str) -> str:
    try:
        found = os.stat(root / source)
    except (OSError, ValueError):  # a stream's name, or a file that is gone
        return "-"
    return f"{found.st_size}:{found.st_mtime_ns}"


def _stat_of_mask(wanted: Wanted, sample: Sample) -> str:
    mask = _mask_of(wanted, sample)
    return "" if mask is None else f"|{mask}|{_stat(wanted.root, mask.source)}"


def _make(wanted: Wanted, samples: Sequence[Sample], folder: Path, key: str, progress: Progress) -> Survey:
    labelled = sum(target_of(wanted, sample) is not None for sample in samples)
    progress.start("look at the pictures", labelled)
    rows: list[Row] = []
    faults: list[Fault] = []
    strange: Counter[str] = Counter()
    with shelf.filled(folder) as room:
        with (room / "pixels.u8").open("wb") as stream, (room / "masks.u8").open("wb") as painted:
            for square in squares(wanted, samples, faults, progress):
                rows.append(row_of(wanted, square))
                stream.write(np.ascontiguousarray(square.pixels).data)
                if square.mask is not None:
                    painted.write(square.mask.places.data)
                    strange.update([square.mask.strange] if square.mask.strange else [])
        progress.finish()
        masks.rename_file(room / "masks.u8", names_of(wanted, samples), [row.target for row in rows])
        data = {
            "key": key,
            "unlabelled": len(samples) - labelled,
            "unreadable": [asdict(fault) for fault in faults],
            "strange": dict(strange.most_common(_MOST_STRANGE)),
            "rows": [asdict(row) for row in rows],
        }
        (room / "survey.json").write_text(json.dumps(data), encoding="ascii")
    return _open(wanted, folder, data)


def _reopen(wanted: Wanted, folder: Path, key: str) -> Survey | None:
    size = wanted.spec.size
    try:
        data = json.loads((folder / "survey.json").read_text(encoding="ascii"))
        whole = (folder / "pixels.u8").stat().st_size == len(data["rows"]) * size * size * 3
        painted = (folder / "masks.u8").stat().st_size in (0, len(data["rows"]) * size * size)
        if data["key"] != key or not whole or not painted:
            return None
        os.utime(folder)  # says that it is in use
        return _open(wanted, folder, data)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _open(wanted: Wanted, folder: Path, data: dict[str, Any]) -> Survey:
    kind, size = wanted.domain.info.tasks[wanted.role].kind, wanted.spec.size
    rows = tuple(Row(**{**row, "target": restored(kind, row["target"])}) for row in data["rows"])
    shape = (len(rows), size, size, 3)
    pixels = np.memmap(folder / "pixels.u8", np.uint8, "r", shape=shape) if rows else np.empty(shape, np.uint8)
    painted = None
    if kind == "segment" and rows:
        painted = np.memmap(folder / "masks.u8", np.uint8, "r", shape=shape[:3])
    return Survey(
        pixels=pixels,
        rows=rows,
        unreadable=tuple(Fault(**fault) for fault in data["unreadable"]),
        unlabelled=data["unlabelled"],
        masks=painted,
        strange=data["strange"],
    )
