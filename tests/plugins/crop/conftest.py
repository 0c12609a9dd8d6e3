from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fovea.plugin import Measures, Place, Prediction, Result, Sample, SiteView, Unreadable

DAY = datetime(2026, 5, 1, 10, tzinfo=UTC)


def _picture(path, *, size=(16, 12), exif=None):
    """A small JPEG file; ``exif`` is Pillow's."""
    from PIL import Image as Pillow

    path.parent.mkdir(parents=True, exist_ok=True)
    image = Pillow.new("RGB", size, (90, 140, 60))
    with open(path, "wb") as file:
        image.save(file, "JPEG", **({"exif": exif} if exif is not None else {}))
    return path


def _result(source="north/a.jpg", label="rust", probability=0.9, **more):
    """A result as a batch makes one; ``label=None`` where no model has spoken."""
    sharpness = more.pop("sharpness", 500.0)
    more = {"unit": "north", "time": DAY} | more
    predictions = {}
    if label is not None:
        scores = {label: probability, "other": 1 - probability}
        predictions["disease"] = (Prediction(role="disease", label=label, probability=probability, scores=scores),)
    return Result(
        sample=Sample(source=source, **more),
        measures=Measures(values={"sharpness": sharpness}),
        predictions=predictions,
    )


def _site(results, decisions=None, **more):
    """A site's view over results in a list."""
    records = more.pop("records", ())
    return SiteView(
        name="farm",
        title="Long Acre",
        made=DAY,
        results=lambda: iter(results),
        records=lambda: iter(records),
        picture=lambda _source, _part: Unreadable(code="missing", reason="no pictures in this test"),
        decisions=decisions or {},
        line_up={"disease": "beans-1"},
        **more,
    )


@pytest.fixture
def farm():
    """Two fields: north with half its pictures diseased, south healthy; one uncertain and one blurred picture."""
    north = [
        _result(
            f"north/{number}.jpg",
            "rust" if number < 5 else "healthy",
            0.9 + number / 1000,
            place=Place(latitude=46.0 + number / 1000, longitude=11.0 + (number % 3) / 1000),
            attributes={"plant": f"p{number // 2}", "date": "2026-05-01"},
            group=f"north/p{number // 2}",
        )
        for number in range(10)
    ]
    south = [_result(f"south/{number}.jpg", "healthy", 0.95, unit="south") for number in range(8)]
    doubtful = [
        _result("south/unsure.jpg", "rust", 0.41, unit="south"),
        _result("south/blurred.jpg", "rust", 0.99, unit="south", sharpness=1.0),
    ]
    return [*north, *south, *doubtful]


@pytest.fixture
def real():
    """The folder of real pictures."""
    folder = os.environ.get("FOVEA_REAL_DATA")
    if not folder or not (Path(folder) / "crop").is_dir():
        pytest.skip("FOVEA_REAL_DATA names no folder of real pictures")
    return Path(folder) / "crop"


def _decided(decisions):
    """Decisions by key; fails where two share one."""
    by_key = {decision.key: decision for decision in decisions}
    assert len(by_key) == len(decisions)
    return by_key


@pytest.fixture
def picture():
    return _picture


@pytest.fixture
def result():
    return _result


@pytest.fixture
def site():
    return _site


@pytest.fixture
def decided():
    return _decided
