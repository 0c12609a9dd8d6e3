"""Degrees to metres for a small piece of ground, and labels that keep out of each other's way."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fovea.plugin import Point

EARTH_M = 6371008.8
"""Mean radius of the earth in metres (IUGG, 1980)."""

_HALF_TURN, _TURN = 180.0, 360.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rectangle:
    """A rectangle on the page, in px."""

    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: Rectangle) -> bool:
        """True where the two share more than an edge."""
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )

    def inside(self, other: Rectangle) -> bool:
        """True where nothing of it sticks out of ``other``."""
        return (
            other.left <= self.left
            and self.right <= other.right
            and other.top <= self.top
            and self.bottom <= other.bottom
        )


def to_metres(points: Sequence[Point]) -> list[tuple[float, float]]:
    """Local equirectangular projection: (east, north) in metres of each point from the middle of all.

    Distances are true to better than 1 % over some 100 km outside the polar regions. A site on both sides of the
    180th meridian stays together.
    """
    first = points[0].longitude
    turned = [first + _wrapped(point.longitude - first) for point in points]
    middle_east = (min(turned) + max(turned)) / 2
    latitudes = [point.latitude for point in points]
    middle_north = (min(latitudes) + max(latitudes)) / 2
    narrowing = math.cos(math.radians(middle_north))
    return [
        (math.radians(east - middle_east) * narrowing * EARTH_M, math.radians(north - middle_north) * EARTH_M)
        for east, north in zip(turned, latitudes, strict=True)
    ]


def place_label(
    corners: Iterable[tuple[float, float]],
    width: float,
    height: float,
    *,
    frame: Rectangle,
    taken: Iterable[Rectangle],
) -> Rectangle | None:
    """The first free rectangle inside ``frame`` with one of the (left, top) ``corners``, or None."""
    occupied = list(taken)
    for left, top in corners:
        tried = Rectangle(left=left, top=top, right=left + width, bottom=top + height)
        if tried.inside(frame) and not any(tried.overlaps(other) for other in occupied):
            return tried
    return None


def beside(around: Rectangle, width: float, height: float) -> tuple[tuple[float, float], ...]:
    """Corners for a label of one point: right, above, below, left, then aslant."""
    gap = 4.0
    middle_x, middle_y = (around.left + around.right) / 2, (around.top + around.bottom) / 2
    return (
        (around.right + gap, middle_y - height / 2),
        (middle_x - width / 2, around.top - gap / 2 - height),
        (middle_x - width / 2, around.bottom + gap / 2),
        (around.left - gap - width, middle_y - height / 2),
        (around.right + gap / 2, around.top - height),
        (around.right + gap / 2, around.bottom),
        (around.left - gap / 2 - width, around.top - height),
        (around.left - gap / 2 - width, around.bottom),
    )


def over(around: Rectangle, width: float, height: float) -> tuple[tuple[float, float], ...]:
    """Corners for a label of a group: above its middle, below, then above its left and right end."""
    gap = 3.0
    middle = (around.left + around.right) / 2 - width / 2
    above, below = around.top - gap - height, around.bottom + gap
    return (
        (middle, above),
        (middle, below),
        (around.left, above),
        (around.right - width, above),
        (around.left, below),
        (around.right - width, below),
        (middle, above - height),
        (middle, below + height),
    )


def _wrapped(degrees: float) -> float:
    return (degrees + _HALF_TURN) % _TURN - _HALF_TURN
