from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from fovea.engine.learning import averaging, checkpoint, loop, mixing, worst_group
from fovea.engine.pictures import data
from fovea.engine.recipe import Recipe
from fovea.errors import FoveaError, Stopped
from fovea.progress import silent

COUNT, SIZE = 40, 8
PLAIN = {
    "epochs": 3,
    "lr": 0.01,
    "batch_size": 8,
    "precision": "fp32",
    "device": "cpu",
    "weights": "none",
    "threads": 1,
}
EVERYTHING = {
    "ema": 0.9,
    "mixup": 0.4,
    "cutmix": 1.0,
    "accumulate": 2,
    "schedule": "plateau",
    "unfreeze": "gradual",
    "layer_decay": 0.7,
    "l1": 1e-4,
    "patience": 8,
}


class Small(nn.Module):
    """uint8 squares to three logits, by one convolution with batch statistics, a hidden layer and a head."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(6)
        self.middle = nn.Linear(6, 8)
        self.head = nn.Sequential(nn.Dropout(0.3), nn.Linear(8, 3))

    def forward(self, squares):
        planes = self.norm(self.stem(squares.permute(0, 3, 1, 2).float() / 255)).relu()
        return self.head(self.middle(planes.mean(dim=(2, 3))).relu())


DEPTHS = (
    ("stem.weight", "stem.bias", "norm.weight", "norm.bias"),
    ("middle.weight", "middle.bias"),
    ("head.1.weight", "head.1.bias"),
)


@lru_cache(maxsize=1)
def drawn():
    """Squares of three brightnesses, and which of them each is."""
    random = np.random.default_rng(0)
    targets = np.arange(COUNT) % 3
    pixels = random.integers(0, 60, (COUNT, SIZE, SIZE, 3)) + 70 * targets[:, None, None, None]
    return pixels.astype(np.uint8), targets


def make_course(recipe, *, network=None, validates=True, groups=None, loss=functional.cross_entropy):
    torch.manual_seed(0)
    pixels, targets = drawn()
    learned = data.Pictures(
        pixels=pixels, rows=np.arange(COUNT), targets=targets, ids=np.arange(COUNT, dtype=np.uint64)
    )
    cuts = data.even_cuts(COUNT, int(recipe.batch_size))

    def batches(epoch, first):
        order = data.order_of(learned, seed=recipe.seed, epoch=epoch, shares=None)
        for cut in cuts[first:]:
            yield data.Batch(torch.from_numpy(pixels[order[cut]]), torch.from_numpy(targets[order[cut]]))

    @torch.no_grad()
    def validate(network):
        network.eval()
        logits = network(torch.from_numpy(pixels))
        return {"loss": float(functional.cross_entropy(logits, torch.from_numpy(targets)))}

    return loop.Course(
        network=network or Small(),
        batches=batches,
        steps=len(cuts),
        validate=validate if validates else lambda network: {},
        loss=loss,
        key="key",
        depths=DEPTHS,
        groups=groups,
    )


def fit(folder, *, stop=lambda: False, course=None, **settings):
    """The weights that a training ends with, and its curves."""
    folder.mkdir(exist_ok=True)
    recipe = Recipe(**{**PLAIN, "batch_stats": "learn", **settings})
    course = course(recipe) if course else make_course(recipe)
    curves = loop.fit(course, recipe=recipe, folder=folder, progress=silent(), stop=stop)
    return course.network.state_dict(), curves


def stop_after(calls):
    left = iter(range(calls))
    return lambda: next(left, None) is None


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def without_time(curves):
    return [{name: value for name, value in epoch.items() if name != "seconds"} for epoch in curves]


def by_parity(recipe):
    """Two groups: even and odd pictures."""
    learned = np.arange(COUNT, dtype=np.uint64)
    pictures = data.Pictures(pixels=drawn()[0], rows=np.arange(COUNT), targets=drawn()[1], ids=learned)
    cuts = data.even_cuts(COUNT, int(recipe.batch_size))

    def of(epoch, batch):
        order = data.order_of(pictures, seed=recipe.seed, epoch=epoch, shares=None)
        return torch.from_numpy(order[cuts[batch]] % 2)

    return worst_group.Groups(names=("even", "odd"), of=of)


def test_a_training_learns(tmp_path):
    _, curves = fit(tmp_path, epochs=20)
    assert curves[-1]["loss"] < 0.7 * curves[0]["loss"]
    assert curves[0]["lr"] > curves[-1]["lr"] > 0


@pytest.mark.parametrize(
    "settings",
    [
        EVERYTHING,
        {**EVERYTHING, "optimizer": "sgd", "unfreeze": 1, "schedule": "one_cycle"},
        {"schedule": "one_cycle", "optimizer": "adam", "ema": 0.5},
        {"schedule": "step", "batch_stats": "frozen", "weights": "imagenet", "accumulate": 3},
    ],
)
@pytest.mark.parametrize("steps", [1, 4, 5])
def test_a_training_stopped_with_all_of_it_on_goes_on_to_the_same_bits(tmp_path, settings, steps):
    whole, curves = fit(tmp_path / "whole", **settings)
    with pytest.raises(Stopped):
        fit(tmp_path / "cut", stop=stop_after(steps), **settings)
    again, other = fit(tmp_path / "cut", **settings)
    assert same(whole, again)
    assert without_time(other) == without_time(curves)


def test_a_training_by_the_worst_group_goes_on_to_the_same_bits(tmp_path):
    def course(recipe):
        return make_course(recipe, groups=by_parity(recipe))

    whole, _ = fit(tmp_path / "whole", course=course)
    with pytest.raises(Stopped):
        fit(tmp_path / "cut", course=course, stop=stop_after(7))
    assert same(whole, fit(tmp_path / "cut", course=course)[0])


@pytest.mark.parametrize("changed", EVERYTHING)
def test_every_setting_changes_what_is_learned(tmp_path, changed):
    settings = {"schedule": "constant", "epochs": 4, "patience": 0}
    plain, _ = fit(tmp_path / "plain", **settings)
    extra = {"patience": 8} if changed == "schedule" else {}
    value = {"patience": 0, "schedule": "step"}.get(changed, EVERYTHING[changed])
    other, _ = fit(tmp_path / "other", **{**settings, **extra, changed: value})
    assert same(plain, other) == (changed == "patience")


def test_accumulated_batches_make_the_step_of_one_large_batch(tmp_path):
    def course(recipe):
        torch.manual_seed(0)
        network = nn.Sequential(nn.Flatten(), Scaled(), nn.Linear(3 * SIZE * SIZE, 3))
        return make_course(recipe, network=network)

    settings = {"course": course, "epochs": 1, "warmup": 0, "schedule": "constant", "unfreeze": "all", "clip": 0.1}
    large, _ = fit(tmp_path / "large", batch_size=40, **settings)
    small, _ = fit(tmp_path / "small", batch_size=10, accumulate=4, **settings)
    assert all(torch.allclose(large[name], small[name], atol=1e-5) for name in large)


class Scaled(nn.Module):
    def forward(self, squares):
        return squares.float() / 255


def test_the_mean_of_weights_is_what_is_kept(tmp_path):
    raw, _ = fit(tmp_path / "raw")
    mean, _ = fit(tmp_path / "mean", ema=0.99)
    best = torch.load(tmp_path / "mean" / "best.pt", weights_only=True)["network"]
    there = torch.load(tmp_path / "mean" / "checkpoint.pt", weights_only=True)
    assert same(mean, best)
    assert same(there["state"]["average"], mean)
    assert not same(there["network"], mean)
    assert not same(raw, mean)


def test_the_mean_follows_a_short_training():
    network = Small()
    average = averaging.started(network)
    with torch.no_grad():
        network.middle.weight.fill_(1.0)
    averaging.update(average, network, decay=0.999, step=0)
    assert float(average["middle.weight"].mean()) == pytest.approx(0.9, abs=0.05)
    assert set(average) == set(network.state_dict())


def test_frozen_statistics_stay_as_they_were(tmp_path):
    before = {name: tensor.clone() for name, tensor in Small().norm.state_dict().items()}
    frozen, _ = fit(tmp_path / "frozen", batch_stats="frozen", weights="imagenet")
    learned, _ = fit(tmp_path / "learned", batch_stats="learn")
    assert torch.equal(frozen["norm.running_mean"], before["running_mean"])
    assert not torch.equal(learned["norm.running_mean"], before["running_mean"])
    assert not torch.equal(frozen["norm.weight"], before["weight"])


def unvalidated(recipe):
    return make_course(recipe, validates=False)


def test_depths_that_are_not_opened_yet_stay_as_they_were(tmp_path):
    torch.manual_seed(0)
    before = Small().state_dict()
    after, _ = fit(tmp_path, course=unvalidated, unfreeze=1, epochs=2)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"middle.weight", "middle.bias", "head.1.weight", "head.1.bias"}


def test_every_depth_can_learn_again_after_the_training(tmp_path):
    course = make_course(Recipe(**PLAIN))
    fit(tmp_path, course=lambda recipe: course, unfreeze=5)
    assert all(parameter.requires_grad for parameter in course.network.parameters())


def test_each_depth_has_its_own_rate():
    recipe = Recipe(**PLAIN, layer_decay=0.5)
    optimizer = loop.make_optimizer(Small(), recipe, DEPTHS)
    loop.set_rate(optimizer, recipe, 6, 5)
    top = optimizer.param_groups[0]["lr"]
    assert [group["lr"] / top for group in optimizer.param_groups] == [1, 1, 0.5, 0.5, 0.25, 0.25]
    assert [group["weight_decay"] > 0 for group in optimizer.param_groups] == [True, False] * 3


class Scarce(nn.Module):
    """A network that no batch of more than ``most`` pictures fits into."""

    def __init__(self, most, error=torch.OutOfMemoryError):
        super().__init__()
        self.network, self.most, self.error = Small(), most, error

    def forward(self, squares):
        if self.training and len(squares) > self.most:
            raise self.error("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")
        return self.network(squares)


def scarce(most, error=torch.OutOfMemoryError):
    return lambda recipe: make_course(recipe, network=Scarce(most, error))


class Telling:
    def __init__(self):
        self.shown = {}

    def show(self, **figures):
        self.shown.update(figures)

    start = advance = finish = lambda self, *_: None


@pytest.mark.parametrize("error", [torch.OutOfMemoryError, RuntimeError, MemoryError])
def test_a_batch_that_does_not_fit_is_halved_and_said_so(tmp_path, error):
    recipe, telling = Recipe(**PLAIN), Telling()
    course = scarce(4, error)(recipe)
    curves = loop.fit(course, recipe=recipe, folder=tmp_path, progress=telling, stop=lambda: False)
    assert [epoch["pieces"] for epoch in curves] == [2.0, 2.0, 2.0]
    assert telling.shown["memory"] == "was short, batches are halved"


def test_a_training_whose_batches_were_halved_goes_on_to_the_same_bits(tmp_path):
    whole, _ = fit(tmp_path / "whole", course=scarce(4))
    with pytest.raises(Stopped):
        fit(tmp_path / "cut", course=scarce(4), stop=stop_after(3))
    assert same(whole, fit(tmp_path / "cut", course=scarce(4))[0])


def test_where_half_a_batch_does_not_fit_either_the_training_ends_in_a_sentence(tmp_path):
    with pytest.raises(FoveaError, match="memory does not do for half a batch: train with a smaller batch_size"):
        fit(tmp_path, course=scarce(3))


def test_another_fault_is_not_taken_for_one_of_memory(tmp_path):
    def course(recipe):
        def broken(logits, targets):
            raise RuntimeError("something else")

        return make_course(recipe, loss=broken)

    with pytest.raises(RuntimeError, match="something else"):
        fit(tmp_path, course=course)


def poisoned_after(calls):
    """A loss that is no number from a batch on."""
    left = iter(range(calls))

    def loss(logits, targets):
        told = functional.cross_entropy(logits, targets)
        return told if next(left, None) is not None else told * math.nan

    return lambda recipe: make_course(recipe, loss=loss)


def test_a_loss_that_is_no_number_keeps_the_last_good_checkpoint(tmp_path):
    with pytest.raises(FoveaError, match=r"the loss became nan near batch 5 of epoch 2: train with a lower lr"):
        fit(tmp_path, course=poisoned_after(7))
    content = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert content["state"]["epoch"] == 1
    assert all(bool(torch.isfinite(tensor).all()) for tensor in content["network"].values())


def test_a_stop_after_the_loss_became_no_number_does_not_keep_it(tmp_path):
    with pytest.raises(FoveaError, match="the loss became nan near batch 3 of epoch 2"):
        fit(tmp_path, course=poisoned_after(7), stop=stop_after(8))
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["state"]["epoch"] == 1


def test_a_checkpoint_of_before_these_settings_is_gone_on_from(tmp_path):
    network = Small()
    optimizer = loop.make_optimizer(network, Recipe(**PLAIN))
    checkpoint.write(tmp_path / "old.pt", checkpoint.State(key="key", epoch=2), network, optimizer)
    content = torch.load(tmp_path / "old.pt", weights_only=True)
    for name in ("average", "shares", "pieces"):
        del content["state"][name]
    torch.save(content, tmp_path / "old.pt")
    state = checkpoint.read(tmp_path / "old.pt", "key", network, optimizer)
    assert (state.epoch, state.pieces, state.average) == (2, 1, {})


def test_progress_tells_loss_figures_and_rate(tmp_path):
    telling, recipe = Telling(), Recipe(**PLAIN)
    loop.fit(make_course(recipe), recipe=recipe, folder=tmp_path, progress=telling, stop=lambda: False)
    assert {"epoch", "loss", "train_loss", "lr"} <= telling.shown.keys()


def test_a_step_is_timed_without_touching_the_folder(tmp_path):
    recipe = Recipe(**PLAIN, **EVERYTHING)
    assert loop.seconds_a_step(make_course(recipe), recipe=recipe, steps=2) > 0
    assert list(tmp_path.iterdir()) == []


# Mixing


def batch(count=6):
    pixels = torch.arange(count, dtype=torch.uint8)[:, None, None, None].expand(count, 8, 8, 3) * 10
    return mixing.Given(pixels=pixels.clone(), targets=torch.arange(count))


def test_a_blended_picture_is_as_much_of_each_as_its_loss_says():
    given = mixing.mixed(batch(), Recipe(mixup=1.0), 5)
    own, other = batch().pixels.float(), batch().pixels.float().roll(1, 0)
    assert 0 < given.share < 1
    assert torch.allclose(given.pixels, given.share * own + (1 - given.share) * other, atol=1e-3)
    assert torch.equal(given.others, torch.arange(6).roll(1))


def test_a_pasted_piece_is_as_large_as_the_loss_says():
    shares = []
    for step in range(12):
        given = mixing.mixed(batch(), Recipe(cutmix=1.0), step)
        kept = float((given.pixels[2] == 20).float().mean())
        assert kept == pytest.approx(given.share)
        shares.append(given.share)
    assert len(set(shares)) > 6


def test_a_mask_is_pasted_with_its_picture():
    whole = batch()
    masks = whole.pixels[..., 0].long()
    given = mixing.mixed(mixing.Given(pixels=whole.pixels, targets=masks), Recipe(cutmix=1.0), 1)
    assert torch.equal(given.targets, given.pixels[..., 0].long())
    assert given.others is None


def test_mixing_follows_from_seed_and_step():
    def at(step, seed=0):
        return mixing.mixed(batch(), Recipe(mixup=1.0, cutmix=1.0, seed=seed), step).pixels.float()

    assert torch.equal(at(3), at(3))
    assert not torch.equal(at(3), at(4))
    assert not torch.equal(at(3), at(3, seed=1))


def test_both_ways_of_mixing_come_about():
    given = [mixing.mixed(batch(), Recipe(mixup=1.0, cutmix=1.0), step) for step in range(12)]
    assert {one.pixels.dtype for one in given} == {torch.uint8, torch.float32}


def test_the_loss_of_a_mixed_picture_is_that_of_soft_targets():
    given = mixing.mixed(batch(3), Recipe(mixup=1.0), 5)
    logits = torch.randn(3, 3)
    soft = given.share * functional.one_hot(given.targets, 3) + (1 - given.share) * functional.one_hot(given.others, 3)
    assert torch.allclose(given.loss(logits, functional.cross_entropy), functional.cross_entropy(logits, soft))


def test_pieces_are_the_whole():
    pieces = list(mixing.mixed(batch(5), Recipe(mixup=1.0), 5).pieces(2))
    assert [len(piece) for piece in pieces] == [3, 2]
    assert torch.equal(torch.cat([piece.others for piece in pieces]), torch.arange(5).roll(1))
    assert [len(piece) for piece in batch(3).pieces(2)] == [3]
