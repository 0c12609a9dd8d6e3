from __future__ import annotations

import pickle
import urllib.error

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from fovea.engine.networks.backbones import Prefers, backbones, build, prefers
from fovea.errors import UnknownName, UsageError, WeightsMissing

SMALL = "torchvision:shufflenet_v2_x0_5"


def linear(features, outputs):
    return nn.Linear(features, outputs)


def make(name=SMALL, weights="none", size=64, outputs=3):
    torch.manual_seed(0)
    return build(name, weights=str(weights), size=size, outputs=outputs, head=linear)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """torchvision's cache folder, empty."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


FAMILIES = [
    ("alexnet", 64),
    ("vgg11", 32),
    ("resnet18", 32),
    ("resnext50_32x4d", 32),
    ("wide_resnet50_2", 32),
    ("densenet121", 32),
    ("googlenet", 64),
    ("inception_v3", 75),
    ("mobilenet_v2", 32),
    ("mobilenet_v3_small", 32),
    ("mnasnet0_5", 32),
    ("shufflenet_v2_x0_5", 32),
    ("squeezenet1_0", 64),
    ("squeezenet1_1", 64),
    ("efficientnet_b0", 32),
    ("regnet_y_400mf", 32),
    ("convnext_tiny", 32),
    ("swin_t", 32),
    ("vit_b_32", 64),
    ("maxvit_t", 224),
]


@pytest.mark.slow
@pytest.mark.parametrize("name, size", FAMILIES)
def test_each_family_answers_one_row_a_picture_and_learns(name, size):
    network, _ = make(f"torchvision:{name}", size=size)
    logits = network(torch.rand(2, 3, size, size))
    assert logits.shape == (2, 3)
    logits.sum().backward()
    assert all(p.grad is not None for p in network.parameters())


def test_a_name_that_there_is_not_is_told_with_the_nearest():
    with pytest.raises(UnknownName, match="did you mean 'torchvision:resnet18'"):
        make("torchvision:resnet_18")


@pytest.mark.parametrize("name, size", [("vit_b_16", 40), ("inception_v3", 32), ("alexnet", 32)])
def test_a_size_that_a_backbone_cannot_see_is_refused(name, size):
    with pytest.raises(UsageError, match=f"cannot see pictures of {size} pixels"):
        make(f"torchvision:{name}", size=size)


@pytest.mark.parametrize("suffix", ["safetensors", "pth"])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_a_local_file_gives_its_weights_and_not_its_head(tmp_path, suffix, prefix):
    donor, _ = make(outputs=7)
    tensors = {prefix + name: tensor + 1 for name, tensor in donor.state_dict().items()}
    path = tmp_path / f"donor.{suffix}"
    if suffix == "pth":
        torch.save({"state_dict": tensors}, path)
    else:
        save_file(tensors, path)
    network, origin = make(weights=path)
    assert origin.source == path.name
    assert torch.equal(network.conv1[0].weight, donor.conv1[0].weight + 1)
    assert network.fc.weight.shape == (3, 1024)


def test_weights_of_another_network_are_told_in_one_sentence(tmp_path):
    save_file(make()[0].state_dict(), tmp_path / "other.safetensors")
    with pytest.raises(UsageError, match=r"does not fit torchvision:resnet18: \d+ of \d+ tensors are missing"):
        make("torchvision:resnet18", weights=tmp_path / "other.safetensors")


class Poison:
    def __reduce__(self):
        return print, ("executed",)


def test_a_poisoned_file_is_refused_unexecuted(tmp_path, capsys):
    torch.save({"state_dict": Poison()}, tmp_path / "bad.pth")
    (tmp_path / "worse.pth").write_bytes(pickle.dumps(Poison()))
    for name in ("bad.pth", "worse.pth"):
        with pytest.raises(UsageError, match="more than weights and was not opened"):
            make(weights=tmp_path / name)
    assert "executed" not in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"", b"nonsense", b"PK\x03\x04"])
@pytest.mark.parametrize("suffix", ["safetensors", "pth"])
def test_a_damaged_file_is_refused(tmp_path, content, suffix):
    (tmp_path / f"w.{suffix}").write_bytes(content)
    with pytest.raises(UsageError, match=r"damaged|more than weights"):
        make(weights=tmp_path / f"w.{suffix}")


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(UsageError, match="there is no weights file"):
        make(weights=tmp_path / "none.pth")


def test_imagenet_weights_in_the_cache_folder_are_taken_without_a_network(cache, monkeypatch):
    monkeypatch.setattr(torch.hub, "download_url_to_file", lambda *a, **k: pytest.fail("went to the network"))
    donor, _ = make(outputs=1000)
    torch.save(
        {name: tensor + 1 for name, tensor in donor.state_dict().items()}, cache / "shufflenetv2_x0.5-f707e7126e.pth"
    )
    network, origin = make(weights="imagenet")
    assert torch.equal(network.conv1[0].weight, donor.conv1[0].weight + 1)
    assert origin.source == "torchvision:shufflenet_v2_x0_5.IMAGENET1K_V1"
    assert "ImageNet" in origin.licence


def test_imagenet_weights_with_an_auxiliary_head_fit_a_network_without(cache):
    donor, _ = make("torchvision:inception_v3", size=75, outputs=1000)
    extra = {"AuxLogits.conv0.conv.weight": torch.zeros(128, 768, 1, 1), "AuxLogits.fc.weight": torch.zeros(1000, 768)}
    torch.save(donor.state_dict() | extra, cache / "inception_v3_google-0cc3c7bd.pth")
    network, _ = make("torchvision:inception_v3", "imagenet", size=75)
    assert torch.equal(network.Mixed_7c.branch1x1.conv.weight, donor.Mixed_7c.branch1x1.conv.weight)
    assert network.transform_input
    assert network.train()(torch.rand(2, 3, 75, 75)).shape == (2, 3)


def test_a_transformer_takes_weights_of_another_size(tmp_path):
    donor, _ = make("torchvision:vit_b_32", size=64)
    save_file(donor.state_dict(), tmp_path / "w.safetensors")
    network, _ = make("torchvision:vit_b_32", tmp_path / "w.safetensors", size=96)
    assert network.encoder.pos_embedding.shape == (1, 10, 768)
    assert torch.equal(network.class_token, donor.class_token)
    assert torch.equal(network.encoder.pos_embedding[:, 0], donor.encoder.pos_embedding[:, 0])


def test_a_search_narrows_the_list():
    assert [one.name for one in backbones("torchvision:vgg11")] == ["torchvision:vgg11", "torchvision:vgg11_bn"]
    assert backbones("no such network") == ()


def test_the_normalisation_of_weights_is_told_for_their_own_backbone():
    assert prefers("torchvision:inception_v3", "imagenet") == Prefers(
        mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), size=299
    )
    assert prefers("torchvision:inception_v3", "none") is None
    with pytest.raises(UnknownName):
        prefers("torchvision:resnet_18", "imagenet")


def refused(*_, **__):
    raise urllib.error.URLError("no route")


@pytest.mark.parametrize(
    "fault", [urllib.error.URLError("no route"), TimeoutError("slow"), RuntimeError("invalid hash")]
)
def test_imagenet_weights_that_cannot_be_had_name_file_and_folder(cache, monkeypatch, fault):
    def fail(*_, **__):
        raise fault

    monkeypatch.setattr(torch.hub, "download_url_to_file", fail)
    with pytest.raises(WeightsMissing) as caught:
        make(weights="imagenet")
    sentence = str(caught.value)
    assert "put the file shufflenetv2_x0.5-f707e7126e.pth into" in sentence
    assert str(cache) in sentence


def test_a_download_gives_up_in_seconds(cache, monkeypatch):
    import socket

    seen = []
    monkeypatch.setattr(
        torch.hub, "download_url_to_file", lambda *a, **k: (seen.append(socket.getdefaulttimeout()), refused())
    )
    with pytest.raises(WeightsMissing):
        make(weights="imagenet")
    assert seen == [10.0]
    assert socket.getdefaulttimeout() is None


def test_the_list_says_what_is_on_disk(cache):
    (cache / "resnet18-f37072fd.pth").write_bytes(b"")
    found = {backbone.name: backbone for backbone in backbones()}
    assert len(found) >= 70
    assert found["torchvision:resnet18"].on_disk
    assert found["torchvision:resnet18"].parameters == 11_689_512
    assert not found["torchvision:vit_b_16"].on_disk
    assert all(backbone.licence for backbone in found.values())
