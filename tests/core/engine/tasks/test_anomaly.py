import json
import shutil

import cv2
import numpy as np
import pytest
import torch

from fovea.engine.judging.evaluate import evaluate
from fovea.engine.network import rebuild
from fovea.engine.recipe import Recipe
from fovea.engine.train import train
from fovea.errors import DataError
from fovea.plugin import Domain, DomainInfo, Image, Preprocess, Sample, TaskSpec, ViewSettings, find_files
from fovea.progress import silent
from fovea.serving import anomaly
from fovea.serving.network import Network
from fovea.serving.score import Job, Scorer

TINY = {
    "backbone": "torchvision:squeezenet1_1",
    "weights": "none",
    "size": 64,
    "memory": 64,
    "dimensions": 32,
    "threads": 1,
    "test": 0.3,
    "validation": 0,
    "calibration": 0.3,
}


def read(root, view):
    for path in find_files(root):
        label, name = path.split("/")
        targets = {} if label == "unknown" else {"normality": label}
        yield Sample(source=path, targets=targets, group=name.split("-")[0], unit=label)


DOMAIN = Domain(
    info=DomainInfo(
        name="weave",
        title="Weave",
        intended_use="Finds faults in cloth.",
        limits="Not for ropes.",
        tasks={"normality": TaskSpec(kind="anomaly", preprocess=Preprocess(size=64))},
    ),
    read_samples=read,
)


def weave(path, seed, *, torn):
    """Stripes on a noisy ground, 64 px; torn ones have a bright patch."""
    random = np.random.default_rng(seed)
    rows = 110 + 40 * np.sin(np.arange(64) * 0.8 + random.uniform(0, 0.5))
    picture = np.repeat(rows[:, None], 64, axis=1)[..., None] + random.normal(0, 5, (64, 64, 3))
    if torn:
        x, y = random.integers(12, 44, 2)
        picture[y : y + 10, x : x + 10] = 255 * (np.indices((10, 10)).sum(axis=0) % 4 < 2)[..., None]
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), picture.clip(0, 255).astype(np.uint8))


def fill(root, *, normal=30, torn=16):
    for number in range(normal):
        weave(root / "normal" / f"n{number}-0.png", number, torn=False)
    for number in range(torn):
        weave(root / "torn" / f"t{number}-0.png", 1000 + number, torn=True)
    return root


def fit(folder, root, **recipe):
    return train(
        domain=DOMAIN,
        root=root,
        view=ViewSettings(),
        role="normality",
        recipe=Recipe(**{**TINY, **recipe}),
        folder=folder / "run",
        models=folder / "models",
        cache=folder / "cache",
        name="weave",
        progress=silent(),
        stop=lambda: False,
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weave")
    return fit(folder, fill(folder / "site")), folder


def test_torn_cloth_is_told_from_whole_cloth(trained):
    made, _ = trained
    assert made.evaluation.figures["auroc"].value > 0.95
    assert made.evaluation.baselines["chance_average_precision"] < made.evaluation.figures["average_precision"].value


def test_the_served_network_says_what_the_rebuilt_one_says(trained):
    made, _ = trained
    squares = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)
    with torch.no_grad():
        theirs = rebuild(made.bundle)(torch.from_numpy(squares)).numpy()
    assert np.abs(theirs - Network(made.bundle).run(squares)).max() < 1e-3 * theirs.max()


def test_a_picture_is_scored_with_its_distance_and_called_by_the_threshold(trained):
    made, folder = trained
    job = Job(domain=DOMAIN, root=folder / "site", view=ViewSettings(), bundles={"normality": made.bundle.path})
    samples = [sample for sample in read(folder / "site", None) if sample.source.startswith("torn")]
    said = [outcome.result.best("normality") for outcome in Scorer(job).score(samples)]
    for one in said:
        assert (one.label == "anomaly") == (one.scores["distance"] > np.float32(made.bundle.tail.threshold))
        assert one.probability == one.scores[one.label]
    assert sum(one.label == "anomaly" for one in said) > len(said) / 2


def test_the_map_is_hottest_where_the_cloth_is_torn(trained, tmp_path):
    made, _ = trained
    weave(tmp_path / "whole.png", 77, torn=False)
    picture = cv2.imread(str(tmp_path / "whole.png"), cv2.IMREAD_COLOR_RGB)
    picture[8:20, 40:52] = 255 * (np.indices((12, 12)).sum(axis=0) % 4 < 2)[..., None]
    heat = anomaly.heat(Network(made.bundle), Image(pixels=picture))
    row, column = (np.array(np.unravel_index(heat.argmax(), heat.shape)) + 0.5) * 64 / len(heat)
    assert 4 <= row <= 24
    assert 36 <= column <= 56


def test_an_evaluation_names_every_label_that_is_not_normal(trained, tmp_path):
    made, _ = trained
    for number in range(40, 46):
        weave(tmp_path / "normal" / f"n{number}-0.png", number, torn=False)
        weave(tmp_path / "ripped" / f"r{number}-0.png", 2000 + number, torn=True)
    judged = evaluate(domain=DOMAIN, root=tmp_path, view=ViewSettings(), bundle=made.bundle, progress=silent())
    assert [of.label for of in judged.classes] == ["normal", "ripped"]
    assert judged.figures["auroc"].value > 0.9


def test_the_card_says_from_where_on_a_picture_is_an_anomaly(trained):
    made, _ = trained
    assert f"{made.bundle.tail.threshold:.4g} is called an anomaly" in made.bundle.card
    assert "| torn |" in made.bundle.card


def test_the_starter_with_a_gaussian_at_each_place_is_served_too(tmp_path):
    made = fit(
        tmp_path, fill(tmp_path / "site"), backbone="starter", weights="starter", normality="gaussian", dimensions=8
    )
    assert made.evaluation.figures["auroc"].value > 0.8


def test_pictures_added_and_taken_away_later_give_the_network_of_a_fresh_start(trained, tmp_path):
    _, folder = trained
    shutil.copytree(folder / "site", tmp_path / "site")
    shutil.copytree(folder / "run", tmp_path / "run")
    for number in range(60, 66):
        weave(tmp_path / "site" / "normal" / f"n{number}-0.png", number, torn=False)
    learned = [
        group for group, part in json.loads((tmp_path / "run" / "split.json").read_text()).items() if part == "train"
    ]
    (tmp_path / "site" / "normal" / f"{learned[0]}-0.png").unlink()
    again = fit(tmp_path, tmp_path / "site")
    fresh = tmp_path / "fresh"
    (fresh / "run").mkdir(parents=True)
    shutil.copy(tmp_path / "run" / "split.json", fresh / "run")
    anew = fit(fresh, tmp_path / "site")
    assert again.bundle.weights.read_bytes() == anew.bundle.weights.read_bytes()
    assert again.bundle.tail == anew.bundle.tail


def test_without_a_normal_picture_there_is_nothing_to_learn(tmp_path):
    with pytest.raises(DataError, match="no picture has the target 'normality' with the label 'normal'"):
        fit(tmp_path, fill(tmp_path / "site", normal=0, torn=6))
