"""What lies behind the leaf: soil, foliage, straw mulch, a board, or a grey sky.

A backdrop is drawn at final picture size (it is out of focus anyway) as linear RGB, (h, w, 3).
"""

# ruff: noqa: PLR2004 - the shares of a drawing are found by eye and have no names

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from leaf_blade import SUBPIXEL, Light, fixed, grow, shade
from leaf_shape import Cultivar, Pose, grow_cultivar
from leaf_texture import Picture, Plane, Rng, at, between, blur, chance, mix, noise, plane, rgb, smooth, tone

KINDS = ("soil", "foliage", "straw", "board", "sky")
Shape = tuple[int, int]


def _lit(height: Plane, light: Light, steep: float) -> Plane:
    """How strongly each point of a relief (pixels) is lit, (h, w), 1 on level ground."""
    right = plane(cv2.Sobel(height, cv2.CV_32F, 1, 0, ksize=3)) * np.float32(-0.125 * steep)
    down = plane(cv2.Sobel(height, cv2.CV_32F, 0, 1, ksize=3)) * np.float32(-0.125 * steep)
    lx, ly, lz = (np.float32(v) for v in light.toward)
    facing = (right * lx + down * ly + lz) / np.sqrt(1 + right * right + down * down) / lz
    share = np.float32(light.sun)
    return plane(np.clip(1 - 0.75 * share + 0.75 * share * facing, 0.05, 2.5))


def _illuminate(colour: Picture, level: Plane, light: Light) -> Picture:
    """Apply a light level, (h, w), in the light's mixed colour."""
    tint = light.tint * np.float32(0.75 * light.sun + 0.1) + light.sky * np.float32(0.9 - 0.55 * light.sun)
    return plane(colour * level[..., None] * tint)


def soil(rng: Rng, shape: Shape, light: Light, unit: float) -> Picture:
    """Crumbly earth, dry or damp, with a few bits of straw and stones."""
    zoom = between(rng, 0.28, 0.62) * unit
    turn = rng.uniform(0, 900, 2)
    rows, cols = np.indices(shape, dtype=np.float32)
    heap = at("grit", cols / np.float32(zoom) + np.float32(turn[0]), rows / np.float32(zoom) + np.float32(turn[1]))
    rough = noise(rng, shape, 0.4 * unit, "fine")
    height = np.float32(26 * zoom) * heap + np.float32(1.5 * unit) * rough
    height += np.float32(4 * unit) * noise(rng, shape, 0.6 * unit)
    base = tone(rng, (64, 52, 42), (134, 114, 94))
    colour = base * (1 + 0.22 * noise(rng, shape, 0.5 * unit) + 0.12 * rough)[..., None].clip(0.25, 2)
    mix(colour, base * plane([1.5, 1.5, 1.55]), plane(0.35 * smooth(0.25, 0.7, heap)))
    hollow = np.clip(1 + np.float32(0.06 / zoom) * (height - blur(height, 7 * zoom)), 0.3, 1.3)
    picture = _illuminate(plane(colour), plane(_lit(height, light, 1.3) * hollow), light)
    if chance(rng, 0.6):
        _strands(rng, picture, int(rng.integers(3, 22)), light, unit)
    return picture


