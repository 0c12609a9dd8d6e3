"""One healthy leaf as a surface: what it covers, its own colour, its relief, and how light falls on it."""

# ruff: noqa: PLR2004 - the shares of a drawing are found by eye and have no names

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from leaf_shape import Cultivar, Points, Pose, outline, to_leaf, to_picture, veins
from leaf_texture import TILE, Picture, Plane, Rgb, Rng, at, between, blur, chance, mix, noise, plane, rgb, smooth, tone

SUBPIXEL = 4
"""Fraction bits of the coordinates handed to cv2's drawing calls."""


@dataclass
class Surface:
    """A leaf in picture pixels; all planes are (h, w). Diseases and blemishes change it in place."""

    cover: Plane  # 1 on the leaf, 0 beside it, soft at the edge
    colour: Picture  # albedo
    relief: Plane  # height towards the viewer, pixels
    shine: Plane  # strength of the mirror-like reflection, 0..1
    inside: Plane  # distance to the margin, pixels, 0 outside
    x: Plane  # leaf coordinates, see leaf_shape
    y: Plane
    vein: Plane  # 1 on veins
    rim: Points  # the outline in picture pixels, (n, 2)
    unit: float  # pixels per 1/400 leaf length: sizes of marks are given in this unit

    @property
    def shape(self) -> tuple[int, int]:
        """Picture height and width."""
        return int(self.cover.shape[0]), int(self.cover.shape[1])


@dataclass(frozen=True)
class Light:
    """The light of one shot."""

    toward: tuple[float, float, float]  # unit vector to the lamp: right, down, towards the viewer
    sun: float  # share of direct light: 0 = overcast, 1 = hard sun
    tint: Rgb  # colour of the direct light
    sky: Rgb  # colour of the light from everywhere else


def fixed(points: Points) -> NDArrayInt:
    """Picture points (n, 2) as the fixed-point integers (n, 1, 2) of cv2's drawing calls."""
    return np.asarray(np.round(points * (1 << SUBPIXEL)), dtype=np.int32).reshape(-1, 1, 2)


NDArrayInt = np.ndarray[tuple[int, ...], np.dtype[np.int32]]


def _draw_veins(rng: Rng, cultivar: Cultivar, pose: Pose, shape: tuple[int, int], *, fine: bool) -> tuple[Plane, Plane]:
    """Veins, (h, w) in 0..1, and the stalk's cover, (h, w) in 0..1."""
    layer, stalk = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    found = veins(rng, cultivar, fine=fine)
    lines = to_picture(pose, np.concatenate([vein.line for vein in found]))
    for vein, line in zip(found, np.split(lines, np.cumsum([len(vein.line) for vein in found])[:-1]), strict=True):
        wide = float(np.clip(vein.start * pose.length, 0.3, 1.0))
        value = int((255, 195, 80)[vein.order] * wide)
        if vein.order == 2:
            cv2.polylines(
                layer, [fixed(line)], isClosed=False, color=value, thickness=1, lineType=cv2.LINE_AA, shift=SUBPIXEL
            )
            continue
        width = np.linspace(vein.start, vein.end, len(line)) * pose.length
        cv2.fillPoly(layer, [_ribbon(line, width)], value, cv2.LINE_AA, SUBPIXEL)
        if vein.order == 0 and vein.line[0, 0] < -0.1:
            lower = vein.line[:, 0] < 0.05
            cv2.fillPoly(stalk, [_ribbon(line[lower], 1.3 * width[lower])], 255, cv2.LINE_AA, SUBPIXEL)
    return plane(layer) / np.float32(255), plane(stalk) / np.float32(255)


def _ribbon(line: Points, width: Points) -> NDArrayInt:
    """A band of varying width (pixels, (n,)) along a line (n, 2), as fixed-point corners (2n, 1, 2)."""
    along = np.gradient(line, axis=0)
    side = along[:, ::-1] * (-0.5, 0.5) * (width / np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-6))[:, None]
    return fixed(np.concatenate([line + side, (line - side)[::-1]]))


def grow(rng: Rng, cultivar: Cultivar, pose: Pose, shape: tuple[int, int], *, fine: bool = True) -> Surface:
    """Grow a healthy leaf into an (h, w) picture; without `fine` veins it is quicker, for blurred leaves."""
    rim = to_picture(pose, outline(rng, cultivar))
    blade = np.zeros(shape, np.uint8)
    cv2.fillPoly(blade, [fixed(rim)], 255, cv2.LINE_AA, SUBPIXEL)
    vein, stalk = _draw_veins(rng, cultivar, pose, shape, fine=fine)
    inside = plane(cv2.distanceTransform((blade > 127).astype(np.uint8), cv2.DIST_L2, 3))
    x, y = to_leaf(pose, shape)
    cover = np.maximum(plane(blade) / np.float32(255), stalk)
    vein = np.maximum(vein * (blade > 0), stalk)
    unit = pose.length / 400
    scale, shift = between(rng, 900, 1500), rng.uniform(0, TILE, 2)
    net = at("net", x * np.float32(scale) + np.float32(shift[0]), y * np.float32(scale) + np.float32(shift[1]))
    gap = plane(cv2.distanceTransform((vein < 0.33).astype(np.uint8), cv2.DIST_L2, 3)).clip(0, 1e4)
    bulge = plane(1 - np.exp(gap * np.float32(-0.16 / unit)))
    relief = _relief(rng, cultivar, pose, x, y, inside) + np.float32(unit * 3.2 * cultivar.pucker) * blur(bulge, unit)
    relief -= np.float32(unit) * (1.5 * vein + 0.22 * (0.4 + cultivar.pucker) * net) + 0.0
    relief += np.float32(0.16 * unit) * noise(rng, shape, 0.8 * unit, "fine")
    colour = _colour(rng, cultivar, shape, x, inside, bulge, unit)
    mix(colour, cultivar.vein, plane(0.16 * net * between(rng, 0.4, 1.0)))
    mix(colour, cultivar.vein, plane(vein * between(rng, 0.55, 0.9)))
    if chance(rng, 0.2):
        mix(colour, rgb(130, 70, 62), plane(stalk * between(rng, 0.3, 0.7)))
    shine = plane(cultivar.gloss * (0.75 + 0.25 * noise(rng, shape, unit)).clip(0.2, 1.4))
    return Surface(cover, colour, plane(relief), shine, inside, x, y, vein, rim, unit)


