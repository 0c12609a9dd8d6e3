"""``fovea crop places FOLDER``: what the adapter reads, so that a pattern can be checked before anything is trained."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fovea.plugin import (
    Block,
    Cell,
    Column,
    Figure,
    Figures,
    PlaceMap,
    Point,
    Record,
    Report,
    Sample,
    Table,
)
from fovea_crop.judging import ROLE, Extent, clean, counted, day_of
from fovea_crop.reading import read_samples
from fovea_crop.settings import CropPolicy, CropView

EXAMPLES = 10
"""Paths shown that do not fit the pattern."""


@dataclass(slots=True)
class _Unit:
    pictures: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    groups: Counter[str] = field(default_factory=Counter)
    days: set[str] = field(default_factory=set)
    cameras: set[str] = field(default_factory=set)
    extent: Extent = field(default_factory=Extent)

    def add(self, sample: Sample) -> None:
        self.pictures += 1
        self.labels[str(sample.targets.get(ROLE, ""))] += 1
        self.groups[sample.of_group] += 1
        self.extent.add(sample)
        if day := day_of(sample):
            self.days.add(day)
        if camera := sample.attributes.get("camera"):
            self.cameras.add(str(camera))


@dataclass(slots=True)
class _Read:
    whole: _Unit = field(default_factory=_Unit)
    units: dict[str, _Unit] = field(default_factory=dict)
    records: Counter[str] = field(default_factory=Counter)
    unmatched: list[str] = field(default_factory=list)
    unmatched_count: int = 0

    def add(self, one: Sample | Record) -> None:
        if isinstance(one, Record):
            self.records[one.kind] += 1
            return
        self.whole.add(one)
        self.units.setdefault(one.of_unit, _Unit()).add(one)
        if "unmatched" in one.attributes:
            self.unmatched_count += 1
            self.unmatched += [clean(one.source)] if len(self.unmatched) < EXAMPLES else []


def report_places(arguments: Mapping[str, Any], view: CropView, policy: CropPolicy) -> Report:  # noqa: ARG001
    """The report of ``fovea crop places``; reads headers only, decodes no picture.

    Raises:
        ValueError: where the folder cannot be listed.
    """
    folder = Path(arguments["folder"])
    read = _Read()
    try:
        for one in read_samples(folder, view):
            read.add(one)
    except OSError as error:
        raise ValueError(f"the folder {clean(str(folder))} cannot be read: {error.strerror}") from error
    blocks: list[Block] = [_figures(read), _units(read)]
    blocks += [table for table in (_labels(read), _unmatched(read)) if table.rows]
    blocks += [_places(read)] if read.whole.extent.located else []
    return Report(
        title=f"What is read in {clean(str(folder))}",
        summary=_summary(read, view),
        blocks=tuple(blocks),
        facts={"pattern": view.pattern, "zone": view.zone, "run gap": str(view.run_gap)},
    )


def _summary(read: _Read, view: CropView) -> str:
    whole = read.whole
    if not whole.pictures:
        return "There is no picture in this folder."
    said = (
        f"{counted(whole.pictures, 'picture')} of {counted(len(read.units), 'field')} in "
        f"{counted(len(whole.groups), 'group')}; no group is ever split between training and test."
    )
    if read.unmatched_count:
        said += f" {counted(read.unmatched_count, 'path')} not fitting the pattern '{view.pattern}'; "
        said += "the setting is called pattern."
    return said


def _figures(read: _Read) -> Figures:
    whole = read.whole
    named: Mapping[str, Cell] = {
        "pictures": whole.pictures,
        "fields": len(read.units),
        "groups": len(whole.groups),
        "dates": len(whole.days),
        "cameras": len(whole.cameras),
        "with a label": whole.pictures - whole.labels[""],
        "with a place": whole.extent.located,
        "not fitting the pattern": read.unmatched_count,
        **{f"records: {kind}": count for kind, count in sorted(read.records.items())},
    }
    return Figures(figures=tuple(Figure(name=name, value=value) for name, value in named.items()))


def _units(read: _Read) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for name, unit in sorted(read.units.items()):
        middle = unit.extent.middle
        rows.append(
            (
                name, unit.pictures, len(unit.groups), max(unit.groups.values()), ", ".join(sorted(unit.days)[:5]),
                len(unit.days), ", ".join(sorted(unit.cameras)[:3]), unit.extent.located,
                middle.latitude if middle else None, middle.longitude if middle else None,
            )
        )  # fmt: skip
    columns = (
        Column(name="field"),
        Column(name="pictures", form="number"),
        Column(name="groups", form="number"),
        Column(name="largest group", form="number"),
        Column(name="first dates"),
        Column(name="dates", form="number"),
        Column(name="cameras"),
        Column(name="with a place", form="number"),
        Column(name="latitude", form="number"),
        Column(name="longitude", form="number"),
    )
    return Table(
        title="Fields", columns=columns, rows=tuple(rows), note="The place is the mean of the pictures' places."
    )


def _labels(read: _Read) -> Table:
    rows = sorted((label, count) for label, count in read.whole.labels.items() if label)
    columns = (Column(name="label"), Column(name="pictures", form="number"))
    return Table(title="Labels", columns=columns, rows=tuple(rows))


def _unmatched(read: _Read) -> Table:
    return Table(
        title="Paths that do not fit the pattern",
        columns=(Column(name="path"),),
        rows=tuple((path,) for path in read.unmatched),
        note=f"The first {EXAMPLES} of {read.unmatched_count}." if read.unmatched_count > EXAMPLES else "",
    )


def _places(read: _Read) -> PlaceMap:
    middles = [(name, middle) for name, unit in sorted(read.units.items()) if (middle := unit.extent.middle)]
    return PlaceMap(
        title="Where the fields are",
        points=tuple(Point(latitude=place.latitude, longitude=place.longitude, name=name) for name, place in middles),
    )
