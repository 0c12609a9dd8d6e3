"""Which part of a picture shows which label: a small frozen value that a prediction carries.

A grid of cells is laid over the picture, or over the part of it that the network saw, and the cells are told row by
row as runs of one label. That is plain text, so that it can be stored, sent and compared; :func:`paint_areas` makes
pixels of it again, at any size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

BACKGROUND = "background"
"""The class of a mask that stands for everything else; a label of this name is never what a picture shows."""

UNTOLD = 255
"""Stands for a pixel whose label is not known or not told; so a mask has at most 255 classes."""

_MOST_CELLS = 1 << 22


@dataclass(frozen=True, slots=True, kw_only=True)
class Areas:
    """Cells of a grid, each with the label that it shows.

    Args:
        labels: in the order in which ``runs`` counts them, at most 255.
        width: cells in a row.
        height: rows of cells.
        runs: all cells, row by row from the top left: ``"0:12 2:3 -:5"`` is 12 cells of the first label, 3 of the third
            and 5 of which nothing is told.
        left: where the grid lies, in fractions of the picture's width.
        top: in fractions of its height.
        right: see ``left``.
        bottom: see ``top``.

    Raises:
        ValueError: there is no cell or more than 4 million, too many labels, or the grid lies outside the picture.
    """

    labels: tuple[str, ...]
    width: int
    height: int
    runs: str
    left: float = 0.0
    top: float = 0.0
    right: float = 1.0
    bottom: float = 1.0

    def __post_init__(self) -> None:
        if not (self.width > 0 and self.height > 0 and self.width * self.height <= _MOST_CELLS):
            msg = f"a grid of {self.width} x {self.height} cells is none: want 1 to {_MOST_CELLS}"
            raise ValueError(msg)
        if len(self.labels) > UNTOLD:
            msg = f"{len(self.labels)} labels are more than the {UNTOLD} that a grid can tell"
            raise ValueError(msg)
        if not (0 <= self.left < self.right <= 1 and 0 <= self.top < self.bottom <= 1):
            msg = "a grid must lie inside the picture, with 0 <= left < right <= 1 and 0 <= top < bottom <= 1"
            raise ValueError(msg)


def trace_areas(
    places: NDArray[np.uint8],
    labels: Sequence[str],
    *,
    left: float = 0.0,
    top: float = 0.0,
    right: float = 1.0,
    bottom: float = 1.0,
) -> Areas:
    """The areas of a painted grid; the reverse of :func:`paint_areas` at the grid's own size.

    >>> import numpy as np
    >>> trace_areas(np.array([[0, 0, 1], [1, 255, 255]], np.uint8), ("leaf", "rust")).runs
    '0:2 1:2 -:2'

    Args:
        places: place of each cell's label among ``labels``, (height, width); 255 where nothing is told.
        labels: names.
        left: where the grid lies in the picture; see :class:`Areas`, and so the three below.
        top: likewise.
        right: likewise.
        bottom: likewise.

    Raises:
        ValueError: as :class:`Areas`.
    """
    import numpy as np

    height, width = places.shape
    starts, cells = run_starts(places)
    lengths = np.diff(np.append(starts, cells.size))
    names = [*map(str, range(UNTOLD)), "-"]
    runs = " ".join(f"{names[place]}:{length}" for place, length in zip(cells[starts], lengths, strict=True))
    return Areas(
        labels=tuple(labels),
        width=width,
        height=height,
        runs=runs,
        left=left,
        top=top,
        right=right,
        bottom=bottom,
    )


def run_starts(places: NDArray[np.uint8]) -> tuple[NDArray[np.intp], NDArray[np.uint8]]:
    """Where runs of one number begin among the cells in a row, and these cells."""
    import numpy as np

    cells = places.ravel()
    return np.flatnonzero(np.diff(cells.astype(np.int16), prepend=-1)), cells


def paint_areas(areas: Areas, *, width: int, height: int) -> NDArray[np.uint8]:
    """The areas as pixels of a whole picture.

    Args:
        areas: what is told.
        width: of the picture in pixels.
        height: of the picture in pixels.

    Returns:
        uint8 (height, width): the place of each pixel's label among ``areas.labels``, that of the cell its centre lies
        in; 255 outside the grid and where nothing is told.

    Raises:
        ValueError: ``runs`` is damaged: another number of cells, or a label that is not there.
    """
    import numpy as np

    grid = _cells(areas)
    across = ((np.arange(width) + 0.5) / width - areas.left) / (areas.right - areas.left)
    down = ((np.arange(height) + 0.5) / height - areas.top) / (areas.bottom - areas.top)
    painted = np.full((height, width), UNTOLD, np.uint8)
    rows, columns = (np.flatnonzero((line >= 0) & (line < 1)) for line in (down, across))
    of_rows = np.minimum((down[rows] * areas.height).astype(np.intp), areas.height - 1)
    of_columns = np.minimum((across[columns] * areas.width).astype(np.intp), areas.width - 1)
    painted[np.ix_(rows, columns)] = grid[np.ix_(of_rows, of_columns)]
    return painted


def _cells(areas: Areas) -> NDArray[np.uint8]:
    import numpy as np

    wanted = f"{areas.width} x {areas.height} cells of {len(areas.labels)} labels"
    msg = f"these areas are damaged: their runs are not {wanted}"
    places: list[int] = []
    lengths: list[int] = []
    for run in areas.runs.split():
        place, _, length = run.partition(":")
        if not (length.isdecimal() and (place == "-" or (place.isdecimal() and int(place) < len(areas.labels)))):
            raise ValueError(msg)
        places.append(UNTOLD if place == "-" else int(place))
        lengths.append(int(length))
    if sum(lengths) != areas.width * areas.height:
        raise ValueError(msg)
    return np.repeat(np.array(places, np.uint8), lengths).reshape(areas.height, areas.width)
