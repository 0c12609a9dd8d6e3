from __future__ import annotations

from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from fovea.plugin import Domain, DomainInfo, Mask, Preprocess, Sample, TaskSpec, find_files, hookimpl
from fovea.registry import Registry
from fovea.workbench import Config, Workbench, silent

TINY = (
    "backbone=torchvision:squeezenet1_1", "weights=none", "memory=64", "dimensions=32", "threads=1", "test=0.4",
    "validation=0", "calibration=0.3",
)  # fmt: skip
ASKED = {"progress": silent(), "stop": lambda: False}


def read(root, view):
    for path in find_files(root):
        label, name = path.split("/")
        if label == "marks":
            continue
        marked = {"where": Mask(source=f"marks/{name}", classes={"0": "background", "1": "tear"})}
        yield Sample(source=path, targets={"normality": label, **(marked if label == "torn" else {})})


@pytest.fixture(scope="module")
def cloth(tmp_path_factory):
    """Stripes on a noisy ground; torn ones have a bright patch, that a mask marks."""
    root = tmp_path_factory.mktemp("cloth")
    for folder in ("normal", "torn", "marks"):
        (root / folder).mkdir()
    for number in range(40):
        random = np.random.default_rng(number)
        rows = 110 + 40 * np.sin(np.arange(64) * 0.8 + random.uniform(0, 0.5))
        picture = np.repeat(rows[:, None], 64, axis=1)[..., None] + random.normal(0, 5, (64, 64, 3))
        is_torn = number % 3 == 0
        if is_torn:
            x, y = random.integers(8, 40, 2)
            picture[y : y + 14, x : x + 14] = 255 * (np.indices((14, 14)).sum(axis=0) % 4 < 2)[..., None]
            marks = np.zeros((64, 64), np.uint8)
            marks[y : y + 14, x : x + 14] = 1
            cv2.imwrite(str(root / "marks" / f"{number}.png"), marks)
        path = root / ("torn" if is_torn else "normal") / f"{number}.png"
        cv2.imwrite(str(path), picture.clip(0, 255).astype(np.uint8))
    return root


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    info = DomainInfo(
        name="weave",
        title="Weave",
        intended_use="Finds faults in cloth.",
        limits="Not for ropes.",
        tasks={"normality": TaskSpec(kind="anomaly", mask="where", preprocess=Preprocess(size=64))},
    )
    domain = Domain(info=info, read_samples=read)
    registry = Registry.of(SimpleNamespace(__name__="weave", fovea_domains=hookimpl(lambda: [domain])))
    with Workbench(Config(home=tmp_path_factory.mktemp("home"), workers=0), registry=registry) as made:
        yield made


@pytest.fixture(scope="module")
def judged(bench, cloth):
    return bench.train(domain="weave", folder=cloth, name="weave", recipe=TINY, **ASKED).judged


def test_a_finder_of_anomalies_is_judged_by_where_its_maps_are_hot(judged):
    assert judged.figures["pixel_auroc"][0] > 0.8
    assert 0.15 < judged.figures["aupro"][0] <= 1


def test_its_page_shows_the_strangest_pictures_with_their_maps(judged):
    text = judged.page.read_text("utf-8")
    assert "The strangest pictures" in text
    assert "Outlined: what people marked." in text
    assert text.count("data:image/jpeg") >= 8
    assert "This picture is no longer there" not in text


def test_a_mask_that_cannot_be_used_is_named_on_the_page(bench, judged, cloth, tmp_path):
    root = tmp_path / "more"
    for folder in ("normal", "torn"):
        (root / folder).mkdir(parents=True)
        for path in sorted((cloth / folder).iterdir())[:3]:
            picture = cv2.imread(str(path))
            cv2.imwrite(str(root / folder / f"again{path.name}"), 255 - picture)
    done = bench.evaluate(model="weave", folder=root, page=tmp_path / "page.html", progress=silent())
    assert [one.split(":")[0] for one in done.unmarked] == [f"torn/again{name}.png" for name in (0, 12, 15)]
    assert "pixel_auroc" not in done.figures
    assert "Masks that could not be used" in done.page.read_text("utf-8")
