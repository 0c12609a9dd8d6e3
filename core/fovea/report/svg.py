"""What every drawing shares: its frame, fitted texts, and the marks of the levels."""

from __future__ import annotations

import math
import unicodedata

from fovea.plugin import LEVELS, Level
from fovea.report.markup import Child, Markup, element

WIDE, NARROW = 880.0, 344.0
"""Widths a drawing is made in, in px: one for a desk and for paper, one for a phone. The page shows one of them."""

SIZE = 13.0
"""Size of texts in a drawing, in px."""

_THIN_LETTERS = frozenset("iljtfrI.,:;'|!()[] -\u202f")
_BROAD_LETTERS = frozenset("mwMW%@")
_ELLIPSIS = "\u2026"


def drawing(
    *children: Child, width: float, height: float, title: str, description: str, ident: str, bare: bool = False
) -> Markup:
    """One SVG with the title and description that a screen reader says.

    Args:
        children: what is drawn.
        width: in px; the page scales it to the room there is.
        height: in px.
        title: what it shows.
        description: how it shows it, in a sentence.
        ident: unique on the page.
        bare: True for the one drawing that serves every width.
    """
    size = "" if bare else " wide" if width > NARROW else " narrow"
    return element(
        "svg",
        element("title", title, id=f"{ident}-t"),
        element("desc", description, id=f"{ident}-d"),
        *children,
        class_=f"drawing{size}",
        viewBox=f"0 0 {width:.0f} {height:.0f}",
        role="img",
        aria_labelledby=f"{ident}-t {ident}-d",
    )


def text_width(text: str, size: float = SIZE) -> float:
    """About how wide a text gets in a sans-serif face, in px, rather too wide than too narrow."""
    return sum(map(_letter_width, text)) * size


def elide(text: str, room: float, size: float = SIZE) -> str:
    """The text, cut with an ellipsis where it is wider than ``room`` px."""
    if text_width(text, size) <= room:
        return text
    kept = text
    while kept and text_width(kept + _ELLIPSIS, size) > room:
        kept = kept[:-1]
    return kept.rstrip() + _ELLIPSIS


def wrap(text: str, room: float, *, lines: int = 2, size: float = SIZE) -> list[str]:
    """The text on at most ``lines`` lines of ``room`` px, broken at spaces; the last one is cut where need be."""
    words = text.split()
    done: list[str] = []
    while words and len(done) < lines - 1:
        line = words.pop(0)
        while words and text_width(f"{line} {words[0]}", size) <= room:
            line = f"{line} {words.pop(0)}"
        done.append(elide(line, room, size))
    return [*done, elide(" ".join(words), room, size)] if words else done or [""]


def label(x: float, y: float, text: str, class_: str = "", *, anchor: str = "start") -> Markup:
    """A text in a drawing; ``anchor`` is start, middle or end."""
    return element("text", text, x=x, y=y, class_=class_ or None, text_anchor=None if anchor == "start" else anchor)


def mark(x: float, y: float, radius: float, level: Level, *, hint: str = "") -> Markup:
    """The mark of a level: its colour and its shape, so that it is told apart without colours too."""
    return element("path", element("title", hint) if hint else None, d=_shape(x, y, radius, level), class_=f"l-{level}")


def level_item(level: Level, text: str) -> Markup:
    """One entry of a legend: the mark of a level and what it says."""
    drawn = element("svg", mark(8, 8, 5, level), viewBox="0 0 16 16", width=16, height=16, aria_hidden="true")
    return element("li", drawn, text)


def levels_in(levels: list[Level]) -> list[Level]:
    """The levels that occur, the mildest first."""
    return [level for level in LEVELS if level in levels]


def _shape(x: float, y: float, radius: float, level: Level) -> str:
    if level == "warning":
        high, half = radius * 1.25, radius * 1.2
        return f"M{x:.1f} {y - high:.1f}L{x + half:.1f} {y + radius * 0.85:.1f}H{x - half:.1f}Z"
    if level == "alarm":
        reach = radius * 1.3
        return f"M{x:.1f} {y - reach:.1f}L{x + reach:.1f} {y:.1f}L{x:.1f} {y + reach:.1f}L{x - reach:.1f} {y:.1f}Z"
    if level == "notice":
        half = radius * 0.9
        return f"M{x - half:.1f} {y - half:.1f}h{2 * half:.1f}v{2 * half:.1f}h{-2 * half:.1f}Z"
    arc = f"a{radius:.1f} {radius:.1f} 0 1 0"
    return f"M{x - radius:.1f} {y:.1f}{arc} {2 * radius:.1f} 0{arc} {-2 * radius:.1f} 0Z"


def _letter_width(letter: str) -> float:
    if letter in _THIN_LETTERS:
        return 0.38
    if letter in _BROAD_LETTERS:
        return 0.9
    if unicodedata.combining(letter):
        return 0.0
    if unicodedata.east_asian_width(letter) in "WF":
        return 1.0
    return 0.7 if letter.isupper() else 0.6


def smooth(value: float) -> float:
    """A pixel rounded to halves, so that hairlines stay sharp."""
    return math.floor(value) + 0.5
