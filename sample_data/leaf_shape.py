"""Leaf geometry: outlines and veins from parametric curves, and how a leaf lies in the picture.

Leaf coordinates: x runs along the midrib from 0 (where the stalk joins) to 1 (tip), y is the distance
to the side, in leaf lengths, positive to the left of the direction of growth.
"""

# ruff: noqa: PLR2004 - the shares of a drawing are found by eye and have no names

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from leaf_texture import Plane, Rgb, Rng, between, chance, plane, rgb
from numpy.typing import NDArray

Points = NDArray[np.float64]
"""A line of points, (n, 2)."""


@dataclass(frozen=True)
class Cultivar:
    """What all leaves of one plant share."""

    family: str  # pinnate | palmate
    half_width: float  # widest point, in leaf lengths
    rise: float  # how fast the blade widens from the stalk: small = blunt base
    fall: float  # how fast it narrows to the tip: large = long drawn tip
    cordate: float  # how far the base reaches back past the stalk, in leaf lengths
    teeth: int  # per side; 0 = smooth margin
    tooth_size: float  # in leaf lengths
    lobes: int
    lobe_depth: float  # 0..0.5
    side_veins: int  # per side
    vein_angle: float  # between midrib and side vein, radians
    pucker: float  # bulging between the veins, 0..1
    gloss: float  # 0 = felt, 1 = waxed
    green: Rgb  # blade colour
    vein: Rgb  # vein colour

    def width_at(self, x: float) -> float:
        """Half width in leaf lengths at x in 0..1, without teeth and lobes."""
        peak = self.rise / (self.rise + self.fall)
        top = peak**self.rise * (1 - peak) ** self.fall
        return float(self.half_width / top * x**self.rise * (1 - x) ** self.fall)


@dataclass(frozen=True)
class Pose:
    """Where a leaf lies in the picture (pixels, y down)."""

    base: tuple[float, float]
    angle: float  # direction of growth, radians, clockwise from the picture's x axis
    length: float
    bend: tuple[float, float]  # sideways bend: quadratic and cubic part, leaf lengths
    sides: tuple[float, float]  # apparent width of the left and right half (a tilted half looks narrower)


@dataclass(frozen=True)
class Vein:
    """One vein in leaf coordinates: its line, its width at both ends (leaf lengths), its order (0 = midrib)."""

    line: Points
    start: float
    end: float
    order: int


def grow_cultivar(rng: Rng) -> Cultivar:
    """Draw the plant's habit: ovate, lanceolate, elliptic, lobed or palmate, with its own greens."""
    kind = str(rng.choice(["ovate", "lanceolate", "elliptic", "lobed", "palmate"], p=[0.34, 0.16, 0.2, 0.18, 0.12]))
    width = {"ovate": 0.33, "lanceolate": 0.165, "elliptic": 0.29, "lobed": 0.37, "palmate": 0.5}[kind]
    rise, fall = {"ovate": (0.5, 0.85), "lanceolate": (0.6, 0.95), "elliptic": (0.62, 0.66)}.get(kind, (0.5, 0.75))
    toothed = kind == "palmate" or chance(rng, 0.6)
    dark, pale = rgb(46, 80, 36), rgb(120, 146, 68)
    cool = rgb(66, 102, 66)
    green = dark + (pale - dark) * np.float32(rng.beta(1.6, 2.2))
    green = green + (cool - green) * np.float32(between(rng, 0, 0.35))
    return Cultivar(
        family="palmate" if kind == "palmate" else "pinnate",
        half_width=width * between(rng, 0.85, 1.12),
        rise=rise * between(rng, 0.85, 1.2),
        fall=fall * between(rng, 0.85, 1.2),
        cordate=between(rng, 0.0, 0.09) if kind != "lanceolate" and chance(rng, 0.6) else 0.0,
        teeth=int(rng.integers(9, 30)) if toothed else 0,
        tooth_size=between(rng, 0.006, 0.02),
        lobes=int(rng.integers(3, 5)) if kind == "lobed" else 0,
        lobe_depth=between(rng, 0.16, 0.38),
        side_veins=int(rng.integers(6, 12)),
        vein_angle=between(rng, 0.75, 1.1),
        pucker=between(rng, 0.15, 1.0),
        gloss=between(rng, 0.08, 0.9),
        green=plane(green),
        vein=plane(green + (rgb(176, 190, 118) - green) * np.float32(between(rng, 0.12, 0.6))),
    )


def half_widths(cultivar: Cultivar, x: Points) -> Points:
    """Smooth half width (leaf lengths) at positions x in 0..1, without teeth and lobes."""
    inside = np.clip(x, 0.0, 1.0)
    level = inside**cultivar.rise * (1 - inside) ** cultivar.fall
    return level * (cultivar.half_width / float(level.max()))


