"""What is known of a picture beside its pixels: attributes, file, size, time and number. None of it is the subject."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from fovea.engine.audits.bursts import counter_of
from fovea.engine.pictures.survey import Row
from fovea.plugin.imaging.faults import Refused
from fovea.plugin.imaging.headers import bmp_header, jpeg_header, png_header, sniff, webp_header
from fovea.plugin.imaging.tags import ReadAt

Fact = str | float


def facts_of(rows: Sequence[Row], root: Path) -> list[dict[str, Fact]]:
    """The facts of each row by name; what cannot be had is left out.

    Args:
        rows: of a survey.
        root: the folder that their sources lie in.
    """
    files: dict[str, Mapping[str, Fact]] = {}
    for row in rows:
        if row.source not in files:
            files[row.source] = _of_file(root / row.source)
    return [{**_of_row(row), **files[row.source]} for row in rows]


def _of_row(row: Row) -> dict[str, Fact]:
    found: dict[str, Fact] = dict(row.attributes)
    counted = counter_of(row)
    if counted:
        found["number in the name"] = float(counted[1])
    if row.time is not None:
        moment = datetime.fromtimestamp(row.time, UTC)
        found["time of day"] = moment.hour + moment.minute / 60
        found["day"] = row.time // 86400
    return found


def _of_file(path: Path) -> dict[str, Fact]:
    found: dict[str, Fact] = {"kind of file": posixpath.splitext(path.name)[1].lower()}
    try:
        with path.open("rb") as stream:
            found["file size"] = float(os.fstat(stream.fileno()).st_size)
            width, height = _size(stream)
    except (OSError, ValueError, Refused):  # a stream's name, or no picture of the formats that are read here
        return found
    return {**found, "width": float(width), "height": float(height), "proportion": width / max(height, 1)}


def _size(stream: BinaryIO) -> tuple[int, int]:
    """(width, height) as the header tells them."""
    readers = {"JPEG": jpeg_header, "PNG": png_header, "WebP": webp_header, "BMP": bmp_header}
    kind = sniff(stream.read(16))
    if kind not in readers:
        raise Refused("format")
    header = readers[kind](_reader(stream))
    return header.width, header.height


def _reader(stream: BinaryIO) -> ReadAt:
    def read(offset: int, count: int) -> bytes:
        stream.seek(offset)
        return stream.read(count)

    return read
