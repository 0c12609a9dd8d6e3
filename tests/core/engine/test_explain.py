from __future__ import annotations

import copy

import cv2
import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models import SwinTransformer, VisionTransformer

from fovea.engine.explain import Gate, check, count, explain_with, make_model, points_at, try_maps
from fovea.engine.explain.attention import _watched, attends, attention_maps, roll_out
from fovea.engine.explain.gate import SHARES, blurred, scores
from fovea.engine.explain.maps import CAMS, Asked, cams
from fovea.engine.explain.rivals import plain_rivals, settle, unlearned
from fovea.engine.network import Whole
from fovea.engine.networks.depths import first_tensor
from fovea.errors import UnknownName, UsageError
from fovea.plugin import Preprocess
from fovea.serving.bundle import Bundle
from fovea.serving.fusion import Column, Fusion
from fovea.serving.readings import Levels, Scale

SIDE = 32
PLACE = (slice(4, 12), slice(20, 28))
"""Where the toy network looks: rows 4 to 11, columns 20 to 27 of 32."""


class Looks(nn.Module):
    """Logits of how red one patch is; what is elsewhere does not matter. Its head was 'learned': it can be undone."""

    def __init__(self, outputs=2, *, at=PLACE):
        super().__init__()
        self.see = nn.Sequential(nn.Conv2d(3, 1, 1), nn.AvgPool2d(4))
        self.norm = nn.Sequential(nn.BatchNorm2d(1), nn.ReLU())
        self.head = nn.Linear(64, outputs)
        where = torch.zeros(SIDE, SIDE)
        if at is not None:
            where[at] = 1
        with torch.no_grad():
            self.see[0].weight.copy_(torch.tensor([1.0, -0.5, -0.5]).view(1, 3, 1, 1))
            self.see[0].bias.zero_()
            self.head.weight.zero_()
            self.head.weight[-1] = 0.5 * where[::4, ::4].flatten()
            self.head.bias.zero_()
            self.head.bias[-1] = -3

    def forward(self, planes):
        return self.head(self.norm(self.see(planes)).flatten(1))


def picture(*, red_at=PLACE, also_at=(slice(18, 30), slice(2, 14)), seed=0):
    """Grey noise with a red patch that counts, and a larger one that does not."""
    square = np.random.default_rng(seed).integers(100, 130, (SIDE, SIDE, 3), dtype=np.uint8)
    for place in (red_at, also_at):
        square[place] = (220, 40, 40)
    return square


def a_model(network, *, kind="classify", labels=("calm", "red"), method="auto", **parts):
    spec = Preprocess(size=SIDE)
    bundle = Bundle(
        name="toy", domain="toys", role="colour", kind=kind, labels=labels, preprocess=spec, preprocess_id="x", **parts
    )
    return make_model(bundle, Whole(network, spec), method=method)


def asked_of(squares, outputs):
    return Asked(squares=squares, outputs=np.array(outputs, np.int64), signs=np.ones(len(squares), np.float32))


def greatest(one):
    row, column = np.unravel_index(one.argmax(), one.shape)
    return PLACE[0].start <= row < PLACE[0].stop and PLACE[1].start <= column < PLACE[1].stop


# What is explained, end to end


def test_a_map_points_where_the_network_looks_and_passes_the_gate():
    (found,) = explain_with(a_model(Looks()), picture()[None], [["red"]])
    assert greatest(found.map)
    assert found.shown, found.reason
    assert found.score > found.rival_score + Gate().margin
    assert found.map.shape == (SIDE, SIDE)
    assert found.map.dtype == np.float32
    assert found.map.min() >= 0
    assert found.map.max() == pytest.approx(1)


def test_a_network_that_ignores_the_picture_is_given_no_map():
    (found,) = explain_with(a_model(Looks(at=None)), picture()[None], [["red"]])
    assert not found.shown
    assert found.reason == "no place in the picture speaks for the answer"
    assert not found.map.any()


def test_an_answer_that_blurring_does_not_change_has_no_place():
    everywhere = a_model(Looks(at=(slice(None), slice(None))))
    (found,) = explain_with(everywhere, picture()[None], [["red"]], gate=Gate(least=0.2))
    assert found.map.any()
    assert not found.shown
    assert "hardly changes when the whole picture is blurred" in found.reason


def test_a_map_that_is_not_better_by_the_margin_is_hidden_and_says_of_what():
    (found,) = explain_with(a_model(Looks()), picture()[None], [["red"]], gate=Gate(margin=2.0))
    assert not found.shown
    assert found.reason.startswith(f"not better than {found.rival} (score ")


