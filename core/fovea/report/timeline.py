"""Spans and moments on lanes over one axis of time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC

from fovea.plugin import LEVELS, Level, Span, Timeline
from fovea.report.markup import Markup, element, join
from fovea.report.scale import Scale
from fovea.report.svg import NARROW, SIZE, WIDE, drawing, elide, label, level_item, mark, smooth, text_width
from fovea.report.timescale import TimeTick, time_ticks
from fovea.report.wording import instant, moment, period, zone

_ROW, _HIGH, _PAD = 24.0, 16.0, 6.0
_NAMES, _HEAD = 230.0, 18.0
_TICK_ROOM = {True: 92.0, False: 66.0}
_MOMENT_PAD = 1800.0
_MOST_ROWS = 8
_SHORTEST, _RADIUS = 3.0, 5.0
_SMALL = 12.0
_TOUCH = 0.5
_CUT_ROOM = 36.0
_AXIS = 22.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A span on its row, between two pixels."""

    span: Span
    row: int
    left: float
    right: float

    @property
    def is_moment(self) -> bool:
        """True where it has no length."""
        return self.span.start == self.span.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """A lane with its spans on as many rows as they need not to cover each other."""

    name: str
    spans: tuple[Placed, ...]
    rows: int


def timeline_figure(block: Timeline, ident: str) -> Markup:
    """The timeline for an HTML page; says so where nothing happened."""
    if not block.spans:
        return element("p", "Nothing happened in this time.", class_="empty")
    return join([_legend(block), draw_timeline(block, WIDE, f"{ident}-w"), draw_timeline(block, NARROW, f"{ident}-n")])


