"""Writes HTML and SVG from values: every text is escaped unless it is :class:`Markup` already.

The texts of a report are hostile: labels come from data, file names from strangers. They reach a page only by
way of :func:`element`, which cleans and escapes them.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

_VOID = frozenset({"meta", "img", "br"})
_SURROGATE = re.compile("[\ud800-\udfff]")
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff]")
_ESCAPED_BYTES = range(0xDC80, 0xDD00)


@dataclass(frozen=True, slots=True)
class Markup:
    """Text that is HTML already and is not escaped again."""

    text: str


Child: TypeAlias = Markup | str | None
Attribute: TypeAlias = str | float | bool | None


def clean(text: str) -> str:
    r"""Text that can be encoded and shown: no lone surrogates, control characters or changes of direction.

    A byte of a file name that is not UTF-8 reads ``\xff``; whatever else cannot be shown becomes U+FFFD.
    """
    return _UNPRINTABLE.sub("\ufffd", _SURROGATE.sub(_readable, text))


def escape(child: Child) -> str:
    """One child as HTML text; None is nothing."""
    if child is None:
        return ""
    return child.text if isinstance(child, Markup) else html.escape(clean(child))


def join(children: Iterable[Child]) -> Markup:
    """Children one after the other, with nothing around them."""
    return Markup("".join(map(escape, children)))


def element(tag: str, *children: Child, **attributes: Attribute) -> Markup:
    """One element of HTML or SVG.

    Args:
        tag: its name.
        children: texts are escaped, markup is not, None is left out.
        attributes: ``class_`` and ``stroke_width`` become ``class`` and ``stroke-width``; None and False are left
            out, True gives the bare name, numbers are written with at most two decimals.
    """
    opening = f"<{tag}{''.join(_attribute(name, value) for name, value in attributes.items())}"
    if tag in _VOID:
        return Markup(f"{opening}/>")
    return Markup(f"{opening}>{''.join(map(escape, children))}</{tag}>")


def _attribute(name: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    written = "" if value is True else html.escape(clean(value)) if isinstance(value, str) else _short(value)
    return f' {name.rstrip("_").replace("_", "-")}="{written}"'


def _short(value: float) -> str:
    written = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if written == "-0" else written


def _readable(match: re.Match[str]) -> str:
    point = ord(match[0])
    return f"\\x{point - 0xDC00:02x}" if point in _ESCAPED_BYTES else "\ufffd"
