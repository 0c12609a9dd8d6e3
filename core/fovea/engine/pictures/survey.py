"""The survey: every labelled picture looked at once, by the code that the batch looks with, and kept as its square.

The squares lie in one file that is mapped into memory, so that epochs cost no decoding and a large site need not fit.
"""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any, cast

import numpy as np

from fovea.engine.pictures import earlier, masks, shelf
from fovea.engine.pictures.earlier import digest_of
from fovea.engine.pictures.seen import Fault, Row, Square, Survey, Wanted
from fovea.engine.pictures.targets import Known, known, restored
from fovea.errors import DataError, PluginError
from fovea.plugin import Fitted, Image, Mask, Measures, Sample
from fovea.plugin.imaging import Refused
from fovea.progress import Progress
from fovea.serving.network import as_input
from fovea.serving.pictures import is_per_picture, look, regions_for
from fovea.serving.preprocess import PREPROCESS_ID, preprocess
from fovea.settings import digest

__all__ = (
    "Fault",
    "Row",
    "Square",
    "Survey",
    "Wanted",
    "names_of",
    "read_samples",
    "row_of",
    "squares",
    "survey",
    "target_of",
)

_MOST_STRANGE = 20
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def survey(wanted: Wanted, cache: Path, progress: Progress) -> Survey:
    """Look at every labelled picture, or take what an earlier survey of the same files left in the cache.

    Surveys of other folders, views or sizes lie beside each other there; one that nobody asked for in two months goes.
    Where pictures came, changed or went since an earlier one, only those that are new or changed are decoded: the new
    survey is what it would be without the earlier one, and takes its place.

    Raises:
        DataError: there is no picture, none with a target, or none that can be read.
        PluginError: the domain failed.
    """
    samples = read_samples(wanted)
    labelled = [sample for sample in samples if target_of(wanted, sample) is not None]
    _refuse_empty(wanted, samples, labelled)
    units, way = _marked(wanted, samples), _way(wanted)
    key = digest(way, "\n".join(f"{mark} {target_of(wanted, sample)}" for unit in units for sample, mark in unit))
    folder = cache / f"{way}-{key}"
    found = _reopen(wanted, folder, key)
    if found is None:
        shelf.forget(cache)
        elders = earlier.newest(cache, way)
        found = _make(_Asked(wanted=wanted, samples=samples, units=units, key=key), folder, elders, progress)
        for elder in earlier.elders(elders, _of(wanted)):
            if elder != folder:
                shelf.drop(elder)
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
    for unit in units(wanted, samples):
        yield from _look(wanted, unit, names, faults, progress)


def _look(
    wanted: Wanted, unit: Sequence[Sample], names: Sequence[str], faults: list[Fault], progress: Progress
) -> Iterator[Square]:
    domain, view, side = wanted.domain, wanted.view, wanted.spec.side
    for seen in look(domain=domain, root=wanted.root, samples=unit, view=view, fitted=Fitted(), side=side):
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
        digest=digest_of(square.pixels),
        time=None if sample.time is None else sample.time.timestamp(),
        attributes=dict(sample.attributes),
        painted="" if mask is None else digest_of(mask.places),
    )


def units(wanted: Wanted, samples: Iterable[Sample]) -> list[list[Sample]]:
    """The units that have a labelled picture, each in order; where pictures are seen alone, its labelled ones only."""
    alone = is_per_picture(wanted.domain)
    found: defaultdict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        if not alone or target_of(wanted, sample) is not None:
            found[sample.of_unit].append(sample)
    labelled = [unit for unit in found.values() if any(target_of(wanted, sample) is not None for sample in unit)]
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


def _way(wanted: Wanted) -> str:
    """Digest of how pictures are seen: by what domain, for what role, with which view and preprocessing."""
    spec = {**asdict(wanted.spec), "id": PREPROCESS_ID, "domain": wanted.domain.info.name, "role": wanted.role}
    return digest(wanted.view, spec)


def _of(wanted: Wanted) -> str:
    return digest(str(wanted.root.resolve()), {"leave_out": wanted.leave_out})


def _marked(wanted: Wanted, samples: Sequence[Sample]) -> list[list[tuple[Sample, str]]]:
    """The units to look at, each sample with its mark; see :mod:`fovea.engine.pictures.earlier`."""
    together = not is_per_picture(wanted.domain)
    return [
        list(zip(unit, earlier.marks([_facts(wanted, one) for one in unit], together=together), strict=True))
        for unit in units(wanted, samples)
    ]


def _facts(wanted: Wanted, sample: Sample) -> str:
    """All that a sample's squares depend on, beside how they are seen: no answer but a mask is among it."""
    mask = _mask_of(wanted, sample)
    drawn = "" if mask is None else f"{mask} {target_of(wanted, sample)} {earlier.stat_of(wanted.root / mask.source)}"
    known = (sample.source, sample.part, sample.group, sample.unit, sample.time, sample.order, sample.place)
    return f"{known} {sorted(sample.attributes.items())} {earlier.stat_of(wanted.root / sample.source)} {drawn}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A survey to be made: of what, and under which key."""

    wanted: Wanted
    samples: Sequence[Sample]
    units: Sequence[Sequence[tuple[Sample, str]]]
    key: str


