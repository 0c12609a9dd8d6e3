"""What stands on the tutorial's page works as it stands there."""

from __future__ import annotations

import importlib
import re
import shlex
import sys
import tomllib
import types
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from fovea.errors import PluginError
from fovea.plugin import GROUP, Sample, ViewSettings
from fovea.registry import Registry
from fovea.testing import check_plugin
from fovea_apps.cli import main

PAGE = Path(__file__).parents[2] / "plugins" / "README.md"


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def _plugin() -> types.ModuleType:
    module = types.ModuleType("my_tyres")
    exec(_blocks("python")[0], module.__dict__)
    return module


def _draw(folder: Path) -> None:
    for kind in ("worn", "sound"):
        (folder / kind).mkdir(parents=True)
        cv2.imwrite(str(folder / kind / "1.png"), np.zeros((8, 8, 3), np.uint8))


def test_the_plugin_of_the_page_reads_a_folder(tmp_path):
    _draw(tmp_path)
    domain = Registry.of(_plugin()).domain("tyres")
    read = list(domain.read_samples(root=tmp_path, view=ViewSettings()))
    assert read == [
        Sample(source="sound/1.png", targets={"kind": "sound"}),
        Sample(source="worn/1.png", targets={"kind": "worn"}),
    ]


def test_the_fault_of_the_page_is_the_one_that_is_told(tmp_path):
    module = _plugin()
    module.find_files = lambda root: ["a.png"]
    module.read_samples.__globals__["Sample"] = lambda source, targets: Sample(source=source, targets={"kind": 7})
    domain = Registry.of(module).domain("tyres")
    with pytest.raises(PluginError) as told:
        list(domain.read_samples(root=tmp_path, view=ViewSettings()))
    assert str(told.value) in PAGE.read_text(encoding="utf-8")


@pytest.fixture
def in_the_projects_folder(tmp_path, monkeypatch):
    """What the page speaks of: the plugin can be imported, and its pictures lie in a folder here."""
    _draw(tmp_path / "pictures")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "my_tyres", _plugin())


@pytest.mark.usefixtures("in_the_projects_folder")
def test_the_checks_of_the_page_hold_for_the_plugin_of_the_page(fovea_conformance):
    _, _, script, test = _blocks("python")
    names: dict[str, Any] = {}
    exec(script, names)
    exec(test, names)
    names["test_it_keeps_the_contract"](fovea_conformance)


def test_the_stream_of_the_page_keeps_the_contract(tmp_path, monkeypatch):
    for number in range(12):
        (tmp_path / "pictures" / "worn").mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(tmp_path / "pictures" / "worn" / f"{number}.png"), np.full((8, 8, 3), number, np.uint8))
    tyres, stream = _blocks("python")[:2]
    written = tyres.replace("read_samples=read_samples)", 'read_samples=read_samples, streams={"drop": drop})')
    assert written != tyres
    (tmp_path / "my_dropped_tyres.py").write_text(f"{stream}\n\n{written}")  # processes of a watch import it
    monkeypatch.syspath_prepend(str(tmp_path))
    found = check_plugin(importlib.import_module("my_dropped_tyres"), tmp_path / "pictures").require()
    (note,) = [step.note for step in found.steps if step.name == "stream drop" and step.note]
    assert note.startswith("12 were kept")


def test_the_entry_point_of_the_page_is_one():
    [told] = _blocks("toml")
    assert tomllib.loads(told) == {"project": {"entry-points": {GROUP: {"tyres": "my_tyres"}}}}


def test_the_first_command_of_the_page_leads_to_the_others(tmp_path, monkeypatch, capsys):
    write, install, test = (line.removeprefix("$ ") for line in _blocks("console")[0].splitlines())
    monkeypatch.chdir(tmp_path)
    assert main(shlex.split(write)[1:]) == 0
    told = [shlex.split(line) for line in capsys.readouterr().out.partition("Next:")[2].splitlines() if line]
    assert told[:2] == [shlex.split(install), shlex.split(test)]
    lines = (tmp_path / "fovea-tyres" / "fovea_tyres" / "__init__.py").read_text(encoding="utf-8").splitlines()
    code = [line for line in lines if line.strip() and not line.strip().startswith("#")]
    assert 50 <= len(code) <= 70  # "some 60 lines"
