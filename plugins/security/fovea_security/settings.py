"""What a user may set: how folders of frames are read, and what no picture may ever show."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from fovea.plugin import PathPattern, PolicySettings, ViewSettings

Fraction = Annotated[float, Field(ge=0, le=1)]


class PrivacyMask(BaseModel):
    """A part of a camera's picture that must not be seen, stored or learned from.

    A mask names its cameras; one that names none of the site's hides nothing, so look at a thumbnail after setting it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    cameras: str = Field("*", min_length=1, description="camera or unit it belongs to; * and ? stand for any text")
    polygon: tuple[tuple[Fraction, Fraction], ...] = Field(
        min_length=3, description="corners as (x, y) in fractions of the picture's width and height, from the top left"
    )


class SecurityView(ViewSettings):
    """How frames are found, and their privacy masks."""

    pattern: str = Field(
        "{event}/{clip}/{frame}",
        description="what a path says, from its end: {event} {camera} {clip} {frame}; other holes become attributes",
    )
    masks: tuple[PrivacyMask, ...] = Field((), description="filled with black before anything else sees a picture")

    @field_validator("pattern")
    @classmethod
    def _pattern_is_readable(cls, text: str) -> str:
        return PathPattern(text).text


class SecurityPolicy(PolicySettings):
    """Nothing to set yet: a clip is decided to be what most of its frames are."""
