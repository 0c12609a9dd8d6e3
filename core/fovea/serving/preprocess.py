"""The one way from a prepared picture to the square that a network sees.

Training, evaluation, batch, live and the service all call :func:`preprocess`; its id is written into every
bundle, because another filter is another model: a network's features move more with the resize filter than with
most augmentations. The filter is the triangle ("bilinear with antialias"): when a picture shrinks by ``f``, every
output pixel is a weighted mean of the inputs within ``f`` input pixels of its centre, with weights falling
linearly to zero. Weights and geometry are those of Pillow's ``Image.resize(..., BILINEAR, box=...)``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from fovea.plugin import Image, Pixels, Preprocess, Region

PREPROCESS_ID = "triangle-1"
"""Names the algorithm below. A change that moves a pixel by more than one grey level gets a new id."""

GREY = 114
"""Grey level of the bars beside a letterboxed picture, of 255: the mean that detectors are usually padded with."""

Floats: TypeAlias = "NDArray[np.float32]"

_ROWS, _COLUMNS = 4, 6
"""Output rows and columns made by one matrix product: few enough that little is multiplied by zero."""


def preprocess(image: Image, spec: Preprocess, region: Region | None = None) -> Pixels:
    """Make the square picture that a network is given; the normalisation is part of the network.

    Args:
        image: (height, width, 3) or (height, width), uint8 or float32 in [0, 1].
        spec: size of the square, and what becomes of the picture's proportions: ``crop`` keeps the middle square,
            ``letterbox`` pads with grey, ``squash`` stretches.
        region: cut out first, at least one pixel wide and high; pixels outside of it have no influence.

    Returns:
        (size, size, 3), of the same type as the picture; grey is repeated over the three channels.
    """
    pixels = cut(image.pixels, region) if region else image.pixels
    height, width = pixels.shape[:2]
    if spec.fit == "letterbox":
        square = _letterboxed(pixels, spec.size)
    elif spec.fit == "crop":
        short = min(height, width)
        left, top = (width - short) / 2, (height - short) / 2
        square = resize(pixels, (spec.size, spec.size), box=(left, top, left + short, top + short))
    else:
        square = resize(pixels, (spec.size, spec.size))
    return _three_channels(square)


def cut(pixels: Pixels, region: Region) -> Pixels:
    """The part of ``pixels`` inside ``region``, at least one pixel wide and high; a view, not a copy."""
    height, width = pixels.shape[:2]
    top, bottom = _span(region.top, region.bottom, height)
    left, right = _span(region.left, region.right, width)
    return pixels[top:bottom, left:right]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Which pixels of a square show a picture, and which part of it they show.

    Args:
        rows: of the square; what is beside them is bars.
        columns: likewise.
        left: of the part shown, in fractions of the picture's width.
        top: in fractions of its height.
        right: see ``left``.
        bottom: see ``top``.
    """

    rows: slice
    columns: slice
    left: float
    top: float
    right: float
    bottom: float


def window(spec: Preprocess, shape: tuple[int, ...], region: Region | None = None) -> Window:
    """Where :func:`preprocess` puts a picture of this shape, (height, width, ...), in its square."""
    height, width = shape[:2]
    top, bottom = _span(region.top, region.bottom, height) if region else (0, height)
    left, right = _span(region.left, region.right, width) if region else (0, width)
    rows = columns = slice(0, spec.size)
    above = beside = 0.0
    if spec.fit == "letterbox":
        rows, columns = _inner(bottom - top, right - left, spec.size)
    elif spec.fit == "crop":
        short = min(bottom - top, right - left)
        above, beside = (bottom - top - short) / 2, (right - left - short) / 2
    return Window(
        rows=rows,
        columns=columns,
        left=(left + beside) / width,
        top=(top + above) / height,
        right=(right - beside) / width,
        bottom=(bottom - above) / height,
    )


def _span(start: float, end: float, length: int) -> tuple[int, int]:
    first = min(round(start * length), length - 1)
    return first, max(round(end * length), first + 1)


def resize(pixels: Pixels, size: tuple[int, int], box: tuple[float, float, float, float] | None = None) -> Pixels:
    """Resize with the triangle filter.

    Args:
        pixels: (height, width) or (height, width, channels), uint8 or float32 in [0, 1].
        size: (width, height) wanted.
        box: (left, top, right, bottom) of the part that fills the answer, in pixels and fractions of them; the
            filter still sees pixels beyond it, so that resizing and then cropping gives the same.

    Returns:
        (height, width) or (height, width, channels) of the same type. At most one grey level from Pillow.
    """
    height, width = pixels.shape[:2]
    channels = pixels.shape[2] if pixels.ndim == 3 else 1  # noqa: PLR2004 - the axis of colour
    left, top, right, bottom = box or (0.0, 0.0, float(width), float(height))
    rows = _plan(height, top, bottom, size[1], _ROWS, 1)
    columns = _plan(width, left, right, size[0], _COLUMNS, channels)
    first, last = columns[0].start, columns[-1].end
    halfway = np.empty((size[1], (last - first) * channels), np.float32)
    for block in rows:
        band = pixels[block.start : block.end, first:last].astype(np.float32).reshape(block.end - block.start, -1)
        np.matmul(block.weights, band, out=halfway[block.out])
    done = np.empty((size[1], size[0] * channels), np.float32)
    for block in columns:
        band = halfway[:, (block.start - first) * channels : (block.end - first) * channels]
        np.matmul(band, block.weights.T, out=done[:, block.out.start * channels : block.out.stop * channels])
    return _as_before(done, pixels.dtype).reshape(size[1], size[0], *pixels.shape[2:])