def test_without_labels_what_the_model_says_is_explained():
    squares = np.stack([picture(), picture(red_at=(slice(0, 2), slice(0, 2)))])
    network = Looks()
    assert [(one.picture, one.label) for one in explain_with(a_model(network), squares)] == [(0, "red"), (1, "calm")]


def test_every_label_that_is_said_is_explained_and_no_other():
    levels = Levels(slopes=(1.0, 1.0, 1.0), offsets=(0.0, 0.0, 0.0), points=(0.3, 0.9, 0.6), aim="")
    model = a_model(Looks(outputs=3), kind="multilabel", labels=("a", "b", "red"), levels=levels)
    found = explain_with(model, picture()[None])
    assert [one.label for one in found] == ["a", "red"]
    assert [one.shown for one in found] == [False, True]


@pytest.mark.parametrize("weight, word", [(1.0, "high"), (-1.0, "low")])
def test_of_a_value_it_is_told_what_makes_it_high_or_low(weight, word):
    network = Looks(outputs=1)
    network.head.weight.data *= weight
    scale = Scale(means=(5.0,), deviations=(2.0,))
    (found,) = explain_with(
        a_model(network, kind="regress", labels=("redness",), scale=scale), picture()[None], gate=Gate(margin=0.01)
    )
    assert found.shown, found.reason
    assert greatest(found.map)
    assert found.reason.startswith(f"the value's being {word} hangs on the places shown")


def test_an_explanation_does_not_depend_on_the_pictures_beside_it():
    model = a_model(Looks())
    squares = np.stack([picture(seed=seed) for seed in range(3)])
    (alone,) = explain_with(model, squares[1:2], [["red"]])
    beside = explain_with(model, squares, [["red"]] * 3)[1]
    assert (alone.score, alone.rival_score, alone.reason) == (beside.score, beside.rival_score, beside.reason)
    np.testing.assert_array_equal(alone.map, beside.map)


def test_no_pictures_have_no_explanations():
    assert explain_with(a_model(Looks()), np.empty((0, SIDE, SIDE, 3), np.uint8)) == ()


@pytest.mark.parametrize("kind", ["segment", "anomaly"])
def test_a_model_that_answers_with_a_map_is_refused(kind):
    with pytest.raises(UsageError, match=f"a task of kind {kind} answers with a map of its own"):
        a_model(Looks(), kind=kind)


def test_an_unknown_label_or_method_is_refused():
    with pytest.raises(UnknownName, match="label of the model toy 'rad'; did you mean 'red'"):
        explain_with(a_model(Looks()), picture()[None], [["rad"]])
    with pytest.raises(UnknownName, match="way to explain this network 'rollout'"):
        a_model(Looks(), method="rollout")
    with pytest.raises(UsageError, match="labels are wanted for 2 pictures and there are 1"):
        explain_with(a_model(Looks()), picture()[None], [["red"], ["red"]])


# The maps


@pytest.mark.parametrize("method", list(CAMS))
def test_a_frozen_network_has_the_same_maps(method):
    whole = Whole(Looks(), Preprocess(size=SIDE)).eval()
    frozen = copy.deepcopy(whole).requires_grad_(requires_grad=False)
    asked = asked_of(picture()[None], [1])
    with torch.no_grad():
        one, other = (cams(each, asked, method=method, stages=("norm",))["norm"] for each in (whole, frozen))
    assert one.any()
    np.testing.assert_array_equal(one, other)


def test_hirescam_and_layercam_see_the_place_that_mean_gradients_blur():
    whole = Whole(Looks(), Preprocess(size=SIDE)).eval()
    asked = asked_of(picture()[None], [1])
    found = {method: cams(whole, asked, method=method, stages=("norm",))["norm"][0] for method in CAMS}
    large = (slice(20, 28), slice(4, 12))
    assert found["gradcam"][large].max() == pytest.approx(1, abs=0.05)
    assert found["hirescam"][large].max() == 0
    assert found["layercam"][large].max() == 0


@pytest.mark.parametrize("name", ["densenet121", "squeezenet1_1", "shufflenet_v2_x0_5", "regnet_y_400mf"])
def test_networks_of_many_builds_have_maps(name):
    from torchvision import models

    torch.manual_seed(0)
    spec = Preprocess(size=64)
    squares = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3), dtype=np.uint8)
    bundle = Bundle(
        name="toy", domain="toys", role="x", kind="classify", labels=("a", "b"), preprocess=spec, preprocess_id="x"
    )
    model = make_model(bundle, Whole(models.get_model(name, num_classes=2), spec))
    maps = model.maps(model.whole, asked_of(squares, [0]))
    assert len(maps) == 4
    assert all(one.shape == (1, 64, 64) and np.isfinite(one).all() for one in maps.values())


