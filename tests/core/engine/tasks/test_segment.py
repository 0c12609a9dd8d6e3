from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from fovea.engine.judging.evaluate import evaluate
from fovea.engine.recipe import Machine, Recipe, resolve
from fovea.engine.tasks import segment
from fovea.engine.train import train
from fovea.errors import DataError, PluginError, UsageError
from fovea.plugin import (
    UNTOLD,
    Domain,
    DomainInfo,
    Mask,
    Preprocess,
    Sample,
    TaskSpec,
    ViewSettings,
    albumentations,
    find_files,
    paint_areas,
)
from fovea.progress import silent
from fovea.serving.bundle import open_bundle
from fovea.serving.score import Job, Scorer

CLASSES = {"0,0,0": "background", "0,200,0": "leaf", "200,0,0": "rust"}
TINY = {
    "backbone": "torchvision:squeezenet1_1",
    "weights": "none",
    "size": 48,
    "epochs": 14,
    "batch_size": 8,
    "threads": 1,
    "lr": 0.003,
    "dropout": 0.0,
    "calibration": 0.2,
    "precision": "fp32",
    "monitor": "miou",
    "audit": False,
}


def draw(root, number):
    """A green leaf on grey with a red spot on every other one, 80 x 60 pixels, and its mask."""
    random = np.random.default_rng(number)
    picture = random.integers(90, 120, (60, 80, 3), dtype=np.uint8)
    mask = np.zeros_like(picture)
    left, top = int(random.integers(5, 30)), int(random.integers(5, 20))
    for canvas, leaf, rust in ((picture, (40, 190, 40), (40, 40, 220)), (mask, (0, 200, 0), (0, 0, 200))):
        cv2.rectangle(canvas, (left, top), (left + 40, top + 30), leaf, -1)
        if number % 2:
            cv2.rectangle(canvas, (left + 10, top + 8), (left + 24, top + 22), rust, -1)
    for folder, pixels in (("images", picture), ("masks", mask)):
        (root / folder).mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(root / folder / f"{number}.png"), pixels)


def read(root, view):
    for path in find_files(root):
        if path.startswith("images/"):
            mask = Mask(source=path.replace("images", "masks"), classes=CLASSES)
            yield Sample(source=path, targets={"area": mask})


def flips(role, size):
    return albumentations([("HorizontalFlip", {"p": 0.5}), ("Affine", {"translate_percent": 0.1, "p": 0.5})])


def make_domain(**parts):
    info = DomainInfo(
        name="wheat",
        title="Wheat",
        intended_use="Finds rust.",
        limits="Not for grading.",
        tasks={"area": TaskSpec(kind="segment", preprocess=Preprocess(size=48, fit="letterbox"))},
    )
    return Domain(info=info, **{"read_samples": read, "augmentations": flips, **parts})


def facts(folder, domain, **recipe):
    return {
        "domain": domain,
        "root": folder / "site",
        "view": ViewSettings(),
        "role": "area",
        "recipe": Recipe(**{**TINY, **recipe}),
        "folder": folder / "run",
        "models": folder / "models",
        "cache": folder / "cache",
        "name": "rust",
        "progress": silent(),
        "stop": lambda: False,
    }


def fill(root, count=30):
    for number in range(count):
        draw(root, number)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("segment")
    fill(folder / "site")
    return folder, train(**facts(folder, make_domain()))


def predict(folder, bundle, name):
    job = Job(
        domain=make_domain(),
        root=folder / "site",
        view=ViewSettings(),
        bundles={"area": bundle.path},
        precision="fp32",
    )
    (outcome,) = Scorer(job).score([Sample(source=name)])
    return outcome.result.best("area")


def test_areas_are_learned_exported_and_judged(trained):
    folder, done = trained
    bundle = open_bundle(folder / "models" / "rust.fovea")
    assert (bundle.kind, bundle.labels) == ("segment", ("background", "leaf", "rust"))
    assert done.evaluation.figures["miou"].value > 0.7
    assert done.evaluation.figures["miou"].value > done.evaluation.baselines["majority_miou"] + 0.2
    assert done.evaluation.figures["share_mae"].value < done.evaluation.baselines["majority_share_mae"] / 2
    assert done.agreement.probabilities < 1e-3
    assert bundle.temperature != 1.0