def outline(rng: Rng, cultivar: Cultivar) -> Points:
    """Closed outline in leaf coordinates, (n, 2): up one side, back down the other."""
    make = _palmate_side if cultivar.family == "palmate" else _pinnate_side
    left, right = make(rng, cultivar), make(rng, cultivar)
    return np.concatenate([left, (right * (1.0, -1.0))[::-1]])


def _wander(rng: Rng, count: int, knots: int) -> Points:
    """A smooth random curve of that many values, about -1..1."""
    values = rng.normal(0, 0.5, knots)
    place = np.linspace(0, knots - 1.001, count)
    left = place.astype(int)
    ease = (1 - np.cos(np.pi * (place - left))) / 2  # straight pieces would leave visible kinks in the outline
    curve: Points = values[left] * (1 - ease) + values[left + 1] * ease
    return curve


def _teeth(rng: Rng, cultivar: Cultivar, count: int) -> Points:
    """Saw profile 0..1 along one side, irregular in pitch and height, leaning to the tip."""
    pace = np.cumsum(1.0 + 0.5 * _wander(rng, count, 14).clip(-1, 1))
    phase = pace / pace[-1] * cultivar.teeth
    step = phase % 1.0
    saw = np.where(step < 0.72, step / 0.72, (1 - step) / 0.28)
    fine = np.abs(((phase * 3.0) % 1.0) - 0.5)
    profile: Points = (saw**0.8 + 0.35 * fine) * (1.0 + 0.4 * _wander(rng, count, 9))
    return profile


def _pinnate_side(rng: Rng, cultivar: Cultivar) -> Points:
    """One side of a leaf with a single midrib, (n, 2), y >= 0, from base to tip."""
    count = 360
    t = 0.5 - 0.5 * np.cos(np.linspace(0, np.pi, count))  # dense at both ends, where it turns sharply
    wide = half_widths(cultivar, t) * between(rng, 0.92, 1.08) * (1 + 0.09 * _wander(rng, count, 8))
    x = t - cultivar.cordate * np.exp(-(((t - 0.07) / 0.07) ** 2)) * np.minimum(1.0, t / 0.03)
    if cultivar.lobes:
        wave = np.cos(2 * np.pi * (cultivar.lobes * t**0.85 - 0.35 + 0.05 * _wander(rng, count, 6)))
        reach = cultivar.lobe_depth * np.sin(np.pi * t) ** 0.5
        wide = wide * (1 - reach * (0.5 - 0.5 * wave))
        x = x + 0.04 * reach * wave
    if cultivar.teeth:
        saw = _teeth(rng, cultivar, count) * cultivar.tooth_size * np.sin(np.pi * t) ** 0.4
        wide, x = wide + saw, x + 0.6 * saw
    return np.stack([x, np.maximum(wide, 0.0)], axis=1)


_PALM = ((0.0, 1.0), (0.88, 0.84), (1.8, 0.6))
"""Main veins of a palmate leaf: angle to the midrib (radians), length (leaf lengths)."""


def _palmate_side(rng: Rng, cultivar: Cultivar) -> Points:
    """One side of a hand-shaped leaf, (n, 2), from the sinus at the stalk round to the tip."""
    count = 420
    angle = np.linspace(2.85, 0.0, count)
    spread = 0.38 + 0.5 * (0.4 - cultivar.lobe_depth)
    lobes = [
        length * between(rng, 0.92, 1.06) * np.exp(-((np.abs(angle - turn) / spread) ** 1.7) * 0.6)
        for turn, length in _PALM
    ]
    lobes[0] *= 1.0 / lobes[0][-1]
    radius = np.sum(np.stack(lobes) ** 7, axis=0) ** (1 / 7)
    radius = np.maximum(radius, 0.42 * np.clip((2.95 - angle) / 0.5, 0.25, 1))
    radius = radius * (1 + 0.06 * _wander(rng, count, 9))
    radius = radius + 1.7 * cultivar.tooth_size * _teeth(rng, cultivar, count) * np.clip((2.9 - angle) * 3, 0, 1)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def veins(rng: Rng, cultivar: Cultivar, *, fine: bool) -> list[Vein]:
    """All drawn veins (third order only if fine), thinnest first: thicker ones are painted over them."""
    thick = between(rng, 0.011, 0.017)
    if cultivar.family == "palmate":
        mains = [(length, turn * side) for turn, length in _PALM for side in ((1, -1) if turn else (1,))]
        found: list[Vein] = []
        for length, turn in mains:
            found += _palm_vein(rng, length * 0.93, turn, thick, fine=fine)
    else:
        x = np.linspace(-0.5, 0.985, 40)
        line = np.stack([x, 0.006 * np.sin(x * 9 + between(rng, 0, 6))], axis=1)
        found = [Vein(line, thick * 1.25, thick * 0.2, 0)]
        for side in (1.0, -1.0):
            for start in np.linspace(0.035, 0.86, cultivar.side_veins) + between(rng, -0.025, 0.025):
                found += _side_vein(rng, cultivar, float(start + rng.normal(0, 0.01)), side, thick, fine=fine)
    return sorted(found, key=lambda vein: -vein.order)