def _make(asked: _Asked, folder: Path, elders: Sequence[Path], progress: Progress) -> Survey:
    wanted, samples = asked.wanted, asked.samples
    names, marks = names_of(wanted, samples), {mark for unit in asked.units for _, mark in unit}
    labelled = sum(target_of(wanted, sample) is not None for sample in samples)
    rows: list[Row] = []
    faults: list[Fault] = []
    strange: list[str] = []
    progress.start("look at the pictures", labelled)
    with shelf.filled(folder) as room:
        with (
            earlier.opened(elders, wanted.spec.size, marks) as before,
            (room / earlier.PIXELS).open("wb") as stream,
            (room / earlier.MASKS).open("wb") as painted,
        ):
            for square in _anew(asked, names, before, faults, progress):
                rows.append(row_of(wanted, square))
                stream.write(np.ascontiguousarray(square.pixels).data)
                if square.mask is not None:
                    painted.write(np.ascontiguousarray(square.mask.places).data)
                strange.append(square.mask.strange if square.mask else "")
                os.utime(room)  # says that it is being filled
        progress.finish()
        kept = masks.rename_file(room / earlier.MASKS, names, [row.target for row in rows])
        earlier.note(room, _looked(asked, rows, faults, strange), of=_of(wanted), drawn=names, kept=kept)
        data = {
            "key": asked.key,
            "unlabelled": len(samples) - labelled,
            "unreadable": [asdict(fault) for fault in faults],
            "strange": dict(Counter(filter(None, strange)).most_common(_MOST_STRANGE)),
            "rows": [asdict(row) for row in rows],
        }
        (room / "survey.json").write_text(json.dumps(data), encoding="ascii")
        return _open(wanted, room, data)


def _anew(
    asked: _Asked, names: Sequence[str], before: earlier.Earlier, faults: list[Fault], progress: Progress
) -> Iterator[Square]:
    """The squares of every unit, in order; those of pictures that are still the same are copied.

    What could not be read is tried again; where a ``measure`` has memory, so is the unit that it is of.
    """
    wanted, alone = asked.wanted, is_per_picture(asked.wanted.domain)
    for unit in asked.units:
        held = [before.holds(mark) or target_of(wanted, sample) is None for sample, mark in unit]
        if not alone:
            held = [all(held)] * len(held)
        for is_held, run in groupby(zip(unit, held, strict=True), key=lambda one: one[1]):
            some = [one for one, _ in run]
            if not is_held:
                yield from _look(wanted, [sample for sample, _ in some], names, faults, progress)
                continue
            for sample, mark in some:
                if target_of(wanted, sample) is None:
                    continue
                progress.advance()
                for region, pixels, mask in before.squares(mark, names):
                    yield Square(sample=sample, region=region, pixels=pixels, mask=mask)


def _looked(
    asked: _Asked, rows: Sequence[Row], faults: Sequence[Fault], strange: Sequence[str]
) -> list[earlier.Looked]:
    """What the squares are of; a picture that could not be read is left out, and one that is named twice."""
    pieces: defaultdict[tuple[str, str], list[tuple[int, earlier.Piece]]] = defaultdict(list)
    for place, (row, odd) in enumerate(zip(rows, strange, strict=True)):
        piece = earlier.Piece(region=row.region, digest=row.digest, painted=row.painted, strange=odd)
        pieces[row.source, row.part].append((place, piece))
    marked = [one for unit in asked.units for one in unit if target_of(asked.wanted, one[0]) is not None]
    often = Counter(sample.key for sample, _ in marked)
    often.update((fault.source, fault.part) for fault in faults)
    return [
        earlier.Looked(
            mark=mark,
            start=min((place for place, _ in pieces[sample.key]), default=0),
            pieces=tuple(piece for _, piece in pieces[sample.key]),
        )
        for sample, mark in marked
        if often[sample.key] == 1
    ]


def _reopen(wanted: Wanted, folder: Path, key: str) -> Survey | None:
    size = wanted.spec.size
    try:
        data = json.loads((folder / "survey.json").read_text(encoding="ascii"))
        whole = (folder / earlier.PIXELS).stat().st_size == len(data["rows"]) * size * size * 3
        painted = (folder / earlier.MASKS).stat().st_size in (0, len(data["rows"]) * size * size)
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
    pixels = np.memmap(folder / earlier.PIXELS, np.uint8, "r", shape=shape) if rows else np.empty(shape, np.uint8)
    painted = None
    if kind == "segment" and rows:
        painted = np.memmap(folder / earlier.MASKS, np.uint8, "r", shape=shape[:3])
    return Survey(
        pixels=pixels,
        rows=rows,
        unreadable=tuple(Fault(**fault) for fault in data["unreadable"]),
        unlabelled=data["unlabelled"],
        masks=painted,
        strange=data["strange"],
    )
