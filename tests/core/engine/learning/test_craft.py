from __future__ import annotations

import json
from dataclasses import replace
from functools import partial

import pytest
import torch

from fovea.engine.learning import lr_find
from fovea.engine.learning.full import course_of
from fovea.engine.prepared import prepare
from fovea.engine.recipe import Recipe, usual_rate
from fovea.engine.train import train
from fovea.errors import DataError, Stopped
from fovea.plugin import Sample, find_files
from fovea.progress import silent


def go(bench, **options):
    return train(**bench.arguments(progress=silent(), **options))


def prepared(bench, **recipe):
    given = bench.arguments(progress=silent(), **recipe)
    given["folder"].mkdir(exist_ok=True)
    facts = [given.pop(name) for name in ("domain", "root", "view", "role")]
    return prepare(*facts, **{name: given[name] for name in ("recipe", "folder", "cache", "progress")})


def test_a_rate_that_is_to_be_found_is_written_into_the_run(bench, monkeypatch):
    monkeypatch.setattr(lr_find, "range_test", partial(lr_find.range_test, steps=24))
    done = go(bench, lr="find", augment=False)
    told = json.loads((bench.folder / "recipe.json").read_text())
    test = json.loads((bench.folder / "lr_find.json").read_text())
    assert told["lr"] == test["rate"] == done.recipe.lr == done.bundle.recipe["lr"]
    assert len(test["rates"]) == len(test["losses"]) > 10
    monkeypatch.setattr(lr_find, "range_test", lambda *_, **__: pytest.fail("the rate was looked for again"))
    assert go(bench, lr="find", augment=False).curves == done.curves


def test_a_range_test_leaves_the_network_as_it_was_and_finds_a_rate_that_learns(bench):
    run = prepared(bench, epochs=2, augment=False)
    before = {name: tensor.clone() for name, tensor in run.whole.state_dict().items()}
    test = lr_find.range_test(course_of(run), recipe=run.recipe, progress=silent(), stop=lambda: False, steps=40)
    assert all(torch.equal(before[name], tensor) for name, tensor in run.whole.state_dict().items())
    assert test.fell
    assert 1e-5 < test.rate < 1
    assert list(test.rates) == sorted(test.rates)


def test_a_range_test_can_be_stopped(bench):
    run = prepared(bench)
    with pytest.raises(Stopped, match="test of learning rates was stopped"):
        lr_find.range_test(course_of(run), recipe=run.recipe, progress=silent(), stop=lambda: True)


@pytest.mark.parametrize("losses", [[], [1.0, 1.0, 1.0], [1.0, 1.01, 1.2, 3.0], [1.0, 0.999, 0.998, 0.999, 4.0]])
def test_where_the_loss_does_not_fall_no_rate_is_suggested(losses):
    assert lr_find.steepest_fall([10.0**place for place in range(len(losses))], losses) is None


def test_the_usual_rate_grows_with_the_pictures_a_step():
    small, large = Recipe(batch_size=32), Recipe(batch_size=32, accumulate=4)
    assert usual_rate(large) == 2 * usual_rate(small)


def with_cameras(root, view):
    """``label/plant-shot.png``, by two cameras: a shot is taken by the camera of its number."""
    for path in find_files(root):
        label, name = path.split("/")
        plant, shot = name.removesuffix(".png").split("-")
        facts = {"camera": f"camera {shot}", "height": 1.5}
        yield Sample(source=path, targets={"disease": label}, group=plant, unit=label, attributes=facts)


def test_a_training_by_the_worst_group_of_an_attribute_walks_through(bench):
    bench.domain = replace(bench.domain, read_samples=with_cameras)
    course = course_of(prepared(bench, worst_group="camera+label"))
    assert course.groups.names[:2] == ("camera 0+blue", "camera 0+green")
    assert sorted(torch.cat([course.groups.of(0, step) for step in range(course.steps)]).unique().tolist()) == [
        *range(6)
    ]
    assert go(bench, worst_group="camera+label").recipe.worst_group == "camera+label"


def test_an_attribute_that_there_is_not_is_told_with_those_there_are(bench):
    bench.domain = replace(bench.domain, read_samples=with_cameras)
    with pytest.raises(
        DataError, match=r"no picture has the attribute 'lens' .* \(they have: camera, height, and label"
    ):
        go(bench, worst_group="lens")


def test_an_attribute_that_makes_one_group_only_is_refused(bench):
    bench.domain = replace(bench.domain, read_samples=with_cameras)
    with pytest.raises(DataError, match="worst_group=height tells 1 of the 2 to 100 groups"):
        go(bench, worst_group="height")


@pytest.mark.parametrize("backbone", ["torchvision:squeezenet1_1", "torchvision:shufflenet_v2_x0_5"])
def test_every_parameter_is_of_one_depth(bench, backbone):
    run = prepared(bench, layer_decay=0.5, backbone=backbone)
    depths = course_of(run).depths
    named = [name for group in depths for name in group]
    assert sorted(named) == sorted(dict(run.whole.named_parameters()))
    assert len(depths) > 2
    assert any("weight" in name for name in depths[-1])


def test_curves_are_written_for_tensorboard_where_asked_for(bench):
    go(bench, tensorboard=True)
    assert [path.name.startswith("events.out.tfevents.") for path in (bench.folder / "tensorboard").iterdir()] == [True]
