"""A stranger's plugin, installed from its wheel beside a Fovea that was installed from its own: real processes all.

A virtual environment is made for each, and sees the libraries of the running one through links, so that nothing is
downloaded; but neither Fovea nor any of its plugins, so that what answers there is what a wheel brought.
"""

from __future__ import annotations

import base64
import configparser
import hashlib
import io
import os
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
GROUP = "fovea.plugins"


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """A virtual environment, the folder where its commands are run, and what of ours is installed there."""

    folder: Path
    work: Path
    ours: Mapping[str, str]

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """One command of the environment, as a user of it types it; nothing of the running one leaks in."""
        ours = ("PYTHON", "PYTEST", "COVERAGE", "FOVEA")
        clean = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        clean |= {"FOVEA_HOME": str(self.work / "home"), "FOVEA_WORKERS": "1", "PIP_NO_INDEX": "1"}
        clean |= {"PIP_NO_BUILD_ISOLATION": "false"}  # which means: build without one
        program = self.folder / "bin" / words[0]
        return subprocess.run(
            [program, *words[1:]], cwd=self.work, env=clean, capture_output=True, text=True, check=False
        )

    def install(self, *what: str) -> None:
        """Install from wheels; what they need must be there already."""
        done = self.run("python", "-m", "pip", "install", "--quiet", "--no-compile", *what)
        assert done.returncode == 0, done.stdout + done.stderr


def build(source: Path, folder: Path) -> Path:
    """The wheel of a project."""
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    [wheel] = folder.glob("*.whl")
    return wheel


def points_of(contents: Mapping[str, bytes]) -> tuple[str, configparser.ConfigParser]:
    """A wheel's entry points, and the name of their file."""
    [name] = [name for name in contents if name.endswith(".dist-info/entry_points.txt")]
    points = configparser.ConfigParser(delimiters=("=",))
    points.read_string(contents[name].decode())
    return name, points


def without_plugins(wheel: Path, folder: Path) -> Path:
    """The wheel again, without the plugins it declares: their packages, their entry points, their lines in RECORD."""
    with zipfile.ZipFile(wheel) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    name, points = points_of(contents)
    packages = set(points[GROUP].values())
    points.remove_section(GROUP)
    text = io.StringIO()
    points.write(text)
    contents[name] = text.getvalue().encode()
    kept = {name: content for name, content in contents.items() if name.split("/")[0] not in packages}
    record = name.replace("entry_points.txt", "RECORD")
    kept[record] = "".join(_line(name, content) for name, content in kept.items() if name != record).encode()
    kept[record] += f"{record},,\n".encode()
    bare = folder / wheel.name
    with zipfile.ZipFile(bare, "w") as archive:
        for name, content in kept.items():
            archive.writestr(name, content)
    return bare


def _line(name: str, content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(content)}\n"


def _is_a_librarys(entry: Path) -> bool:
    if entry.suffix == ".pth" or entry.name == "__pycache__" or entry.name.startswith("fovea"):
        return False
    points = entry / "entry_points.txt"
    return not (points.is_file() and f"[{GROUP}]" in points.read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of links to what is installed here, but for Fovea, plugins of it, and paths that lead to either."""
    folder = tmp_path_factory.mktemp("libraries")
    for site in {Path(sysconfig.get_path(name)) for name in ("purelib", "platlib")}:
        for entry in site.iterdir():
            if _is_a_librarys(entry):
                (folder / entry.name).symlink_to(entry)
    return folder


@pytest.fixture(scope="session")
def our_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fovea, built from the working tree."""
    return build(ROOT, tmp_path_factory.mktemp("ours"))


@pytest.fixture(scope="session")
def full(our_wheel: Path, libraries: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with Fovea as it comes, and plugins that do what none should."""
    made = _environment(tmp_path_factory.mktemp("full"), our_wheel, libraries)
    made.install(str(build(ROOT / "tests" / "third_party" / "rude", tmp_path_factory.mktemp("rude"))))
    return made


@pytest.fixture(scope="session")
def bare(our_wheel: Path, libraries: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with Fovea and none of its plugins."""
    folder = tmp_path_factory.mktemp("bare")
    return _environment(folder, without_plugins(our_wheel, folder), libraries)


def _environment(folder: Path, wheel: Path, libraries: Path) -> Environment:
    venv, work = folder / "venv", folder / "work"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True, capture_output=True)
    [site] = venv.glob("lib/python*/site-packages")
    # a path file's folder is appended: what is installed in the environment itself comes first
    (site / "libraries.pth").write_text(f"{libraries}\n", encoding="utf-8")
    work.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        _, points = points_of({name: archive.read(name) for name in archive.namelist()})
    made = Environment(folder=venv, work=work, ours=dict(points[GROUP]) if GROUP in points else {})
    made.install("--no-deps", str(wheel))
    return made


@pytest.fixture(scope="session")
def project(full: Environment) -> Path:
    """What ``fovea new-plugin`` writes."""
    done = full.run("fovea", "new-plugin", "tyres")
    assert done.returncode == 0, done.stderr
    return full.work / "fovea-tyres"


@pytest.fixture(scope="session")
def tyres(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stranger's wheel."""
    return build(project, tmp_path_factory.mktemp("tyres"))


@pytest.fixture(scope="session", params=["full", "bare"])
def place(request: pytest.FixtureRequest, full: Environment, bare: Environment, tyres: Path) -> Environment:
    """An environment where the stranger's plugin is installed: with our own plugins, and without them."""
    chosen = {"full": full, "bare": bare}[request.param]
    chosen.install(f"{tyres}[test]")
    draw(chosen.work / "pictures", ("worn", "sound"), 12)
    draw(chosen.work / "site", ("",), 4)
    return chosen


def draw(folder: Path, labels: Sequence[str], number: int) -> None:
    """Pictures of noise, brighter from label to label."""
    noise = np.random.default_rng(7)
    for step, label in enumerate(labels):
        (folder / label).mkdir(parents=True)
        for count in range(number):
            pixels = noise.integers(90 * step, 90 * step + 120, (72, 96, 3), np.uint8)
            Image.fromarray(pixels).save(folder / label / f"{count}.png")
