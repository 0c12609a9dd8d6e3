"""The four diseases, each painted into a leaf surface the way it shows in the field.

Severity runs from 0 (first signs, easily missed) to 1 (leaf nearly lost).  Sizes are in leaf units
(1/400 leaf length, see `Surface.unit`).
"""

# ruff: noqa: PLR2004 - the shares of a drawing are found by eye and have no names

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from leaf_blade import SUBPIXEL, Surface, fixed, yellowing
from leaf_shape import Points
from leaf_texture import Plane, Rng, at, between, blur, chance, mix, noise, plane, rgb, smooth, tone

CONDITIONS = ("healthy", "rust", "leaf_spot", "late_blight", "powdery_mildew")


def spread(rng: Rng, leaf: Surface, count: int, gather: float = 1.0, edge: float = 2.0) -> Points:
    """Up to `count` random points on the blade, (n, 2) pixels; gather > 0 crowds them into patches."""
    height, width = leaf.shape
    want = max(count, 1)
    tries = rng.uniform((0, 0), (width, height), (want * 10 + 60, 2))
    column, row = tries[:, 0].astype(int), tries[:, 1].astype(int)
    density = noise(rng, leaf.shape, 0.9 * leaf.unit)[row, column] * gather
    keep = (leaf.inside[row, column] > edge * leaf.unit) & (rng.normal(0, 0.6, len(tries)) < density)
    found: Points = tries[keep][:count]
    return found


def blob(rng: Rng, centre: Points, radius: float, rough: float = 0.2, corners: int = 9) -> Points:
    """A roundish irregular outline, (corners, 2) pixels."""
    turn = np.linspace(0, 2 * np.pi, corners, endpoint=False) + between(rng, 0, 6)
    reach = radius * (1 + rough * rng.normal(0, 1, corners).clip(-1.5, 1.5))
    squeeze = between(rng, 0.7, 1.0)
    return centre + np.stack([np.cos(turn) * reach, np.sin(turn) * reach * squeeze], axis=1)


def rust(rng: Rng, leaf: Surface, severity: float) -> None:
    """Many small raised pustules with orange-brown spores, each in a yellow halo."""
    count = int(12 * (40 ** float(severity)) * between(rng, 0.7, 1.4)) + 2
    size = between(rng, 1.8, 3.1) * leaf.unit
    halo, body = np.zeros(leaf.shape, np.uint8), np.zeros(leaf.shape, np.uint8)
    paint = np.zeros((*leaf.shape, 3), np.float32)
    fresh, old = rgb(178, 94, 34), rgb(100, 56, 30)
    age = between(rng, 0.0, 0.7)
    for centre in spread(rng, leaf, count, gather=between(rng, 0.4, 1.5)):
        radius = size * float(np.clip(rng.lognormal(0, 0.38), 0.4, 2.2))
        colour = old + (fresh - old) * np.float32(np.clip(rng.normal(1 - age, 0.25), 0, 1))
        ring = fixed(blob(rng, centre, radius * between(rng, 1.7, 3.0)))
        cv2.fillPoly(halo, [ring], int(rng.integers(120, 255)), cv2.LINE_AA, SUBPIXEL)
        spot = fixed(blob(rng, centre, radius))
        cv2.fillPoly(paint, [fixed(blob(rng, centre, radius * 1.5))], colour.tolist(), cv2.LINE_AA, SUBPIXEL)
        cv2.fillPoly(body, [spot], int(rng.integers(180, 255)), cv2.LINE_AA, SUBPIXEL)
    pale = blur(plane(halo) / np.float32(255), 1.1 * size)
    mix(leaf.colour, rgb(178, 170, 62), plane(pale * between(rng, 0.35, 0.8)))
    if severity > 0.35:
        yellowing(rng, leaf, 0.6 * between(rng, 0, severity))
    mass = blur(plane(body) / np.float32(255), 0.25 * size)
    grain = 1 + np.float32(0.22) * noise(rng, leaf.shape, 0.5, "fine")
    mix(leaf.colour, rgb(92, 56, 28), plane(np.clip(blur(mass, 0.6 * size) * 1.1, 0, 0.55)))  # torn skin around
    mix(leaf.colour, plane(blur(paint, 0.3) * grain[..., None]), plane(mass * 0.92))
    dust = blur(mass, 5 * size) * smooth(0.7, 2.2, noise(rng, leaf.shape, 0.6, "white"))
    mix(leaf.colour, fresh, plane(np.clip(dust * 1.4, 0, 0.5)))
    leaf.relief += np.float32(0.8 * leaf.unit) * blur(mass, 0.4 * size)
    leaf.shine *= 1 - np.clip(1.5 * blur(mass, size), 0, 0.9)