# Attention


@pytest.fixture
def vit():
    torch.manual_seed(0)
    made = VisionTransformer(
        image_size=SIDE, patch_size=8, num_layers=3, num_heads=2, hidden_dim=16, mlp_dim=32, num_classes=3
    )
    nn.init.normal_(made.heads[0].weight)
    return Whole(made, Preprocess(size=SIDE)).eval()


@pytest.mark.parametrize("method", ["rollout", "attribution"])
def test_attention_becomes_a_map_of_the_picture(vit, method):
    squares = np.stack([picture(seed=seed) for seed in range(2)])
    found = attention_maps(vit.requires_grad_(requires_grad=False), asked_of(squares, [0, 1]), method=method)
    assert found.shape == (2, SIDE, SIDE)
    assert found.min() >= 0
    np.testing.assert_allclose(found.max(axis=(1, 2)), 1, rtol=1e-5)


def test_attribution_is_of_a_label_and_rollout_is_not(vit):
    squares = picture()[None]
    for method, is_of_label in (("attribution", True), ("rollout", False)):
        one, other = (attention_maps(vit, asked_of(squares, [label]), method=method) for label in (0, 1))
        assert np.array_equal(one, other) != is_of_label


def test_watching_attention_changes_no_answer(vit):
    planes, layers = vit.planes(torch.from_numpy(picture()[None])), []
    with torch.no_grad():
        plain = first_tensor(vit.network(planes))
        with _watched(vit.network, layers):
            watched = first_tensor(vit.network(planes))
    torch.testing.assert_close(plain, watched)
    assert [tuple(layer.shape) for layer in layers] == [(1, 2, 17, 17)] * 3
    torch.testing.assert_close(layers[0].sum(dim=-1), torch.ones(1, 2, 17))


def test_rolled_out_attention_keeps_the_sum_of_each_row():
    layers = [torch.rand(2, 3, 5, 5).softmax(dim=-1) for _ in range(4)]
    torch.testing.assert_close(roll_out(layers).sum(dim=-1), torch.ones(2, 5))


def test_attention_that_looks_at_itself_rolls_out_to_nothing_but_itself():
    itself = torch.eye(5).expand(1, 2, 5, 5)
    torch.testing.assert_close(roll_out([itself, itself])[0], torch.eye(5))


def test_a_vision_transformer_is_explained_by_its_attention_and_a_swin_by_its_maps(vit):
    torch.manual_seed(0)
    swin = SwinTransformer([4, 4], 8, [1, 1], [1, 2], [2, 2], num_classes=2)
    assert a_model(vit.network, labels=("a", "b", "c")).method == "attribution"
    assert not attends(swin)
    model = a_model(swin)
    assert model.method == "hirescam"
    assert any(one.any() for one in model.maps(model.whole, asked_of(picture()[None], [1])).values())


# The gate


def redness(squares):
    """How red the place is, of 1: an answer that needs no network."""
    return (squares[:, PLACE[0], PLACE[1], 0].astype(float) - squares[:, PLACE[0], PLACE[1], 1]).mean(axis=(1, 2)) / 180


def test_the_right_order_scores_far_above_an_order_at_random():
    right = np.zeros((SIDE, SIDE), np.float32)
    right[PLACE] = 1
    drawn = [np.random.default_rng(seed).random((SIDE, SIDE), np.float32) for seed in range(20)]
    got, drop = scores(redness, picture(), [right, 1 - right, *drawn], least=0.1)
    assert drop > 0.5
    assert got[0] > 0.6
    assert got[1] < 0.05
    assert np.mean(got[2:]) == pytest.approx(np.mean(SHARES), abs=0.02)


def test_a_flat_map_is_worth_no_more_than_an_order_at_random():
    got, _ = scores(redness, picture(), [np.zeros((SIDE, SIDE), np.float32)], least=0.1)
    assert got[0] < 0.25


def test_places_are_blurred_out_and_not_blackened():
    square = np.full((SIDE, SIDE, 3), 200, np.uint8)
    np.testing.assert_array_equal(blurred(square), square)