def test_a_prediction_tells_shares_and_where(trained):
    folder, done = trained
    said = predict(folder, done.bundle, "images/1.png")
    assert said.label == "leaf"
    assert sum(said.scores.values()) == pytest.approx(1)
    assert said.scores["rust"] == pytest.approx(15 * 15 / 4800, abs=0.03)
    painted = paint_areas(said.areas, width=80, height=60)
    truth = cv2.imread(str(folder / "site" / "masks" / "1.png"), cv2.IMREAD_COLOR_RGB)
    assert np.mean((painted == 2) == (truth[..., 0] > 0)) > 0.95
    assert (painted != UNTOLD).all()


def test_judging_the_same_folder_again_gives_the_same_figures(trained):
    folder, done = trained
    again = evaluate(
        domain=make_domain(), root=folder / "site", view=ViewSettings(), bundle=done.bundle, progress=silent()
    )
    assert again.figures == done.evaluation.figures
    assert again.classes == done.evaluation.classes
    assert json.loads(json.dumps(again.to_json(), allow_nan=False))["kind"] == "segment"


def test_the_card_tells_each_label_and_the_baseline(trained):
    card = trained[1].bundle.card
    assert "which part of a picture shows" in card
    assert "| rust |" in card
    assert "Saying everywhere the label that covers most" in card


def test_a_mask_of_another_size_is_left_out_and_told(tmp_path):
    fill(tmp_path / "site", 12)
    cv2.imwrite(str(tmp_path / "site" / "masks" / "3.png"), np.zeros((10, 20, 3), np.uint8))
    done = train(**facts(tmp_path, make_domain(), epochs=1))
    (fault,) = done.evaluation.unreadable
    assert fault.source == "images/3.png"
    assert "20 x 10 pixels and the picture has 80 x 60" in fault.reason


def test_masks_that_show_one_label_only_are_refused(tmp_path):
    fill(tmp_path / "site", 6)
    for path in (tmp_path / "site" / "masks").iterdir():
        cv2.imwrite(str(path), np.zeros((60, 80, 3), np.uint8))
    with pytest.raises(DataError, match="every mask shows 'background' and nothing else"):
        train(**facts(tmp_path, make_domain()))


def test_a_label_left_out_is_not_learned_and_its_pixels_are_not_counted(tmp_path):
    fill(tmp_path / "site", 12)
    done = train(**facts(tmp_path, make_domain(), epochs=1, leave_out=("rust",)))
    assert done.bundle.labels == ("background", "leaf")


def test_mode_probe_is_refused(tmp_path):
    fill(tmp_path / "site", 6)
    with pytest.raises(UsageError, match="areas need maps: choose mode full"):
        train(**facts(tmp_path, make_domain(), mode="probe"))


def test_mode_auto_is_full_and_the_size_is_the_tasks_own():
    machine = Machine(device="cpu", native_bf16=False, free_cores=1)
    recipe = resolve(Recipe(backbone="starter", mode="auto"), Preprocess(size=200), machine, "segment")
    assert (recipe.mode, recipe.size, recipe.loss) == ("full", 200, "cross_entropy_dice")


@pytest.mark.parametrize(
    "mask",
    [
        "masks/1.png",
        Mask(source="m.png", classes={}),
        Mask(source="m.png", classes={"red": "rust"}),
        Mask(source="m.png", classes={"1": "rust", "255,0,0": "leaf"}),
        Mask(source="m.png", classes={"256,0,0": "rust"}),
        Mask(source="m.png", classes={"1": ""}),
        Mask(source="../m.png", classes={"1": "rust"}),
    ],
)
def test_a_target_that_is_no_mask_is_the_plugins_fault(tmp_path, mask):
    fill(tmp_path / "site", 2)

    def strange(root, view):
        yield Sample(source="images/0.png", targets={"area": mask})

    with pytest.raises(PluginError, match="want a Mask whose source lies below the root"):
        train(**facts(tmp_path, make_domain(read_samples=strange)))


