"""Who may import whom, and what an import may cost."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

PLUGINS = ("fovea_crop", "fovea_medical", "fovea_notify", "fovea_security")
HEAVY = {"albumentations", "cv2", "openvino", "torch", "torchvision"}


def loaded_by(*names: str) -> set[str]:
    """The top-level modules that a fresh process holds after importing these."""
    code = f"import json, sys; import {', '.join(names)}; print(json.dumps([n.split('.')[0] for n in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


@pytest.mark.slow
def test_the_import_contracts_are_kept(root):
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_workbench_and_the_command_line_load_no_plugin_and_no_torch():
    assert (
        loaded_by("fovea.workbench", "fovea_apps.cli") & {*PLUGINS, "torch", "torchvision", "albumentations"} == set()
    )


def test_the_command_line_alone_loads_nothing_heavy():
    assert loaded_by("fovea_apps.cli") & {*PLUGINS, *HEAVY, "sqlalchemy", "numpy"} == set()


@pytest.mark.parametrize("plugin", PLUGINS)
def test_a_plugin_loads_nothing_heavy(plugin):
    assert loaded_by(plugin) & HEAVY == set()


def test_the_door_for_authors_loads_nothing_heavy():
    assert loaded_by("fovea.plugin") & {*HEAVY, "numpy"} == set()


def test_the_plugins_named_here_are_those_that_are_installed():
    ours = {entry.value for entry in entry_points(group="fovea.plugins") if entry.dist.name == "fovea"}
    assert ours == set(PLUGINS)


def test_core_and_apps_name_no_plugin(root):
    texts = [path for room in ("core", "apps") for path in (root / room).rglob("*") if path.suffix in {".py", ".toml"}]
    naming = {str(path.relative_to(root)) for path in texts for name in PLUGINS if name in path.read_text("utf-8")}
    assert naming == set()


def test_torch_is_imported_in_the_engine_only(modules):
    users = {
        path
        for path, tree in modules.items()
        for node in ast.walk(tree)
        for name in _imported(node)
        if name.split(".")[0] in {"torch", "torchvision"}
    }
    assert users
    assert {path for path in users if path.parts[:3] != ("core", "fovea", "engine")} == set()


@pytest.mark.parametrize("folder", ["core", "plugins", "apps", "tests"])
def test_the_folders_are_no_packages(root, folder):
    assert not (root / folder / "__init__.py").exists()


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []
