"""Every classification network of torchvision by name: run by ``make every``."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torchvision import models

from fovea.engine.networks.backbones import backbones, build
from fovea.engine.networks.depths import inside, read

SIZES = {"inception_v3": 75, "maxvit_t": 224, "vit_h_14": 56}
"""Of pictures, where 64 pixels are too few or no multiple of the patch."""
GIANT = 120_000_000
"""Parameters above which a network is made, run and looked into, but learns no step and is not exported."""


class Reader(nn.Module):
    def __init__(self, network, stages):
        super().__init__()
        self.network, self.stages = network, stages

    def forward(self, planes):
        maps, answer = read(self.network, self.stages, planes)
        return [answer, *maps]


def make(name, size):
    return build(f"torchvision:{name}", weights="none", size=size, outputs=3, head=nn.Linear)[0]


def learns_a_step(network, planes):
    before = [one.detach().clone() for one in network.parameters()]
    network.train()
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-3)
    loss = nn.functional.cross_entropy(network(planes), torch.arange(len(planes)) % 3)
    loss.backward()
    optimizer.step()
    assert loss.isfinite()
    moved = sum(not torch.equal(old, new) for old, new in zip(before, network.parameters(), strict=True))
    assert moved > len(before) / 2


def exports_its_features(network, stages, planes):
    reader = Reader(network.eval(), stages)
    dynamic = ({0: torch.export.Dim("pictures")},)
    with torch.no_grad():
        program = torch.export.export(reader, (planes,), dynamic_shapes=dynamic, strict=False)
        for served, here in zip(program.module()(planes), reader(planes), strict=True):
            assert here.isfinite().all()
            torch.testing.assert_close(served, here, rtol=1e-3, atol=1e-3)


@pytest.mark.every
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", models.list_models(module=models))
def test_it_builds_learns_a_step_and_exports_its_features(name):
    torch.manual_seed(0)
    size = SIZES.get(name, 64)
    is_giant = models.get_model_weights(name).DEFAULT.meta["num_params"] > GIANT
    network = make(name, size)
    found = inside(network, size)
    assert 3 <= len(found.stages) <= 5
    names = [parameter for group in found.groups for parameter in group]
    assert sorted(names) == sorted(parameter for parameter, _ in network.named_parameters())
    assert all(found.groups)
    if not is_giant:
        planes = torch.rand(4, 3, size, size)
        learns_a_step(network, planes)
        exports_its_features(network, found.stages, planes)


@pytest.mark.every
def test_none_is_left_out():
    listed = {one.name for one in backbones("torchvision:")}
    assert listed == {f"torchvision:{name}" for name in models.list_models(module=models)}