def leaf_spot(rng: Rng, leaf: Surface, severity: float) -> None:
    """Round grey-tan spots with concentric rings, a dark margin and a narrow yellow halo."""
    count = int(3 + 32 * severity * between(rng, 0.6, 1.3))
    size = (4.6 + 6.5 * severity) * between(rng, 0.75, 1.3)
    dark = tone(rng, (58, 40, 26), (104, 74, 48))
    centre = tone(rng, (124, 102, 72), (176, 160, 132))
    rings, halo = between(rng, 1.5, 4.0), between(rng, 0.2, 0.9)
    for point in spread(rng, leaf, count, gather=between(rng, 0.2, 1.0), edge=3.0):
        radius = leaf.unit * size * float(np.clip(rng.lognormal(-0.1, 0.45), 0.3, 2.2))
        _spot(rng, leaf, point, radius, (dark, centre), (rings, halo))
    if severity > 0.4:
        yellowing(rng, leaf, 0.7 * between(rng, 0, severity))


def _spot(
    rng: Rng, leaf: Surface, point: Points, radius: float, tones: tuple[Plane, Plane], look: tuple[float, float]
) -> None:
    """One ringed spot of that radius (pixels); tones are margin and centre, look is ring count and halo."""
    reach = int(radius * 2.4) + 3
    left, top = max(int(point[0]) - reach, 0), max(int(point[1]) - reach, 0)
    window = (slice(top, int(point[1]) + reach), slice(left, int(point[0]) + reach))
    part = leaf.colour[window]
    height, width = part.shape[:2]
    across = np.arange(left, left + width, dtype=np.float32)[None, :] - np.float32(point[0])
    down = np.arange(top, top + height, dtype=np.float32)[:, None] - np.float32(point[1])
    turn, squeeze = between(rng, 0, np.pi), between(rng, 0.72, 1.0)
    a = across * np.cos(turn) + down * np.sin(turn)
    b = (down * np.cos(turn) - across * np.sin(turn)) / squeeze
    rough = noise(rng, (height, width), 0.05 * radius, "soft") * np.float32(0.13)
    rough += noise(rng, (height, width), 0.4, "fine") * np.float32(0.03)
    r = plane(np.hypot(a, b) / radius * (1 + rough))
    young = radius < 3.2 * leaf.unit  # a young spot is just a dark fleck, its grey centre comes later
    mix(part, rgb(176, 166, 62), plane(smooth(2.0, 0.95, r) * look[1]))
    mix(part, tones[0], plane(smooth(1.1, 0.86, r) * between(rng, 0.75, 0.93)))
    if not young:
        wave = 0.5 + 0.5 * np.cos(r * np.float32(2 * np.pi * look[0]) + np.float32(between(rng, 0, 2)))
        core = smooth(0.95, 0.55, r)
        mix(part, tones[1], plane(core * (0.5 + 0.25 * wave)))
        mix(part, plane(tones[1] * np.float32(1.3)), plane(smooth(0.3, 0.1, r) * between(rng, 0, 0.6)))
        part *= (1 + np.float32(0.13) * noise(rng, (height, width), 0.5, "fine") * core)[..., None]
    leaf.relief[window] -= np.float32(0.05 * radius) * smooth(1.1, 0.7, r) * (1 + 0.5 * np.cos(r * 14))
    leaf.shine[window] *= 1 - 0.75 * smooth(1.1, 0.8, r)


