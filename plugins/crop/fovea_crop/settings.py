"""What a user may set: how a folder is read (view), and what is made of the predictions (policy)."""

from __future__ import annotations

from typing import Self

from pydantic import Field, field_validator, model_validator

from fovea.plugin import PathPattern, PolicySettings, ViewSettings, ZoneName


class CropView(ViewSettings):
    """How pictures are found and what their paths say."""

    pattern: str = Field(
        "{disease}/{name}",
        description="what a path says, from its end: {farm} {field} {row} {plant} {date} {shot} {camera} {run} "
        "{disease} {name}; any other hole becomes an attribute",
    )
    zone: ZoneName = Field(
        "UTC", description="zone of dates and of camera times that carry no offset, such as Europe/Rome"
    )
    run_gap: int = Field(
        5,
        ge=0,
        le=9999,
        description="pictures of one camera whose counters differ by at most this belong to one group, so that shots "
        "of one leaf never stand on both sides of a split; used where neither the pattern nor the name says the plant",
    )
    run_length: int = Field(
        100,
        ge=0,
        le=9999,
        description="a run is cut where its counters have gone this far, so that a card filled without a pause is "
        "more than one group; 0 never cuts",
    )

    @field_validator("pattern")
    @classmethod
    def _pattern_is_readable(cls, text: str) -> str:
        return PathPattern(text).text


class CropPolicy(PolicySettings):
    """What is made of the predictions; a change here scores no picture again."""

    sure: float = Field(0.6, ge=0, le=1, description="probability from which on a picture's label is believed")
    healthy: tuple[str, ...] = Field(
        ("healthy",), description="labels that mean no disease, alone or as the last words of a label"
    )
    no_plant: tuple[str, ...] = Field(
        ("not a leaf", "background", "background without leaves"),
        description="labels that mean there is nothing to diagnose; such pictures count in no share",
    )
    least_sharpness: float = Field(
        10.0,
        ge=0,
        description="variance of the Laplacian below which a picture is too blurred to believe; 0 believes all",
    )
    least_pictures: int = Field(5, ge=1, description="sure pictures below which a share raises no warning")
    warn_share: float = Field(0.10, gt=0, le=1, description="share of diseased pictures that makes a warning")
    alarm_share: float = Field(0.30, gt=0, le=1, description="share of diseased pictures that makes an alarm")
    rise: float = Field(0.10, gt=0, le=1, description="rise of a disease's share between visits that is a finding")
    plant_shots: int = Field(2, ge=1, description="sure pictures of one disease that make a plant worth a visit")
    look_at: int = Field(3, ge=0, le=100, description="most uncertain pictures of a field put up for review")

    @model_validator(mode="after")
    def _alarm_is_above_warning(self) -> Self:
        if self.alarm_share < self.warn_share:
            raise ValueError(f"alarm_share {self.alarm_share} is below warn_share {self.warn_share}")
        return self
