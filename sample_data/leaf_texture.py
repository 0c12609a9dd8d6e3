"""Noise, cell and grit textures that every drawing step samples from.

Each texture is one square, seamlessly tiling field that is computed once per process from a fixed
seed; a picture takes its own randomly shifted, turned and scaled window of it.  That is much cheaper
than fresh noise per picture and just as irregular to the eye.
"""

# ruff: noqa: PLR2004 - the shares of a drawing are found by eye and have no names

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
"""One value per pixel, (height, width)."""
Picture = NDArray[np.float32]
"""Linear-light RGB, (height, width, 3), 0 = black, 1 = a white sheet in full light."""
Rgb = NDArray[np.float32]
"""One linear-light colour, (3,)."""
Rng = np.random.Generator

TILE = 1024
"""Side of every texture in pixels; a power of two keeps the Fourier transform fast."""


def plane(values: object) -> Plane:
    """View anything array-like as a float32 plane (cv2's own type hints are too loose to use)."""
    return np.asarray(values, dtype=np.float32)


def rgb(red: float, green: float, blue: float) -> Rgb:
    """Linear-light colour, (3,) in 0..1, of an sRGB triple in 0..255."""
    return plane((np.array([red, green, blue]) / 255.0) ** 2.2)


def tone(rng: Rng, low: tuple[float, float, float], high: tuple[float, float, float]) -> Rgb:
    """A colour, (3,), somewhere between two sRGB triples: one draw for all channels, so hues stay natural."""
    share = rng.random() + rng.normal(0, 0.05, 3)
    red, green, blue = (np.array(low) + (np.array(high) - low) * share).clip(2, 253)
    return rgb(red, green, blue)


def between(rng: Rng, low: float, high: float) -> float:
    """One uniform draw from low..high."""
    return float(rng.uniform(low, high))


def chance(rng: Rng, share: float) -> bool:
    """True with the given probability, 0..1."""
    return bool(rng.random() < share)


def smooth(low: float, high: float, values: Plane) -> Plane:
    """Smoothstep: 0 below low, 1 above high, an S-curve between (low > high turns it round)."""
    t = np.clip((values - low) * np.float32(1.0 / (high - low)), 0.0, 1.0)
    return plane(t * t * (3.0 - 2.0 * t))


