from __future__ import annotations

import json
import zlib
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from fovea.engine.judging.evaluate import evaluate
from fovea.engine.recipe import Recipe
from fovea.engine.train import train
from fovea.errors import DataError, PluginError, Stopped, UsageError
from fovea.plugin import Domain, DomainInfo, Preprocess, Sample, TaskSpec, ViewSettings, find_files
from fovea.progress import silent
from fovea.serving.bundle import open_bundle
from fovea.serving.score import Job, Scorer

GROUPS = 48
TINY = {
    "audit": False,
    "backbone": "torchvision:squeezenet1_1",
    "weights": "none",
    "size": 32,
    "epochs": 12,
    "batch_size": 8,
    "threads": 1,
    "lr": 0.001,
    "dropout": 0.0,
    "augment": False,
    "calibration": 0.25,
    "validation": 0.1,
    "precision": "fp32",
}


def draw(path, red, blue):
    """Two squares on grey: the left one red, the right one blue, each as bright as told in [0, 1]."""
    random = np.random.default_rng(zlib.crc32(path.name.encode()))
    picture = random.integers(50, 70, (40, 40, 3), dtype=np.uint8)
    picture[8:32, 2:18, 2] = int(60 + 195 * red)
    picture[8:32, 22:38, 0] = int(60 + 195 * blue)
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), picture)


def fill_labels(root):
    for number in range(GROUPS):
        has = [name for name, bit in (("red", 1), ("blue", 2)) if number & bit]
        for shot in range(2):
            draw(root / f"{'-'.join(has) or 'none'}_{number}_{shot}.png", "red" in has, "blue" in has)


def fill_values(root):
    for number, value in enumerate(np.random.default_rng(0).permutation(GROUPS)):
        for shot in range(2):
            draw(root / f"{value}_{number}_{shot}.png", value / GROUPS, 0)


def labels_of(name):
    return frozenset(name.split("_")[0].split("-")) - {"none"}


def value_of(name):
    return 100.0 + float(name.split("_")[0])


def two_values_of(name):
    return value_of(name), -value_of(name)


def make_domain(kind, answer):
    def read(root, view):
        for path in find_files(root):
            yield Sample(source=path, targets={"signs": answer(path)}, group=path.split("_")[1])

    info = DomainInfo(
        name="lights",
        title="Lights",
        intended_use="Tells lights.",
        limits="Not for traffic.",
        tasks={"signs": TaskSpec(kind=kind, preprocess=Preprocess(size=32, fit="squash"))},
    )
    return Domain(info=info, read_samples=read)


def facts(folder, domain, *, run="run", stop=lambda: False, **recipe):
    return {
        "domain": domain,
        "root": folder / "site",
        "view": ViewSettings(),
        "role": "signs",
        "recipe": Recipe(**{**TINY, **recipe}),
        "folder": folder / run,
        "models": folder / "models",
        "cache": folder / "cache",
        "name": "lights",
        "progress": silent(),
        "stop": stop,
    }


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    folder = tmp_path_factory.mktemp("labelled")
    fill_labels(folder / "site")
    domain = make_domain("multilabel", labels_of)
    return folder, domain, train(**facts(folder, domain))


@pytest.fixture(scope="module")
def valued(tmp_path_factory):
    folder = tmp_path_factory.mktemp("valued")
    fill_values(folder / "site")
    domain = make_domain("regress", value_of)
    return folder, domain, train(**facts(folder, domain, lr=0.003, epochs=20))


def score(folder, domain, trained, *names):
    job = Job(
        domain=domain,
        root=folder / "site",
        view=ViewSettings(),
        bundles={"signs": trained.bundle.path},
        precision="fp32",
    )
    return [outcome.result.best("signs") for outcome in Scorer(job).score([Sample(source=name) for name in names])]