def _side_vein(rng: Rng, cultivar: Cultivar, start: float, side: float, thick: float, *, fine: bool) -> list[Vein]:
    """A side vein that curves to the tip and ends near the margin, with its own twigs."""
    slope = 1.0 / np.tan(cultivar.vein_angle * (1 - 0.25 * start) + rng.normal(0, 0.04))
    end, reach, share = start, 0.0, between(rng, 0.86, 0.93)
    for _ in range(4):  # the end depends on the width there, which depends on the end
        reach = cultivar.width_at(min(max(end, 0.0), 0.97)) * share
        if cultivar.lobes:
            reach *= 1 - 0.6 * cultivar.lobe_depth
        end = min(start + slope * reach, 0.97)
    t = np.linspace(0, 1, 16)
    x = start + (end - start) * (0.75 * t + 0.25 * t**2.4)
    line = np.stack([x, side * (reach * t**0.93 + 0.012 * reach * np.sin(t * 11 + start * 40))], axis=1)
    vein = Vein(line, thick * 0.5 * (1 - 0.5 * start), thick * 0.1, 1)
    return [vein, *_twigs(rng, line, side, 0.42 * reach)] if fine else [vein]


def _palm_vein(rng: Rng, length: float, turn: float, thick: float, *, fine: bool) -> list[Vein]:
    """A main vein of a palmate leaf from the stalk into its lobe, with side veins and the stalk itself."""
    t = np.linspace(0 if turn else -0.5, 1, 30)
    bent = turn * (1 - 0.1 * t.clip(0) ** 2)
    line = np.stack([t * length * np.cos(bent), t * length * np.sin(bent)], axis=1)
    found = [Vein(line, thick * (1.2 if not turn else 0.8), thick * 0.15, 0)]
    for index in np.linspace(10 if not turn else 6, 26, 6).astype(int):
        for side in (1.0, -1.0):
            away = turn + side * between(rng, 0.6, 0.8)
            reach = (1.05 - t[index]) * 0.42 * length * between(rng, 0.8, 1.05)
            s = np.linspace(0, 1, 10)
            heading = away - side * 0.35 * s
            twig = line[index] + np.stack([np.cos(heading), np.sin(heading)], 1) * (s * reach)[:, None]
            found.append(Vein(twig, thick * 0.4, thick * 0.1, 1))
            if fine:
                found += _twigs(rng, twig, side, 0.4 * reach)
    return found


def _twigs(rng: Rng, line: Points, side: float, reach: float) -> list[Vein]:
    """Short third-order veins that leave a side vein to both sides, (5, 2) points each."""
    index = np.repeat(np.arange(2, len(line) - 2, 2 if len(line) < 12 else 3), 2)
    flip = side * np.where(np.arange(len(index)) % 2, 1.0, -1.0)
    along = line[index + 1] - line[index - 1]
    heading = np.arctan2(along[:, 1], along[:, 0]) + flip * rng.uniform(0.7, 1.1, len(index))
    s = np.linspace(0, 1, 5)
    turn = heading[:, None] - 0.5 * np.outer(flip, s) + 0.15 * rng.normal(0, 1, (len(index), 5))
    size = reach * rng.uniform(0.4, 0.9, len(index)) * (1.15 - index / len(line))
    way = np.stack([np.cos(turn), np.sin(turn)], axis=2) * np.outer(size, s)[..., None]
    return [Vein(twig, 0.0028, 0.0012, 2) for twig in line[index][:, None, :] + way]


def to_picture(pose: Pose, points: Points) -> Points:
    """Leaf coordinates (n, 2) to picture pixels (n, 2)."""
    x, y = points[:, 0], points[:, 1]
    y = y * np.where(y > 0, pose.sides[0], pose.sides[1]) + pose.bend[0] * x**2 + pose.bend[1] * x**3
    cos, sin = np.cos(pose.angle), np.sin(pose.angle)
    return np.stack(
        [pose.base[0] + pose.length * (x * cos + y * sin), pose.base[1] + pose.length * (x * sin - y * cos)], axis=1
    )


def to_leaf(pose: Pose, shape: tuple[int, int]) -> tuple[Plane, Plane]:
    """Leaf coordinates x, y of every pixel of an (h, w) picture: the inverse of `to_picture`."""
    across = (np.arange(shape[1], dtype=np.float32) - np.float32(pose.base[0])) / np.float32(pose.length)
    down = (np.arange(shape[0], dtype=np.float32)[:, None] - np.float32(pose.base[1])) / np.float32(pose.length)
    cos, sin = np.float32(np.cos(pose.angle)), np.float32(np.sin(pose.angle))
    x = plane(across * cos + down * sin)
    square = x * x
    y = across * sin - down * cos - np.float32(pose.bend[0]) * square - np.float32(pose.bend[1]) * square * x
    return x, plane(np.where(y > 0, y / np.float32(pose.sides[0]), y / np.float32(pose.sides[1])))
