"""The dataset adapter: a farm's folder of photos becomes samples and records.

Facts come from three places: the path (by the view's pattern), the header of the picture (EXIF time, place, camera)
and, for camera runs, the names of the pictures beside it. One folder's names are held at a time.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

from fovea.plugin import Attribute, PathPattern, Record, Sample, find_files, read_exif
from fovea_crop.judging import ROLE, clean
from fovea_crop.records import read_records
from fovea_crop.runs import Shot, camera_runs, plant_of
from fovea_crop.settings import CropView

WHOLE_SITE = "site"
"""The unit of pictures that lie in the root itself, under no field."""

_NO_ATTRIBUTES = frozenset({"disease", "farm", "field", "date", "name"})


def read_samples(root: Path, view: CropView) -> Iterator[Sample | Record]:
    """Samples of the pictures below ``root``, then the records of its weather and soil tables.

    A picture whose path does not fit the pattern is still yielded: without a target, with its folder as the unit
    and the attribute ``unmatched`` = 1, so that nothing is left out silently.

    Raises:
        OSError: where ``root`` cannot be listed.
        ValueError: where a weather or soil table lacks its time column.
    """
    pattern = PathPattern(view.pattern)
    shots: dict[str, Mapping[str, Shot]] = {}
    for source in find_files(root):
        folder, name = posixpath.split(source)
        for left in [other for other in shots if not f"{folder}/".startswith(f"{other}/")]:
            del shots[left]
        if folder not in shots:
            shots[folder] = camera_runs(_names(os.path.join(root, folder)), view.run_gap, view.run_length)
        yield _sample(root, source, view, pattern.read(source), shots[folder].get(name))
    yield from read_records(root, view)


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:  # it went away since it was walked
        return []


def _sample(root: Path, source: str, view: CropView, read: dict[str, str] | None, shot: Shot | None) -> Sample:
    holes = {hole: clean(text) for hole, text in (read or {}).items()}
    exif = read_exif(Path(os.path.join(root, source)), zone=ZoneInfo(view.zone))
    folder = clean(posixpath.dirname(source))
    unit = posixpath.join(holes.get("farm", ""), holes.get("field", "")) or folder or WHOLE_SITE
    day, time, doubted = _when(holes.get("date", ""), exif.time, ZoneInfo(view.zone))
    attributes: dict[str, Attribute] = {hole: text for hole, text in holes.items() if hole not in _NO_ATTRIBUTES}
    if exif.camera:
        attributes.setdefault("camera", exif.camera)
    if day:
        attributes["date"] = day
    if doubted:
        attributes["clock_doubted"] = 1.0
    if read is None:
        attributes["unmatched"] = 1.0
    return Sample(
        source=source,
        targets={ROLE: holes["disease"]} if "disease" in holes else {},
        group=_group(holes, unit, folder, plant_of(posixpath.basename(source)), shot),
        unit=unit,
        time=time,
        order=float(shot.counter) if shot else 0.0,
        place=exif.place,
        attributes=attributes,
    )


def _group(holes: Mapping[str, str], unit: str, folder: str, plant: str, shot: Shot | None) -> str:
    """A plant of its field, else a named run, else what the file's name says in its folder, else the picture alone.

    The disease is no part of a plant's group: pictures of one plant filed under two diseases stay together.
    """
    field = unit if "field" in holes or "farm" in holes else ""
    if "plant" in holes:
        return posixpath.join(field, holes.get("row", ""), holes["plant"])
    if "run" in holes:
        return posixpath.join(field or folder, holes["run"])
    together = plant or (f"{clean(shot.camera)} {shot.first}" if shot else "")
    return posixpath.join(folder, together) if together else ""


def _when(written: str, taken: datetime | None, zone: tzinfo) -> tuple[str, datetime | None, bool]:
    """(visit's date, time, whether the camera's clock is doubted).

    A date in the path was written by a person, a camera's clock runs on from wherever its battery last died: where
    the two are more than a day apart, noon of the written date holds.
    """
    if taken is not None and not taken.utcoffset():
        taken = taken.astimezone(zone)  # satellites tell UTC; a visit's date is the field's own
    visit = _date(written)
    if visit is None:
        return (taken.date().isoformat() if taken else written), taken, False
    noon = datetime(visit.year, visit.month, visit.day, 12, tzinfo=zone)
    if taken is None:
        return visit.isoformat(), noon, False
    doubted = abs(taken.date() - visit) > timedelta(days=1)
    return visit.isoformat(), noon if doubted else taken, doubted


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text[:10] if text[4:5] == "-" else text[:8])
    except ValueError:
        return None
