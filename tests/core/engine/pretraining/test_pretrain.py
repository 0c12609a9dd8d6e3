from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from fovea.engine.networks.backbones import build
from fovea.engine.pretraining.pretrain import Plan, contrast, pretrain
from fovea.errors import Locked, Stopped, UsageError
from fovea.progress import silent

TINY = Plan(steps=4, pictures=24, size=36, look=32, batch=8, threads=1, device="cpu")


def run(folder, plan=TINY, stop=lambda: False):
    return pretrain(folder, plan, progress=silent(), stop=stop)


def after(calls):
    left = iter([False] * calls)
    return lambda: next(left, True)


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    folder = tmp_path_factory.mktemp("straight")
    return folder, run(folder)


def test_the_weights_fit_the_starter_and_carry_no_head(straight):
    _, done = straight
    tensors = load_file(done.weights)
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float16}
    assert not any(name.startswith("classifier.3") for name in tensors)
    network, origin = build("starter", weights=str(done.weights), size=32, outputs=3, head=nn.Linear)
    assert torch.equal(network.features[0][0].weight.detach(), tensors["features.0.0.weight"].float())
    assert origin.source == "starter.safetensors"


def test_the_recipe_beside_them_repeats_the_run(straight):
    folder, done = straight
    told = json.loads((folder / "recipe.json").read_text())
    assert {name: told[name] for name in ("steps", "pictures", "size", "look", "batch", "seed")} == {
        "steps": 4,
        "pictures": 24,
        "size": 36,
        "look": 32,
        "batch": 8,
        "seed": 0,
    }
    assert told["loss"] == done.loss


def test_a_stopped_run_goes_on_to_the_same_bits(straight, tmp_path):
    with pytest.raises(Stopped, match="after 2 of 4 steps"):
        run(tmp_path, stop=after(3))  # one chunk of pictures, then two steps
    assert run(tmp_path).weights.read_bytes() == straight[1].weights.read_bytes()


def test_a_run_cut_shorter_than_it_is_says_how_long_it_was(tmp_path):
    run(tmp_path)
    assert run(tmp_path, replace(TINY, steps=2)).plan.steps == 4


def test_a_folder_of_another_plan_is_refused(straight):
    folder, _ = straight
    with pytest.raises(UsageError, match="other settings"):
        run(folder, replace(TINY, seed=1))


def test_a_folder_at_work_is_refused(tmp_path):
    def stop():
        with pytest.raises(Locked, match="another pretraining"):
            run(tmp_path)
        return True

    with pytest.raises(Stopped):
        run(tmp_path, stop=stop)


@pytest.mark.parametrize("wrong", [{"minutes": 0, "steps": 0}, {"pictures": 4}, {"batch": 1}, {"look": 16}])
def test_a_plan_that_makes_no_sense_is_refused(tmp_path, wrong):
    with pytest.raises(UsageError):
        run(tmp_path, replace(TINY, **wrong))


def test_minutes_become_steps_by_a_short_measurement(tmp_path):
    with pytest.raises(Stopped):
        run(tmp_path, replace(TINY, steps=0, minutes=0.05), stop=after(1))
    steps = json.loads((tmp_path / "plan.json").read_text())["steps"]
    assert steps >= 1
    assert run(tmp_path, replace(TINY, steps=0, minutes=0.05)).plan.steps == steps


def test_the_loss_is_small_where_looks_of_a_picture_agree_and_chance_where_all_do():
    alone, known = contrast(torch.eye(4).repeat(2, 1), 0.05)
    assert float(alone) < 1e-6
    assert float(known) == 1
    assert float(contrast(torch.ones(8, 4), 0.15)[0]) == pytest.approx(math.log(7))


def test_it_learns_to_know_pictures_again(tmp_path):
    plan = replace(TINY, steps=40, lr=3e-3, classes=0.0)
    run(tmp_path, plan)
    curves = torch.load(tmp_path / "checkpoint.pt", weights_only=True)["state"]["curves"]
    assert curves[-1]["loss"] < curves[0]["loss"] - 0.1
