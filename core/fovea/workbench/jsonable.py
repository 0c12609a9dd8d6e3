"""Frozen values as plain JSON, for ``--json``."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any

from pydantic import BaseModel


def plain(value: Any) -> Any:  # noqa: PLR0911 - one line a kind of value
    """``value`` as dictionaries, lists, texts and numbers; a number that is none becomes null.

    >>> plain({"when": datetime(2026, 1, 1)})
    {'when': '2026-01-01T00:00:00'}
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if dataclasses.is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, AbstractSet)):
        return [plain(item) for item in value]
    return str(value)
