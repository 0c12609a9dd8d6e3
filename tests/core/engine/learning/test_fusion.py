"""What is known beside a picture is learned from in every task, travels in the bundle, and is served."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from fovea.engine.judging.evaluate import evaluate
from fovea.engine.recipe import Recipe
from fovea.engine.train import train
from fovea.errors import DataError, Stopped, UnknownName
from fovea.plugin import Domain, DomainInfo, Mask, Preprocess, Sample, TaskSpec, ViewSettings
from fovea.progress import silent
from fovea.serving.bundle import open_bundle
from fovea.serving.score import Job, Scorer

GROUPS, SHOTS = 56, 2
TINY = {
    "audit": False,
    "explained": 0,
    "backbone": "torchvision:squeezenet1_1",
    "weights": "none",
    "size": 32,
    "epochs": 4,
    "batch_size": 8,
    "threads": 1,
    "lr": 0.001,
    "dropout": 0.0,
    "augment": False,
    "calibration": 0.25,
    "validation": 0.25,
    "precision": "fp32",
    "attributes": ("dose", "ward"),
}
KINDS = {
    "classify": lambda ill, dose: "ill" if ill else "well",
    "multilabel": lambda ill, dose: frozenset(["ill"] if ill else []),
    "regress": lambda ill, dose: (10 * dose + 5 * ill,),
}


def facts(number):
    """A ward that tells everything, with some unknown; a dose that tells nothing but for ``regress``."""
    ward = {} if number % 7 == 6 else {"ward": "east" if number % 2 else "west"}
    return {"dose": (number * 13 % 20) / 10, **ward}


def picture(path, number, shot, *, noise=20):
    random = np.random.default_rng(7 * number + shot)
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), random.integers(90, 90 + noise, (40, 40, 3), dtype=np.uint8))


def domain_of(kind, answer, *, attributes=facts, read=None):
    def read_samples(root, view):
        for number in range(GROUPS):
            for shot in range(SHOTS):
                source = f"{number}_{shot}.png"
                told = attributes(number)
                target = answer(number % 2 == 1, told.get("dose", 0.0))
                yield Sample(source=source, targets={"t": target}, group=str(number), attributes=told)

    info = DomainInfo(
        name="ward",
        title="Wards",
        intended_use="Testing.",
        limits="Nothing else.",
        tasks={"t": TaskSpec(kind=kind, target="t", preprocess=Preprocess(size=32))},
    )
    return Domain(info=info, read_samples=read or read_samples)


def fill(root):
    for number in range(GROUPS):
        for shot in range(SHOTS):
            picture(root / f"{number}_{shot}.png", number, shot)


def learn(room, domain, *, stop=lambda: False, **settings):
    (room / "run").mkdir(exist_ok=True)
    return train(
        domain=domain,
        root=room / "pictures",
        view=ViewSettings(),
        role="t",
        recipe=Recipe.model_validate({**TINY, **settings}),
        folder=room / "run",
        models=room / "models",
        cache=room / "cache",
        name="wards",
        progress=silent(),
        stop=stop,
    )


def serve(room, domain, made, attributes, source="1_0.png"):
    job = Job(
        domain=domain, root=room / "pictures", view=ViewSettings(), bundles={"t": made.bundle.path}, precision="fp32"
    )
    (outcome,) = Scorer(job).score([Sample(source=source, attributes=attributes)])
    return outcome


@pytest.fixture
def room(tmp_path):
    fill(tmp_path / "pictures")
    return tmp_path


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A probe, with the folder and the domain that it learned from."""
    folder = tmp_path_factory.mktemp("fusion")
    fill(folder / "pictures")
    domain = domain_of("classify", KINDS["classify"])
    return learn(folder, domain, mode="probe"), folder, domain


@pytest.mark.parametrize("mode", ["probe", "full"])
@pytest.mark.parametrize("kind", list(KINDS))
def test_what_only_an_attribute_tells_is_learned_and_served(room, kind, mode):
    domain = domain_of(kind, KINDS[kind])
    made = learn(room, domain, mode=mode)
    with_, without = made.evaluation.figures, made.evaluation.without
    if kind == "regress":
        assert with_["r2"].value > 0.7
        assert without["r2"].value < 0.5
        assert _value(serve(room, domain, made, {"dose": 1.9, "ward": "east"})) > 15
        return
    figure = "balanced_accuracy" if kind == "classify" else "macro_auroc"
    assert with_[figure].value > 0.85
    assert without[figure].value < 0.75
    scores = [_score(serve(room, domain, made, {"ward": ward})) for ward in ("east", "west")]
    assert scores[0] > 0.6
    assert scores[1] < 0.4


def _score(outcome):
    (said,) = outcome.result.predictions["t"]
    return said.scores["ill"]


def _value(outcome):
    (said,) = outcome.result.predictions["t"]
    return next(iter(said.scores.values()))


def test_a_fused_bundle_answers_a_missing_and_an_unknown_value_alike(trained):
    made, room, domain = trained
    missing, strange = (_score(serve(room, domain, made, one)) for one in ({}, {"ward": "north", "dose": ""}))
    assert missing == strange


def test_a_text_where_a_number_was_learned_ends_as_that_pictures_fault(trained):
    made, room, domain = trained
    outcome = serve(room, domain, made, {"dose": "much"})
    assert outcome.result is None
    assert outcome.fault.code == "attribute"
    assert outcome.fault.reason == (
        "the attribute dose is 'much', and the model learned it as a number: mend it, or leave it out where it is not "
        "known."
    )