def _as_before(values: Floats, kind: np.dtype[Any]) -> Pixels:
    if kind == np.uint8:
        return _to_bytes(values, 1.0)
    return np.clip(values, 0.0, 1.0, out=values)


def _to_bytes(values: Floats, factor: float) -> NDArray[np.uint8]:
    return np.asarray(cv2.convertScaleAbs(values, alpha=factor), np.uint8)  # rounds and saturates in one pass


@dataclass(frozen=True, slots=True)
class _Block:
    """Output positions ``out`` are ``weights`` (outputs, inputs) times inputs ``start`` to ``end``."""

    out: slice
    start: int
    end: int
    weights: Floats


@lru_cache(maxsize=64)
def _plan(length: int, low: float, high: float, size: int, step: int, channels: int) -> tuple[_Block, ...]:
    """One axis of a resize as small dense products; pictures of one camera share it, so it is kept."""
    first, last, weights = _triangle(length, low, high, size)
    blocks = []
    for begin in range(0, size, step):
        stop = min(begin + step, size)
        start, end = int(first[begin]), int(last[stop - 1])
        dense = np.zeros((stop - begin, end - start), np.float32)
        for row in range(begin, stop):
            count = last[row] - first[row]
            dense[row - begin, first[row] - start : last[row] - start] = weights[row, :count]
        if channels > 1:
            dense = np.kron(dense, np.eye(channels, dtype=np.float32))
        blocks.append(_Block(slice(begin, stop), start, end, dense))
    return tuple(blocks)


def _triangle(length: int, low: float, high: float, size: int) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats]:
    """For each of ``size`` outputs over inputs ``low`` to ``high``: first input, end, and weights that sum to 1.

    The formula is that of Pillow's ``precompute_coeffs`` (src/libImaging/Resample.c) for its BILINEAR filter.
    """
    scale = (high - low) / size
    reach = max(scale, 1.0)
    centre = low + (np.arange(size) + 0.5) * scale
    first = np.maximum((centre - reach + 0.5).astype(np.intp), 0)
    last = np.minimum((centre + reach + 0.5).astype(np.intp), length)
    inputs = first[:, None] + np.arange(int((last - first).max()))
    weights = np.maximum(1 - np.abs((inputs - centre[:, None] + 0.5) / reach), 0) * (inputs < last[:, None])
    return first, last, (weights / weights.sum(1, keepdims=True)).astype(np.float32)


def _letterboxed(pixels: Pixels, size: int) -> Pixels:
    rows, columns = _inner(pixels.shape[0], pixels.shape[1], size)
    grey = GREY if pixels.dtype == np.uint8 else GREY / 255
    square = np.full((size, size, *pixels.shape[2:]), grey, pixels.dtype)
    square[rows, columns] = resize(pixels, (columns.stop - columns.start, rows.stop - rows.start))
    return square


def _inner(height: int, width: int, size: int) -> tuple[slice, slice]:
    """Rows and columns of a letterboxed square that show the picture."""
    factor = size / max(height, width)
    down, across = max(1, round(height * factor)), max(1, round(width * factor))
    top, left = (size - down) // 2, (size - across) // 2
    return slice(top, top + down), slice(left, left + across)


def _three_channels(pixels: Pixels) -> Pixels:
    if pixels.ndim == 3:  # noqa: PLR2004 - the axis of colour
        return pixels
    return np.repeat(pixels[:, :, None], 3, axis=2)  # type: ignore[return-value]


def thumbnail(image: Image, side: int) -> bytes:
    """A small JPEG of the picture, its long side ``side`` pixels at most; never larger than the picture itself."""
    pixels = image.pixels
    height, width = pixels.shape[:2]
    factor = side / max(height, width)
    if factor < 1:
        pixels = resize(pixels, (max(1, round(width * factor)), max(1, round(height * factor))))
    if pixels.dtype != np.uint8:
        pixels = _to_bytes(np.asarray(pixels, np.float32), 255.0)
    content: bytes = simplejpeg.encode_jpeg(np.ascontiguousarray(_three_channels(pixels)), quality=82)
    return content