def _strands(rng: Rng, picture: Picture, count: int, light: Light, unit: float) -> None:
    """Lay `count` dry stems over the picture, each with a shadow and a lit edge."""
    height, width = picture.shape[:2]
    off = np.array([-light.toward[0], -light.toward[1]]) * 2.2 * unit
    for _ in range(count):
        centre = rng.uniform((-0.1 * width, -0.1 * height), (1.1 * width, 1.1 * height))
        turn, reach = between(rng, 0, np.pi), between(rng, 0.08, 0.42) * width
        t = np.linspace(-1, 1, 5)
        bow = between(rng, -0.1, 0.1) * reach * (1 - t**2)
        line = centre + np.stack(
            [t * reach * np.cos(turn) - bow * np.sin(turn), t * reach * np.sin(turn) + bow * np.cos(turn)], axis=1
        )
        stem = tone(rng, (120, 102, 72), (200, 182, 142)) * np.float32(between(rng, 0.35, 1.05))
        thick = max(1, round(between(rng, 0.7, 4.2) * unit))
        flank = np.array([np.sin(turn), -np.cos(turn)]) * 0.28 * thick
        if flank @ off > 0:
            flank = -flank
        for shift, shade_of, wide in ((off, 0.16, thick), (0 * off, 0.8, thick), (flank, 1.15, max(1, thick // 2))):
            paint = (stem * np.float32(shade_of)).tolist()
            cv2.polylines(
                picture,
                [fixed(line + shift)],
                isClosed=False,
                color=paint,
                thickness=wide,
                lineType=cv2.LINE_AA,
                shift=SUBPIXEL,
            )


def straw(rng: Rng, shape: Shape, light: Light, unit: float) -> Picture:
    """Straw mulch: layer upon layer of dry stems over dark gaps."""
    colour = rgb(66, 50, 32) * np.ones((*shape, 1), np.float32)
    picture = plane(colour * (1 + 0.3 * noise(rng, shape, 0.6 * unit))[..., None].clip(0.3, 2))
    for depth in np.linspace(0.45, 1.0, 6):
        _strands(rng, picture, 60, light, unit)
        if depth < 1:
            picture *= np.float32(0.86)
    picture *= (1 + 0.12 * noise(rng, shape, unit))[..., None].clip(0.5, 1.6)
    return _illuminate(picture, plane(1 + 0.1 * noise(rng, shape, 0.4, "fine")), light)


def board(rng: Rng, shape: Shape, light: Light, unit: float) -> Picture:
    """A table: planks, or a plain painted or plastic top, with scuffs."""
    if chance(rng, 0.35):
        tones = ((196, 196, 192), (92, 104, 116), (150, 150, 146), (56, 58, 60), (206, 198, 178), (104, 122, 132))
        base = rgb(*tones[int(rng.integers(len(tones)))])
        level = 1 + 0.05 * noise(rng, shape, unit) + 0.035 * noise(rng, shape, 0.6, "white")
        level += 0.06 * noise(rng, shape, 0.4 * unit, "fine", stretch=8.0)
        return _illuminate(plane(np.ones((*shape, 1), np.float32) * base), plane(level.clip(0.3, 1.6)), light)
    turn, plank = between(rng, 0, np.pi), between(rng, 55, 150) * unit
    rows, cols = np.indices(shape, dtype=np.float32)
    along = cols * np.float32(np.cos(turn)) + rows * np.float32(np.sin(turn))
    across = rows * np.float32(np.cos(turn)) - cols * np.float32(np.sin(turn)) + np.float32(between(rng, 0, 300))
    number = np.floor(across / np.float32(plank))
    near = np.abs(across / np.float32(plank) - number - 0.5) * np.float32(plank)
    jump = np.float32(331.7) * number
    sway = at("cloud", along * 0.35 / np.float32(unit) + jump, across * 0.5 + jump) * np.float32(5 * unit)
    grain = at("fine", along * 0.12 / np.float32(unit) + jump, (across + sway) * np.float32(2.6 / unit))
    pores = at("white", along * 0.15 / np.float32(unit) + jump, (across + sway) * np.float32(1.2 / unit))
    base = tone(rng, (96, 74, 54), (186, 152, 112))
    grey = np.full(3, float(base.mean()), np.float32)
    base = plane(base + (grey - base) * between(rng, 0, 0.9))  # weathered boards turn grey
    level = 1 + 0.16 * grain - 0.1 * (pores > 1.2) + 0.1 * np.sin(number * 7.3) + 0.06 * noise(rng, shape, unit)
    gap = smooth(0.5 * plank - 2.4 * unit, 0.5 * plank - 0.8 * unit, plane(near))
    wood = plane(np.ones((*shape, 1), np.float32) * base)
    return _illuminate(wood, plane(level.clip(0.3, 1.7) * (1 - 0.85 * gap)), light)


def _loose_pose(rng: Rng, shape: Shape, size: float) -> Pose:
    """A leaf of that length (pixels) anywhere in the picture, turned and folded at will."""
    return Pose(
        base=(between(rng, -0.2, 1.1) * shape[1], between(rng, -0.2, 1.1) * shape[0]),
        angle=between(rng, 0, 2 * np.pi),
        length=size,
        bend=(between(rng, -0.4, 0.4), 0.0),
        sides=(between(rng, 0.4, 1.1), between(rng, 0.4, 1.1)),
    )


def foliage(rng: Rng, shape: Shape, light: Light, unit: float, cultivar: Cultivar | None = None) -> Picture:
    """The plant's own out-of-focus leaves, dark gaps between them, light spots through the canopy."""
    small = (max(24, shape[0] // 3), max(24, shape[1] // 3))
    plant = cultivar or grow_cultivar(rng)
    gloom = tone(rng, (14, 22, 10), (52, 64, 34))
    picture = plane(gloom * (1 + 0.5 * noise(rng, small, 0.15 * unit))[..., None].clip(0.15, 2.5))
    even = np.ones(small, np.float32)
    count = int(rng.integers(5, 10))
    for number in range(count):
        leaf = grow(rng, plant, _loose_pose(rng, small, between(rng, 0.4, 0.95) * small[0]), small, fine=False)
        picture *= (1 - 0.5 * blur(leaf.cover, 2.2))[..., None]
        near = np.float32(0.3 + 0.6 * number / count)
        mix(picture, shade(leaf, light, even) * near, leaf.cover)
        if number == count // 2:
            picture = blur(picture, between(rng, 0.6, 1.8))
    return plane(cv2.resize(picture, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC).clip(0, None))


def sky(rng: Rng, shape: Shape, _light: Light, unit: float) -> Picture:
    """A dull sky for a leaf held up by hand, now and then a dark treeline far off."""
    rows = np.linspace(0, 1, shape[0], dtype=np.float32)[:, None]
    level = 0.62 + np.float32(between(rng, -0.2, 0.2)) * rows + 0.05 * noise(rng, shape, 1.5 * unit)
    base = tone(rng, (168, 178, 188), (212, 214, 214))
    picture = plane(level[..., None] * base * 1.25)
    if chance(rng, 0.45):
        line = between(rng, 0.5, 0.95) + 0.03 * noise(rng, (1, shape[1]), 0.5 * unit)
        land = smooth(0.0, 0.02, plane(rows - line))
        field = tone(rng, (58, 72, 46), (120, 128, 88))
        mix(picture, plane(field * (1 + 0.2 * noise(rng, shape, 0.5 * unit))[..., None]), plane(land * 0.9))
        picture = blur(picture, 5 * unit)
    return picture


DRAW: dict[str, Callable[[Rng, Shape, Light, float], Picture]] = {
    "soil": soil,
    "foliage": foliage,
    "straw": straw,
    "board": board,
    "sky": sky,
}
