from __future__ import annotations

import os

import numpy as np
import pytest
import torch
from torchvision import models

from fovea.engine.network import Whole, is_slow_in_bf16, look_at_machine
from fovea.errors import UsageError
from fovea.plugin import Preprocess


class Keep(torch.nn.Module):
    def forward(self, planes):
        return planes


def test_pixels_are_normalised_inside_the_network():
    spec = Preprocess(size=4)
    squares = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3), dtype=np.uint8)
    planes = Whole(Keep(), spec)(torch.from_numpy(squares)).numpy()
    expected = (squares / 255 - np.array(spec.mean)) / np.array(spec.std)
    np.testing.assert_allclose(planes, expected.transpose(0, 3, 1, 2), atol=1e-5)


def test_the_machine_has_between_one_free_core_and_all():
    machine = look_at_machine("cpu")
    assert machine.device == "cpu"
    assert 1 <= machine.free_cores <= len(os.sched_getaffinity(0))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_a_device_that_there_is_not_is_told():
    with pytest.raises(UsageError, match="no CUDA device here"):
        look_at_machine("cuda")


@pytest.mark.parametrize(
    "name, slow", [("mobilenet_v3_small", True), ("shufflenet_v2_x0_5", True), ("resnet18", False), ("vgg11", False)]
)
def test_a_network_that_convolves_each_channel_by_itself_is_slow_in_bf16(name, slow):
    with torch.device("meta"):
        network = models.get_model(name, weights=None)
    assert is_slow_in_bf16(network) == slow