def test_several_labels_of_one_picture_are_learned_served_and_judged(labelled):
    folder, domain, trained = labelled
    bundle = open_bundle(folder / "models" / "lights.fovea")
    assert (bundle.kind, bundle.labels) == ("multilabel", ("blue", "red"))
    assert trained.evaluation.figures["macro_average_precision"].value > 0.9
    assert trained.agreement.probabilities < 1e-3
    none, red, both = score(folder, domain, trained, "none_0_0.png", "red_1_0.png", "red-blue_3_0.png")
    assert (none.label, none.labels, none.probability) == ("", (), 0.0)
    assert (red.label, red.labels) == ("red", ("red",))
    assert (both.label, both.labels) == ("blue + red", ("blue", "red"))
    assert both.probability == max(both.scores.values())
    assert red.scores.keys() == {"blue", "red"}


def test_a_label_is_said_from_a_point_that_the_bundle_holds(labelled):
    levels = labelled[2].bundle.levels
    assert levels.aim == "the greatest F1"
    assert all(0 < point < 1 for point in levels.points)
    assert labelled[2].bundle.figures["classes"][0]["point"] == levels.points[0]


def test_the_card_of_several_labels_says_what_they_are_said_from(labelled):
    card = labelled[2].bundle.card
    for words in ("whether a picture shows it", "chosen for the greatest F1", "| none of them | 12 |", "| blue | 24 |"):
        assert words in card


def test_values_are_learned_served_in_their_own_unit_and_judged(valued):
    folder, domain, trained = valued
    assert trained.bundle.labels == ("signs",)
    assert trained.evaluation.figures["r2"].value > 0.7
    (said,) = score(folder, domain, trained, next(path.name for path in (folder / "site").glob("30_*_0.png")))
    assert (said.label, said.probability) == ("", 0.0)
    assert said.scores["signs"] == pytest.approx(130, abs=20)
    assert said.scores["signs low"] < said.scores["signs"] < said.scores["signs high"]


def test_an_interval_is_as_wide_as_the_bundle_says_and_is_judged(valued):
    _, _, trained = valued
    (half,) = trained.bundle.scale.half_widths
    assert trained.evaluation.figures["width"].value == pytest.approx(2 * half)
    assert 0 < trained.evaluation.figures["coverage"].value <= 1
    assert "hold the true one in 90% of" in trained.bundle.card


@pytest.mark.parametrize("kind", ["labelled", "valued"])
def test_judging_the_same_folder_again_gives_the_same_figures(request, kind):
    folder, domain, trained = request.getfixturevalue(kind)
    again = evaluate(domain=domain, root=folder / "site", view=ViewSettings(), bundle=trained.bundle, progress=silent())
    assert again.figures == trained.evaluation.figures
    assert again.classes == trained.evaluation.classes
    assert json.loads(json.dumps(again.to_json(), allow_nan=False))["kind"] == trained.bundle.kind


def test_two_values_are_numbered(tmp_path):
    fill_values(tmp_path / "site")
    done = train(**facts(tmp_path, make_domain("regress", two_values_of), epochs=1, loss="mse"))
    assert done.bundle.labels == ("signs 1", "signs 2")
    assert [of.label for of in done.evaluation.classes] == ["signs 1", "signs 2"]


@pytest.mark.parametrize(
    "kind, answer, fill", [("multilabel", labels_of, fill_labels), ("regress", value_of, fill_values)]
)
def test_a_stopped_training_goes_on_to_the_same_bits(tmp_path, kind, answer, fill):
    fill(tmp_path / "site")
    domain, settings = make_domain(kind, answer), {"epochs": 2, "dropout": 0.5, "class_balance": "sampler"}
    whole = train(**facts(tmp_path, domain, run="whole", **settings))
    calls = iter(range(200))
    with pytest.raises(Stopped, match="run it again to go on"):
        train(**facts(tmp_path, domain, stop=lambda: next(calls) > 8, **settings))
    again = train(**facts(tmp_path, domain, **settings))
    one, other = load_file(whole.bundle.weights), load_file(again.bundle.weights)
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert again.evaluation == whole.evaluation


@pytest.mark.parametrize("loss", ["focal", "asymmetric"])
def test_the_other_losses_make_a_model_too(tmp_path, loss):
    fill_labels(tmp_path / "site")
    done = train(**facts(tmp_path, make_domain("multilabel", labels_of), epochs=1, loss=loss, operate_at=0.9))
    assert done.bundle.recipe["loss"] == loss
    assert done.bundle.levels.aim == "a recall of at least 0.9"


