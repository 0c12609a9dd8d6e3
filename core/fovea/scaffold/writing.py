"""Writing the project: every file of it, or none."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import Template

from fovea import __version__
from fovea.errors import UsageError
from fovea.registry import Registry
from fovea.scaffold.naming import OURS, check_name, package_of

_FILES: Mapping[str, tuple[str, str]] = {
    "pyproject.toml": ("pyproject.toml.txt", "makes it installable, and known to Fovea"),
    "README.md": ("README.md.txt", "how to install, test, train and batch"),
    "$package/__init__.py": ("plugin.py.txt", "the plugin: it reads, decides, reports"),
    "tests/test_$module.py": ("tests.py.txt", "draw pictures and check the contract"),
}
"""What is written: the path, the template, and what it is for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPlugin:
    """A plugin project that was just written.

    Args:
        name: of its domain.
        package: its import package.
        folder: where it lies.
        files: what was written, relative to the folder, with what each is for.
    """

    name: str
    package: str
    folder: Path
    files: Mapping[str, str]


def new_plugin(name: str, folder: Path | None, registry: Registry) -> NewPlugin:
    """Write a plugin that can be installed, tested and trained as it stands.

    Args:
        name: of its domain.
        folder: a new or empty one; by default ``fovea-NAME`` in the current one.
        registry: the plugins whose names are taken.

    Raises:
        UsageError: the name will not do, or the folder is not empty or cannot be written; nothing was written.
    """
    check_name(name, registry)
    package = package_of(name)
    words = {
        "name": name,
        "package": package,
        "module": package.removeprefix("fovea_"),
        "title": name.replace("-", " ").capitalize(),
        "version": __version__,
    }
    target = Path(f"{OURS}{name}") if folder is None else folder
    _write(target, {_filled(path, words): _filled(_template(name), words) for path, (name, _) in _FILES.items()})
    about = {_filled(path, words): purpose for path, (_, purpose) in _FILES.items()}
    return NewPlugin(name=name, package=package, folder=target, files=about)


def _filled(text: str, words: Mapping[str, str]) -> str:
    return Template(text).substitute(words)


def _template(name: str) -> str:
    return files("fovea.scaffold").joinpath("templates", name).read_text(encoding="utf-8")


def _write(folder: Path, texts: Mapping[str, str]) -> None:
    if os.path.lexists(folder) and not folder.is_dir():
        raise UsageError(f"{folder} is no folder; name a new one with --folder")
    try:
        if folder.is_dir() and any(folder.iterdir()):
            raise UsageError(f"the folder {folder} is not empty; name a new one with --folder")
        with _all_or_nothing(folder):
            for name, text in texts.items():
                path = folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        fault = f"the folder {folder} cannot be written: {error.strerror}"
        raise UsageError(f"{fault}; name another one with --folder") from error


@contextmanager
def _all_or_nothing(folder: Path) -> Iterator[None]:
    """Where the work inside fails or is stopped, the folder and those above it are as they were."""
    new = next((path for path in (*reversed(folder.parents), folder) if not os.path.lexists(path)), None)
    try:
        yield
    except BaseException:
        for path in folder.iterdir() if new is None else (new,):
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
        raise