def draw_timeline(block: Timeline, width: float, ident: str) -> Markup:
    """One SVG of a timeline with at least one span."""
    spans = sorted(map(_forwards, block.spans), key=lambda span: (instant(span.start), instant(span.end)))
    beside = width > NARROW
    names = list(dict.fromkeys(span.lane for span in block.spans))
    left = min(max(map(text_width, names)) + 16, _NAMES) if beside else 1.0
    low, high = extent(spans)
    scale = Scale(low=low, high=high, start=left, end=width - 12)
    lanes = [lay_lane(name, [span for span in spans if span.lane == name], scale) for name in names]
    body, bottom = _lanes(lanes, scale, width, beside=beside)
    where = spans[0].start.tzinfo or UTC
    ticks = time_ticks(low, high, count=int((scale.end - scale.start) // _TICK_ROOM[beside]), zone=where)
    drawn = join([*_axis(ticks, scale, bottom), body])
    height = bottom + _AXIS + 2
    return drawing(drawn, width=width, height=height, title=block.title, description=_describe(spans), ident=ident)


def extent(spans: Sequence[Span]) -> tuple[float, float]:
    """First and last second shown, a little wider than the spans so that none sticks to the edge."""
    low, high = min(instant(span.start) for span in spans), max(instant(span.end) for span in spans)
    pad = (high - low) * 0.02 or _MOMENT_PAD
    return low - pad, high + pad


def lay_lane(name: str, spans: Sequence[Span], scale: Scale) -> Lane:
    """Each span on the first row that is free, moments with the room of their mark."""
    ends: list[float] = []
    placed = []
    for span in spans:
        left, right = scale.at(instant(span.start)), scale.at(instant(span.end))
        right = max(right, left + _SHORTEST)
        if span.start == span.end:
            left, right = left - _RADIUS, left + _RADIUS
        row = next((index for index, end in enumerate(ends) if end <= left + _TOUCH), len(ends))
        row = min(row, _MOST_ROWS - 1)
        ends[row : row + 1] = [right]
        placed.append(Placed(span=span, row=row, left=left, right=right))
    return Lane(name=name, spans=tuple(placed), rows=max(1, len(ends)))


def timeline_rows(block: Timeline) -> list[list[str]]:
    """The spans as texts: lane, name, level, start, end; without the zone where all share one."""
    shared = _shared_zone(block.spans)
    spans = sorted(map(_forwards, block.spans), key=lambda span: (instant(span.start), instant(span.end)))
    return [
        [
            span.lane,
            span.name,
            span.level,
            *(moment(end).removesuffix(shared).rstrip() for end in (span.start, span.end)),
        ]
        for span in spans
    ]


def timeline_headings(block: Timeline) -> list[str]:
    """The headings above :func:`timeline_rows`."""
    shared = _shared_zone(block.spans)
    return ["lane", "name", "level", *(f"{end} ({shared})" if shared else end for end in ("from", "to"))]


def _shared_zone(spans: Sequence[Span]) -> str:
    zones = {zone(end) for span in spans for end in (span.start, span.end)}
    return zones.pop() if len(zones) == 1 else ""


def _forwards(span: Span) -> Span:
    if instant(span.start) <= instant(span.end):
        return span
    return Span(lane=span.lane, start=span.end, end=span.start, name=span.name, level=span.level)


def _lanes(lanes: Sequence[Lane], scale: Scale, width: float, *, beside: bool) -> tuple[Markup, float]:
    parts: list[Markup] = []
    y = 1.0
    for lane in lanes:
        line = smooth(y)
        parts.append(element("line", x1=0, x2=width, y1=line, y2=line, class_="grid"))
        y += _PAD / 2
        if beside:
            name = label(0.5, y + _ROW / 2 + SIZE / 3, elide(lane.name, scale.start - 12), "category")
        else:
            name = label(0.5, y + SIZE, elide(lane.name, width), "category strong")
            y += _HEAD
        parts += [element("g", element("title", lane.name), name), *_spans(lane, y, scale)]
        y += lane.rows * _ROW + _PAD / 2
    return join(parts), y


def _spans(lane: Lane, top: float, scale: Scale) -> Iterator[Markup]:
    """The spans of a lane, each with the px free for its name: to the next one on its row, or before the first."""
    following: dict[int, float] = {}
    free_until = [0.0] * len(lane.spans)
    for index in reversed(range(len(lane.spans))):
        placed = lane.spans[index]
        free_until[index] = following.get(placed.row, scale.end + 12)
        following[placed.row] = placed.left
    seen: set[int] = set()
    for placed, after in zip(lane.spans, free_until, strict=True):
        before = placed.left if placed.row in seen else scale.start
        seen.add(placed.row)
        yield _drawn(placed, top + placed.row * _ROW + (_ROW - _HIGH) / 2, (before, after))


def _drawn(placed: Placed, top: float, free: tuple[float, float]) -> Markup:
    span, middle = placed.span, top + _HIGH / 2
    hint = f"{span.lane}: {span.name} ({span.level}), {period(span.start, span.end)}"
    if placed.is_moment:
        shape = mark((placed.left + placed.right) / 2, middle, _RADIUS, span.level)
    else:
        wide = placed.right - placed.left
        shape = element(
            "rect", x=placed.left, y=top, width=wide, height=_HIGH, rx=min(2.5, wide / 2), class_=f"l-{span.level}"
        )
    return element("g", element("title", hint), shape, _name(placed, middle + _SMALL / 3, free))


def _name(placed: Placed, baseline: float, free: tuple[float, float]) -> Markup | None:
    """The span's name inside it, behind it, before it, or nowhere; the hint and the table below always have it."""
    name, wide = placed.span.name, text_width(placed.span.name, _SMALL)
    if not placed.is_moment and wide <= placed.right - placed.left - 8:
        return label(placed.left + 5, baseline, name, f"value in-{placed.span.level}")
    if wide <= free[1] - placed.right - 8:
        return label(placed.right + 4, baseline, name, "value")
    if wide <= placed.left - free[0] - 8:
        return label(placed.left - 4, baseline, name, "value", anchor="end")
    room = placed.right - placed.left - 8
    cut = elide(name, room, _SMALL) if room >= _CUT_ROOM and not placed.is_moment else ""
    return label(placed.left + 5, baseline, cut, f"value in-{placed.span.level}") if cut else None


def _axis(ticks: Sequence[TimeTick], scale: Scale, bottom: float) -> Iterator[Markup]:
    line = smooth(bottom)
    yield element("line", x1=scale.start, x2=scale.end, y1=line, y2=line, class_="zero")
    for tick in ticks:
        x = smooth(scale.at(tick.at))
        yield element("line", x1=x, x2=x, y1=1, y2=bottom + 4, class_="grid")
        wide = text_width(tick.label) / 2
        if scale.start - 12 <= x - wide and x + wide <= scale.end + 12:
            yield label(x, bottom + 18, tick.label, "tick strong" if tick.strong else "tick", anchor="middle")


def _legend(block: Timeline) -> Markup:
    present: list[Level] = [level for level in LEVELS if any(span.level == level for span in block.spans)]
    items = [level_item(level, level) for level in present]
    return element("ul", *items, element("li", _whole(block.spans), class_="when"), class_="legend")


def _whole(spans: Sequence[Span]) -> str:
    return period(min((s.start for s in spans), key=instant), max((s.end for s in spans), key=instant))


def _describe(spans: Sequence[Span]) -> str:
    lanes = len({span.lane for span in spans})
    return f"Timeline of {len(spans)} spans on {lanes} lanes, {_whole(spans)}."
