"""Maps drawn over pictures."""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Picture: TypeAlias = "NDArray[np.uint8]"

LEAST = 0.05
"""Heat below this share of the greatest is left uncoloured."""
_BLACKS = 0.28
"""Share of the colour map that is too dark to be told from a shadow."""


def overlay(picture: Picture, heat: NDArray[np.float32]) -> Picture:
    """A picture with a map on it: greyed and dimmed, so that the colours are the map's alone.

    Args:
        picture: uint8 (height, width, 3), of any size.
        heat: (size, size) between 0 and 1, of the same view; stretched over the picture.

    Returns:
        uint8 (height, width, 3). Colours are those of matplotlib's ``inferno`` without its blacks: even to the eye, and
        readable where red and green look alike.
    """
    height, width = picture.shape[:2]
    wide = np.clip(cv2.resize(heat, (width, height), interpolation=cv2.INTER_LINEAR), 0, 1).astype(np.float32)
    colours = inferno(wide).astype(np.float32)
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)[..., None]
    ground = 0.75 * grey + 0.25 * picture
    share = 0.85 * np.clip((wide - LEAST) / 0.35, 0, 1)[..., None]
    return np.asarray((1 - share) * ground + share * colours, np.uint8)


def inferno(values: NDArray[np.float32]) -> Picture:
    """Values between 0 and 1, of any shape (height, width), as colours (height, width, 3)."""
    levels = np.asarray(255 * (_BLACKS + (1 - _BLACKS) * values), np.uint8)
    return np.asarray(cv2.cvtColor(cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB), np.uint8)


def fitted(picture: Picture, side: int) -> Picture:
    """The picture with ``side`` pixels at its longest side."""
    height, width = picture.shape[:2]
    factor = side / max(height, width)
    size = max(round(width * factor), 1), max(round(height * factor), 1)
    return np.asarray(
        cv2.resize(picture, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC), np.uint8
    )
