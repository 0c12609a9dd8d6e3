from __future__ import annotations

import os
import re
import subprocess
import sys
from types import SimpleNamespace

import pytest
from PIL import Image as Pillow

from fovea.plugin import Domain, DomainInfo, Sample, ViewSettings, find_files, hookimpl

HEAVY = ("albumentations", "cv2", "numpy", "openvino", "pydantic", "sqlalchemy", "torch", "fovea.workbench")

BESIDES = """
import os
import sys


def test_nothing_of_fovea_is_at_work_here():
    assert "fovea.testing.pytest_plugin" in sys.modules
    assert not {"sqlalchemy", "torch", "fovea.workbench"} & set(sys.modules)
"""

EARLY = """
import os

SEEN = os.environ.get("NO_ALBUMENTATIONS_UPDATE")


def pytest_report_header():
    return f"seen by a conftest: {SEEN}"
"""

BROKEN = """
import my_plugin


def test_it_keeps_the_contract(fovea_conformance, tmp_path):
    fovea_conformance(my_plugin, tmp_path)


def test_there_are_pictures(fovea_conformance, tmp_path):
    fovea_conformance(my_plugin, tmp_path / "elsewhere")
"""


def run_pytest(folder, *, variables=()):
    """A run of pytest in a process of its own, as somebody has it who installed Fovea."""
    left_out = {"NO_ALBUMENTATIONS_UPDATE", "PYTEST_ADDOPTS", "PYTEST_CURRENT_TEST"}
    clean = {name: value for name, value in os.environ.items() if name not in left_out} | dict(variables)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", str(folder)]
    return subprocess.run(command, cwd=folder, env=clean, capture_output=True, text=True, check=False)


def test_loading_the_plugin_loads_nothing_heavy():
    program = "import sys; import fovea.testing.pytest_plugin; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not set(HEAVY) & set(done.stdout.split())


def test_a_run_that_has_nothing_to_do_with_fovea_stays_as_it_was(tmp_path):
    (tmp_path / "test_besides.py").write_text(BESIDES)
    done = run_pytest(tmp_path)
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout


@pytest.mark.parametrize("variables,seen", [({}, "1"), ({"NO_ALBUMENTATIONS_UPDATE": "0"}, "0")])
def test_a_conftest_finds_albumentations_silent_unless_somebody_wants_otherwise(tmp_path, variables, seen):
    (tmp_path / "conftest.py").write_text(EARLY)
    (tmp_path / "test_besides.py").write_text(BESIDES)
    assert f"seen by a conftest: {seen}" in run_pytest(tmp_path, variables=variables).stdout


def test_a_fault_is_told_in_the_kits_sentences_and_without_a_traceback(tmp_path):
    (tmp_path / "my_plugin.py").write_text("def fovea_domains():\n    return []\n")
    (tmp_path / "test_contract.py").write_text(BROKEN)
    told = run_pytest(tmp_path).stdout.splitlines()
    first = next(number for number, line in enumerate(told) if "= FAILURES =" in line)
    last = next(number for number, line in enumerate(told) if "= short test summary" in line)
    header, *sentences, other_header, no_folder = told[first + 1 : last]
    assert "test_it_keeps_the_contract" in header
    assert sentences == [
        "the domain 'my_plugin' does not keep the contract:",
        "loading: plugin 'my_plugin' failed in fovea_domains: it is not marked; write @hookimpl above it",
    ]
    assert "test_there_are_pictures" in other_header
    assert re.fullmatch(r"there is no folder \S+elsewhere; name one that holds pictures of the domain", no_folder)


class FirstOnly(ViewSettings):
    first_only: bool = False


def read_samples(root, view):
    for source in find_files(root):
        yield Sample(source=source)
        if view.first_only:
            return


def domain(name):
    # without a role nothing is augmented, and the heavy library behind that stays away
    info = DomainInfo(name=name, title=name, intended_use="A test.", limits="Only a test.", view=FirstOnly)
    return Domain(info=info, read_samples=read_samples)


@hookimpl
def fovea_domains():
    return [domain("dull"), domain("bright")]


@pytest.fixture
def pictures(tmp_path):
    for name in ("a.png", "b.png"):
        Pillow.new("RGB", (40, 30), (9, 99, 199)).save(tmp_path / name)
    (tmp_path / "c.png").touch()
    return tmp_path


def test_what_holds_is_handed_back_with_its_notes(fovea_conformance, pictures):
    held = fovea_conformance(SimpleNamespace(fovea_domains=fovea_domains), pictures, domain="bright")
    assert held.domain == "bright"
    assert "load_images: 1 of 3 could not be loaded: empty 1" in held.notes


def test_settings_are_passed_on(fovea_conformance, pictures):
    plugin = SimpleNamespace(fovea_domains=fovea_domains)
    held = fovea_conformance(plugin, pictures, domain="dull", settings=["view.first_only=true"])
    assert held.notes == ()


def test_wrong_settings_fail_the_test_in_one_sentence(fovea_conformance, pictures):
    plugin = SimpleNamespace(fovea_domains=fovea_domains)
    with pytest.raises(pytest.fail.Exception, match="there is no such setting") as told:
        fovea_conformance(plugin, pictures, domain="dull", settings=["view.frist=1"])
    assert told.value.pytrace is False