def blur(values: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Gaussian blur with the given sigma in pixels; a copy of the input when sigma is tiny."""
    if sigma < 0.2:
        return values.copy()
    if sigma > 6.0:  # wide blurs lose nothing when done on a smaller picture, and cost far less
        step = 2 if sigma < 14.0 else 4
        height, width = values.shape[:2]
        small = cv2.resize(values, (max(2, width // step), max(2, height // step)), interpolation=cv2.INTER_AREA)
        small = cv2.GaussianBlur(small, (0, 0), sigma / step, borderType=cv2.BORDER_REPLICATE)
        return plane(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR))
    return plane(cv2.GaussianBlur(values, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE))


def mix(base: Picture, colour: NDArray[np.float32], amount: Plane) -> None:
    """Blend colour, (3,) or (h, w, 3), into base in place; amount is (h, w) in 0..1."""
    if colour.ndim == 1 and base.size > 60_000:  # numpy is slow at a last axis of 3, OpenCV is not
        keep = 1 - amount
        base *= cv2.merge([keep, keep, keep])
        base += cv2.merge([amount * colour[0], amount * colour[1], amount * colour[2]])
    else:
        base += (colour - base) * times3(amount)


def times3(values: Plane) -> Picture:
    """The plane (h, w) repeated in three channels, (h, w, 3)."""
    return plane(cv2.merge([values, values, values]))


@cache
def texture(kind: str) -> Plane:
    """The (TILE, TILE) texture of that name.

    `soft`, `cloud` and `fine` are fractal noise with mean 0 and deviation 1, smooth to rough, `white` is noise
    without any smoothness, `net` is a two-level cell network (1 on its lines, 0 between), `grit` is a
    heap of rounded grains (height, 0..1).
    """
    rng = np.random.default_rng([7, sum(map(ord, kind))])
    if kind == "net":
        return plane(np.clip(0.75 * _cells(rng, 46, 2.0) + 0.5 * _cells(rng, 17, 1.2), 0, 1))
    if kind == "grit":
        return _grains(rng)
    return _fractal(rng, {"soft": 2.3, "cloud": 1.55, "fine": 0.95, "white": 0.0}[kind])


def _fractal(rng: Rng, slope: float) -> Plane:
    """Noise whose amplitude falls with frequency to the power slope; it tiles because it is periodic."""
    frequency = np.hypot(np.fft.fftfreq(TILE)[:, None], np.fft.rfftfreq(TILE)[None, :]) * TILE
    frequency[0, 0] = 1.0
    spectrum = np.fft.rfft2(rng.standard_normal((TILE, TILE))) / np.maximum(frequency, 3.0) ** slope
    spectrum[0, 0] = 0.0
    field = np.fft.irfft2(spectrum, s=(TILE, TILE))
    return plane(field / field.std())


def _cells(rng: Rng, spacing: int, width: float) -> Plane:
    """Walls of irregular cells about `spacing` pixels apart, drawn `width` pixels soft, 0..1."""
    pad = 128
    count = TILE // spacing
    corner = np.stack(np.meshgrid(np.arange(count), np.arange(count)), -1).reshape(-1, 2)
    points = ((corner + rng.uniform(0.02, 0.98, corner.shape)) * TILE / count).astype(int)
    seeds = np.full((TILE + 2 * pad, TILE + 2 * pad), 255, np.uint8)
    for dx in (-TILE, 0, TILE):  # repeat the seeds round the edge so that the walls meet when tiled
        for dy in (-TILE, 0, TILE):
            near = points + np.array([dx + pad, dy + pad])
            near = near[((near >= 0) & (near < TILE + 2 * pad)).all(axis=1)]
            seeds[near[:, 1], near[:, 0]] = 0
    _, labels = cv2.distanceTransformWithLabels(seeds, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    wall = np.full(seeds.shape, 255, np.uint8)
    wall[:-1][labels[1:] != labels[:-1]] = 0
    wall[:, :-1][labels[:, 1:] != labels[:, :-1]] = 0
    distance = plane(cv2.distanceTransform(wall, cv2.DIST_L2, 3))[pad:-pad, pad:-pad]
    return plane(np.exp(-((distance / width) ** 2)))


def _grains(rng: Rng) -> Plane:
    """Round grains of many sizes heaped over each other: the height of the topmost one, 0..1."""
    heap = np.zeros((TILE, TILE), np.float32)
    for _ in range(5200):
        radius = int(min(3.0 + rng.pareto(1.7) * 3.5, 60))
        squeeze, turn = between(rng, 0.6, 1.0), between(rng, 0, np.pi)
        span = np.arange(-radius, radius + 1)
        a = span[None, :] * np.cos(turn) + span[:, None] * np.sin(turn)
        b = (span[:, None] * np.cos(turn) - span[None, :] * np.sin(turn)) / squeeze
        dome = np.sqrt(np.clip(1.0 - (a**2 + b**2) / (radius + 0.5) ** 2, 0, None)) * radius / 60.0
        rows = (span + rng.integers(TILE)) % TILE
        cols = (span + rng.integers(TILE)) % TILE
        at = np.ix_(rows, cols)
        heap[at] = np.maximum(heap[at], dome + 0.12 * rng.random() * (dome > 0))
    return plane(heap / heap.max())


def noise(rng: Rng, shape: tuple[int, int], scale: float, kind: str = "cloud", stretch: float = 1.0) -> Plane:
    """A random window of a texture, (h, w); one texture pixel covers `scale` picture pixels.

    stretch > 1 draws the texture out along a random direction (wood grain, brushed surfaces).
    """
    if kind in ("fine", "white") and scale < 1.5 and stretch == 1.0 and max(shape) < TILE:
        # Rough noise looks the same at any scale: a plain window, maybe mirrored, saves the resampling.
        top, left = rng.integers(0, TILE - shape[0] + 1), rng.integers(0, TILE - shape[1] + 1)
        window = texture(kind)[top : top + shape[0], left : left + shape[1]]
        return plane(window[:: int(rng.choice((-1, 1))), :: int(rng.choice((-1, 1)))])
    if kind in ("soft", "cloud") and min(shape) > 200:
        quarter = noise(rng, (shape[0] // 4, shape[1] // 4), scale / 4, kind, stretch)
        return plane(cv2.resize(quarter, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR))
    turn = between(rng, 0, 2 * np.pi)
    cos, sin = np.cos(turn) / scale, np.sin(turn) / scale
    shift = rng.uniform(0, TILE, 2)
    inverse = np.array([[cos / stretch, -sin / stretch, shift[0]], [sin, cos, shift[1]]])
    return plane(
        cv2.warpAffine(
            texture(kind),
            inverse,
            (shape[1], shape[0]),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_WRAP,
        )
    )


def at(kind: str, x: Plane, y: Plane) -> Plane:
    """The texture's values at texture coordinates x, y (pixels, any range: it tiles)."""
    return plane(cv2.remap(texture(kind), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP))
