from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import nn
from torchvision import models

from fovea.engine.networks.backbones import build
from fovea.engine.networks.depths import first_tensor, fold, inside, read
from fovea.errors import UsageError


@pytest.fixture(autouse=True)
def _same_numbers():
    torch.manual_seed(0)


def conv(before, after, stride=1):
    return nn.Sequential(nn.Conv2d(before, after, 3, stride, 1), nn.ReLU())


class Residual(nn.Module):
    """Widens before the stride, as MobileNet's blocks do; a short cut where nothing changes."""

    def __init__(self, before, after, stride):
        super().__init__()
        self.widen = nn.Conv2d(before, 2 * before, 1)
        self.narrow = nn.Conv2d(2 * before, after, 3, stride, 1)
        self.same = stride == 1

    def forward(self, x):
        y = self.narrow(self.widen(x).relu())
        return x + y if self.same else y


class Tokens(nn.Module):
    """Patches of 8 pixels, tokens in front of them, and blocks with a short cut."""

    def __init__(self, front=1, blocks=10):
        super().__init__()
        self.patches = nn.Conv2d(3, 16, 8, 8)
        self.front = nn.Parameter(torch.ones(1, front, 16))
        self.blocks = nn.Sequential(*(Block() for _ in range(blocks)))
        self.norm = nn.LayerNorm(16)
        self.head = nn.Linear(16, 3)

    def forward(self, x):
        places = self.patches(x).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.front.expand(x.shape[0], -1, -1), places], dim=1)
        return self.head(self.norm(self.blocks(tokens))[:, 0])


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(16, 16), nn.GELU(), nn.Linear(16, 16))

    def forward(self, x):
        return x + self.mlp(x - x.mean(dim=1, keepdim=True))


def ended(*body, features):
    return nn.Sequential(nn.Sequential(*body), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(features, 3))


def widths(network, size):
    """Rows of each stage's map."""
    stages = inside(network, size).stages
    maps, _ = read(network.eval(), stages, torch.rand(2, 3, size, size))
    return [one.shape[2] for one in maps]


def test_a_network_is_read_where_each_resolution_ends():
    network = ended(conv(3, 4, 2), conv(4, 4), conv(4, 8, 2), conv(8, 8, 2), features=8)
    assert inside(network, 32).stages == ("0.1", "0.2", "0")
    assert widths(network, 32) == [16, 8, 4]


def test_the_widening_inside_a_block_that_shrinks_is_not_read():
    network = ended(conv(3, 8, 2), Residual(8, 8, 1), Residual(8, 16, 2), Residual(16, 16, 1), features=16)
    network = nn.Sequential(*network[0], Residual(16, 32, 2), Residual(32, 32, 1), *network[1:3], nn.Linear(32, 3))
    assert inside(network, 32).stages == ("1", "3", "5")


def test_stages_that_close_with_a_pooling_are_read_before_it():
    stages = [nn.Sequential(conv(a, b), conv(b, b), nn.MaxPool2d(2)) for a, b in ((3, 4), (4, 8), (8, 16))]
    assert inside(ended(*stages, features=16), 32).stages == ("0.0.1", "0.1.1", "0.2.1")


def test_only_the_deepest_five_of_many_resolutions_are_read():
    network = ended(*(conv(a, b, 2) for a, b in ((3, 4), (4, 4), (4, 4), (4, 4), (4, 4), (4, 8))), features=8)
    assert widths(network, 128) == [32, 16, 8, 4, 2]


@pytest.mark.parametrize("front", [0, 1, 5])
def test_a_transformer_is_read_after_even_shares_of_its_blocks(front):
    network = Tokens(front) if front else nn.Sequential(Tokens(1))
    found = inside(network, 64)
    assert [one.rpartition("blocks.")[2] for one in found.stages[:4]] == ["1", "3", "5", "7"]
    assert found.stages[-1].endswith("norm")
    assert widths(network, 64) == [8] * 5


def test_tokens_in_front_are_no_places():
    tokens = torch.cat([torch.full((2, 5, 4), 9.0), torch.arange(9.0).expand(2, 4, 9).transpose(1, 2)], dim=1)
    folded = fold(tokens)
    assert folded.shape == (2, 4, 3, 3)
    assert folded[0, 0].flatten().tolist() == list(range(9))


