"""Points on empty ground, drawn to scale, with a scale bar and a north arrow."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fovea.plugin import LEVELS, PlaceMap, Point
from fovea.report.ground import Rectangle, beside, over, place_label, to_metres
from fovea.report.markup import Markup, element, join
from fovea.report.scale import nice_below
from fovea.report.svg import NARROW, SIZE, WIDE, drawing, elide, label, level_item, levels_in, mark, smooth, text_width
from fovea.report.wording import NOTHING, number, quantity

_EDGE = 34.0
_FOOT = 30.0
_SMALLEST_M = 40.0
_LOWEST, _TALLEST = 0.42, 0.85
_NAME_ROOM = 200.0
_GROUP = 3
_LABEL_HIGH = 16.0
_KM = 1000.0
_BOLD = 1.1
_MOST_NAMES = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """A point with its place and radius on the page, in px."""

    point: Point
    x: float
    y: float
    radius: float

    @property
    def box(self) -> Rectangle:
        """What it covers."""
        reach = self.radius * 1.2
        return Rectangle(left=self.x - reach, top=self.y - reach, right=self.x + reach, bottom=self.y + reach)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """The piece of ground shown: its frame in px and how many px a metre takes."""

    frame: Rectangle
    pixels_per_metre: float


def map_figure(block: PlaceMap, ident: str) -> Markup:
    """The map for an HTML page; says so where there is no point."""
    if not _drawable(block.points):
        return element("p", "No places are known.", class_="empty")
    return join(
        [level_legend(block.points), draw_map(block, WIDE, f"{ident}-w"), draw_map(block, NARROW, f"{ident}-n")]
    )


def level_legend(points: Sequence[Point]) -> Markup:
    """The marks of the levels that occur, with their words and how many there are."""
    counts = Counter(point.level for point in points)
    items = (level_item(level, f"{level}: {number(counts[level])}") for level in levels_in(list(counts)))
    return element("ul", *items, class_="legend")


def draw_map(block: PlaceMap, width: float, ident: str) -> Markup:
    """One SVG of a map with at least one point."""
    points = _drawable(block.points)
    ground, spots = lay_out(points, width)
    drawn = join(
        [
            *_squares(ground),
            *(mark(s.x, s.y, s.radius, s.point.level, hint=_hint(s.point)) for s in spots),
            *_labels(ground, spots),
            _scale_bar(ground),
            _north(ground),
        ]
    )
    height = ground.frame.bottom + _FOOT
    return drawing(
        drawn, width=width, height=height, title=block.title, description=_describe(points, ground), ident=ident
    )


def lay_out(points: Sequence[Point], width: float) -> tuple[Ground, list[Spot]]:
    """Where the points come to lie, the mildest first so that the others are drawn above them."""
    metres = to_metres(points)
    wide = max(max(abs(east) for east, _ in metres) * 2, _SMALLEST_M)
    high = max(max(abs(north) for _, north in metres) * 2, _SMALLEST_M * _LOWEST)
    room = width - 2 * _EDGE
    tall = min(max(high / wide * room, width * _LOWEST - 2 * _EDGE), width * _TALLEST - 2 * _EDGE)
    scale = min(room / wide, tall / high)
    frame = Rectangle(left=0.5, top=0.5, right=width - 0.5, bottom=smooth(tall + 2 * _EDGE))
    centre_x, centre_y = width / 2, (frame.top + frame.bottom) / 2
    usual = 5.0 if len(points) <= 200 or width <= NARROW else 4.0  # noqa: PLR2004
    spots = [
        Spot(point=p, x=centre_x + east * scale, y=centre_y - north * scale, radius=_radius(p, usual))
        for p, (east, north) in zip(points, metres, strict=True)
    ]
    spots.sort(key=lambda spot: LEVELS.index(spot.point.level))
    return Ground(frame=frame, pixels_per_metre=scale), spots


def map_rows(block: PlaceMap) -> list[list[str]]:
    """The points as texts: name, level, latitude, longitude."""
    return [[p.name, p.level, _degrees(p.latitude), _degrees(p.longitude)] for p in block.points]


def distance(metres: float) -> str:
    """``50 m``, ``2 km``."""
    return quantity(metres / _KM, "km") if metres >= _KM else quantity(metres, "m")


def _drawable(points: Sequence[Point]) -> list[Point]:
    return [point for point in points if math.isfinite(point.latitude) and math.isfinite(point.longitude)]


def _degrees(value: float) -> str:
    return f"{value:.6f}".replace("-", "\u2212") if math.isfinite(value) else NOTHING


def _radius(point: Point, usual: float) -> float:
    size = point.size if math.isfinite(point.size) else 1.0
    return min(max(usual * math.sqrt(max(size, 0.0)), 2.5), 16.0)


def _hint(point: Point) -> str:
    return f"{point.name}: {point.level} ({_degrees(point.latitude)}, {_degrees(point.longitude)})"


def _bar_metres(ground: Ground) -> float:
    return nice_below((ground.frame.right - ground.frame.left) / 4.5 / ground.pixels_per_metre)


def _squares(ground: Ground) -> Iterator[Markup]:
    """The frame, and squares as wide as the scale bar is long."""
    frame, step = ground.frame, _bar_metres(ground) * ground.pixels_per_metre
    yield element(
        "rect",
        x=frame.left,
        y=frame.top,
        width=frame.right - frame.left,
        height=frame.bottom - frame.top,
        class_="ground",
    )
    for index in range(1, math.ceil((frame.right - frame.left) / step)):
        x = smooth(frame.left + step * index)
        yield element("line", x1=x, x2=x, y1=frame.top, y2=frame.bottom, class_="grid")
    for index in range(1, math.ceil((frame.bottom - frame.top) / step)):
        y = smooth(frame.bottom - step * index)
        yield element("line", x1=frame.left, x2=frame.right, y1=y, y2=y, class_="grid")


def _scale_bar(ground: Ground) -> Markup:
    metres = _bar_metres(ground)
    y, long = ground.frame.bottom + 14.5, metres * ground.pixels_per_metre
    path = f"M0.5 {y - 4}V{y + 4}M0.5 {y}H{long + 0.5:.1f}M{long + 0.5:.1f} {y - 4}V{y + 4}"
    text = f"{distance(metres)}, the side of a square"
    return join([element("path", d=path, class_="ruler"), label(long + 9, y + SIZE / 3, text, "tick")])


def _north(ground: Ground) -> Markup:
    x, y = ground.frame.right - 20, ground.frame.top + 12
    arrow = element("path", d=f"M{x} {y}l6 17l-6 -4l-6 4Z", class_="north")
    return element("g", element("title", "North is up"), arrow, label(x, y + 31, "N", "tick", anchor="middle"))


def _labels(ground: Ground, spots: list[Spot]) -> Iterator[Markup]:
    """Names shared by several points once above them all; then single names, the gravest first, while there is room."""
    frame = ground.frame
    arrow = Rectangle(left=frame.right - 36, top=frame.top, right=frame.right, bottom=frame.top + 50)
    taken = [arrow, *(spot.box for spot in spots)]
    groups = [(name, around, over, "name group") for name, around in _groups(spots)]
    singles = [(spot.point.name, spot.box, beside, "name") for spot in _single(spots)[:_MOST_NAMES]]
    for name, around, corners, class_ in [*groups, *singles]:
        text = elide(name, _NAME_ROOM)
        wide = text_width(text) * (_BOLD if class_ != "name" else 1)
        box = place_label(corners(around, wide, _LABEL_HIGH), wide, _LABEL_HIGH, frame=frame, taken=taken)
        if box is not None:
            taken.append(box)
            yield _text(box, (around.left + around.right) / 2, text, class_)


def _text(box: Rectangle, middle: float, text: str, class_: str) -> Markup:
    """The label in its box, close to the point whose middle is given."""
    if box.left > middle:
        return label(box.left, box.bottom - 4, text, class_)
    if box.right < middle:
        return label(box.right, box.bottom - 4, text, class_, anchor="end")
    return label((box.left + box.right) / 2, box.bottom - 4, text, class_, anchor="middle")


def _counts(spots: list[Spot]) -> Counter[str]:
    return Counter(spot.point.name for spot in spots if spot.point.name)


def _groups(spots: list[Spot]) -> Iterator[tuple[str, Rectangle]]:
    for name, count in _counts(spots).items():
        if count < _GROUP:
            continue
        boxes = [spot.box for spot in spots if spot.point.name == name]
        left, right = min(box.left for box in boxes), max(box.right for box in boxes)
        top, bottom = min(box.top for box in boxes), max(box.bottom for box in boxes)
        yield name, Rectangle(left=left, top=top, right=right, bottom=bottom)


def _single(spots: list[Spot]) -> list[Spot]:
    counts = _counts(spots)
    named = [spot for spot in spots if 0 < counts[spot.point.name] < _GROUP]
    return sorted(named, key=lambda spot: (-LEVELS.index(spot.point.level), -spot.radius, spot.point.name))


def _describe(points: Sequence[Point], ground: Ground) -> str:
    counts = Counter(point.level for point in points)
    said = ", ".join(f"{counts[level]} {level}" for level in levels_in(list(counts)))
    across = (ground.frame.right - ground.frame.left) / ground.pixels_per_metre
    return f"Map to scale of {len(points)} points ({said}) on ground {distance(across)} wide; north is up."
