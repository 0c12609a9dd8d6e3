"""A workbench whose one domain is the toy of the batch's tests, with models that nobody had to train."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from fovea.plugin import Domain, hookimpl, per_picture
from fovea.registry import Registry
from fovea.serving.bundle import FILES, write_bundle
from fovea.workbench import Config, Workbench

TOY = str(Path(__file__).parents[1] / "batch")
if TOY not in sys.path:
    sys.path.append(TOY)


@pytest.fixture(scope="session")
def toy_bundle(tmp_path_factory):
    import fovea_toy

    return fovea_toy.write_toy_bundle(tmp_path_factory.mktemp("toy"))


@pytest.fixture
def registry():
    import fovea_toy as toy

    parts = {"load_images": toy.load_images, "measure": per_picture(toy.brightness), "decide": toy.decide}
    made = Domain(info=toy.domain().info, read_samples=toy.read_samples, **parts)
    return Registry.of(SimpleNamespace(__name__="toy", fovea_domains=hookimpl(lambda: [made])))


@pytest.fixture
def bench(tmp_path, registry):
    with Workbench(Config(home=tmp_path / "home", workers=0), registry=registry) as made:
        yield made


@pytest.fixture
def train(bench, toy_bundle):
    """Write a version of a model as a training does; the temperature makes one differ from the other."""

    def train(name, temperature=1.0):
        draft = replace(toy_bundle, name=name, temperature=temperature, created=f"2026-05-{int(temperature):02}")
        files = {one: toy_bundle.path / one for one in FILES if one not in {"bundle.json", "card.md"}}
        return write_bundle(draft, models=bench.config.models, files=files, card=f"# {name}\n")

    return train


@pytest.fixture
def pictures(tmp_path):
    """A folder of dark and bright pictures in one unit."""
    (tmp_path / "pictures" / "u0").mkdir(parents=True)
    for number in range(8):
        (tmp_path / "pictures" / "u0" / f"{number:05}.toy").write_text(f"level {number * 30}")
    return tmp_path / "pictures"