def test_what_is_unlabelled_costs_nothing():
    logits = torch.zeros(2, 3, 4, 4, requires_grad=True)
    nothing = torch.full((2, 4, 4), UNTOLD, dtype=torch.uint8)
    lost = segment.loss(logits, nothing, name="cross_entropy", weights=None, smoothing=0.1)
    lost.backward()
    assert float(lost.detach()) == 0
    assert not logits.grad.any()


def test_a_perfect_answer_has_all_of_the_overlap_and_a_wrong_one_none():
    truth = torch.tensor([[[0, 1], [1, 2]]], dtype=torch.uint8)
    right = 50.0 * torch.nn.functional.one_hot(truth.long(), 3).permute(0, 3, 1, 2)
    told = segment.score(right, truth, name="cross_entropy_dice", weights=None)
    assert (told["loss"], told["miou"]) == (pytest.approx(0, abs=1e-6), 1.0)
    assert segment.score(-right, truth, name="cross_entropy_dice", weights=None)["miou"] == 0


def test_scores_of_batches_are_those_of_all():
    draws = torch.Generator().manual_seed(0)
    logits = torch.randn(6, 3, 4, 4, generator=draws)
    truth = torch.randint(0, 3, (6, 4, 4), generator=draws).byte()
    whole = segment.score(logits, truth, name="cross_entropy", weights=None)
    parts = segment.score_all([(logits[:3], truth[:3]), (logits[3:], truth[3:])], name="cross_entropy", weights=None)
    assert parts == pytest.approx(whole)


def test_a_rare_label_counts_more_and_an_absent_one_nothing():
    weights = segment.weights(np.array([[90, 9, 1, 0]]))
    assert weights[0] < weights[1] < weights[2]
    assert weights[3] == 0
    assert float(weights @ np.array([0.9, 0.09, 0.01, 0])) == pytest.approx(1)


def test_depths_may_learn_at_their_own_rates(tmp_path):
    fill(tmp_path / "site", 12)
    done = train(**facts(tmp_path, make_domain(), epochs=2, layer_decay=0.5, unfreeze="gradual", cutmix=1.0))
    assert len(done.curves) == 2


def test_a_bundle_that_does_not_know_a_label_is_not_judged_on_it(trained):
    folder, done = trained

    def strange(root, view):
        for sample in read(root, view):
            mask = sample.targets["area"]
            classes = {**mask.classes, "200,0,0": "mildew"}
            yield replace(sample, targets={"area": replace(mask, classes=classes)})

    with pytest.raises(DataError, match="does not know the label 'mildew'"):
        evaluate(
            domain=make_domain(read_samples=strange),
            root=folder / "site",
            view=ViewSettings(),
            bundle=done.bundle,
            progress=silent(),
        )


def test_audits_at_the_end_leave_areas_alone(tmp_path):
    fill(tmp_path / "site", 12)
    done = train(**facts(tmp_path, make_domain(), epochs=1, audit=True))
    assert done.bundle.kind == "segment"


def test_a_mask_that_changed_is_surveyed_anew_and_strange_colours_are_told(tmp_path):
    fill(tmp_path / "site", 12)
    first = train(**facts(tmp_path, make_domain(), epochs=1))
    path = str(tmp_path / "site" / "masks" / "5.png")
    mask = cv2.imread(path)
    mask[:5, :5] = (99, 99, 99)
    cv2.imwrite(path, mask)
    again = train(**{**facts(tmp_path, make_domain(), epochs=1), "folder": tmp_path / "again"})
    assert again.bundle.fingerprint != first.bundle.fingerprint
    assert "value is no class, here with the number of masks that have them: 99,99,99 (1)." in again.bundle.card
