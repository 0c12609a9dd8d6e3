"""From light to pixels: lens, exposure, sensor noise, tone curve and sharpening of a phone camera."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from leaf_texture import Picture, Rng, between, blur, chance, noise, plane
from numpy.typing import NDArray


@dataclass(frozen=True)
class Phone:
    """An invented phone: how its pictures differ from those of the others."""

    make: str
    model: str
    shape: tuple[float, float]  # height, width as shares of the nominal picture size
    noise: float
    sharpen: float
    saturation: float
    warmth: float  # > 0 leans to red
    quality: int  # JPEG quality


PHONES = (
    Phone("Lindow", "Field 3", (0.9, 0.9), 1.0, 0.5, 0.9, 0.02, 88),
    Phone("Kestrel", "K7 Pro", (0.8, 1.0), 0.6, 0.9, 1.02, -0.02, 92),
    Phone("Ornata", "Mini 12", (1.0, 0.8), 1.6, 0.3, 0.84, 0.04, 80),
)


def develop(rng: Rng, light: Picture, phone: Phone, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Photograph a scene: linear RGB (H, W, 3) at any size to an (h, w, 3) uint8 RGB picture of `shape`."""
    size = (shape[1], shape[0])
    scene = plane(cv2.resize(light, size, interpolation=cv2.INTER_AREA))
    scale = max(shape) / 320
    scene = _lens(rng, scene, scale)
    gain = plane([1 + phone.warmth + rng.normal(0, 0.025), 1.0, 1 - phone.warmth + rng.normal(0, 0.03)])
    # The meter aims at middle grey but is fooled by bright and dark surroundings, like the real thing.
    middle = scene[shape[0] // 5 : -shape[0] // 5 : 4, shape[1] // 5 : -shape[1] // 5 : 4]
    logs = [float(np.mean(np.log(part.mean(axis=2) + 0.02))) for part in (middle, scene[::4, ::4])]
    level = float(np.exp(0.7 * logs[0] + 0.3 * logs[1]))
    exposure = (0.15 / level) ** 0.75 * 1.15 * 2 ** float(np.clip(rng.normal(-0.05, 0.3), -0.9, 0.65))
    scene = scene * gain * np.float32(exposure)
    iso = phone.noise * between(rng, 0.3, 1.6)
    shot = np.sqrt(np.clip(scene, 0, None)) * np.float32(0.014 * iso)
    grain = np.stack([noise(rng, shape, 0.9, "white") for _ in range(3)], axis=2)
    scene = scene + (shot + np.float32(0.0016 * iso)) * grain
    tone = np.clip(scene, 0, None)
    tone = tone * (1 + tone * np.float32(0.1)) / (1 + tone * np.float32(0.62))  # roll highlights off, do not clip
    value = np.clip(tone * np.float32(1.38), 0, 1) ** np.float32(1 / 2.2)
    value = value + np.float32(between(rng, 0.4, 1.2)) * (value - 0.5) * value * (1 - value) * 2
    grey = value.mean(axis=2, keepdims=True)
    value = grey + (value - grey) * np.float32(phone.saturation * between(rng, 0.85, 1.1))
    value = value + np.float32(phone.sharpen * 0.6) * (value - blur(value, 0.9 * scale))
    return np.asarray(np.clip(value * 255 + 0.5, 0, 255), dtype=np.uint8)


def _lens(rng: Rng, scene: Picture, scale: float) -> Picture:
    """Vignette, slight missed focus that grows to one side, now and then a shaken hand."""
    height, width = scene.shape[:2]
    down, across = np.indices((height, width), dtype=np.float32)
    down, across = down / np.float32(height) - 0.5, across / np.float32(width) - 0.5
    edge = 1 - np.float32(between(rng, 0.05, 0.55)) * (down * down + across * across)
    scene = plane(scene * edge[..., None])
    turn, slope = between(rng, 0, 2 * np.pi), between(rng, 0.0, 1.6)
    soft = blur(scene, between(rng, 0.9, 2.4) * scale)
    miss = plane(np.clip(slope * (across * np.cos(turn) + down * np.sin(turn)) + between(rng, -0.25, 0.3), 0, 1))
    scene = plane(scene + (soft - scene) * miss[..., None])
    if chance(rng, 0.12):
        reach = max(2, round(between(rng, 1.5, 4.0) * scale))
        sweep = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
        way = between(rng, 0, np.pi)
        step = (round(np.cos(way) * reach), round(np.sin(way) * reach))
        cv2.line(sweep, (reach - step[0], reach - step[1]), (reach + step[0], reach + step[1]), 1.0, 1, cv2.LINE_AA)
        scene = plane(cv2.filter2D(scene, -1, sweep / sweep.sum(), borderType=cv2.BORDER_REPLICATE))
    return scene
