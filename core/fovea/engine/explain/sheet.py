"""An explanation as a picture: what was looked at, and where the answer comes from; or why no map is shown."""

from __future__ import annotations

import io
from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from fovea.engine.explain.values import Explanation
from fovea.engine.judging.overlay import LEAST, Picture, fitted, inferno, overlay

SIDE = 420
"""Longest side of a tile, in pixels."""
_GAP, _LINE, _TEXT, _TITLE = 20, 20, 14, 18
_INK, _QUIET, _PAPER, _RULE, _SOFT = "#1c1b19", "#6b6862", "#ffffff", "#d9d6cf", "#f4f2ed"
_CAPTION = _GAP + _TITLE + 2 * _LINE + 34


def overlaid(picture: Picture, explanation: Explanation) -> Picture:
    """The picture under its map, or faint where the map is hidden: uint8 (height, width, 3), SIDE at its longest."""
    shown = fitted(picture, SIDE)
    return overlay(shown, explanation.map) if explanation.shown else _faint(shown)


def sheet(name: str, picture: Picture, explanations: Sequence[Explanation], *, is_value: bool) -> bytes:
    """One picture's explanations as a PNG, a row each.

    Args:
        name: of the picture, shown at the top.
        picture: uint8 (height, width, 3), the view that the network was given, as finely as it is at hand.
        explanations: of this picture.
        is_value: True where what the model says is a value and no probability.
    """
    shown = fitted(picture, SIDE)
    height, width = shown.shape[:2]
    row = height + _CAPTION
    page = Image.new("RGB", (2 * width + 3 * _GAP, _GAP + _TITLE + _GAP // 2 + len(explanations) * row), _PAPER)
    draw = ImageDraw.Draw(page)
    draw.text((_GAP, _GAP), _cut(draw, name, page.width - 2 * _GAP), _QUIET, _font(_TEXT))
    for number, one in enumerate(explanations):
        top = _GAP + _TITLE + _GAP // 2 + number * row
        page.paste(Image.fromarray(shown), (_GAP, top))
        page.paste(Image.fromarray(overlaid(picture, one)), (2 * _GAP + width, top))
        if not one.shown:
            _say_hidden(draw, (2 * _GAP + width, top, width, height))
        _caption(draw, one, (_GAP, top + height + 12), page.width - 2 * _GAP, is_value=is_value)
    stream = io.BytesIO()
    page.save(stream, "PNG")
    return stream.getvalue()


def _caption(
    draw: ImageDraw.ImageDraw, one: Explanation, place: tuple[int, int], width: int, *, is_value: bool
) -> None:
    left, top = place
    said = f"{one.label}: {one.said:.4g}" if is_value else f"{one.label}, probability {one.said:.2f}"
    if one.shown:
        _legend(draw, left + width, top + 2)
    draw.text((left, top), _cut(draw, said, width - 240, _TITLE), _INK, _font(_TITLE))
    state = "Shown" if one.shown else "Hidden"
    for number, line in enumerate(_wrapped(draw, f"{state}: {one.reason}.", width)[:2]):
        draw.text((left, top + _TITLE + 10 + number * _LINE), line, _QUIET, _font(_TEXT))


def _legend(draw: ImageDraw.ImageDraw, right: int, top: int) -> None:
    """From little to most of what speaks for the answer; of each picture for itself."""
    long, high = 120, 10
    end = right - draw.textlength("most", _font(_TEXT)) - 8
    ramp = inferno(np.linspace(LEAST, 1, long, dtype=np.float32)[None])[0]
    for place, colour in enumerate(ramp.tolist()):
        draw.line((end - long + place, top + 3, end - long + place, top + 3 + high), tuple(colour))
    draw.text((end + 8, top), "most", _QUIET, _font(_TEXT))
    draw.text((end - long - 8, top), "little", _QUIET, _font(_TEXT), anchor="ra")


def _say_hidden(draw: ImageDraw.ImageDraw, box: tuple[int, int, int, int]) -> None:
    left, top, width, height = box
    draw.rectangle((left, top, left + width - 1, top + height - 1), outline=_RULE)
    draw.text((left + width / 2, top + height / 2), "no map is shown", _INK, _font(_TITLE), anchor="mm")


def _faint(picture: Picture) -> Picture:
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None].astype(np.float32)
    return np.asarray(np.repeat(0.12 * grey + 0.88 * 244, 3, axis=2), np.uint8)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _cut(draw: ImageDraw.ImageDraw, text: str, width: int, size: int = _TEXT) -> str:
    """The end of a text that fits, since a path tells most there."""
    while len(text) > 1 and draw.textlength(text, _font(size)) > width:
        text = "…" + text[2:]
    return text


def _wrapped(draw: ImageDraw.ImageDraw, text: str, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and draw.textlength(longer, _font(_TEXT)) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines
