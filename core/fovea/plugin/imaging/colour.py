"""From whatever a decoder answers to uint8 RGB, upright."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from fovea.plugin.imaging.faults import Refused

Bytes: TypeAlias = "NDArray[np.uint8]"

_TURNS: Mapping[int, Callable[[Bytes], Bytes]] = {
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.transpose(1, 0, 2),
    6: lambda pixels: pixels[::-1].transpose(1, 0, 2),
    7: lambda pixels: pixels[::-1, ::-1].transpose(1, 0, 2),
    8: lambda pixels: pixels[:, ::-1].transpose(1, 0, 2),
}


def upright(pixels: Bytes, orientation: int) -> Bytes:
    """Undo EXIF orientation 1 to 8 of (height, width, 3); the answer is contiguous."""
    turn = _TURNS.get(orientation)
    return np.ascontiguousarray(turn(pixels) if turn else pixels)


def to_rgb(pixels: NDArray[Any], *, alpha: bool = True) -> Bytes:
    """uint8 RGB (height, width, 3) of what opencv decoded: grey, BGR or BGRA of 8, 16 or float bits.

    16 bits are divided by 257, so that 65535 becomes 255; floats must be in [0, 1]. Transparency is laid over
    white where ``alpha``, and ignored otherwise.

    Raises:
        Refused: ``format`` where the numbers are no brightness.
    """
    values = _eight_bits(pixels)
    channels = 1 if values.ndim == 2 else values.shape[2]  # noqa: PLR2004 - no axis of colour
    if channels == 1:
        return np.asarray(cv2.cvtColor(values, cv2.COLOR_GRAY2RGB), np.uint8)
    if channels == 3:  # noqa: PLR2004 - colour
        return np.asarray(cv2.cvtColor(values, cv2.COLOR_BGR2RGB), np.uint8)
    if channels != 4:  # noqa: PLR2004 - colour and transparency
        raise Refused("format")
    rgb = np.asarray(cv2.cvtColor(values, cv2.COLOR_BGRA2RGB), np.uint8)
    return over_white(rgb, values[:, :, 3]) if alpha else rgb


def _eight_bits(pixels: NDArray[Any]) -> Bytes:
    if pixels.dtype == np.uint8:
        return pixels
    if pixels.dtype == np.uint16:
        return np.asarray(cv2.convertScaleAbs(pixels, alpha=1 / 257), np.uint8)
    if pixels.dtype in (np.float32, np.float64) and pixels.min() >= 0 and pixels.max() <= 1:
        return np.asarray(cv2.convertScaleAbs(pixels, alpha=255.0), np.uint8)
    raise Refused("format", "the picture's numbers are no brightness: convert it to 8 or 16 bits a channel")


def over_white(rgb: Bytes, alpha: Bytes) -> Bytes:
    """RGB laid over white; ``alpha`` is opacity, 0 to 255."""
    if alpha.min() == 255:  # noqa: PLR2004 - nothing is transparent
        return rgb
    share = np.asarray(cv2.cvtColor(alpha, cv2.COLOR_GRAY2RGB), np.uint8)
    return np.asarray(cv2.add(cv2.multiply(rgb, share, scale=1 / 255), 255 - share), np.uint8)


def from_cmyk(inks: Bytes) -> Bytes:
    """RGB of a JPEG's four inks, which are stored as 255 minus ink: what Adobe does, everybody does."""
    black = np.asarray(cv2.cvtColor(np.ascontiguousarray(inks[:, :, 3]), cv2.COLOR_GRAY2RGB), np.uint8)
    return np.asarray(cv2.multiply(np.ascontiguousarray(inks[:, :, :3]), black, scale=1 / 255), np.uint8)
