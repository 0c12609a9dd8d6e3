"""Harmless marks that any leaf may carry: holes, specks of soil, pale residue, scars, drops.

They come at the same rate on sick and healthy leaves, so that none of them betrays the condition.
"""

# ruff: noqa: PLR2004 - the shares of a drawing are found by eye and have no names

from __future__ import annotations

import cv2
import numpy as np
from leaf_blade import SUBPIXEL, Surface, fixed, yellowing
from leaf_disease import blob, spread
from leaf_texture import Picture, Rng, between, blur, chance, mix, noise, plane, rgb, smooth, tone


def weather(rng: Rng, leaf: Surface) -> None:
    """Give the surface its share of blemishes, in place."""
    if chance(rng, 0.2):
        yellowing(rng, leaf, between(rng, 0.15, 0.7))
    if chance(rng, 0.1):
        scorch(rng, leaf)
    if chance(rng, 0.25):
        specks(rng, leaf)
    if chance(rng, 0.14):
        residue(rng, leaf)
    if chance(rng, 0.2):
        scars(rng, leaf)
    if chance(rng, 0.32):
        holes(rng, leaf)


def scorch(rng: Rng, leaf: Surface) -> None:
    """A dry brown edge from wind, salt or drought: narrow, crisp, light brown."""
    wide = between(rng, 2.0, 9.0) * leaf.unit
    where = smooth(0.1, 1.3, noise(rng, leaf.shape, leaf.unit) + 2.4 * (leaf.x - between(rng, 0.5, 0.9)))
    edge = smooth(1.0, 0.7, leaf.inside / np.float32(wide) + 0.3 * noise(rng, leaf.shape, 0.4 * leaf.unit)) * where
    mix(leaf.colour, rgb(160, 150, 70), plane(blur(edge, 2.5 * leaf.unit) * 0.6))
    mix(leaf.colour, tone(rng, (96, 68, 40), (150, 116, 72)), plane(edge * 0.85))
    leaf.shine *= 1 - 0.7 * edge


def specks(rng: Rng, leaf: Surface) -> None:
    """Soil splashed up by rain, or pollen: grains without any halo."""
    soil = chance(rng, 0.7)
    shade_of = tone(rng, (60, 44, 30), (128, 98, 66)) if soil else rgb(196, 174, 70)
    grains = np.zeros(leaf.shape, np.uint8)
    for point in spread(rng, leaf, int(rng.integers(8, 110)), gather=1.4, edge=0.0):
        radius = leaf.unit * float(np.clip(rng.lognormal(0.0, 0.5), 0.4, 3.2)) * (1.0 if soil else 0.7)
        shape = fixed(blob(rng, point, radius, 0.35, 6))
        cv2.fillPoly(grains, [shape], int(rng.integers(130, 245)), cv2.LINE_AA, SUBPIXEL)
    amount = blur(plane(grains) / np.float32(255), 0.4)
    film = smooth(0.4, 2.0, noise(rng, leaf.shape, leaf.unit)) * np.float32(between(rng, 0, 0.3))
    mix(leaf.colour, shade_of, plane(np.clip(0.85 * amount + film, 0, 0.9)))
    leaf.relief += np.float32(0.7 * leaf.unit) * amount
    leaf.shine *= 1 - 0.6 * np.clip(amount + film, 0, 1)


def residue(rng: Rng, leaf: Surface) -> None:
    """Dust or dried spray: a pale film that gathers in the vein furrows and dries in rings."""
    film = smooth(-0.4, 1.8, noise(rng, leaf.shape, leaf.unit)) * np.float32(between(rng, 0.1, 0.4))
    film *= 0.6 + 0.8 * blur(leaf.vein, 1.5 * leaf.unit)
    rings = np.zeros(leaf.shape, np.uint8)
    for point in spread(rng, leaf, int(rng.integers(0, 26)), gather=0.6, edge=0.0):
        shape = fixed(blob(rng, point, between(rng, 2, 12) * leaf.unit, 0.12, 14))
        cv2.fillPoly(rings, [shape], int(rng.integers(10, 40)), cv2.LINE_AA, SUBPIXEL)
        cv2.polylines(
            rings,
            [shape],
            isClosed=True,
            color=int(rng.integers(30, 110)),
            thickness=1,
            lineType=cv2.LINE_AA,
            shift=SUBPIXEL,
        )
    amount = film + blur(plane(rings) / np.float32(255), 0.5 * leaf.unit)
    amount *= 1 + np.float32(0.25) * noise(rng, leaf.shape, 0.5, "fine")
    mix(leaf.colour, tone(rng, (168, 162, 140), (208, 208, 204)), plane(np.clip(amount, 0, 0.8)))
    leaf.shine *= 1 - 0.7 * np.clip(amount, 0, 1)