def _relief(rng: Rng, cultivar: Cultivar, pose: Pose, x: Plane, y: Plane, inside: Plane) -> Plane:
    """The large forms: fold along the midrib, curl along the leaf, waves at the margin (pixels)."""
    length = np.float32(pose.length)
    wide = np.float32(1.0 / cultivar.half_width)
    across = np.clip(y * wide, -2.0, 2.0)
    soft = np.sqrt(y * y + 0.0004)
    form = length * np.float32(rng.normal(0.26, 0.2)) * soft
    form += length * np.float32(rng.normal(0, 0.3)) * (x - 0.5) ** 2
    wave = between(rng, 0.0, 0.022)
    pitch = between(rng, 11, 24)
    phase = np.where(y > 0, between(rng, 0, 6), between(rng, 0, 6)).astype(np.float32)
    form += length * np.float32(wave) * np.sin(x * np.float32(pitch) + phase) * across * across
    form += np.float32(2.2) * noise(rng, (x.shape[0], x.shape[1]), between(rng, 0.35, 0.7) * pose.length / 400)
    form -= np.float32(2.0) * np.exp(inside * np.float32(-400 / 3.0) / length)
    return plane(form)


def _colour(
    rng: Rng, cultivar: Cultivar, shape: tuple[int, int], x: Plane, inside: Plane, bulge: Plane, unit: float
) -> Picture:
    """Albedo of the blade, (h, w, 3): greens that drift, mottle and fade the way living leaves do."""
    soft, fine = noise(rng, shape, between(rng, 0.5, 1.2) * unit), noise(rng, shape, 0.5 * unit, "fine")
    level = 1 + np.float32(between(rng, 0.04, 0.12)) * soft + np.float32(between(rng, 0.03, 0.08)) * fine
    level -= np.float32(between(rng, 0.0, 0.14)) * bulge
    colour = plane(cv2.merge([level * part for part in cultivar.green]))
    yellow = cultivar.green * plane([1.75, 1.28, 0.8])
    drift = noise(rng, shape, between(rng, 0.8, 1.6) * unit, "soft") * np.float32(0.14)
    drift += np.float32(rng.normal(0.05, 0.16)) * (1 - x) + np.float32(rng.normal(0.03, 0.12)) * x
    drift += np.float32(between(rng, 0, 0.35)) * np.exp(inside / np.float32(-3.5 * unit))
    mix(colour, yellow, plane(np.clip(drift, 0, 0.9)))
    return plane(np.clip(colour, 0.004, 1))


def shade(leaf: Surface, light: Light, dapple: Plane) -> Picture:
    """Light the surface, (h, w, 3) linear RGB; dapple is the share of direct light that arrives, 0..1."""
    soft = blur(leaf.relief, 0.55 * leaf.unit)
    right = plane(cv2.Sobel(soft, cv2.CV_32F, 1, 0, ksize=3)) * np.float32(-0.125)
    down = plane(cv2.Sobel(soft, cv2.CV_32F, 0, 1, ksize=3)) * np.float32(-0.125)
    up = 1.0 / np.sqrt(1.0 + right * right + down * down)
    right, down = right * up, down * up
    lx, ly, lz = (np.float32(v) for v in light.toward)
    facing = right * lx + down * ly + up * lz
    # Leaves pass on some light: the side turned away never goes black, hence the soft wrap-around.
    direct = np.clip(0.82 * facing + 0.18, 0, None) * dapple * np.float32(light.sun * 1.25)
    ambient = (0.62 + 0.38 * up - 0.12 * down) * np.float32(1 - 0.62 * light.sun)
    lamp = cv2.merge([direct * light.tint[k] + ambient * light.sky[k] for k in range(3)])
    half = np.array([lx, ly, lz + 1.0], np.float32)
    half /= np.linalg.norm(half)
    mirror = np.clip(right * half[0] + down * half[1] + up * half[2], 0, 1)
    wide = mirror * mirror
    wide *= wide
    wide *= wide
    tight = wide * wide
    tight *= tight * wide
    glare = leaf.shine * dapple * np.float32(light.sun) * (0.05 * wide + 0.2 * tight)
    sheen = leaf.shine * np.float32(0.035 * (1.3 - light.sun)) * (1 - 0.6 * down)
    return plane(leaf.colour * lamp + cv2.merge([glare * light.tint[k] + sheen * light.sky[k] for k in range(3)]))


def yellowing(rng: Rng, leaf: Surface, strength: float) -> None:
    """Harmless or diseased fading between the veins, strongest in soft patches; strength 0..1."""
    patch = smooth(-0.2, 2.0, noise(rng, leaf.shape, 1.3 * leaf.unit, "soft"))
    away = smooth(0.9, 0.2, blur(leaf.vein, 3 * leaf.unit) * np.float32(2.0))
    pale = tone(rng, (150, 148, 52), (188, 172, 84))
    mix(leaf.colour, pale, plane(np.clip(patch * (0.3 + 0.7 * away) * strength, 0, 0.75)))