def test_numbers_written_as_text_are_numbers(room):
    domain = domain_of("classify", KINDS["classify"], attributes=lambda n: {k: str(v) for k, v in facts(n).items()})
    made = learn(room, domain, mode="probe")
    dose, ward = made.bundle.fusion.columns
    assert dose.values == ()
    assert dose.deviation == pytest.approx(0.57, abs=0.1)
    assert ward.values == ("east", "west")


def test_the_card_says_what_is_read_beside_the_picture(trained):
    card = trained[0].bundle.card
    assert "## What it reads beside the picture" in card
    assert "| ward | one of east, west |" in card
    assert "with every one of them missing" in card


def test_a_fused_bundle_is_opened_and_judged_again_as_it_was(trained, room):
    made, _, domain = trained
    again = open_bundle(made.bundle.path)
    assert again.fusion == made.bundle.fusion
    for path in (room / "pictures").glob("*.png"):
        picture(path, 1000 + int(path.stem.split("_")[0]), 0)  # other pictures of other groups
    judged = evaluate(domain=domain, root=room / "pictures", view=ViewSettings(), bundle=again, progress=silent())
    assert judged.figures["balanced_accuracy"].value > 0.85


TWO_TYPES = "the attribute dose is 3.0 in 1_0.png and 'much' in 0_0.png: make it a number everywhere, or a text"
ALL_ALIKE = "the attribute dose is the same in all pictures learned from, so it tells nothing: leave it out"
TOO_MANY = "so that it names pictures rather than describes them: leave it out"


@pytest.mark.parametrize(
    "attributes, sentence",
    [
        (lambda n: {"dose": 3.0 if n else "much"}, TWO_TYPES),
        (lambda n: {"dose": 3.0}, ALL_ALIKE),
        (lambda n: {"dose": "little"}, ALL_ALIKE),
        (lambda n: {"dose": f"n{n}"}, TOO_MANY),
    ],
)
def test_attributes_that_cannot_be_learned_from_are_told(room, attributes, sentence, monkeypatch):
    monkeypatch.setattr("fovea.engine.pictures.facts.MOST_VALUES", 10)
    with pytest.raises(DataError) as told:
        learn(room, domain_of("classify", KINDS["classify"], attributes=attributes), attributes=("dose",), mode="probe")
    assert sentence in str(told.value)


def test_an_attribute_that_no_picture_has_is_told_with_those_there_are(room):
    with pytest.raises(UnknownName, match="dose"):
        learn(room, domain_of("classify", KINDS["classify"]), attributes=("dosis",), mode="probe")


def test_a_stopped_fused_training_goes_on_to_the_same_bits(room):
    domain = domain_of("classify", KINDS["classify"])
    whole = learn(room, domain, mixup=0.2, cutmix=0.2)
    for name in ("run", "models"):
        (room / name).rename(room / f"{name}-before")
    with pytest.raises(Stopped):
        learn(room, domain, stop=(room / "run" / "checkpoint.pt").exists, mixup=0.2, cutmix=0.2)
    again = learn(room, domain, mixup=0.2, cutmix=0.2)
    assert again.bundle.fusion == whole.bundle.fusion


def test_what_is_usual_of_a_picture_depends_on_what_is_known_beside_it(tmp_path):
    """Pictures of the night are grainier, and normal all the same."""

    def read(root, view):
        for number in range(GROUPS):
            for shot in range(SHOTS):
                told = {"light": "night" if number % 2 else "day"}
                yield Sample(source=f"{number}_{shot}.png", targets={"t": "normal"}, group=str(number), attributes=told)

    for number in range(GROUPS):
        for shot in range(SHOTS):
            picture(tmp_path / "pictures" / f"{number}_{shot}.png", number, shot, noise=160 if number % 2 else 20)
    domain = domain_of("anomaly", None, read=read)
    settings = {"attributes": ("light",), "memory": 64, "dimensions": 16, "normality": "gaussian"}
    made = learn(tmp_path, domain, **settings)
    night, day = (_distance(serve(tmp_path, domain, made, {"light": light})) for light in ("night", "day"))
    assert night < 0.9 * day
    (column,) = made.bundle.fusion.columns
    assert column.values == ("day", "night")


def _distance(outcome):
    (said,) = outcome.result.predictions["t"]
    return said.scores["distance"]


def test_pixels_are_told_by_what_is_known_beside_the_picture(tmp_path):
    """The same spot is rust on one variety and soil on the other."""
    classes = {"0": "leaf", "1": "rust", "2": "soil"}

    def read(root, view):
        for number in range(GROUPS):
            variety = "kent" if number % 2 else "soft"
            mask = Mask(source=f"masks/{number}.png", classes=classes)
            yield Sample(
                source=f"{number}.png", targets={"t": mask}, group=str(number), attributes={"variety": variety}
            )

    for number in range(GROUPS):
        random = np.random.default_rng(number)
        pixels, mask = random.integers(60, 90, (32, 32, 3), dtype=np.uint8), np.zeros((32, 32), np.uint8)
        pixels[8:24, 8:24] += 120
        mask[8:24, 8:24] = 1 if number % 2 else 2
        for path, drawn in (
            (tmp_path / "pictures" / f"{number}.png", pixels),
            (tmp_path / "pictures/masks" / f"{number}.png", mask),
        ):
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), drawn)
    domain = domain_of("segment", None, read=read)
    made = learn(tmp_path, domain, attributes=("variety",), epochs=12, lr=0.01, monitor="miou")
    assert made.evaluation.figures["miou"].value > made.evaluation.without["miou"].value + 0.1
    shares = [_shares(serve(tmp_path, domain, made, {"variety": one}, "1.png")) for one in ("kent", "soft")]
    assert shares[0]["rust"] > shares[1]["rust"]
    assert shares[0]["soil"] < shares[1]["soil"]


def _shares(outcome):
    (said,) = outcome.result.predictions["t"]
    return said.scores
