from __future__ import annotations

import json
from dataclasses import fields

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file
from torch import nn

from fovea.engine.networks.backbones import backbones, build, starter_file
from fovea.engine.pretraining.pretrain import Plan
from fovea.engine.recipe import Machine, Recipe, resolve
from fovea.engine.train import train
from fovea.errors import UsageError
from fovea.plugin import Preprocess
from fovea.progress import silent

MOST_BYTES = 6_000_000


def make(name="starter", weights="starter"):
    torch.manual_seed(0)
    return build(name, weights=weights, size=64, outputs=3, head=nn.Linear)


def test_the_starter_comes_with_the_package_and_says_how_it_was_made():
    file = starter_file()
    assert 0 < file.stat().st_size < MOST_BYTES
    told = json.loads(file.with_name("recipe.json").read_text())
    assert {field.name for field in fields(Plan)} <= told.keys()
    assert "Licence: MIT" in file.with_name("card.md").read_text()


def test_every_number_of_the_starter_is_finite():
    assert all(bool(torch.isfinite(tensor).all()) for tensor in load_file(starter_file()).values())


def test_the_list_begins_with_the_starter_its_licence_and_that_it_is_here():
    first = backbones()[0]
    assert first.name == "starter"
    assert first.on_disk
    assert first.licence.startswith("MIT")
    assert first.parameters == 2_542_856


def test_the_starter_begins_with_its_weights_and_a_new_head():
    network, origin = make()
    assert torch.equal(
        network.features[3].block[0][0].weight.detach(),
        load_file(starter_file())["features.3.block.0.0.weight"].float(),
    )
    assert network(torch.rand(2, 3, 64, 64)).shape == (2, 3)
    assert origin.source == "starter"
    assert origin.licence.startswith("MIT")


def test_the_starter_at_random_start_is_the_same_network():
    fresh, trained = make(weights="none")[0], make()[0]
    assert fresh.state_dict().keys() == trained.state_dict().keys()
    assert not torch.equal(fresh.features[0][0].weight, trained.features[0][0].weight)


def test_its_weights_are_refused_to_another_network():
    with pytest.raises(UsageError, match="belong to the backbone 'starter'"):
        make("torchvision:mobilenet_v3_large")
    with pytest.raises(ValidationError, match="belong to the backbone starter"):
        Recipe(weights="starter")


def test_a_recipe_of_the_starter_means_its_own_weights_unless_told_otherwise():
    assert Recipe(backbone="starter").weights == "starter"
    assert Recipe(backbone="starter", weights="none").weights == "none"
    with pytest.raises(ValidationError, match="has no weights imagenet"):
        Recipe(backbone="starter", weights="imagenet")


def test_the_starter_learns_as_long_as_a_fresh_network():
    machine = Machine(device="cpu", native_bf16=False, free_cores=1)
    assert resolve(Recipe(backbone="starter"), Preprocess(), machine).epochs == 25


def test_a_training_from_the_starter_records_where_it_began(bench):
    wanted = {"backbone": "starter", "weights": "starter", "size": 32, "epochs": 1}
    done = train(**bench.arguments(progress=silent(), **wanted))
    assert done.recipe.weights == "starter"
    assert done.bundle.weights_licence.startswith("MIT")
