from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from fovea.engine import room
from fovea.engine.judging.evaluate import evaluate
from fovea.engine.learning.full import fit_full
from fovea.engine.prepared import prepare
from fovea.engine.recipe import Machine
from fovea.engine.train import train
from fovea.errors import DataError, FoveaError, Locked, PluginError, Stopped, UnknownName, UsageError
from fovea.progress import silent
from fovea.serving.bundle import open_bundle
from fovea.serving.network import Network

SHUFFLE = "torchvision:shufflenet_v2_x0_5"


CRAFT = {
    "ema": 0.9,
    "mixup": 0.4,
    "cutmix": 1.0,
    "accumulate": 2,
    "schedule": "plateau",
    "unfreeze": "gradual",
    "layer_decay": 0.7,
    "l1": 1e-5,
    "loss": "focal",
    "class_balance": "effective",
}
"""All of the training craft that can be had at once."""


def go(bench, **options):
    return train(**bench.arguments(progress=silent(), **options))


def stop_after(calls):
    left = iter(range(calls))
    return lambda: next(left, None) is None


def weights_of(trained):
    return load_file(trained.bundle.weights)


def assert_same(one, other):
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def learn(bench, *, stop=lambda: False, folder=None, **recipe):
    """The learning alone, without export and judgement: the weights it ends with."""
    given = bench.arguments(progress=silent(), folder=folder, **{"backbone": SHUFFLE, "lr": 0.003, **recipe})
    facts = [given.pop(name) for name in ("domain", "root", "view", "role")]
    told = {name: given[name] for name in ("recipe", "folder", "cache", "progress")}
    with room.held(given["folder"], "training"), room.threads(1):
        run = prepare(*facts, **told)
        fit_full(run, progress=silent(), stop=stop)
    return run.whole.state_dict()


def prepared(bench, **recipe):
    given = bench.arguments(progress=silent(), **recipe)
    return prepare(
        *(given[name] for name in ("domain", "root", "view", "role")),
        **{name: given[name] for name in ("recipe", "folder", "cache", "progress")},
    )


@pytest.mark.parametrize("backbone, mode, precision", [(SHUFFLE, "full", "fp32"), (SHUFFLE, "probe", "bf16")])
def test_a_network_that_is_slow_in_bf16_learns_in_fp32_and_goes_on_so(bench, monkeypatch, backbone, mode, precision):
    machine = Machine(device="cpu", native_bf16=True, free_cores=1)
    monkeypatch.setattr("fovea.engine.prepared.look_at_machine", lambda wanted: machine)
    settings = {"backbone": backbone, "mode": mode, "precision": "auto"}
    bench.folder.mkdir(exist_ok=True)
    assert prepared(bench, **settings).recipe.precision == precision
    monkeypatch.setattr("fovea.engine.prepared.is_slow_in_bf16", lambda network: False)
    assert prepared(bench, **settings).recipe.precision == precision


@pytest.fixture
def trained(finished):
    return finished[1]


def test_a_training_ends_in_a_bundle_that_tells_colours_apart(finished):
    bench, trained = finished
    bundle = open_bundle(bench.models / "blobs.fovea")
    assert bundle == trained.bundle
    assert bundle.labels == ("blue", "green", "red")
    assert (bundle.domain, bundle.role, bundle.kind) == ("wheat", "disease", "classify")
    assert trained.evaluation.figures["balanced_accuracy"].value > 0.8
    assert trained.evaluation.groups == trained.evaluation.pictures / 2
    assert len(trained.curves) == 10
    assert Network(bundle).run(np.zeros((1, 32, 32, 3), np.uint8)).shape == (1, 3)


def test_the_served_network_says_what_the_trained_one_says(trained):
    assert trained.agreement.probabilities < 1e-3
    assert trained.bundle.figures["agreement"]["logits"] == trained.agreement.logits


def test_the_run_keeps_what_it_decided(trained):
    recipe = json.loads((trained.folder / "recipe.json").read_text())
    assert "auto" not in recipe.values()
    assert recipe == dict(trained.bundle.recipe)
    parts = json.loads((trained.folder / "split.json").read_text())
    assert set(parts.values()) == {"train", "validation", "calibration", "test"}
    assert (trained.folder / "test_opened.txt").read_text().count("\n") == 1


