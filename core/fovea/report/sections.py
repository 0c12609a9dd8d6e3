"""One section of the page for each block of a report."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import datetime

from fovea.plugin import Block, Chart, Figure, Figures, Gallery, Picture, PlaceMap, Table, Text, Timeline
from fovea.report.axes import numbers
from fovea.report.charts import chart_figure, chart_headings, chart_rows
from fovea.report.markup import Markup, element, join
from fovea.report.placemap import map_figure, map_rows
from fovea.report.tables import badge, details, table_markup
from fovea.report.timeline import timeline_figure, timeline_headings, timeline_rows
from fovea.report.wording import cell, prose, share_places

_LONG = 12


def section(block: Block, ident: str, thumbnail: Callable[[Picture], bytes | None]) -> Markup:
    """The section of one block; ``ident`` is the id that the table of contents points at."""
    heading_id = f"{ident}-h"
    heading = element("h2", block.title, _said(block), id=heading_id) if block.title else None
    note = (
        None if isinstance(block, Text | Figures) or not block.note else element("p", prose(block.note), class_="note")
    )
    return element(
        "section",
        heading,
        _content(block, ident, heading_id, thumbnail),
        note,
        _numbers(block),
        id=ident,
        class_=_callout(block),
        aria_labelledby=heading_id if heading else None,
        aria_label=None if heading else _nameless(block),
    )


def _content(block: Block, ident: str, heading_id: str, thumbnail: Callable[[Picture], bytes | None]) -> Markup:
    if isinstance(block, Text):
        return _text(block)
    if isinstance(block, Figures):
        return element("dl", *map(_figure, block.figures), class_="figures")
    if isinstance(block, Table):
        return table_markup(block, heading_id)
    return _gallery(block, thumbnail) if isinstance(block, Gallery) else _drawing(block, ident)


def _drawing(block: Chart | PlaceMap | Timeline, ident: str) -> Markup:
    if isinstance(block, Chart):
        return chart_figure(block, ident)
    return map_figure(block, ident) if isinstance(block, PlaceMap) else timeline_figure(block, ident)


def _numbers(block: Block) -> Markup | None:
    """The numbers behind a drawing, folded away."""
    if isinstance(block, Chart):
        return _chart_numbers(block)
    if isinstance(block, PlaceMap):
        return _places(block)
    return _moments(block) if isinstance(block, Timeline) else None


def _nameless(block: Block) -> str:
    return "Key figures" if isinstance(block, Figures) else type(block).__name__


def _callout(block: Block) -> str | None:
    return f"callout {block.level}" if isinstance(block, Text) and block.level != "normal" else None


def _said(block: Block) -> Markup | None:
    return badge(block.level) if isinstance(block, Text) and block.level != "normal" else None


def _text(block: Text) -> Markup:
    said = None if block.title else _said(block)
    return join([said, *(element("p", prose(paragraph)) for paragraph in block.body)])


def _figure(figure: Figure) -> Markup:
    text = cell(figure.value, "share" if figure.share else "number", decimals=_decimals(figure))
    shown = element("time", text, datetime=figure.value.isoformat()) if isinstance(figure.value, datetime) else text
    return element(
        "div",
        element("dt", figure.name),
        element("dd", shown, class_="value long" if len(text) > _LONG else "value"),
        element("dd", *_beside(figure), class_="small"),
        class_=f"l-{figure.level}",
    )


def _beside(figure: Figure) -> list[Markup]:
    note = [element("div", prose(figure.note))] if figure.note else []
    return [*note, badge(figure.level)] if figure.level != "normal" else note


def _decimals(figure: Figure) -> int | None:
    return share_places([figure.value]) if figure.share else None


def _gallery(block: Gallery, thumbnail: Callable[[Picture], bytes | None]) -> Markup:
    if not block.pictures:
        return element("p", "There are no pictures to show.", class_="empty")
    return element("ul", *(element("li", _picture(p, thumbnail(p))) for p in block.pictures), class_="gallery")


def _picture(picture: Picture, jpeg: bytes | None) -> Markup:
    shown = bool(picture.badge) or picture.level != "normal"
    caption = element(
        "figcaption",
        badge(picture.level, picture.badge) if shown else None,
        element("span", picture.caption, class_="caption") if picture.caption else None,
        _path(picture),
    )
    return element("figure", _tile(picture, jpeg), caption)


def _path(picture: Picture) -> Markup:
    """The source and part; lines are broken after a folder rather than inside a name."""
    *folders, name = picture.source.split("/")
    spans = (element("span", text) for text in (*(f"{folder}/" for folder in folders), name))
    part = element("span", f"\u00b7 {picture.part}") if picture.part else None
    return element("bdi", *spans, " " if part else None, part)


def _tile(picture: Picture, jpeg: bytes | None) -> Markup:
    if not jpeg:
        return element("div", element("p", "This picture is no longer there."), class_="tile gone")
    data = f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode('ascii')}"
    image = element("img", src=data, alt=picture.caption or picture.source, loading="lazy", decoding="async")
    return element("div", image, class_="tile")


def _chart_numbers(chart: Chart) -> Markup | None:
    if not numbers(chart) or not chart.categories:
        return None
    return details("The numbers of this chart", chart_headings(chart), chart_rows(chart))


def _places(block: PlaceMap) -> Markup | None:
    if not block.points:
        return None
    return details("The points of this map", ["name", "level", "latitude", "longitude"], map_rows(block), texts=2)


def _moments(block: Timeline) -> Markup | None:
    if not block.spans:
        return None
    return details("The entries of this timeline", timeline_headings(block), timeline_rows(block), texts=5)
