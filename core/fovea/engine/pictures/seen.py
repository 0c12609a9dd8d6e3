"""What is wanted of a survey, and what it tells: squares, and a row for each."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fovea.engine.pictures import masks
from fovea.engine.pictures.targets import Known
from fovea.plugin import Domain, Preprocess, Sample, ViewSettings


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
