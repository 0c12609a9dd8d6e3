from __future__ import annotations

import json

from fovea.workbench import Workbench
from fovea_apps.cli import main


class Found:
    """A backbone as the engine lists it."""

    def __init__(self, name, parameters=5_000_000, file="w.pth", on_disk=False, licence="MIT"):
        self.name, self.parameters, self.file = name, parameters, file
        self.on_disk, self.licence = on_disk, licence


def listing(monkeypatch, *found):
    monkeypatch.setattr(Workbench, "backbones", lambda _, search="": tuple(one for one in found if search in one.name))


def test_a_search_lists_size_weights_and_licence(tmp_path, capsys):
    assert main(["--home", str(tmp_path), "backbones", "--search", "torchvision:resnet18", "--json"]) == 0
    [found] = json.loads(capsys.readouterr().out)
    assert (found["name"], found["parameters"]) == ("torchvision:resnet18", 11_689_512)
    assert "ImageNet" in found["licence"]
    assert found["on_disk"] in (True, False)


def test_the_list_leaves_the_thousand_of_timm_to_a_search(tmp_path, capsys, monkeypatch):
    listing(monkeypatch, Found("starter", on_disk=True), Found("timm:one"), Found("timm:two", licence="cc-by-nc-4.0"))
    assert main(["--home", str(tmp_path), "backbones"]) == 0
    shown = capsys.readouterr().out
    assert "timm:" not in shown
    assert "Not shown: 2 of timm. Look for some with --search TEXT." in shown
    assert main(["--home", str(tmp_path), "backbones", "--search", "timm:"]) == 0
    shown = capsys.readouterr().out
    assert "Weights of timm:two: cc-by-nc-4.0." in shown
    assert "starter" not in shown


def test_what_has_no_weights_and_what_nobody_counted_is_shown_so(tmp_path, capsys, monkeypatch):
    listing(monkeypatch, Found("hf:resnet", parameters=None, file=""), Found("starter", on_disk=True))
    assert main(["--home", str(tmp_path), "backbones"]) == 0
    rows = {line.split()[0]: line.split()[1:] for line in capsys.readouterr().out.splitlines() if line.strip()}
    assert rows["hf:resnet"][-1] == "none"
    assert rows["starter"] == ["5.0", "yes"]


def test_a_search_without_a_find_says_so(tmp_path, capsys, monkeypatch):
    listing(monkeypatch, Found("starter"))
    assert main(["--home", str(tmp_path), "backbones", "--search", "no such"]) == 0
    assert "No network has 'no such' in its name." in capsys.readouterr().out
