"""A report as JSON."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime

from fovea.plugin import Block, Report

FORMAT = 1
"""Rises when a reader of the JSON would have to change."""

_SURROGATE = re.compile("[\ud800-\udfff]")
_NAMES = {
    "Text": "text",
    "Figures": "figures",
    "Table": "table",
    "Chart": "chart",
    "Gallery": "gallery",
    "PlaceMap": "map",
    "Timeline": "timeline",
}


def to_json(report: Report) -> str:
    """The report as indented JSON in the order of its fields, ready to be encoded as UTF-8.

    Times are ISO 8601. What is no finite number is null. A byte of a file name that is not UTF-8 stays an escaped
    surrogate, so that Python reads back the very name.
    """
    data = {
        "format": FORMAT,
        "title": report.title,
        "summary": report.summary,
        "blocks": [_block(block) for block in report.blocks],
        "facts": dict(report.facts),
    }
    written = json.dumps(data, ensure_ascii=False, allow_nan=False, indent=2)
    return _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", written) + "\n"


def _block(block: Block) -> dict[str, object]:
    return {"block": _NAMES[type(block).__name__], **{f.name: _plain(getattr(block, f.name)) for f in fields(block)}}


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    return value
