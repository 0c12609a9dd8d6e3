from __future__ import annotations

import json
import shutil

import cv2
import numpy as np
import pytest

from fovea_apps.cli import main

GROUPS = 10


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Two classes of blobs, of which one has dark corners; one photo comes again as another plant, one as a class."""
    root = tmp_path_factory.mktemp("photos")
    for place in range(2 * GROUPS):
        random = np.random.default_rng(place)
        picture = cv2.resize(random.integers(60, 200, (9, 9, 3), dtype=np.uint8), (96, 96))
        for _ in range(12):
            centre = random.integers(10, 86, 2).tolist()
            cv2.circle(picture, centre, int(random.integers(3, 10)), random.integers(0, 256, 3).tolist(), -1)
        if place % 2:
            picture[:4] = 0
        folder = root / ("rust" if place % 2 else "healthy")
        folder.mkdir(exist_ok=True)
        cv2.imwrite(str(folder / f"p{place:04d}-1.png"), picture)
    shutil.copy(root / "healthy/p0000-1.png", root / "healthy/p0900-1.png")
    shutil.copy(root / "healthy/p0002-1.png", root / "rust/p0901-1.png")
    return root


def test_what_would_spoil_a_training_is_told(photos, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    assert main(["--home", str(tmp_path), "-q", "check-data", "crop", str(photos)]) == 0
    shown = capsys.readouterr().out
    assert "On 22 pictures of 22 groups" in shown
    assert "healthy/p0900-1.png" in shown
    assert "answers: healthy / rust" in shown
    assert "A reader of nothing but 8 pixels on the edge" in shown


def test_the_page_shows_both_pictures_of_a_pair(photos, tmp_path):
    page = tmp_path / "pages" / "check.html"
    assert main(["--home", str(tmp_path), "-q", "check-data", "crop", str(photos), "--html", str(page)]) == 0
    told = page.read_text("utf-8")
    assert told.count("data:image/jpeg") == 3
    assert "on the right rust/p0901-1.png, on the left" in told


def test_the_document_tells_pairs_contradictions_and_shares(photos, tmp_path, capsys):
    assert main(["--home", str(tmp_path), "-q", "check-data", "crop", str(photos), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert ["healthy/p0000-1.png", "healthy/p0900-1.png"] in [one["names"] for one in told["doubles"]]
    assert [one["names"] for one in told["contradictions"]] == [["healthy/p0002-1.png", "rust/p0901-1.png"]]
    assert told["readers"][0]["warns"]
    assert told["counts"]["exact"] == 2


def test_a_folder_with_few_groups_is_told_why_shortcuts_were_not_looked_for(photos, tmp_path, capsys):
    few = tmp_path / "few"
    for name in ("healthy/p0000-1.png", "rust/p0001-1.png"):
        (few / name).parent.mkdir(parents=True)
        shutil.copy(photos / name, few / name)
    assert main(["--home", str(tmp_path), "-q", "check-data", "crop", str(few)]) == 0
    shown = capsys.readouterr().out
    assert "No picture comes twice" in shown
    assert "that takes 5 groups, and there are 2" in shown


def test_a_folder_that_is_not_there_is_a_known_error(tmp_path, capsys):
    assert main(["--home", str(tmp_path), "-q", "check-data", "crop", str(tmp_path / "nothing")]) == 1
    assert "nothing" in capsys.readouterr().err