@pytest.mark.parametrize("shape", [(2, 1, 8), (2, 45, 8), (2, 8), (2, 8, 4, 6), (2, 8, 8, 8, 8)])
def test_what_is_no_square_of_places_is_no_map(shape):
    assert fold(torch.zeros(shape)) is None


def test_an_answer_of_several_is_folded_by_its_first():
    assert fold([torch.zeros(2, 4, 3, 3), None]).shape == (2, 4, 3, 3)
    assert fold((None, torch.zeros(2, 4, 3, 3))) is None
    assert fold(((torch.zeros(2, 4, 3, 3),),)) is None
    assert fold("nothing") is None


def test_channels_that_stand_last_come_second():
    assert fold(torch.zeros(2, 3, 3, 7)).shape == (2, 7, 3, 3)


class Last(nn.Module):
    """Maps with channels last throughout; the first has as many channels as rows."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(3, 8), nn.Linear(8, 16)

    def forward(self, x):
        x = self.first(x.permute(0, 2, 3, 1))
        return self.second(x[:, ::2, ::2]).mean((1, 2))


def test_as_many_channels_as_rows_are_taken_as_the_other_maps_are():
    planes = torch.rand(2, 3, 8, 8)
    network = Last()
    (first, _), _ = read(network, ("first", "second"), planes)
    assert torch.equal(first, network.first(planes.permute(0, 2, 3, 1)).permute(0, 3, 1, 2))


class Windows(nn.Module):
    """Answers that look like maps but are of windows, not of pictures."""

    def __init__(self):
        super().__init__()
        self.stem, self.cut, self.work = conv(3, 4, 2), nn.PixelUnshuffle(2), conv(4, 4)
        self.deep = conv(4, 8, 2)

    def forward(self, x):
        x = self.stem(x)
        windows = self.work(x.reshape(len(x) * 4, 4, *(side // 2 for side in x.shape[2:])))
        return self.deep(windows.reshape(x.shape)).mean((2, 3))


def test_windows_are_no_maps_of_the_batch():
    assert inside(Windows(), 32).stages == ("stem", "deep")


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.same, self.down = conv(3, 4), conv(4, 4), nn.MaxPool2d(2)
        self.end = conv(4, 8)

    def forward(self, x):
        return self.end(self.down(self.same(self.down(self.same(self.stem(x)))))).mean((2, 3))


def test_a_module_that_is_used_twice_is_not_read():
    assert inside(Twice(), 32).stages == ("stem", "end")


class Open(nn.Module):
    """The picture goes around every map."""

    def __init__(self):
        super().__init__()
        self.one = nn.Conv2d(3, 3, 3, 1, 1)

    def forward(self, x):
        return (self.one(x) + x).mean((2, 3))


@pytest.mark.parametrize("network", [Open(), nn.Sequential(nn.Conv2d(3, 4, 16), nn.Flatten(), nn.Linear(4, 3))])
def test_a_network_with_no_map_that_all_goes_through_is_refused(network):
    with pytest.raises(UsageError, match="answers no map"):
        inside(network, 16)


@pytest.mark.parametrize("network", [Tokens(5), ended(conv(3, 4, 2), Residual(4, 8, 2), features=8), Windows()])
def test_groups_are_a_partition_of_the_parameters_in_their_order_of_depth(network):
    found = inside(network, 64)
    names = [name for group in found.groups for name in group]
    assert sorted(names) == sorted(name for name, _ in network.named_parameters())
    assert len(found.groups) == len(found.stages) + 1
    assert set(found.groups[0]) >= {name for name in names if name.startswith(("patches", "front", "stem", "0.0."))}


def test_the_last_group_is_the_head_and_what_nothing_uses():
    network = Tokens()
    network.unused = nn.Linear(2, 2)
    assert inside(network, 64).groups[-1] == ("head.weight", "head.bias", "unused.weight", "unused.bias")


def test_looking_inside_leaves_no_trace():
    network = models.mobilenet_v3_small().train()
    network.features.requires_grad_(requires_grad=False)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    inside(network, 64)
    assert network.training
    assert not any(one.requires_grad for one in network.features.parameters())
    assert all(one.requires_grad for one in network.classifier.parameters())
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    assert not any(one._forward_hooks or one._forward_pre_hooks for one in network.modules())
    assert all(one.grad is None for one in network.parameters())


def test_it_looks_inside_where_no_gradients_are_wanted():
    with torch.no_grad():
        assert len(inside(Tokens(), 64).stages) == 5


class Paired(nn.Module):
    """Answers a pair, as blocks of transformers do that tell their attention too."""

    def __init__(self):
        super().__init__()
        self.work = conv(3, 4, 2)

    def forward(self, x):
        return self.work(x).permute(0, 2, 3, 1), None


class Pairs(nn.Module):
    def __init__(self):
        super().__init__()
        self.pair, self.end = Paired(), nn.Linear(4, 3)

    def forward(self, x):
        return self.end(self.pair(x)[0].mean((1, 2)))


@pytest.mark.parametrize("make,stage", [(Tokens, "blocks.4"), (Last, "first"), (Pairs, "pair"), (Windows, "stem")])
def test_the_answer_can_be_differentiated_by_the_maps(make, stage):
    network, planes = make().eval(), torch.rand(2, 3, 64, 64)
    (found,), answer = read(network, [stage], planes)
    [slope] = torch.autograd.grad(answer.sum(), [found])
    assert slope.shape == found.shape
    assert slope.any()
    torch.testing.assert_close(answer, network(planes))


class Reader(nn.Module):
    def __init__(self, network, stages):
        super().__init__()
        self.network, self.stages = network, stages

    def forward(self, planes):
        maps, answer = read(self.network, self.stages, planes)
        return [answer, *maps]


@pytest.mark.parametrize("make", [Tokens, models.shufflenet_v2_x0_5])
def test_a_reading_can_be_exported(make):
    network = make().eval()
    reader = Reader(network, inside(network, 64).stages)
    dim = torch.export.Dim("pictures")
    program = torch.export.export(reader, (torch.rand(2, 3, 64, 64),), dynamic_shapes=({0: dim},), strict=False)
    planes = torch.rand(3, 3, 64, 64)
    for served, here in zip(program.module()(planes), reader(planes), strict=True):
        torch.testing.assert_close(served, here)


def test_the_main_answer_of_several_is_the_first():
    class Answer:
        logits = torch.ones(2)

    assert torch.equal(first_tensor(Answer()), torch.ones(2))
    assert torch.equal(first_tensor((torch.ones(2), torch.zeros(2))), torch.ones(2))


READ_AT = {
    "alexnet": "features.1 features.4 features.11",
    "vgg11": "features.1 features.4 features.9 features.14 features.19",
    "resnet18": "relu layer1 layer2 layer3 layer4",
    "densenet121": "features.relu0 features.denseblock1 features.denseblock2 features.denseblock3 features",
    "mobilenet_v3_small": "features.0 features.1 features.3 features.8 features",
    "efficientnet_b0": "features.1 features.2 features.3 features.5 features",
    "regnet_y_400mf": "stem trunk_output.block1 trunk_output.block2 trunk_output.block3 trunk_output",
    "convnext_tiny": "features.1 features.3 features.5 features",
    "swin_t": "features.1 features.3 features.5 permute",
    "googlenet": "conv1 conv3 inception3b inception4e inception5b",
    "inception_v3": "Conv2d_2b_3x3 Conv2d_4a_3x3 Mixed_5d Mixed_6e Mixed_7c",
    "vit_b_16": "2 4 7 9 encoder",
}
SIZES = {"inception_v3": 139}


@pytest.mark.slow
@pytest.mark.parametrize("name,stages", READ_AT.items())
def test_families_are_read_after_whole_blocks(name, stages):
    size = SIZES.get(name, 64)
    network, _ = build(f"torchvision:{name}", weights="none", size=size, outputs=3, head=nn.Linear)
    found = inside(network, size)
    assert tuple(one.removeprefix("encoder.layers.encoder_layer_") for one in found.stages) == tuple(stages.split())
    maps, _ = read(network.eval(), found.stages, torch.rand(2, 3, size, size))
    assert [one.shape[1] for one in maps] == list(found.channels)
    assert all(narrow.shape[2] <= wide.shape[2] for wide, narrow in pairwise(maps))
