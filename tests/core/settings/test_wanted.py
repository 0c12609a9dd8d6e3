from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from fovea.settings.wanted import wanted


class Shade(Enum):
    LIGHT = "light"
    DARK = "dark"


class Corner(BaseModel):
    x: float
    y: float


Share = Annotated[float, Field(ge=0, le=1)]


@pytest.mark.parametrize(
    "annotation,limits,words",
    [
        (bool, {}, "true or false"),
        (int, {"ge": 1, "le": 9}, "a whole number from 1 to 9"),
        (int, {"ge": 0}, "a whole number of at least 0"),
        (float, {"gt": 0}, "a number above 0"),
        (float, {"gt": 0, "le": 10.0}, "a number above 0 and at most 10"),
        (float, {"le": 0.5}, "a number of at most 0.5"),
        (float, {"ge": 0, "lt": 1}, "a number of at least 0 and below 1"),
        (str, {}, "a text"),
        (str, {"min_length": 1}, "a text that is not empty"),
        (str, {"min_length": 3}, "a text of at least 3 characters"),
        (str, {"max_length": 8}, "a text of at most 8 characters"),
        (Path, {}, "a path"),
        (date, {}, "a date such as 2026-05-14"),
        (datetime, {}, "a date and time such as 2026-05-14T09:30:00Z"),
        (Literal["sgd", "adam", "adamw"], {}, "'sgd', 'adam' or 'adamw'"),
        (Literal["auto"], {}, "'auto'"),
        (Shade, {}, "'light' or 'dark'"),
        (int | Literal["auto"], {"ge": 32, "le": 1024}, "a whole number from 32 to 1024, or 'auto'"),
        (Path | None, {}, "a path"),
        (tuple[str, ...], {}, 'a list of texts such as ["a", "b"]'),
        (list[int], {"min_length": 2}, "a list of at least 2 whole numbers"),
        (list[int], {"min_length": 2, "max_length": 4}, "a list of 2 to 4 whole numbers"),
        (tuple[Share, Share], {}, "a list of 2, each a number from 0 to 1"),
        (tuple[int, str], {}, "a list of 2: a whole number, a text"),
        (list[Share], {}, "a list, each a number from 0 to 1"),
        (tuple[Corner, ...], {"min_length": 3}, "a list of at least 3, each a table of x, y"),
        (list[Any], {}, "a list"),
        (Corner, {}, "a table of x, y"),
        (Mapping[str, int], {}, "a table"),
    ],
)
def test_a_type_is_said_in_words(annotation, limits, words):
    class Settings(BaseModel):
        one: annotation = Field(**limits)

    field = Settings.model_fields["one"]
    assert wanted(field.annotation, field.metadata) == words


@pytest.mark.parametrize("annotation", [Decimal, Any, int | Decimal])
def test_a_type_without_words_is_left_to_who_refused_it(annotation):
    assert wanted(annotation) == ""
