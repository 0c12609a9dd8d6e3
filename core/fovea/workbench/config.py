"""Where things are kept: flags over environment over ``fovea.toml`` over defaults, all mistakes told at once."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from fovea.errors import SettingsError
from fovea.settings import near, resolve, shown

_VARIABLES = (("home", "FOVEA_HOME"), ("workers", "FOVEA_WORKERS"))


class Config(BaseModel):
    """The settings of the program, as against those of a site.

    ``notify`` holds what each listener is told of its settings, by the listener's name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    home: Path = Field(description="folder of the database, models, runs and reports")
    workers: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=0, le=1024, description="worker processes")
    notify: Mapping[str, Mapping[str, Any]] = Field(default_factory=dict, description="settings by listener")

    @field_validator("home")
    @classmethod
    def _home_is_whole(cls, path: Path) -> Path:
        try:
            return path.expanduser().absolute()
        except RuntimeError:
            msg = f"want a path, and '{path.parts[0]}' is nobody's home folder here"
            raise ValueError(msg) from None

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
    def cache(self) -> Path:
        """Folder of what can be made again: squares and features. It may be deleted while nothing runs."""
        return self.home / "cache"

    @property
    def clips(self) -> Path:
        """Folder of the clips of findings, by site."""
        return self.home / "clips"

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
    environment = {name: os.environ[variable] for name, variable in _VARIABLES if os.environ.get(variable)}
    flags = {"home": home} if home else {}
    file = _flat(read_toml((folder or Path()) / "fovea.toml"))
    names = {name: variable for name, variable in _VARIABLES if name in environment} | dict.fromkeys(flags, "--home")
    layers = [{"home": _default_home()}, file, environment, flags]
    return resolve(Config, "", layers, prefix="fovea.toml: ", names=names)


def listener_settings(
    config: Config, *, listeners: Collection[str], left_out: Collection[str] = ()
) -> Mapping[str, Mapping[str, Any]]:
    """What each listener is told of its settings.

    Args:
        config: holds them.
        listeners: names of the listeners there are.
        left_out: names of plugins that did not load; a table for one of them is no mistake, and is not told.

    Raises:
        SettingsError: a table belongs to no listener.
    """
    strange = sorted(set(config.notify) - set(listeners) - set(left_out))
    if strange:
        fault = "there is no listener of that name"
        raise SettingsError("", [f"fovea.toml: notify.{name}: {fault}; {near(name, listeners)}" for name in strange])
    return {name: config.notify.get(name, {}) for name in listeners}


def _default_home() -> Path:
    base = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(base).expanduser() / "fovea"


def read_toml(path: Path) -> Mapping[str, Any]:
    """The tables of a TOML file, empty where there is none.

    Raises:
        SettingsError: where it cannot be read or is not TOML.
    """
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8"))
    except FileNotFoundError:
        return {}
    except IsADirectoryError:
        fault = "it is a folder, want a file of settings"
    except OSError as error:
        fault = f"it cannot be read ({error.strerror})"
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        fault = f"line {line} is not UTF-8; save it as UTF-8 text"
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        fault = f"it is not TOML: {_place_first(str(error))}"
    raise SettingsError("", [f"{path}: {fault}"])


def _place_first(message: str) -> str:
    """``Invalid value (at line 3, column 9)`` as ``line 3, column 9: invalid value``."""
    what, _, place = message.removesuffix(")").rpartition(" (at ")
    return f"{place}: {what[:1].lower()}{what[1:]}" if what else message


def _flat(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """``[fovea]`` is a table that need not be written."""
    own = content.get("fovea", {})
    if not isinstance(own, Mapping):
        raise SettingsError("", [f"fovea.toml: fovea: want a table, not {shown(own)}"])
    return {**{name: value for name, value in content.items() if name != "fovea"}, **own}
