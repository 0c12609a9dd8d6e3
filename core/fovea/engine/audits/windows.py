"""Windows of a square picture, and small views through them: how a picture that was cropped or turned is recognised."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 96
"""Side of the grey squares that the audit looks at."""

TURNS = 8
"""Quarter turns, each plain and mirrored."""

_VIEW = 12
_FINE = 4
_INNER = 0.84
_GRID = (0.4, 0.45, 0.5, 0.55, 0.6)
_SLANTS = (-3.0, -1.5, 0.0, 1.5, 3.0)

Floats: TypeAlias = NDArray[np.float32]
Bytes: TypeAlias = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Window:
    """A square cut out of a square picture.

    Args:
        across: of its centre, 0 to 1 from the left.
        down: of its centre, 0 to 1 from the top.
        side: its side as a share of the picture's.
        slant: how far it is turned, in degrees.
    """

    across: float = 0.5
    down: float = 0.5
    side: float = 1.0
    slant: float = 0.0

    def map(self, size: int, side: int = SIDE) -> Floats:
        """The affine map (2, 3) from pixels of a view of ``size`` to those of a picture of ``side``."""
        angle, scale = np.deg2rad(self.slant), self.side * side / size
        c, s, middle = np.cos(angle) * scale, np.sin(angle) * scale, (size - 1) / 2
        left, top = self.across * side - 0.5 - (c - s) * middle, self.down * side - 0.5 - (s + c) * middle
        return np.array([[c, -s, left], [s, c, top]], np.float32)


@dataclass(frozen=True, slots=True)
class Family:
    """What one picture is looked at through, and the windows of the other that it may equal.

    Args:
        asked: window of the picture that may be the copy.
        windows: of the picture that may be the original.
    """

    asked: Window
    windows: tuple[Window, ...]


def families() -> tuple[Family, ...]:
    """A copy may be a crop of about 80 % of the original's side, or be scanned a little aslant.

    Whole pictures are compared with crops; insides with insides, since a scan adds a border of its own.
    """
    cut = tuple(Window(across, down, 0.8) for across in _GRID for down in _GRID)
    scans = tuple(Window(side=_INNER, slant=slant) for slant in _SLANTS)
    return Family(Window(), (Window(), *cut)), Family(Window(side=_INNER), scans)


def grey_squares(pixels: NDArray[np.uint8]) -> Bytes:
    """The squares as small grey ones, uint8 (n, SIDE, SIDE), from uint8 (n, size, size, 3)."""
    found = np.empty((len(pixels), SIDE, SIDE), np.uint8)
    for place, square in enumerate(pixels):
        grey = cv2.cvtColor(np.ascontiguousarray(square), cv2.COLOR_RGB2GRAY)
        found[place] = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return found


def views(grey: Bytes, window: Window) -> Floats:
    """Each square through a window: mean 0 and length 1, float32 (n, 144); zeros where it is flat."""
    fine = _VIEW * _FINE
    how = window.map(fine)
    found = np.empty((len(grey), _VIEW, _VIEW), np.float32)
    for place, square in enumerate(grey):
        seen = cv2.warpAffine(
            square, how, (fine, fine), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
        )
        found[place] = cv2.resize(seen, (_VIEW, _VIEW), interpolation=cv2.INTER_AREA)
    return unit(found.reshape(len(grey), -1) - found.mean(axis=(1, 2))[:, None])


def unit(vectors: Floats) -> Floats:
    """Rows of length 1; a row of nothing stays nothing."""
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6), np.float32)


def turned_views(seen: Floats) -> Iterator[Floats]:
    """The same views with their pictures turned in each of the TURNS ways."""
    planes = seen.reshape(-1, _VIEW, _VIEW)
    for turn in range(TURNS):
        yield turned(planes.transpose(1, 2, 0), turn).transpose(2, 0, 1).reshape(len(seen), -1)


def turned(picture: NDArray[Any], turn: int) -> NDArray[Any]:
    """A picture (height, width, ...) turned by ``turn // 2`` quarters, and then mirrored where ``turn`` is odd."""
    quarters = np.rot90(picture, turn // 2)
    return quarters[:, ::-1] if turn % 2 else quarters
