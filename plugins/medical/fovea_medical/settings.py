"""What a user may set: how folders of DICOM files are read, and the limits that hold before pixels are decoded."""

from __future__ import annotations

from pydantic import Field, field_validator

from fovea.plugin import PathPattern, PolicySettings, ViewSettings, ZoneName


class MedicalView(ViewSettings):
    """How files are found, what their paths say, and the limits."""

    max_megapixels: float = Field(
        24.0, gt=0, le=4000, description="largest frame that is decoded, in 10^6 pixels; a mammogram has 14"
    )
    max_frames: int = Field(2000, ge=1, le=99999, description="most frames of one file")
    max_inflated_megabytes: float = Field(
        64.0, gt=0, le=16000, description="largest size that a deflated file may unfold to, in 10^6 bytes"
    )
    pattern: str = Field(
        "{finding}/{name}",
        description="what a path says, from its end: {finding} {patient} {name}; other holes become attributes, so "
        "name none that holds a person's name",
    )
    zone: ZoneName = Field("UTC", description="zone of times in files that carry no offset, such as Europe/Rome")
    key: str = Field(
        "env:FOVEA_MEDICAL_KEY",
        description="where the secret lies that patients and studies are told apart with, as env:NAME; where that is "
        "not set, a secret is made once and kept in the user's own state folder",
    )

    @field_validator("pattern")
    @classmethod
    def _pattern_is_readable(cls, text: str) -> str:
        return PathPattern(text).text

    @field_validator("key")
    @classmethod
    def _key_is_a_reference(cls, text: str) -> str:
        if not text.startswith("env:") or not text.removeprefix("env:").isidentifier():
            raise ValueError("wanted a reference such as env:FOVEA_MEDICAL_KEY, never the secret itself")
        return text


class MedicalPolicy(PolicySettings):
    """Nothing to set yet: a study is decided to be what most of its pictures are."""
