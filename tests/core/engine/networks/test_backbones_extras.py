from __future__ import annotations

import importlib.util
import json
import pickle
import socket

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from fovea.engine.networks.backbones import as_learned, backbones, build, head_of
from fovea.engine.networks.backbones.weights import fit
from fovea.engine.networks.depths import first_tensor, inside, read
from fovea.engine.recipe import Recipe
from fovea.errors import UnknownName, UsageError, WeightsMissing
from fovea.plugin import Preprocess


@pytest.fixture(autouse=True)
def _no_connection(monkeypatch):
    """Nothing here may look for the network."""

    def refuse(*_):
        raise OSError("no route")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    torch.manual_seed(0)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """torch's cache folder, empty; the hub's likewise."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def timm():
    return pytest.importorskip("timm", reason="the extra timm is not installed")


@pytest.fixture
def transformers():
    return pytest.importorskip("transformers", reason="the extra hf is not installed")


def make(name, weights="none", size=64, outputs=3):
    return build(name, weights=str(weights), size=size, outputs=outputs, head=nn.Linear)


def learns_and_is_read(name, size):
    network, _ = make(name, size=size)
    answer = first_tensor(network(torch.rand(2, 3, size, size)))
    assert answer.shape == (2, 3)
    answer.sum().backward()
    found = inside(network, size)
    assert sorted(one for group in found.groups for one in group) == sorted(n for n, _ in network.named_parameters())
    maps, _ = read(network.eval(), found.stages, torch.rand(2, 3, size, size))
    assert [one.shape[1] for one in maps] == list(found.channels)
    assert len(maps) > 2
    return found


@pytest.mark.parametrize("package,extra", [("timm", "timm"), ("transformers", "hf")])
def test_a_library_that_is_not_installed_is_told_with_what_installs_it(package, extra, monkeypatch):
    there = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == package else there(name, *rest)
    )
    with pytest.raises(UsageError, match=rf"not installed: python -m pip install 'fovea\[{extra}\]'"):
        make(f"{extra}:resnet18")
    assert not [one for one in backbones() if one.name.startswith(f"{extra}:")]


def test_a_library_that_there_is_not_is_told():
    with pytest.raises(UsageError, match="choose one of torchvision, timm, hf"):
        make("keras:resnet50")


def test_a_recipe_names_them():
    assert Recipe(backbone="timm:resnet18.a1_in1k").weights == "imagenet"
    assert Recipe(backbone="hf:resnet").weights == "none"
    assert Recipe(backbone="hf:nets/mine").weights == "own"
    assert Recipe(backbone="hf:nets/mine", weights="none").weights == "none"


@pytest.mark.parametrize("backbone,weights", [("hf:nets/mine", "imagenet"), ("torchvision:resnet18", "own")])
def test_weights_that_a_backbone_has_not_are_a_mistake_in_the_recipe(backbone, weights):
    with pytest.raises(ValueError, match="weights own are those of a backbone hf:FOLDER"):
        Recipe(backbone=backbone, weights=weights)


def test_positions_of_a_transformer_follow_the_size():
    network = nn.Module()
    network.positions, network.end = nn.Parameter(torch.zeros(1, 1 + 36, 4)), nn.Linear(4, 2)
    table = torch.arange(1 + 16.0)[None, :, None].expand(1, 17, 4).contiguous()
    fit(network, {"positions": table}, "net", "file")
    square = network.positions[0, 1:, 0].detach().view(6, 6) - 1
    assert network.positions[0, 0, 0] == 0
    assert (square.diff(dim=1) > 0).all()
    assert square.mean() == pytest.approx(7.5, abs=0.01)


@pytest.fixture
def served(tmp_path):
    """Answers of the exported network and of the network itself, on the same squares."""
    from fovea.engine.export import write_files
    from fovea.engine.network import Whole
    from fovea.serving.network import openvino

    def ask(name):
        whole = Whole(make(name)[0], Preprocess(size=64))
        write_files(whole, size=64, folder=tmp_path / "export")
        compiled = openvino().compile_model(
            tmp_path / "export" / "network.xml", "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
        )
        squares = torch.randint(0, 256, (3, 64, 64, 3), dtype=torch.uint8)
        with torch.no_grad():
            return torch.from_numpy(compiled(squares.numpy())[0]), whole.eval()(squares)

    return ask


# timm


@pytest.mark.parametrize(
    "name,stages",
    [
        ("convnext_atto", "stages.0 stages.1 stages.2 stages"),
        ("vit_tiny_patch16_224", "blocks.2 blocks.4 blocks.7 blocks.9 norm"),
    ],
)
def test_networks_of_timm_answer_and_are_read(timm, name, stages):
    assert learns_and_is_read(f"timm:{name}", 64).stages == tuple(stages.split())


@pytest.mark.slow
def test_a_network_of_timm_is_served_as_it_was_trained(timm, served):
    torch.testing.assert_close(*served("timm:convnext_atto"), rtol=1e-4, atol=1e-4)


def test_a_name_that_timm_has_not_is_told_with_the_nearest(timm):
    with pytest.raises(UnknownName, match="did you mean 'timm:resnet18'"):
        make("timm:resnet_18")


def test_weights_that_timm_has_not_are_told_with_those_it_has(timm):
    with pytest.raises(UnknownName, match=r"there is no backbone 'timm:resnet10t.c9_in1k'; .*timm:resnet10t.c3_in1k"):
        make("timm:resnet10t.c9_in1k")


def test_a_network_of_timm_with_two_ends_is_refused(timm):
    with pytest.raises(UsageError, match="ends in several layers"):
        make("timm:levit_128s")


def test_weights_of_timm_lie_in_the_cache_folder_and_carry_their_licence(timm, cache):
    donor, _ = make("timm:resnet10t", outputs=1000)
    tensors = {name: tensor + 1 for name, tensor in donor.state_dict().items()}
    save_file(tensors, cache / "resnet10t.c3_in1k.safetensors")
    network, origin = make("timm:resnet10t", "imagenet")
    assert torch.equal(network.layer1[0].conv1.weight, donor.layer1[0].conv1.weight + 1)
    assert origin.source == "timm:resnet10t.c3_in1k"
    assert origin.licence == "apache-2.0 by timm's own word"


def test_weights_of_timm_that_cannot_be_had_name_file_and_folder(timm, cache, monkeypatch):
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", lambda *_, **__: socket.create_connection(("hub", 443)))
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *_: None)
    with pytest.raises(WeightsMissing) as caught:
        make("timm:resnet10t", "imagenet")
    assert f"put the file resnet10t.c3_in1k.safetensors into {cache}" in str(caught.value)


def test_a_transformer_of_timm_takes_weights_of_another_size(timm, tmp_path):
    donor, _ = make("timm:vit_tiny_patch16_224", size=96)
    save_file(donor.state_dict(), tmp_path / "w.safetensors")
    network, _ = make("timm:vit_tiny_patch16_224", tmp_path / "w.safetensors", size=64)
    assert network.pos_embed.shape == (1, 17, 192)
    assert torch.equal(network.cls_token, donor.cls_token)


def test_weights_of_another_network_are_told_in_one_sentence(timm, tmp_path):
    save_file(make("timm:resnet10t")[0].state_dict(), tmp_path / "w.safetensors")
    with pytest.raises(UsageError, match=r"does not fit timm:vit_tiny_patch16_224: \d+ of \d+ tensors are missing"):
        make("timm:vit_tiny_patch16_224", tmp_path / "w.safetensors")


def test_a_search_counts_the_few_it_finds(timm):
    [found] = backbones("timm:resnet10t")
    assert found.name == "timm:resnet10t"
    assert found.parameters == sum(one.numel() for one in timm.create_model("resnet10t").parameters())
    assert found.licence == "apache-2.0 by timm's own word"


def test_pictures_are_normalised_as_the_weights_learned_them(timm):
    own = Preprocess(size=64)
    assert as_learned(own, "timm:vit_tiny_patch16_224", "imagenet").mean == (0.5, 0.5, 0.5)
    assert as_learned(own, "timm:vit_tiny_patch16_224", "none") == own
    assert as_learned(own, "starter", "starter") == own
    assert as_learned(own, "torchvision:resnet18", "imagenet") == own


# transformers


@pytest.fixture
def folder(transformers, tmp_path):
    """A small ResNet as transformers writes it, with 7 labels."""
    config = transformers.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16, 24, 32], depths=[1, 1, 1, 1], layer_type="basic", num_labels=7
    )
    transformers.ResNetForImageClassification(config).save_pretrained(tmp_path / "net")
    return tmp_path / "net"


def test_a_folder_of_transformers_answers_and_is_read(folder):
    stages = learns_and_is_read(f"hf:{folder}", 64).stages
    assert stages == ("resnet.embedder.embedder", *(f"resnet.encoder.stages.{depth}" for depth in range(4)))


@pytest.mark.slow
def test_a_network_of_transformers_is_served_as_it_was_trained(folder, served):
    torch.testing.assert_close(*served(f"hf:{folder}"), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["hf:mobilenet_v2", "hf:poolformer"])
def test_an_architecture_of_transformers_answers_and_is_read(transformers, name):
    learns_and_is_read(name, 64)


def test_a_folder_gives_its_own_weights_but_not_its_head(folder, transformers):
    donor = transformers.ResNetForImageClassification.from_pretrained(folder)
    network, origin = make(f"hf:{folder}", "own")
    mine = network.resnet.embedder.embedder.convolution.weight
    assert torch.equal(mine, donor.resnet.embedder.embedder.convolution.weight)
    assert head_of(network)[1].weight.shape == (3, 32)
    assert origin.source == "net"


def test_a_file_gives_a_network_of_transformers_its_weights(folder, tmp_path):
    donor, _ = make(f"hf:{folder}")
    save_file(donor.state_dict(), tmp_path / "w.safetensors")
    network, _ = make(f"hf:{folder}", tmp_path / "w.safetensors")
    assert torch.equal(
        network.resnet.encoder.stages[3].layers[0].layer[0].convolution.weight,
        donor.resnet.encoder.stages[3].layers[0].layer[0].convolution.weight,
    )


def test_a_transformer_of_transformers_takes_weights_of_another_size(transformers, tmp_path):
    config = transformers.ViTConfig(
        hidden_size=16, num_hidden_layers=5, num_attention_heads=2, intermediate_size=32, image_size=64
    )
    transformers.ViTForImageClassification(config).save_pretrained(tmp_path / "vit")
    donor, _ = make(f"hf:{tmp_path / 'vit'}", "own", size=64)
    save_file(donor.state_dict(), tmp_path / "w.safetensors")
    for weights in ("own", tmp_path / "w.safetensors"):
        network, _ = make(f"hf:{tmp_path / 'vit'}", weights, size=96)
        assert network.vit.embeddings.position_embeddings.shape == (1, 37, 16)
        assert torch.equal(network.vit.embeddings.cls_token, donor.vit.embeddings.cls_token)
    assert len(inside(network, 96).stages) == 5


def test_weights_of_another_network_do_not_fit_a_folder(folder, tmp_path):
    save_file({"conv1.weight": torch.zeros(2)}, tmp_path / "w.safetensors")
    with pytest.raises(UsageError, match=r"does not fit hf:.*: \d+ of \d+ tensors are missing"):
        make(f"hf:{folder}", tmp_path / "w.safetensors")


class Poison:
    def __reduce__(self):
        return print, ("executed",)


def test_a_pickle_in_a_folder_is_not_opened(folder, capsys):
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Poison()))
    with pytest.raises(UsageError, match="no safetensors file"):
        make(f"hf:{folder}", "own")
    assert "executed" not in capsys.readouterr().out


def test_code_in_a_folder_is_not_run(folder, capsys):
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "mine", "auto_map": {"AutoConfig": "code.Config"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "code.py").write_text("print('executed')")
    with pytest.raises(UsageError, match="describes no network that transformers knows"):
        make(f"hf:{folder}")
    assert "executed" not in capsys.readouterr().out


def test_damaged_weights_in_a_folder_are_told(folder):
    (folder / "model.safetensors").write_bytes(b"nonsense")
    with pytest.raises(UsageError, match="damaged or no weights file"):
        make(f"hf:{folder}", "own")


def test_a_folder_of_a_network_that_sees_no_pictures_is_told(transformers, tmp_path):
    transformers.BertConfig().save_pretrained(tmp_path)
    with pytest.raises(UsageError, match="no network that classifies pictures"):
        make(f"hf:{tmp_path}")


def test_a_folder_without_a_configuration_is_told(transformers, tmp_path):
    with pytest.raises(UsageError, match=r"there is no config.json in"):
        make(f"hf:{tmp_path}")


def test_an_architecture_that_there_is_not_is_told_with_the_nearest(transformers):
    with pytest.raises(UnknownName, match="did you mean 'hf:resnet'"):
        make("hf:resnet50")


def test_an_architecture_has_no_weights_of_its_own(transformers):
    with pytest.raises(UsageError, match="is an architecture without weights"):
        make("hf:mobilenet_v2", "own")


@pytest.mark.parametrize("size", [{"height": 48, "width": 48}, {"shortest_edge": 48}, 48])
def test_a_folder_tells_how_its_pictures_were_normalised(folder, size):
    said = {"image_mean": [0.1, 0.2, 0.3], "image_std": [0.4, 0.5, 0.6], "size": size}
    (folder / "preprocessor_config.json").write_text(json.dumps(said))
    told = as_learned(Preprocess(size=64), f"hf:{folder}", "own")
    assert (told.mean, told.std, told.size) == ((0.1, 0.2, 0.3), (0.4, 0.5, 0.6), 64)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"image_mean": [1], "image_std": [1], "size": 2}'])
def test_what_a_folder_tells_otherwise_is_left(folder, content):
    (folder / "preprocessor_config.json").write_text(content)
    assert as_learned(Preprocess(size=64), f"hf:{folder}", "own") == Preprocess(size=64)
