from __future__ import annotations

import dataclasses
import os
import time

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from fovea.engine.judging.evaluate import evaluate
from fovea.engine.learning import modes
from fovea.engine.network import rebuild
from fovea.engine.train import train
from fovea.errors import DataError, Stopped
from fovea.progress import silent

SHUFFLE = "torchvision:shufflenet_v2_x0_5"


class Told:
    """A progress that remembers how much of each step there was."""

    def __init__(self):
        self.steps = []

    def start(self, title, total):
        self.steps.append((title, total))

    def advance(self, count=1):
        pass

    def show(self, **figures):
        pass

    def finish(self):
        pass

    def of(self, title):
        return [total for name, total in self.steps if name == title]


def probe(bench, progress=None, **recipe):
    return train(**bench.arguments(progress=progress or silent(), mode="probe", **{"backbone": SHUFFLE, **recipe}))


def test_a_probe_tells_colours_apart_and_leaves_the_backbone_as_it_is(bench, tmp_path):
    done = probe(bench)
    assert done.evaluation.figures["accuracy"].value > 0.7
    weights = {name.removeprefix("network."): tensor for name, tensor in load_file(done.bundle.weights).items()}
    save_file({name: tensor for name, tensor in weights.items() if "head." not in name}, tmp_path / "w.safetensors")
    again = probe(bench, folder=tmp_path / "again", weights=str(tmp_path / "w.safetensors"))
    after = load_file(again.bundle.weights)
    assert all(torch.equal(after[f"network.{name}"], tensor) for name, tensor in weights.items() if name[:3] == "sta")


def test_the_grid_goes_over_depth_pooling_and_strength(bench):
    done = probe(bench, strengths=(0.1, 0.001))
    tried = {(one["depths"], one["pools"], one["strength"]) for one in done.curves}
    assert len(tried) == len(done.curves)
    assert {pools for _, pools, _ in tried} == {"mean", "mean+std", "mean+max"}
    assert {strength for *_, strength in tried} == {0.1, 0.001}
    assert len({depth for depth, *_ in tried}) == 3
    best = min(done.curves, key=lambda one: one["loss"])
    assert len(done.bundle.readout.stages) == best["depths"]
    assert done.recipe.mode == "probe"


def test_a_picture_is_embedded_once_whatever_grid_asks_for_it(bench, tmp_path):
    first, second = Told(), Told()
    probe(bench, first)
    probe(bench, second, folder=tmp_path / "other", strengths=(0.5, 0.05), validation=0.2)
    assert sum(first.of("embed")) > 0
    assert first.of("look at the pictures")
    assert not second.of("look at the pictures")
    known = sum(first.of("embed"))
    assert sum(second.of("embed")) <= 48 - known  # only what was of another part before


def test_changed_copies_are_learned_from_and_found_again(bench, tmp_path):
    first, second = Told(), Told()
    probe(bench, first, views=2)
    probe(bench, second, folder=tmp_path / "other", views=2)
    learned = 3 * first.of("embed")[0]
    assert sum(first.of("embed")) > learned - first.of("embed")[0]
    assert not second.of("embed")


def test_a_damaged_cache_is_made_again(bench, tmp_path):
    before = probe(bench).bundle
    for path in bench.models.with_name("cache").glob("features/*/*.safetensors"):
        path.write_bytes(path.read_bytes()[:-40] + bytes(40))
    told = Told()
    after = probe(bench, told, folder=tmp_path / "other").bundle
    assert told.of("embed")
    assert torch.equal(load_file(before.weights)["head.weight"], load_file(after.weights)["head.weight"])


def test_features_of_a_backbone_that_nobody_asked_for_in_two_months_go(bench):
    features = bench.models.with_name("cache") / "features"
    for name, days in (("old", 61), ("younger", 59)):
        (features / name).mkdir(parents=True)
        os.utime(features / name, (time.time() - days * 86_400,) * 2)
    probe(bench)
    assert not (features / "old").exists()
    assert (features / "younger").exists()
    assert any(features.glob("*/*.safetensors"))


