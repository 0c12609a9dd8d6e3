from __future__ import annotations

import json
import subprocess
import sys

import cv2
import pytest
import torch

from fovea.engine.export import write_files
from fovea.engine.network import make
from fovea.engine.recipe import Recipe
from fovea.engine.tasks.shape import task_of
from fovea.errors import DataError, UnknownName, UsageError
from fovea.plugin import Preprocess
from fovea.serving.bundle import Bundle, write_bundle
from fovea.serving.preprocess import PREPROCESS_ID
from fovea.workbench import plain, silent

SPEC = Preprocess(size=32)


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """A network nobody trained, exported as one that was."""
    folder = tmp_path_factory.mktemp("network")
    recipe = Recipe(backbone="torchvision:squeezenet1_1", weights="none", size=32, threads=1)
    whole, _ = make(recipe, task=task_of("classify"), preprocess=SPEC, outputs=2)
    torch.manual_seed(0)
    (folder / "learned.bin").touch()
    return recipe, {**write_files(whole, size=32, folder=folder), "learned.bin": folder / "learned.bin"}


@pytest.fixture
def model(bench, parts):
    recipe, files = parts
    draft = Bundle(
        name="lights",
        domain="toy",
        role="light",
        kind="classify",
        labels=("bright", "dark"),
        preprocess=SPEC,
        preprocess_id=PREPROCESS_ID,
        recipe=recipe.model_dump(mode="json"),
    )
    return write_bundle(draft, models=bench.config.models, files=files, card="# lights\n").name


def explain(bench, model, paths, out, **asked):
    return bench.judging.explain(model=model, paths=paths, out=out, progress=silent(), stop=lambda: False, **asked)


def test_every_picture_gets_a_sheet_and_all_are_on_one_page(bench, model, pictures, tmp_path):
    made = explain(bench, model, [pictures], tmp_path / "why")
    sheets = [one.sheet for one in made.maps]
    assert len(sheets) == len(set(sheets)) == len(list(pictures.rglob("*.toy")))
    assert all(cv2.imread(str(sheet)) is not None for sheet in sheets)
    page = made.page.read_text("utf-8")
    assert all(f">{sheet.name[:4]}<" in page for sheet in sheets)
    assert f"{sum(one.shown for one in made.maps)} of {len(sheets)} maps are shown" in page
    assert all(one.reason for one in made.maps)
    assert json.dumps(plain(made), allow_nan=False)


def test_each_label_wanted_is_a_row_of_the_same_sheet(bench, model, pictures, tmp_path):
    some = min(pictures.rglob("*.toy"))
    made = explain(bench, model, [some], tmp_path / "why", labels=["bright", "dark"], method="layercam")
    assert [one.label for one in made.maps] == ["bright", "dark"]
    assert len({one.sheet for one in made.maps}) == 1
    assert all(one.method.startswith("layercam at ") for one in made.maps)


def test_a_picture_that_cannot_be_read_is_told_and_costs_no_other(bench, model, pictures, tmp_path):
    broken = min(pictures.rglob("*.toy"))
    broken.write_text("broken")
    made = explain(bench, model, [pictures], tmp_path / "why")
    assert [one.path for one in made.maps if one.fault] == [str(broken)]
    assert all(one.sheet for one in made.maps if not one.fault)


def test_what_cannot_be_explained_is_refused(bench, model, pictures, tmp_path):
    with pytest.raises(UnknownName, match="label of the model lights 'brigth'; did you mean 'bright'"):
        explain(bench, model, [pictures], tmp_path / "why", labels=["brigth"])
    with pytest.raises(UnknownName, match="way to explain this network 'magic'"):
        explain(bench, model, [pictures], tmp_path / "why", method="magic")
    with pytest.raises(DataError, match="there is no file or folder"):
        explain(bench, model, [pictures / "gone"], tmp_path / "why")
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="is a file: name a folder for the maps"):
        explain(bench, model, [pictures], tmp_path / "file")


def test_a_workbench_that_can_explain_has_not_loaded_torch():
    program = "import sys, fovea.workbench, fovea.workbench.judging; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