def test_the_card_says_how_good_on_what_and_not_for_what(trained):
    card = trained.bundle.card
    for words in ("Not for grading.", "Sorts wheat photos.", "balanced accuracy", "| red | 8 |", "squeezenet", "95 %"):
        assert words in card


def test_judging_on_the_same_folder_uses_only_what_was_never_learned(finished):
    bench, trained = finished
    again = judge(bench, trained)
    assert again.figures == trained.evaluation.figures
    assert again.confusion == trained.evaluation.confusion
    assert again.learned == 48 - trained.evaluation.pictures


def judge(bench, trained, **changes):
    facts = {"domain": bench.domain, "root": bench.root, "view": bench.view, **changes}
    return evaluate(**facts, bundle=trained.bundle, progress=silent())


def test_judging_where_all_was_learned_is_refused(finished, tmp_path):
    bench, trained = finished
    parts = json.loads((trained.folder / "split.json").read_text())
    for path in bench.root.rglob("*.png"):
        if parts[path.name.split("-")[0]] != "test":
            (tmp_path / path.parent.name).mkdir(exist_ok=True)
            shutil.copy(path, tmp_path / path.parent.name)
    with pytest.raises(DataError, match="has learned from all"):
        judge(bench, trained, root=tmp_path)


def test_judging_a_label_that_the_bundle_does_not_know_is_refused(finished, tmp_path, filling):
    bench, trained = finished
    filling(tmp_path, ("violet",), groups=1)
    with pytest.raises(DataError, match=r"does not know the label 'violet' \(it knows: blue, green, red\)"):
        judge(bench, trained, root=tmp_path)


def test_judging_with_another_domain_is_refused(finished):
    bench, trained = finished
    other = replace(bench.domain, info=replace(bench.domain.info, name="barley"))
    with pytest.raises(UsageError, match="is for wheat disease, not for barley"):
        judge(bench, trained, domain=other)


def test_a_training_that_ended_is_not_trained_again(finished):
    bench, trained = finished
    again = go(bench, name="again", epochs=10, stop=lambda: pytest.fail("a batch was trained"))
    assert_same(weights_of(again), weights_of(trained))
    assert again.curves == trained.curves
    assert again.evaluation == trained.evaluation


def test_a_folder_begun_with_another_recipe_is_refused(finished):
    with pytest.raises(UsageError, match=r"another recipe \(lr was 0.001 and is now 0.1\)"):
        go(finished[0], epochs=10, lr=0.1)


def test_the_same_training_twice_gives_the_same_bits(bench, tmp_path):
    assert_same(learn(bench, folder=tmp_path / "one"), learn(bench, folder=tmp_path / "two"))


def test_another_seed_gives_other_bits(bench, tmp_path):
    one, two = learn(bench, folder=tmp_path / "one"), learn(bench, folder=tmp_path / "two", seed=1)
    assert not all(torch.equal(one[name], two[name]) for name in one)


@pytest.mark.parametrize(
    "settings",
    [
        {"optimizer": "sgd", "dropout": 0.5},
        {"optimizer": "adam", "precision": "bf16"},
        {"class_balance": "sampler"},
        {**CRAFT, "epochs": 4},
    ],
)
@pytest.mark.parametrize("batches", [1, 3, 4])
def test_a_stopped_training_goes_on_to_the_same_bits(bench, tmp_path, batches, settings):
    whole = learn(bench, folder=tmp_path / "whole", **settings)
    with pytest.raises(Stopped, match="run it again to go on"):
        learn(bench, stop=stop_after(batches), **settings)
    assert_same(whole, learn(bench, **settings))


KILLED = """
    import sys, time
    from pathlib import Path
    sys.path.insert(0, {tests!r})
    import conftest
    from fovea.engine.train import train
    from fovea.plugin import ViewSettings

    class Telling:
        title = ""
        advance = show = finish = lambda self, *_, **__: None

        def start(self, title, total):
            self.title = title

    telling = Telling()

    def slow():
        if telling.title == "learn":
            print("batch", flush=True)
            time.sleep(0.05)

    folder = Path({folder!r})
    bench = conftest.Bench(folder / "site", folder / "run", folder / "models", conftest.make_domain(), ViewSettings())
    shuffle = {{"backbone": "torchvision:shufflenet_v2_x0_5", "lr": 0.003}}
    train(**bench.arguments(progress=telling, epochs=4, stop=slow, **shuffle, **{craft!r}))
"""