def scars(rng: Rng, leaf: Surface) -> None:
    """Scratches and healed corky flecks."""
    mark = np.zeros(leaf.shape, np.uint8)
    for point in spread(rng, leaf, int(rng.integers(1, 6)), gather=0.3):
        turn, reach = between(rng, 0, np.pi), between(rng, 4, 26) * leaf.unit
        t = np.linspace(-1, 1, 7)[:, None]
        way = np.array([[np.cos(turn), np.sin(turn)]])
        line = point + t * reach * way + rng.normal(0, 0.05 * reach, (7, 2))
        thick = max(1, round(between(rng, 0.5, 1.8) * leaf.unit))
        cv2.polylines(
            mark,
            [fixed(line)],
            isClosed=False,
            color=int(rng.integers(120, 230)),
            thickness=thick,
            lineType=cv2.LINE_AA,
            shift=SUBPIXEL,
        )
    amount = blur(plane(mark) / np.float32(255), 0.4)
    mix(leaf.colour, rgb(168, 158, 104), plane(blur(amount, 2 * leaf.unit) * 0.6))
    mix(leaf.colour, tone(rng, (88, 62, 38), (160, 138, 96)), plane(amount * 0.85))


def holes(rng: Rng, leaf: Surface) -> None:
    """Feeding holes, some eaten in from the margin, with a thin dried brown rim."""
    bite = np.zeros(leaf.shape, np.uint8)
    size = between(rng, 2.5, 11) * leaf.unit
    for point in spread(rng, leaf, int(rng.integers(1, 9)), gather=0.8, edge=0.5):
        for _ in range(int(rng.integers(1, 4))):
            near = point + rng.normal(0, 0.7 * size, 2)
            shape = fixed(blob(rng, near, size * between(rng, 0.4, 1.2), 0.16, 12))
            cv2.fillPoly(bite, [shape], 255, cv2.LINE_AA, SUBPIXEL)
    gone = blur(plane(bite) / np.float32(255), 0.5)
    gone *= 1 - leaf.vein * (leaf.vein > 0.9)  # chewers leave the strong veins standing
    rim = smooth(0.02, 0.5, blur(gone, 1.3 * leaf.unit))
    mix(leaf.colour, tone(rng, (98, 76, 40), (170, 150, 88)), plane(rim * between(rng, 0.4, 0.85)))
    leaf.cover *= 1 - smooth(0.35, 0.65, gone)


def drops(rng: Rng, leaf: Surface, lit: Picture, toward: tuple[float, float, float]) -> None:
    """Water drops: little lenses, dark towards the light, bright away from it, with a hard glint."""
    count = int(rng.integers(4, 60))
    for point in spread(rng, leaf, count, gather=0.7, edge=1.0):
        radius = leaf.unit * float(np.clip(rng.lognormal(0.9, 0.5), 1.2, 9.0))
        reach = int(radius * 1.6) + 2
        left, top = max(int(point[0]) - reach, 0), max(int(point[1]) - reach, 0)
        part = lit[top : int(point[1]) + reach, left : int(point[0]) + reach]
        a = (np.arange(left, left + part.shape[1])[None, :] - point[0]) / radius
        b = (np.arange(top, top + part.shape[0])[:, None] - point[1]) / (radius * between(rng, 0.75, 1.0))
        a, b = a + 0.12 * np.sin(3 * b), b + 0.08 * np.sin(4 * a)
        r = plane(np.hypot(a, b))
        body = smooth(1.05, 0.92, r)
        side = plane(a * toward[0] + b * toward[1])
        cast = smooth(1.3, 0.8, plane(np.hypot(a + 0.25 * toward[0], b + 0.25 * toward[1]))) * (1 - body)
        part *= (1 - 0.45 * cast)[..., None]
        part *= (1 + body * (-0.42 * side - 0.12 + 0.25 * smooth(0.75, 1.0, r) * (side < 0)))[..., None]
        glint = smooth(0.3, 0.1, plane(np.hypot(a - 0.42 * toward[0], b - 0.42 * toward[1])))
        part += (glint * np.float32(between(rng, 0.25, 0.8)))[..., None]
