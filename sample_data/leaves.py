"""Draw one leaf photo from a seed.

    picture = draw(Request(plant="p0123", shot="1", condition="rust", severity=0.4))

The plant decides the leaf's habit and colours, the shot decides everything that changes when one walks
round the plant: which leaf, how it lies, light, backdrop and camera.  Only numpy and OpenCV are used.
"""

# ruff: noqa: PLR2004 - the shares of a drawing are found by eye and have no names

from __future__ import annotations

import zlib
from dataclasses import dataclass

import cv2
import numpy as np
from leaf_backdrop import DRAW, KINDS, foliage
from leaf_blade import Light, Surface, grow, shade
from leaf_blemish import drops, weather
from leaf_camera import PHONES, Phone, develop
from leaf_disease import CONDITIONS, PAINT
from leaf_shape import Cultivar, Pose, grow_cultivar
from leaf_texture import Picture, Plane, Rng, between, blur, chance, mix, noise, plane, rgb, smooth
from numpy.typing import NDArray

__all__ = ["CONDITIONS", "PHONES", "Request", "draw"]

_KIND_SHARES = (0.27, 0.33, 0.13, 0.14, 0.13)
"""How often each of the backdrops in KINDS is met."""

cv2.setNumThreads(1)  # pictures are drawn in parallel by processes; threads inside would only compete


@dataclass(frozen=True)
class Request:
    """Everything that decides a picture; the same request always gives the same pixels."""

    plant: str
    shot: str
    condition: str  # one of CONDITIONS
    severity: float  # 0 = first signs .. 1 = heavy; ignored for healthy leaves
    phone: int = 0  # index into PHONES
    size: int = 320  # nominal longer side in pixels
    seed: int = 0
    wide: bool = False  # 4:3 landscape at full size, whatever the phone


def generator(*parts: object) -> Rng:
    """A random generator that depends on nothing but the given parts."""
    return np.random.default_rng(zlib.crc32("/".join(map(str, parts)).encode()))


def picture_shape(request: Request) -> tuple[int, int]:
    """Height and width in pixels of the requested picture."""
    if request.wide:
        return request.size * 3 // 4, request.size
    height, width = PHONES[request.phone].shape
    return round(request.size * height), round(request.size * width)


def draw(request: Request) -> NDArray[np.uint8]:
    """Draw the picture, (h, w, 3) uint8 RGB."""
    phone: Phone = PHONES[request.phone]
    home = generator(request.seed, request.plant)
    cultivar, usual = grow_cultivar(home), str(home.choice(KINDS, p=_KIND_SHARES))
    rng = generator(request.seed, request.plant, request.shot)
    final = picture_shape(request)
    # Small pictures are drawn 1.4 times as large and shrunk, which smooths every edge; large ones are fine as is.
    factor = 1.4 if request.size <= 640 else 1
    shape = (round(final[0] * factor), round(final[1] * factor))
    light, pose = _light(rng), _pose(rng, cultivar, shape)
    kind = usual if chance(rng, 0.6) else str(rng.choice(KINDS, p=_KIND_SHARES))
    leaf = grow(rng, cultivar, pose, shape)
    if request.condition != "healthy":
        PAINT[request.condition](rng, leaf, request.severity)
    weather(rng, leaf)
    dapple = _dapple(rng, shape, light, leaf.unit)
    scene = _ground(rng, kind, cultivar, light, final, leaf, dapple)
    lit = shade(leaf, light, dapple)
    if chance(rng, 0.16):
        drops(rng, leaf, lit, light.toward)
    mix(scene, lit, leaf.cover)
    if kind == "sky" or chance(rng, 0.06):
        _finger(rng, scene, pose, light)
    if chance(rng, 0.14):
        _foreground(rng, scene, cultivar, light)
    return develop(rng, scene, phone, final)


def _light(rng: Rng) -> Light:
    """Sun or overcast, low or high, warm or cool."""
    sun = between(rng, 0.55, 0.95) if chance(rng, 0.5) else between(rng, 0.05, 0.45)
    turn, tilt = between(rng, 0, 2 * np.pi), between(rng, 0.35, 1.15)
    toward = (float(np.cos(turn) * np.sin(tilt)), float(np.sin(turn) * np.sin(tilt)), float(np.cos(tilt)))
    warm = between(rng, -0.05, 0.22)
    tint = plane([1 + 0.6 * warm, 1.0, 1 - warm]) * np.float32(between(rng, 0.9, 1.2))
    cool = between(rng, -0.08, 0.14)
    return Light(toward, sun, plane(tint), plane([1 - 0.6 * cool, 1.0, 1 + cool]))


def _pose(rng: Rng, cultivar: Cultivar, shape: tuple[int, int]) -> Pose:
    """Lay the leaf so that it fills much of the frame, sometimes beyond its edge."""
    height, width = shape
    palm = cultivar.family == "palmate"
    length = min(shape) * float(np.clip(rng.normal(1.1, 0.16), 0.72, 1.5)) * (0.62 if palm else 1.0)
    angle = float(rng.normal(-np.pi / 2, 0.9)) if chance(rng, 0.75) else between(rng, 0, 2 * np.pi)
    bend = (float(np.clip(rng.normal(0, 0.16), -0.35, 0.35)), float(rng.normal(0, 0.05)))
    sides = rng.uniform(0.72, 1.08, 2)
    centre = np.array([width, height]) * (0.5 + rng.normal(0, 0.04, 2))
    middle = 0.2 if palm else 0.48
    way = np.array([np.cos(angle), np.sin(angle)])
    across = np.array([np.sin(angle), -np.cos(angle)]) * (bend[0] * middle**2)
    base = centre - length * (middle * way + across)
    return Pose((float(base[0]), float(base[1])), angle, length, bend, (float(sides[0]), float(sides[1])))


