"""The two classes of settings a domain brings, and why there are two.

*View* settings change pixels, measures or predictions; *policy* settings change decisions only. Functions that
see pixels are given the view and never the policy, so it follows from the types that a new threshold never
rescores a picture and a new mask always does.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError) as error:  # ZoneInfoNotFoundError is a KeyError
        raise ValueError(f"there is no time zone '{name}'; wanted a name such as Europe/Rome or UTC") from error
    return name


ZoneName: TypeAlias = Annotated[str, AfterValidator(_known_zone)]
"""Type of a setting that names an IANA time zone; any other name is refused with a sentence."""


class ViewSettings(BaseModel):
    """Base of a domain's view settings: the limits that hold before a picture is decoded.

    Limits are settings, because one domain's bomb is another's whole-slide scan.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_megapixels: float = Field(60.0, gt=0, le=4000, description="largest picture that is decoded, in 10^6 pixels")
    max_megabytes: float = Field(128.0, gt=0, le=16000, description="largest file that is read, in 10^6 bytes")


class PolicySettings(BaseModel):
    """Base of a domain's policy settings; empty, since the core takes no decisions."""

    model_config = ConfigDict(frozen=True, extra="forbid")
