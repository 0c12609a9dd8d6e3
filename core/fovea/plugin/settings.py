"""The two classes of settings a domain brings, and why there are two.

*View* settings change pixels, measures or predictions; *policy* settings change decisions only. Functions that
see pixels are given the view and never the policy, so it follows from the types that a new threshold never
rescores a picture and a new mask always does.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


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
