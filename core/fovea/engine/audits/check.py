"""Both audits of a folder of labelled pictures, before anybody trains on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from fovea.engine.audits.doubts import folds
from fovea.engine.audits.leaks import Leaks, Pair, counted, find_leaks
from fovea.engine.audits.readers import FIGURES, READ, question, read_out
from fovea.engine.audits.shortcuts import Shortcuts, audit_shortcuts
from fovea.engine.audits.telling import SEEN_BY, first_capital, leak_warnings, name_of, shortcut_warnings
from fovea.engine.judging.resampling import Interval
from fovea.engine.pictures.split import Part
from fovea.engine.pictures.survey import Row, Survey, Wanted, survey
from fovea.engine.pictures.targets import strata
from fovea.plugin import Kind
from fovea.progress import Progress

_SIZE = 160
_FOLDS = 5
_PARTS: tuple[Part, ...] = ("test", "validation", "train", "train", "train")
_BATCH = 32

Triple = tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class DoublePicture:
    """Two pictures that show the same.

    Args:
        kind: ``exact``, ``near`` or ``burst``.
        how: how the one became the other, in words.
        score: how far they agree, 0 to 1.
        names: of the two.
        groups: of the two.
        answers: of the two.
    """

    kind: str
    how: str
    score: float
    names: tuple[str, str]
    groups: tuple[str, str]
    answers: tuple[Any, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainReader:
    """What a plain reader reaches.

    Args:
        sees: in words.
        figure: (value, low, high).
        share: of the skill of a quick probe, (value, low, high); None where that has none.
        by: the one fact that tells most by itself; empty where that is not asked.
        warns: whether it comes too near.
    """

    sees: str
    figure: Triple
    share: Triple | None
    by: str
    warns: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DataCheck:
    """What the audits say of a folder.

    Args:
        pictures: looked at.
        groups: that they are of.
        unreadable: pictures left out.
        doubles: in different groups, the surest first.
        contradictions: the same picture with two answers.
        counts: doubles by kind, and what a split by the groups as they are would let through.
        merged: how many groups fewer there would be if groups that share a picture were one.
        figure: what readers are judged by; empty where shortcuts were not looked for.
        probe: figure of a quick probe of the whole pictures, by features of the backbone starter.
        readers: beside it.
        warnings: one sentence each.
        notes: what was not looked for, and why.
    """

    pictures: int
    groups: int
    unreadable: int
    doubles: tuple[DoublePicture, ...]
    contradictions: tuple[DoublePicture, ...]
    counts: Mapping[str, int]
    merged: int
    figure: str = ""
    probe: Triple | None = None
    readers: tuple[PlainReader, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A check with what a page shows of it.

    Args:
        found: all of it.
        shown: JPEGs of two pictures side by side, of the first contradictions and then of the first doubles.
    """

    found: DataCheck
    shown: tuple[bytes, ...]


def check_data(wanted: Wanted, progress: Progress, *, most: int = 0) -> Checked:
    """Run both audits on the labelled pictures of a role; nothing is trained and nothing kept.

    Shortcuts are told as shares of the skill of a quick probe: one linear layer on the features of the backbone
    starter, in five folds that no group straddles.

    Args:
        wanted: which pictures, seen how.
        progress: told how far it is.
        most: how many pairs are shown, of contradictions and of doubles each.

    Raises:
        DataError: there is no labelled picture that can be read.
        PluginError: the domain failed.
    """
    small = replace(wanted, spec=replace(wanted.spec, size=min(wanted.spec.size, _SIZE)))
    kind = wanted.domain.info.tasks[wanted.role].kind
    with TemporaryDirectory(prefix="fovea-check-") as folder:
        seen = survey(small, Path(folder), progress)
        leaks = find_leaks(seen.pixels, seen.rows, kind, progress)
        folds, notes = _folds(seen, kind)
        if leaks.unlooked:
            notes.append(f"{leaks.unlooked:,} more pairs that look alike were not compared: there were too many.")
        if not leaks.thorough:
            notes.append("Each picture was compared with those most like it only, as there are very many.")
        found = _shortcuts(seen, folds, kind, wanted.root, progress) if folds and kind in READ else None
        pairs = (*leaks.contradictions[:most], *leaks.pairs[:most])
        return Checked(
            found=_told(seen, leaks, found, folds[0] if folds else ["train"] * len(seen.rows), notes),
            shown=tuple(_side_by_side(seen.pixels[pair.first], seen.pixels[pair.second]) for pair in pairs),
        )