def test_an_unlearned_network_is_another_and_leaves_the_learned_one_and_its_draws_alone():
    whole = Whole(Looks(), Preprocess(size=SIDE)).eval()
    before = copy.deepcopy(whole.state_dict())
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    drawn = settle(unlearned(whole), picture())
    assert torch.equal(torch.rand(1), expected)
    assert all(torch.equal(tensor, before[name]) for name, tensor in whole.state_dict().items())
    assert not torch.equal(drawn.network.head.weight, whole.network.head.weight)
    assert not drawn.training
    assert drawn.network.norm[0].running_var != 1


def test_rivals_are_maps_of_the_picture_alone():
    grey = np.full((SIDE, SIDE, 3), 120, np.uint8)
    grey[8:16, 8:16] = (255, 0, 0)
    found = plain_rivals(grey)
    assert sorted(found) == ["a centre blob", "a map of edges", "a map of saturation"]
    centre = np.unravel_index(found["a centre blob"].argmax(), (SIDE, SIDE))
    assert all(abs(place - SIDE / 2) <= 1 for place in centre)
    assert 8 <= np.unravel_index(found["a map of saturation"].argmax(), (SIDE, SIDE))[0] < 16


# A model as a whole


def test_the_pointing_game_counts_maps_by_where_they_are_greatest():
    mask = np.zeros((100, 100), bool)
    mask[40:60, 40:60] = True
    hits = []
    for place in ((50, 50), (38, 50), (30, 50)):
        one = np.zeros((100, 100), np.float32)
        one[place] = 1
        hits.append(points_at(one, mask))
    assert hits == [True, True, False]
    assert not points_at(np.zeros((100, 100), np.float32), mask)


def test_a_model_is_checked_on_a_sample_with_marks_where_there_are_any():
    squares = np.stack([picture(seed=seed) for seed in range(3)])
    mask = np.zeros((SIDE, SIDE), bool)
    mask[PLACE] = True
    checked = check(a_model(Looks()), squares, [["red"]] * 3, masks=[mask, mask, None])
    assert checked.maps == 3
    assert checked.passed == 1
    assert checked.pointed["shown"] == 1
    assert checked.pointed["a centre blob"] == 0
    assert checked.caution == ""


def test_a_model_most_of_whose_maps_fail_is_cautioned_against():
    squares = np.stack([picture(seed=seed) for seed in range(3)])
    found = explain_with(a_model(Looks(at=None)), squares, [["red"]] * 3)
    assert count(found, squares).caution.startswith("None of 3 maps is better")
    assert count((), squares).caution == ""


def test_blur_takes_the_toy_patch_away():
    square = picture()
    assert cv2.absdiff(square, blurred(square))[PLACE].mean() > 20


# What is known beside a picture


def test_what_is_known_beside_a_picture_counts_in_its_answer_and_is_asked_for():
    ward = Fusion(columns=(Column(name="ward", values=("east",)),), weights=((6.0, 0.0), (0.0, 0.0)))
    model = a_model(Looks(), fusion=ward)
    squares = np.stack([picture(), picture()])
    with pytest.raises(UsageError, match="reads attributes beside its pictures: give those of each"):
        explain_with(model, squares)
    found = explain_with(model, squares, [["red"]] * 2, beside=[{"ward": "east"}, {}])
    assert found[0].said < found[1].said
    assert greatest(found[1].map)


def test_a_trained_model_is_tested_on_pictures_spread_over_those_there_are():
    squares = np.stack([picture(red_at=PLACE if place >= 20 else (slice(0, 1), slice(0, 1))) for place in range(40)])
    asked = []

    def made():
        asked.append("model")
        return a_model(Looks())

    found = try_maps(made, squares, np.arange(10, 40), [{}] * 40, 6)
    assert (found["pictures"], asked) == (6, ["model"])
    assert 0 < found["shown"] < found["maps"]
    assert try_maps(made, squares, np.arange(40), [{}] * 40, 0) is None
    assert len(asked) == 1


def test_no_further_picture_is_begun_once_it_has_taken_long_enough(monkeypatch):
    monkeypatch.setattr("fovea.engine.explain.checking.ENOUGH_S", -1.0)
    squares = np.stack([picture()] * 3)
    assert try_maps(lambda: a_model(Looks()), squares, np.arange(3), [{}] * 3, 3)["pictures"] == 1


def test_a_network_that_cannot_be_explained_is_not_tested():
    def made():
        raise UsageError("its answers are maps already")

    assert try_maps(made, np.stack([picture()]), np.arange(1), [{}], 4) is None