def _dapple(rng: Rng, shape: tuple[int, int], light: Light, unit: float) -> Plane:
    """Share of direct light that reaches each point: shadows of other leaves when the sun shines."""
    if light.sun < 0.5 or not chance(rng, 0.4):
        return np.ones(shape, np.float32)
    open_sky = smooth(-0.1, between(rng, 0.15, 0.6), noise(rng, shape, between(rng, 0.5, 1.1) * unit, "soft") + 0.45)
    open_sky = blur(open_sky, between(rng, 2.0, 9.0) * unit)
    return plane(between(rng, 0.1, 0.4) + (1 - 0.25) * open_sky).clip(0, 1)


def _ground(
    rng: Rng, kind: str, cultivar: Cultivar, light: Light, final: tuple[int, int], leaf: Surface, dapple: Plane
) -> Picture:
    """The backdrop at working size with the leaf's shadow on it, (h, w, 3)."""
    unit = min(final) / 256
    back = foliage(rng, final, light, unit, cultivar) if kind == "foliage" else DRAW[kind](rng, final, light, unit)
    depth = {"soil": 0.9, "straw": 0.9, "board": 0.5, "foliage": 2.2, "sky": 0.6}[kind]
    back = blur(back, depth * unit * between(rng, 0.25, 1.5))
    height, width = leaf.shape
    scene = plane(cv2.resize(back, (width, height), interpolation=cv2.INTER_LINEAR))
    if kind == "sky":
        return scene
    gap = between(rng, 3, 20 if kind != "foliage" else 45) * leaf.unit
    move = np.array([[1, 0, -light.toward[0] * gap], [0, 1, -light.toward[1] * gap]], np.float32)
    cast = plane(cv2.warpAffine(leaf.cover, move, (width, height), borderMode=cv2.BORDER_REPLICATE))
    cast = blur(cast, (0.25 * gap + 1) * (1.6 - light.sun))
    close = blur(leaf.cover, 2.5 * leaf.unit)  # light is scarce right under the edge, sun or not
    scene *= (1 - np.float32(0.25 + 0.5 * light.sun) * cast)[..., None] * (1 - 0.3 * close)[..., None]
    scene *= (1 - np.float32(0.7 * light.sun) * (1 - dapple))[..., None]
    return scene


def _finger(rng: Rng, scene: Picture, pose: Pose, light: Light) -> None:
    """A thumb that holds the stalk, from the picture's edge to just below the blade."""
    height, width = scene.shape[:2]
    way = np.array([np.cos(pose.angle), np.sin(pose.angle)])
    tip = np.array(pose.base) - way * pose.length * between(rng, 0.02, 0.06)
    turn = pose.angle + np.pi + between(rng, -0.7, 0.7)
    thick = pose.length * between(rng, 0.14, 0.19)
    rows, cols = np.indices((height, width), dtype=np.float32)
    dx, dy = cols - np.float32(tip[0]), rows - np.float32(tip[1])
    cos, sin = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    along, across = dx * cos + dy * sin, dy * cos - dx * sin
    wide = np.float32(0.5 * thick) * (1 + 0.1 * np.clip(along / np.float32(thick), 0, 4))
    r = plane(np.hypot(np.minimum(along - np.float32(0.5 * thick), 0), across) / wide)
    cover = smooth(1.02, 0.97, r)
    skin = rgb(*(np.array([206, 160, 132]) * rng.uniform(0.5, 1.05) + rng.uniform(-6, 6, 3)).clip(20, 250))
    side = (-sin * light.toward[0] + cos * light.toward[1]) * across / wide
    level = np.sqrt(np.clip(1.05 - r * r, 0.03, 1)) * 0.75 + 0.3 + 0.3 * np.float32(light.sun) * side
    level *= 1 + 0.05 * noise(rng, (height, width), pose.length / 500) + 0.03 * np.sin(along / np.float32(0.03 * thick))
    nail = smooth(1.0, 0.85, plane(np.hypot((along - 0.52 * thick) / (0.4 * thick), across / (0.3 * thick))))
    flesh = plane(level[..., None] * skin)
    mix(flesh, plane(flesh * 1.1 + 0.05), plane(nail * 0.6))
    soft = between(rng, 1.0, 3.0) * pose.length / 400
    mix(scene, blur(flesh, soft), blur(cover, soft))


def _foreground(rng: Rng, scene: Picture, cultivar: Cultivar, light: Light) -> None:
    """A leaf far too close to the lens, blurred over one corner."""
    height, width = scene.shape[0] // 4, scene.shape[1] // 4
    corner = (width * float(rng.integers(0, 2)), height * float(rng.integers(0, 2)))
    away = np.arctan2(corner[1] - height / 2, corner[0] - width / 2) + between(rng, -0.5, 0.5)
    start = (corner[0] + np.cos(away) * width * 0.45, corner[1] + np.sin(away) * width * 0.45)
    pose = Pose((float(start[0]), float(start[1])), float(away + np.pi), 0.75 * width, (0.1, 0.0), (0.9, 0.9))
    leaf = grow(rng, cultivar, pose, (height, width), fine=False)
    lit = shade(leaf, light, np.ones((height, width), np.float32)) * np.float32(between(rng, 0.5, 1.0))
    stack = blur(np.dstack([lit * leaf.cover[..., None], leaf.cover]), between(rng, 2.5, 5.0) * width / 160)
    stack = plane(cv2.resize(stack, (scene.shape[1], scene.shape[0]), interpolation=cv2.INTER_LINEAR))
    scene *= 1 - stack[..., 3:]
    scene += stack[..., :3]
