from __future__ import annotations

import json

from fovea_apps.cli import main

TINY = ["--pictures", "16", "--size", "32", "--look", "32", "--batch", "8", "--threads", "1", "--device", "cpu"]


def test_pretrain_writes_weights_and_goes_on_with_more_steps(tmp_path, capsys):
    folder = tmp_path / "weights"
    assert main(["-q", "pretrain", str(folder), "--steps", "1", "--json", *TINY]) == 0
    assert json.loads(capsys.readouterr().out)["weights"] == str(folder / "starter.safetensors")
    assert main(["-q", "pretrain", str(folder), "--steps", "2", *TINY]) == 0
    assert "Learned 2 steps of 8 pictures" in capsys.readouterr().out


def test_a_plan_that_makes_no_sense_is_a_mistake_of_usage(tmp_path, capsys):
    assert main(["pretrain", str(tmp_path), "--minutes", "0", *TINY]) == 2
    assert "more than 0 minutes" in capsys.readouterr().err