def test_a_stopped_probe_keeps_the_features_it_made_and_goes_on(bench, monkeypatch):
    monkeypatch.setattr("fovea.engine.learning.cache.SEGMENT", 16)
    calls = iter(range(10**6))
    with pytest.raises(Stopped, match="run it again to go on"):
        probe_with_stop(bench, lambda: next(calls) > 50)
    told = Told()
    done = probe(bench, told)
    assert 0 < told.of("embed")[0] < 30
    assert done.evaluation.pictures


def probe_with_stop(bench, stop):
    given = bench.arguments(progress=silent(), stop=stop, mode="probe", backbone=SHUFFLE)
    return train(**given)


def test_without_validation_a_fifth_of_the_groups_chooses(bench):
    done = probe(bench, validation=0)
    assert "loss" in done.curves[0]


def test_a_probe_is_served_as_it_was_trained_and_can_be_made_again(bench):
    done = probe(bench)
    assert done.agreement.probabilities < 1e-3
    network = rebuild(done.bundle)
    squares = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    from fovea.serving.network import Network

    with torch.no_grad():
        assert torch.allclose(
            network(torch.from_numpy(squares)),
            torch.from_numpy(Network(done.bundle, precision="fp32").run(squares)),
            atol=1e-3,
        )


def test_a_trained_network_can_be_made_again_from_its_bundle(finished):
    bench, done = finished
    network = rebuild(done.bundle)
    assert set(network.network.state_dict()) == set(load_file(done.bundle.weights))
    assert not network.training
    again = evaluate(domain=bench.domain, root=bench.root, view=bench.view, bundle=done.bundle, progress=silent())
    assert again.pictures == done.evaluation.pictures


def test_auto_keeps_the_probe_where_the_budget_has_no_room_for_more(bench):
    done = train(**bench.arguments(progress=silent(), mode="auto", budget=1e-6, backbone=SHUFFLE))
    assert done.recipe.mode == "probe"
    assert done.bundle.readout is not None


def test_auto_trains_the_whole_network_with_the_rest_of_the_budget(bench, monkeypatch):
    seen = []
    monkeypatch.setattr(modes, "_score", lambda run, learned: seen.append(learned) or float(learned.readout is None))
    done = train(**bench.arguments(progress=silent(), mode="auto", budget=10, epochs=4, backbone=SHUFFLE))
    assert [one.readout is None for one in seen] == [False, True]
    assert done.recipe.mode == "full"
    assert (done.bundle.readout, len(done.curves)) == (None, 4)


def test_auto_judges_a_probe_by_heads_that_have_not_seen_validation(bench, monkeypatch):
    scores = {}

    def score(run, learned):
        scores[learned.readout is None] = found = real(run, learned)
        return found

    real = modes._score
    monkeypatch.setattr(modes, "_score", score)
    done = train(
        **bench.arguments(progress=silent(), mode="auto", budget=10, epochs=3, backbone=SHUFFLE, precision="fp32")
    )
    probed = train(
        **bench.arguments(
            progress=silent(), mode="probe", folder=bench.folder / "p", backbone=SHUFFLE, precision="fp32"
        )
    )
    assert scores[False] == -min(one["loss"] for one in probed.curves)
    assert done.recipe.mode == ("full" if scores[True] > scores[False] else "probe")


def test_auto_without_validation_is_refused(bench):
    with pytest.raises(DataError, match="set validation above 0"):
        train(**bench.arguments(progress=silent(), mode="auto", validation=0, backbone=SHUFFLE))


def test_what_auto_planned_by_the_clock_is_kept_for_the_next_time(bench):
    given = bench.arguments(progress=silent(), mode="auto", budget=10, epochs=4, backbone=SHUFFLE)
    first = train(**given)
    planned = (bench.folder / "auto.json").read_text()
    recipe = given["recipe"].model_copy(update={"budget": 10.0})
    again = train(**{**given, "recipe": recipe})
    assert (bench.folder / "auto.json").read_text() == planned
    assert dataclasses.replace(first.evaluation) == again.evaluation