@pytest.mark.slow
@pytest.mark.parametrize("craft,steps", [({}, 9), (CRAFT, 5)])
def test_a_killed_training_goes_on_to_the_same_bits(bench, tmp_path, craft, steps):
    whole = learn(bench, folder=tmp_path / "whole", epochs=4, **craft)
    code = textwrap.dedent(KILLED.format(tests=str(Path(__file__).parent), folder=str(tmp_path), craft=craft))
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    for _ in range(steps):  # past the second of four epochs, in the middle of the third
        assert child.stdout.readline() == "batch\n"
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    assert (bench.folder / "checkpoint.pt").is_file()
    assert_same(whole, learn(bench, epochs=4, **craft))


def test_a_stop_while_pictures_are_looked_at_ends_the_training_there(bench):
    with pytest.raises(Stopped, match="before it learned anything"):
        go(bench, stop=stop_after(3))
    assert not list(bench.folder.parent.glob("cache/surveys/*"))
    assert not bench.models.exists()


def test_two_trainings_in_one_folder_are_one_too_many(bench):
    def stop():
        with pytest.raises(Locked, match="another training is at work"):
            go(bench)
        return True

    with pytest.raises(Stopped):
        go(bench, stop=stop)


def test_one_class_only_is_refused_by_name(bench):
    with pytest.raises(DataError, match="every picture is labelled 'red'"):
        go(bench, leave_out=("blue", "green"))


def test_a_class_with_one_picture_is_refused_by_name(bench):
    (bench.root / "gall").mkdir()
    (bench.root / "red" / "red0-0.png").rename(bench.root / "gall" / "gall0-0.png")
    with pytest.raises(DataError, match="the class 'gall' has pictures of one group only"):
        go(bench)
    assert go(bench, leave_out=("gall",)).bundle.labels == ("blue", "green", "red")


def test_three_pictures_a_class_are_enough_to_walk_through(bench):
    for path in bench.root.rglob("*.png"):
        if path.name[-7] not in "012" or path.name.endswith("-1.png"):
            path.unlink()
    done = go(bench)
    assert done.evaluation.pictures >= 3
    assert done.bundle.temperature > 0


def test_an_unreadable_picture_is_on_the_card(bench):
    (bench.root / "red" / "red0-0.png").write_bytes(b"")
    done = go(bench)
    assert [fault.source for fault in done.evaluation.unreadable] == ["red/red0-0.png"]
    assert "`red/red0-0.png`" in done.bundle.card


def test_a_role_that_there_is_not_is_told(bench):
    with pytest.raises(UnknownName, match="there is no role of the domain wheat 'diseases'; did you mean 'disease'"):
        train(**{**bench.arguments(progress=silent()), "role": "diseases"})


def test_a_fault_in_the_augmentations_names_the_plugin(bench):
    bench.domain = replace(bench.domain, augmentations=lambda role, size: lambda pixels, seed, mask=None: (None, None))
    with pytest.raises(PluginError, match="plugin 'wheat' failed in augmentations: answered NoneType"):
        go(bench)


def test_a_loss_that_is_no_number_ends_in_a_sentence(bench):
    with pytest.raises(FoveaError, match=r"the loss became .* of epoch .*: train with a lower lr"):
        go(bench, optimizer="sgd", lr=10, clip=0, epochs=20, precision="fp32", momentum=0.99)


def test_without_validation_the_last_epoch_is_kept(bench):
    done = go(bench, validation=0, calibration=0)
    assert set(done.curves[0]) == {"train_loss", "lr", "seconds"}
    assert done.bundle.temperature == 1.0


def test_patience_ends_a_training_that_gets_no_better(bench):
    learn(bench, lr=1e-9, epochs=40, patience=2, schedule="constant")
    content = torch.load(bench.folder / "checkpoint.pt", weights_only=True)
    assert content["state"]["epoch"] < 40


def test_a_full_disk_is_a_sentence(bench, monkeypatch):
    import errno

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(FoveaError, match="could not be written: No space left on device"):
        go(bench)
