"""The tutorial's plugin works as it stands on the page."""

from __future__ import annotations

import re
import types
from pathlib import Path

import cv2
import numpy as np
import pytest

from fovea.errors import PluginError
from fovea.plugin import Sample, ViewSettings
from fovea.registry import Registry

PAGE = Path(__file__).parents[2] / "plugins" / "README.md"


def _plugin() -> types.ModuleType:
    code = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert code is not None
    module = types.ModuleType("my_tyres")
    exec(code[1], module.__dict__)
    return module


def test_the_plugin_of_the_page_reads_a_folder(tmp_path):
    for kind in ("worn", "sound"):
        (tmp_path / kind).mkdir()
        cv2.imwrite(str(tmp_path / kind / "1.png"), np.zeros((8, 8, 3), np.uint8))
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
