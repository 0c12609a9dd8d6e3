"""The sample leaf photos: same seed same bytes, the promised layout, EXIF, and damaged files."""

from __future__ import annotations

import csv
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import leaves
import make
import numpy as np
import photo_file
import pytest
from leaf_blade import grow
from leaf_disease import PAINT
from leaf_shape import Pose, grow_cultivar
from leaf_texture import Picture
from PIL import Image, ImageOps, UnidentifiedImageError

ODD = Path("site/north-slope/2024-06-24")


def test_same_seed_gives_identical_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        make.make(tmp_path / name, plants=1, size=96, seed=3, workers=1)
    first, second = (
        {file.relative_to(top): file.read_bytes() for file in top.rglob("*") if file.is_file()}
        for top in (tmp_path / "one", tmp_path / "two")
    )
    assert len(first) > 20
    assert first == second


def test_processes_do_not_change_the_bytes(small_set: Path, tmp_path: Path) -> None:
    make.make(tmp_path, plants=1, size=96, seed=5, workers=2)
    for file in (small_set / "train").rglob("*.jpg"):
        assert file.read_bytes() == (tmp_path / file.relative_to(small_set)).read_bytes()


def test_another_seed_gives_other_pixels() -> None:
    pictures = [leaves.draw(leaves.Request("p0001", "1", "rust", 0.5, size=96, seed=seed)) for seed in (0, 1)]
    assert pictures[0].shape != pictures[1].shape or bool((pictures[0] != pictures[1]).any())


def test_a_finished_set_is_not_made_again(small_set: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {file: file.stat().st_mtime_ns for file in small_set.rglob("*")}
    assert make.main([str(small_set), "--plants", "1", "--size", "96", "--seed", "5"]) == 0
    assert "already" in capsys.readouterr().out
    assert before == {file: file.stat().st_mtime_ns for file in small_set.rglob("*")}


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(SystemExit):
        make.make(tmp_path, plants=1, size=96)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


def test_layout(small_set: Path) -> None:
    assert {folder.name for folder in (small_set / "train").iterdir()} == set(leaves.CONDITIONS)
    plants: dict[str, set[str]] = {}
    for file in (small_set / "train").rglob("*.jpg"):
        plants.setdefault(file.stem.split("-")[0], set()).add(file.parent.name)
    assert len(plants) == 5
    assert all(len(conditions) == 1 for conditions in plants.values())
    site = small_set / "site"
    assert tomllib.loads((site / "site.toml").read_text())["view"]["pattern"] == "{field}/{date}/{plant}-{shot}"
    assert len([folder for folder in site.iterdir() if folder.is_dir()]) == 4
    with (small_set / "truth.csv").open(encoding="utf-8", newline="") as lines:
        truth = list(csv.DictReader(lines))
    assert truth
    assert all((site / row["path"]).is_file() and row["condition"] in leaves.CONDITIONS for row in truth)


def test_exif_tells_time_place_and_phone(small_set: Path) -> None:
    for file in (small_set / "site").glob("*/*/p50*-1.jpg"):
        if file.name.startswith("p509"):
            continue
        with Image.open(file) as picture:
            block = picture.getexif()
        detail, place = block.get_ifd(0x8769), block.get_ifd(0x8825)
        taken = datetime.strptime(detail[0x9003] + detail[0x9011], "%Y:%m:%d %H:%M:%S%z")
        assert taken.date().isoformat() == file.parent.name
        assert detail[0x9011] == "+02:00"
        assert (place[1], int(place[2][0]), place[3], int(place[4][0])) == ("N", 46, "E", 7)
        assert (block[0x010F], block[0x0110]) in {(phone.make, phone.model) for phone in leaves.PHONES}


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_turned_pictures_come_back_upright(tmp_path: Path, orientation: int) -> None:
    picture = np.zeros((64, 96, 3), np.uint8)
    picture[:32, :48] = 255  # only the upper left quarter is white
    stamp = photo_file.Stamp(datetime(2024, 6, 3, 9, tzinfo=UTC), 46.9, 7.4, orientation)
    photo_file.write(tmp_path / "a.jpg", photo_file.jpeg(picture, stamp, leaves.PHONES[0]))
    with Image.open(tmp_path / "a.jpg") as stored:
        assert (stored.size == (64, 96)) == (orientation in (6, 8))
        upright = np.asarray(ImageOps.exif_transpose(stored))
    assert np.abs(upright.astype(int) - picture).mean() < 4


def test_damaged_and_odd_files_are_there(small_set: Path) -> None:
    folder = small_set / ODD
    assert (folder / "p5093-1.jpg").stat().st_size == 0
    with pytest.raises(UnidentifiedImageError):
        Image.open(folder / "p5094-1.jpg")
    with Image.open(folder / "p5092-1.jpg") as cut, pytest.raises(OSError, match=r"(?i)truncated"):
        cut.load()
    with Image.open(folder / "p5090-1.jpg") as png, Image.open(folder / "p5091-1.jpg") as cmyk:
        assert (png.format, cmyk.mode) == ("PNG", "CMYK")
    assert (folder / "gr\u00fcne ecke-1.jpg").is_file()
    assert (folder / "notes.txt").is_file()


def test_conditions_change_the_leaf_and_severity_grows() -> None:
    """Without shot-to-shot variation (same plant, shot and seed) more disease moves more pixels."""
    for condition in leaves.CONDITIONS[1:]:
        mild, heavy = (_colours(condition, severity) for severity in (0.1, 0.9))
        healthy = _colours("healthy", 0.0)
        assert np.abs(heavy - healthy).mean() > np.abs(mild - healthy).mean() > 0, condition


def _colours(condition: str, severity: float) -> Picture:
    """The blade's own colour before light and camera, (h, w, 3)."""
    rng = leaves.generator("test")
    cultivar = grow_cultivar(rng)
    leaf = grow(rng, cultivar, Pose((60.0, 120.0), -1.57, 110.0, (0.0, 0.0), (1.0, 1.0)), (128, 128))
    if condition != "healthy":
        PAINT[condition](rng, leaf, severity)
    return leaf.colour * leaf.cover[..., None]