def late_blight(rng: Rng, leaf: Surface, severity: float) -> None:
    """Large irregular lesions from margin or tip: dead brown, then dark water-soaked, then pale green."""
    height, width = leaf.shape
    seen = leaf.rim[(leaf.rim[:, 0] > 0) & (leaf.rim[:, 0] < width) & (leaf.rim[:, 1] > 0) & (leaf.rim[:, 1] < height)]
    seeds = seen[rng.integers(0, max(len(seen), 1), 1 + int(severity * 3.2 + rng.random()))]
    tip = leaf.rim[len(leaf.rim) // 2]
    if chance(rng, 0.45) and 0 < tip[0] < width and 0 < tip[1] < height:
        seeds[0] = tip  # where drops hang longest
    base = (36 + 160 * severity) * leaf.unit
    across = np.arange(width, dtype=np.float32)[None, :]
    down = np.arange(height, dtype=np.float32)[:, None]
    t = np.full(leaf.shape, 9.0, np.float32)
    for seed in seeds:
        reach = np.float32(base * np.clip(rng.lognormal(-0.15, 0.4), 0.6, 1.7))
        squeeze = np.float32(between(rng, 0.6, 1.0))
        t = np.minimum(t, np.hypot(across - np.float32(seed[0]), (down - np.float32(seed[1])) / squeeze) / reach)
    wild = np.float32(0.16 + 3.0 * leaf.unit / base)
    t += noise(rng, leaf.shape, 0.5 * leaf.unit, "soft") * wild
    t += blur(noise(rng, leaf.shape, leaf.unit), 1.2 * leaf.unit) * wild * np.float32(0.45)
    _blight_zones(rng, leaf, plane(t), np.float32(leaf.unit * 24 / base))


def _blight_zones(rng: Rng, leaf: Surface, t: Plane, border: np.float32) -> None:
    """Paint the zones of a blight lesion; t is 0 at its heart and 1 at its edge, border a width in t."""
    soak, core = smooth(1.05, 0.93, t), smooth(0.94, 0.6, t)
    pale = smooth(1.0 + 1.1 * float(border), 1.0, t) * (1 - soak)
    mix(leaf.colour, tone(rng, (128, 146, 70), (166, 168, 92)), plane(pale * between(rng, 0.4, 0.8)))
    cloud, dry = noise(rng, leaf.shape, 0.5 * leaf.unit), noise(rng, leaf.shape, 0.5 * leaf.unit, "fine")
    wet = tone(rng, (36, 42, 20), (58, 52, 30))
    mix(leaf.colour, wet, plane(soak * np.clip(0.8 + 0.1 * cloud - 0.2 * leaf.vein, 0.3, 0.95)))
    dead = tone(rng, (66, 52, 38), (112, 90, 62))
    mix(leaf.colour, dead, plane(core * np.clip(0.5 + 0.26 * cloud + 0.12 * dry, 0.05, 0.95)))
    old = smooth(0.62, 0.1, t) * np.clip(0.35 + 0.3 * cloud, 0, 0.8)  # the oldest part bleaches and turns papery
    mix(leaf.colour, tone(rng, (118, 92, 62), (158, 132, 98)), plane(old * between(rng, 0, 1)))
    mix(leaf.colour, rgb(34, 25, 18), plane(core * leaf.vein * 0.6))
    if chance(rng, 0.4):  # spores in damp weather: a thin white bloom along the living edge
        bloom = smooth(0.2, 0.0, np.abs(t - 0.97)) * smooth(0.2, 1.6, dry)
        mix(leaf.colour, rgb(196, 198, 188), plane(bloom * between(rng, 0.15, 0.5)))
    leaf.relief += np.float32(leaf.unit) * core * (0.55 * dry + 1.3 * cloud)
    leaf.relief -= np.float32(1.2 * leaf.unit) * soak
    leaf.shine *= 1 - 0.8 * core + 0.35 * (soak - core)


def powdery_mildew(rng: Rng, leaf: Surface, severity: float) -> None:
    """Diffuse white felt in roundish patches that run together; veins drown in it."""
    count = int(2 + 15 * severity * between(rng, 0.7, 1.3))
    field = np.zeros(leaf.shape, np.float32)
    scale, shift = np.float32(2.0 / leaf.unit), np.float32(between(rng, 0, 900))
    rows, cols = np.indices(leaf.shape, dtype=np.float32)
    sway = at("cloud", cols * scale + shift, rows * scale) * np.float32(5 * leaf.unit)
    for point in spread(rng, leaf, count, gather=0.5, edge=0.0):
        radius = np.float32((10 + 34 * severity**0.7) * leaf.unit * np.clip(rng.lognormal(0, 0.4), 0.4, 2.0))
        near = ((cols + sway - point[0]) ** 2 + (rows - 0.7 * sway - point[1]) ** 2) / (radius * radius)
        field = np.maximum(field, np.float32(between(rng, 0.45, 1.0)) * np.exp(np.minimum(near, 30) * -0.8))
    fuzz = noise(rng, leaf.shape, 0.45, "fine")
    clump = noise(rng, leaf.shape, 0.3 * leaf.unit, "fine")
    felt = smooth(0.08, 0.92, field + field * (0.24 * fuzz + 0.26 * clump))
    felt *= np.float32(between(rng, 0.5, 0.8) + 0.2 * severity)
    felt *= 1 - np.float32(0.25) * leaf.vein
    white = tone(rng, (174, 178, 168), (208, 208, 202))
    if severity > 0.45:
        yellowing(rng, leaf, 0.5 * between(rng, 0, severity))
    mix(leaf.colour, white, plane(np.clip(felt, 0, 0.93)))
    leaf.relief += np.float32(0.35 * leaf.unit) * felt * (1 + fuzz)
    leaf.shine *= 1 - np.clip(1.4 * felt, 0, 1)


PAINT: dict[str, Callable[[Rng, Surface, float], None]] = {
    "rust": rust,
    "leaf_spot": leaf_spot,
    "late_blight": late_blight,
    "powdery_mildew": powdery_mildew,
}
"""How each condition is painted; healthy leaves need nothing."""
