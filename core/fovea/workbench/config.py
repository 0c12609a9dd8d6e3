"""Where things are kept: flags over environment over ``fovea.toml`` over defaults, all mistakes told at once."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from fovea.errors import SettingsError
from fovea.settings import resolve


class Config(BaseModel):
    """The settings of the program, as against those of a site.

    ``notify`` holds what each listener is told of its settings, by the listener's name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    home: Path = Field(description="folder of the database, models, runs and reports")
    workers: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=0, le=1024, description="worker processes")
    notify: Mapping[str, Mapping[str, Any]] = Field(default_factory=dict, description="settings by listener")

    @property
    def database(self) -> Path:
        """The embedded database."""
        return self.home / "fovea.db"

    @property
    def models(self) -> Path:
        """Folder of the bundles."""
        return self.home / "models"

    @property
    def runs(self) -> Path:
        """Folder of the trainings."""
        return self.home / "runs"

    @property
    def reports(self) -> Path:
        """Folder of the reports."""
        return self.home / "reports"


def load_config(*, home: str | None = None, folder: Path | None = None) -> Config:
    """The program's settings.

    Args:
        home: from a flag; wins over ``FOVEA_HOME``, ``fovea.toml`` and the default (the user's data folder).
        folder: where ``fovea.toml`` is looked for; the current folder where None.

    Raises:
        SettingsError: naming every mistake.
    """
    environment = {
        name: os.environ[variable]
        for name, variable in (("home", "FOVEA_HOME"), ("workers", "FOVEA_WORKERS"))
        if os.environ.get(variable)
    }
    flags = {"home": home} if home else {}
    layers = [{"home": _default_home()}, read_toml((folder or Path()) / "fovea.toml"), environment, flags]
    config = resolve(Config, "settings of fovea", layers)
    return config.model_copy(update={"home": config.home.expanduser().absolute()})


def _default_home() -> Path:
    base = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(base).expanduser() / "fovea"


def read_toml(path: Path) -> Mapping[str, Any]:
    """The tables of a TOML file, empty where there is none.

    Raises:
        SettingsError: where it cannot be read or is not TOML.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(path.name, [f"it cannot be read as TOML: {error}"]) from None
    flat = content.pop("fovea", {}) if path.name == "fovea.toml" else {}
    return {**content, **flat}