def _folds(seen: Survey, kind: Kind) -> tuple[list[list[Part]], list[str]]:
    """The parts of the pictures in five splits by group, each of which tests other pictures; or why there are none."""
    groups, labels = [row.group for row in seen.rows], strata(kind, [row.target for row in seen.rows])
    if len(set(groups)) < _FOLDS:
        return [], [f"Shortcuts were not looked for: that takes {_FOLDS} groups, and there are {len(set(groups))}."]
    fold = folds(groups, [names[-1] for names in labels], count=_FOLDS, seed=0)
    return [[_PARTS[int(place - test) % _FOLDS] for place in fold] for test in range(_FOLDS)], []


def _shortcuts(seen: Survey, folds: Sequence[Sequence[Part]], kind: Kind, root: Path, progress: Progress) -> Shortcuts:
    labels = sorted({name for names in strata(kind, [row.target for row in seen.rows]) for name in names if name})
    asked = [question(kind, seen.rows, labels, parts) for parts in folds]
    features = starter_features(seen.pixels, progress)
    said = np.concatenate([read_out(features, one) for one in asked])
    return audit_shortcuts(pixels=seen.pixels, rows=seen.rows, asked=asked, root=root, said=said)


def starter_features(pixels: NDArray[np.uint8], progress: Progress) -> NDArray[np.float64]:
    """Mean and deviation of the maps of the backbone starter at several depths, (n, features). Loads torch."""
    import torch

    from fovea.engine.network import Whole
    from fovea.engine.networks.backbones import build
    from fovea.engine.networks.depths import inside, read
    from fovea.engine.networks.readout import pooled
    from fovea.plugin import Preprocess

    size = pixels.shape[1]
    network, _ = build("starter", weights="starter", size=size, outputs=2, head=torch.nn.Linear)
    whole = Whole(network.eval(), Preprocess(size=size))
    stages = inside(network, size).stages
    progress.start("look for shortcuts", len(pixels))
    found: list[NDArray[np.float32]] = []
    with torch.no_grad():
        for start in range(0, len(pixels), _BATCH):
            squares = torch.from_numpy(np.array(pixels[start : start + _BATCH]))
            maps, _ = read(network, stages, whole.planes(squares))
            found.append(pooled(maps, ("mean", "std")).numpy())
            progress.advance(len(squares))
    progress.finish()
    return np.concatenate(found).astype(np.float64)


def _side_by_side(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> bytes:
    both = np.concatenate([one, np.full_like(one[:, :4], 255), other], axis=1)
    jpeg: bytes = simplejpeg.encode_jpeg(np.ascontiguousarray(both), quality=85)
    return jpeg


def _told(
    seen: Survey, leaks: Leaks, found: Shortcuts | None, parts: Sequence[Part], notes: Sequence[str]
) -> DataCheck:
    of_shortcuts = shortcut_warnings(found, "a quick probe") if found else ()
    warned = [*leak_warnings(leaks, parts, grouped=False), *of_shortcuts]
    return DataCheck(
        pictures=len(seen.rows),
        groups=len({row.group for row in seen.rows}),
        unreadable=len(seen.unreadable),
        doubles=tuple(_double(pair, seen.rows) for pair in leaks.pairs),
        contradictions=tuple(_double(pair, seen.rows) for pair in leaks.contradictions),
        counts=counted(leaks, parts),
        merged=leaks.merged,
        figure=FIGURES[found.kind] if found else "",
        probe=_triple(found.model) if found else None,
        readers=_readers(found) if found else (),
        warnings=tuple(map(first_capital, warned)),
        notes=tuple(notes),
    )


def _double(pair: Pair, rows: Sequence[Row]) -> DoublePicture:
    one, other = rows[pair.first], rows[pair.second]
    return DoublePicture(
        kind=pair.kind,
        how=pair.how,
        score=pair.score,
        names=(name_of(one), name_of(other)),
        groups=(one.group, other.group),
        answers=(one.target, other.target),
    )


def _readers(found: Shortcuts) -> tuple[PlainReader, ...]:
    return tuple(
        PlainReader(
            sees=SEEN_BY[share.reader],
            figure=_triple(share.figure),
            share=None if share.share is None else _triple(share.share),
            by=share.by[0] if share.by else "",
            warns=share.warns,
        )
        for share in found.shares
    )


def _triple(told: Interval) -> Triple:
    return told.value, told.low, told.high