def test_without_calibration_pictures_there_is_no_interval_and_the_card_says_so(tmp_path):
    fill_values(tmp_path / "site")
    done = train(**facts(tmp_path, make_domain("regress", value_of), epochs=1, calibration=0))
    assert done.bundle.scale.half_widths == ()
    assert "coverage" not in done.evaluation.figures
    assert "It tells no interval" in done.bundle.card


@pytest.mark.parametrize(
    "kind, answer, sentence",
    [
        ("multilabel", lambda name: labels_of(name) | {"lamp"}, "every picture has the label 'lamp'"),
        ("multilabel", lambda name: frozenset(), "none of the 96 pictures has a label"),
        ("multilabel", lambda name: frozenset({"a + b"}) & ({"a + b"} if "red" in name else set()), "stands between"),
        ("multilabel", lambda name: labels_of(name) | ({"x"} if "_7_" in name else set()), "'x' has pictures of one"),
        ("regress", lambda name: 3.0, "every picture has the same value of 'signs', 3"),
        ("regress", lambda name: (1.0, value_of(name)), "the same value of 'signs 1', 1"),
        ("regress", lambda name: (1.0,) * (1 + len(name) % 2), "give every picture as many"),
    ],
)
def test_answers_that_cannot_be_learned_are_told(tmp_path, kind, answer, sentence):
    {"multilabel": fill_labels, "regress": fill_values}[kind](tmp_path / "site")
    with pytest.raises(DataError, match=sentence):
        train(**facts(tmp_path, make_domain(kind, answer)))


@pytest.mark.parametrize(
    "kind, answer, sentence",
    [
        ("multilabel", lambda name: ["red"], "want a frozenset of texts"),
        ("regress", lambda name: float("nan"), "has target nan, want a finite number"),
        ("regress", lambda name: (), "want a finite number or a tuple of them"),
    ],
)
def test_answers_of_another_kind_are_the_plugins_fault(tmp_path, kind, answer, sentence):
    fill_values(tmp_path / "site")
    with pytest.raises(PluginError, match=sentence):
        train(**facts(tmp_path, make_domain(kind, answer)))


def test_pictures_of_one_group_are_refused(tmp_path):
    fill_values(tmp_path / "site")
    domain = make_domain("regress", value_of)
    alone = replace(
        domain,
        read_samples=lambda root, view: (replace(s, group="g") for s in domain.read_samples(root=root, view=view)),
    )
    with pytest.raises(DataError, match="all 96 pictures are of one group, 'g'"):
        train(**facts(tmp_path, alone))


@pytest.mark.parametrize(
    "settings, sentence",
    [
        ({"loss": "focal"}, "loss focal is none for a task of kind regress: choose huber or mse"),
        ({"monitor": "balanced_accuracy"}, "choose loss or r2"),
        ({"leave_out": ("red",)}, "leave_out names labels"),
    ],
)
def test_settings_of_another_kind_are_refused(tmp_path, settings, sentence):
    with pytest.raises(UsageError, match=sentence):
        train(**facts(tmp_path, make_domain("regress", value_of), **settings))


def test_a_label_left_out_is_not_learned_but_its_pictures_are(tmp_path):
    fill_labels(tmp_path / "site")
    done = train(**facts(tmp_path, make_domain("multilabel", labels_of), epochs=1, leave_out=("blue",)))
    assert done.bundle.labels == ("red",)
    assert "96 pictures, split by group" in done.bundle.card


def test_a_label_that_the_bundle_does_not_know_is_refused_when_it_is_judged(labelled):
    folder, _, trained = labelled
    strange = make_domain("multilabel", lambda name: labels_of(name) | {"green"})
    with pytest.raises(DataError, match="does not know the label 'green'"):
        evaluate(domain=strange, root=folder / "site", view=ViewSettings(), bundle=trained.bundle, progress=silent())


def test_more_values_than_the_bundle_tells_are_refused_when_it_is_judged(valued):
    folder, _, trained = valued
    strange = make_domain("regress", two_values_of)
    with pytest.raises(DataError, match=r"has 2 values, and the bundle lights tells 1 \(signs\)"):
        evaluate(domain=strange, root=folder / "site", view=ViewSettings(), bundle=trained.bundle, progress=silent())
