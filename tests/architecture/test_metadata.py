"""pyproject.toml: every dependency has its reason, none is older than is safe, and the wheel holds what it should."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

PACKAGES = {"fovea", "fovea_apps", "fovea_crop", "fovea_medical", "fovea_notify", "fovea_security"}

SAFE_FROM = {
    "opencv-python-headless": "4.8.1.78",  # bundles libwebp without CVE-2023-4863
    "pillow": "11.3",  # CVE-2025-48379, a heap overflow when writing DDS
    "pydicom": "3.0.2",  # a DICOMDIR may no longer point out of its folder
    "torch": "2.6",  # CVE-2025-32434: torch.load ran code in spite of weights_only
}
"""The oldest release of a library without a hole that matters here."""


@pytest.fixture(scope="module")
def project(root: Path) -> dict[str, Any]:
    return tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]


@pytest.fixture(scope="module")
def needed(project: dict[str, Any]) -> list[Requirement]:
    return [Requirement(line) for line in project["dependencies"]]


def test_every_dependency_says_in_the_readme_of_core_why_it_is_there(root, project, needed):
    told = set(re.findall(r"`([A-Za-z0-9_.-]+)(?:\[[^`]*\])?[^`]*`", (root / "core" / "README.md").read_text("utf-8")))
    extras = [Requirement(line) for lines in project["optional-dependencies"].values() for line in lines]
    assert {requirement.name for requirement in [*needed, *extras]} - told - {"fovea"} == set()


def test_every_dependency_has_a_lower_bound(needed):
    assert [r.name for r in needed if not any(part.operator in {">=", "=="} for part in r.specifier)] == []


@pytest.mark.parametrize("name,oldest", SAFE_FROM.items())
def test_no_release_with_a_known_hole_is_allowed(needed, name, oldest):
    [requirement] = [r for r in needed if r.name == name]
    bounds = [Version(part.version) for part in requirement.specifier if part.operator in {">=", "=="}]
    assert max(bounds) >= Version(oldest)


def test_albumentations_stays_at_its_last_mit_release(needed):
    [requirement] = [r for r in needed if r.name == "albumentations"]
    assert str(requirement.specifier) == "==2.0.8"


def test_only_one_flavour_of_opencv_is_asked_for(needed):
    assert [r.name for r in needed if r.name.startswith("opencv")] == ["opencv-python-headless"]


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The names in a wheel that was built from the working tree."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(root)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    [built] = folder.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        return archive.namelist()


@pytest.mark.slow
def test_the_wheel_holds_the_six_packages_and_nothing_beside_them(wheel):
    tops = {name.split("/")[0] for name in wheel}
    assert {top for top in tops if not top.endswith(".dist-info")} == PACKAGES


@pytest.mark.slow
def test_the_wheel_says_that_each_package_is_typed(wheel):
    assert {f"{package}/py.typed" for package in PACKAGES} <= set(wheel)


@pytest.mark.slow
def test_the_wheel_holds_the_migrations(wheel, root):
    migrations = root / "core" / "fovea" / "store" / "migrations" / "versions"
    names = {f"fovea/store/migrations/versions/{path.name}" for path in migrations.glob("*.py")}
    assert names
    assert names <= set(wheel)


@pytest.mark.slow
def test_the_wheel_holds_neither_tests_nor_caches(wheel):
    assert [name for name in wheel if "__pycache__" in name or "/tests/" in name or name.endswith(".pyc")] == []
