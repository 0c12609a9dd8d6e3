"""The dataset adapter: folders of DICOM files become samples whose groups and units name nobody."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from fovea.plugin import Attribute, PathPattern, Sample
from fovea_medical.digests import digest, read_key
from fovea_medical.files import Refused, is_dicom, read_header, silence
from fovea_medical.settings import MedicalView

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

ROLE = "finding"
NAMES = frozenset({".dcm", ".dicom", ".ima"})
"""Suffixes of files that are always taken; others only where they begin as DICOM files do."""

NO_PICTURES = frozenset(
    {"SR", "PR", "KO", "SEG", "REG", "FID", "PLAN", "DOC", "RTPLAN", "RTSTRUCT", "RTRECORD", "RTDOSE"}
)
"""Modalities of objects that are about pictures but are none; they are left out, as text files are."""

_FACTS = {"modality": "Modality", "body_part": "BodyPartExamined", "view": "ViewPosition", "side": "ImageLaterality"}
_NO_ATTRIBUTES = frozenset({"finding", "patient", "name"})


def read_samples(root: Path, view: MedicalView) -> Iterator[Sample]:
    """Samples of the DICOM files below ``root``, one for each frame.

    The group is a keyed digest of the patient's number and its issuer (else of the path's ``{patient}``, else of the
    study), the unit one of the study; no value that names a person enters a sample, *except what stands in the
    path itself*. A file that cannot be read is yielded as one sample, for ``load_images`` to say why.

    Raises:
        OSError: where ``root`` cannot be listed.
        ValueError: where there is no key.
    """
    pattern, key, zone = PathPattern(view.pattern), read_key(view), ZoneInfo(view.zone)
    for source in find_dicom(root):
        read = pattern.read(source)
        holes = {hole: _clean(text) for hole, text in (read or {}).items()}
        try:
            header = read_header(root, source, view)
            with silence("format", "the header cannot be read"):
                sample, frames = _sample(source, header, holes, key, zone)
        except Refused:
            yield _plain(source, holes, key)
            continue
        if frames == 0:
            continue
        many = 1 < frames <= view.max_frames
        for part in (f"{number:05d}" for number in range(1, frames + 1)) if many else ("",):
            yield _with_part(sample, part)


def find_dicom(root: Path) -> Iterator[str]:
    """Relative paths of the files below ``root`` that are DICOM by suffix or by content, in a stable order.

    Folders reached by a link, names that begin with a dot and ``DICOMDIR`` are left out.

    Raises:
        OSError: where ``root`` cannot be listed.
    """
    os.scandir(root).close()  # os.walk passes over a folder that cannot be listed
    for folder, folders, names in os.walk(os.fspath(root)):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = os.path.join(folder, name)
            named = os.path.splitext(name)[1].lower() in NAMES
            if name.startswith(".") or name == "DICOMDIR" or not (named or is_dicom(path)):
                continue
            yield os.path.relpath(path, root).replace(os.sep, "/")


def _plain(source: str, holes: dict[str, str], key: bytes) -> Sample:
    """A sample known by its path only."""
    return Sample(
        source=source,
        targets={ROLE: holes["finding"]} if "finding" in holes else {},
        group=digest(key, "patient", holes["patient"]) if "patient" in holes else "",
        unit=digest(key, "folder", posixpath.dirname(source)),
        attributes={hole: text for hole, text in holes.items() if hole not in _NO_ATTRIBUTES},
    )


def _with_part(sample: Sample, part: str) -> Sample:
    from dataclasses import replace

    return replace(sample, part=part) if part else sample


def _sample(source: str, header: Dataset, holes: dict[str, str], key: bytes, zone: tzinfo) -> tuple[Sample, int]:
    """The sample of a file, and its number of frames: 0 where it holds no picture."""
    modality = _code(header, "Modality")
    if modality in NO_PICTURES or "Rows" not in header:
        return Sample(source=source), 0
    study, patient = _text(header, "StudyInstanceUID"), _text(header, "PatientID")
    unit = digest(key, "study", study) if study else digest(key, "folder", posixpath.dirname(source))
    if patient:
        group = digest(key, "patient", patient, _text(header, "IssuerOfPatientID"))
    else:
        group = digest(key, "patient", holes["patient"]) if "patient" in holes else unit
    facts: dict[str, Attribute] = {name: code for name, word in _FACTS.items() if (code := _code(header, word))}
    sample = Sample(
        source=source,
        targets={ROLE: holes["finding"]} if "finding" in holes else {},
        group=group,
        unit=unit,
        time=_time(header, zone),
        order=_number(header, "SeriesNumber") * 1e6 + _number(header, "InstanceNumber"),
        attributes={hole: text for hole, text in holes.items() if hole not in _NO_ATTRIBUTES} | facts,
    )
    return sample, max(1, int(_number(header, "NumberOfFrames")))


def _text(header: Dataset, keyword: str) -> str:
    return str(header.get(keyword) or "").strip()


def _code(header: Dataset, keyword: str) -> str:
    """A coded string (DICOM's CS: capitals, digits, blank, underscore, 16 at most); anything else stays inside."""
    text = _text(header, keyword)
    return text if re.fullmatch(r"[A-Z0-9_ ]{1,16}", text) else ""


def _number(header: Dataset, keyword: str) -> float:
    try:
        number = float(header.get(keyword) or 0)
    except (TypeError, ValueError):
        return 0.0
    return number if abs(number) < 1e9 else 0.0  # noqa: PLR2004 - no series, instance or frame is numbered so


def _time(header: Dataset, zone: tzinfo) -> datetime | None:
    """When the study began, else when the picture was taken; the file's own offset holds where it has one."""
    offset = re.fullmatch(r"([+-])(\d\d)(\d\d)", _text(header, "TimezoneOffsetFromUTC"))
    if offset:
        minutes = int(offset[2]) * 60 + int(offset[3])
        zone = timezone(timedelta(minutes=minutes if offset[1] == "+" else -minutes))
    for what in ("Study", "Acquisition", "Content"):
        day = re.fullmatch(r"(\d{4})\.?(\d\d)\.?(\d\d)", _text(header, f"{what}Date"))
        if day:
            clock = re.match(r"(\d\d):?(\d\d)?:?(\d\d)?", _text(header, f"{what}Time"))
            hour, minute, second = (int(part or 0) for part in clock.groups()) if clock else (0, 0, 0)
            try:
                return datetime(int(day[1]), int(day[2]), int(day[3]), hour, minute, min(second, 59), tzinfo=zone)
            except ValueError:
                continue
    return None


def _clean(text: str) -> str:
    return os.fsencode(text).decode("utf-8", "backslashreplace")
