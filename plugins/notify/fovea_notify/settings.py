"""The listener's settings: one table a way of telling."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class LogSettings(BaseModel):
    """``[notify.notify.log]`` in ``fovea.toml``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Path = Field(description="file that each event is appended to as one line of JSON; its folder must exist")


class NotifySettings(BaseModel):
    """``[notify.notify]`` in ``fovea.toml``: what the core tells the listener of this name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    log: LogSettings | None = Field(None, description="a file of events, for other programs to follow")
