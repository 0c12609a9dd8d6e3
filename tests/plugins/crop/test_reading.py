from __future__ import annotations

import os
from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from pydantic import ValidationError

from fovea.plugin import Record, Sample
from fovea_crop.reading import read_samples
from fovea_crop.settings import CropView

FIELDS = "{field}/{date}/{plant}-{shot}"


def samples(root, **view):
    return [one for one in read_samples(root=root, view=CropView(**view)) if isinstance(one, Sample)]


def test_folders_named_by_disease_become_labels(tmp_path, picture):
    picture(tmp_path / "rust" / "a.jpg")
    picture(tmp_path / "healthy" / "b.jpg")

    assert [(s.source, s.targets) for s in samples(tmp_path)] == [
        ("healthy/b.jpg", {"disease": "healthy"}),
        ("rust/a.jpg", {"disease": "rust"}),
    ]


def test_a_pattern_without_disease_reads_pictures_without_an_answer(tmp_path, picture):
    picture(tmp_path / "river strip" / "2026-05-01" / "p12-3.jpg")

    (sample,) = samples(tmp_path, pattern=FIELDS, zone="Europe/Rome")

    assert not sample.targets
    assert (sample.unit, sample.group) == ("river strip", "river strip/p12")
    assert sample.attributes == {"plant": "p12", "shot": "3", "date": "2026-05-01"}
    assert sample.time.isoformat() == "2026-05-01T12:00:00+02:00"


def test_plants_of_one_name_in_two_fields_are_two_groups(tmp_path, picture):
    for field in ("north", "south"):
        picture(tmp_path / field / "2026-05-01" / "p1-1.jpg")

    assert {s.group for s in samples(tmp_path, pattern=FIELDS)} == {"north/p1", "south/p1"}


def test_one_plant_filed_under_two_diseases_stays_one_group(tmp_path, picture):
    for disease in ("rust", "healthy"):
        picture(tmp_path / "north" / disease / "p1-1.jpg")

    assert {s.group for s in samples(tmp_path, pattern="{field}/{disease}/{plant}-{shot}")} == {"north/p1"}


def test_shots_of_a_plant_are_one_group_even_where_the_pattern_names_no_plant(tmp_path, picture):
    for name in ("p7-1.jpg", "p7-2.jpg", "p8-1.jpg"):
        picture(tmp_path / "rust" / name)

    assert [s.group for s in samples(tmp_path)] == ["rust/p7", "rust/p7", "rust/p8"]


def test_a_path_that_does_not_fit_is_read_and_marked(tmp_path, picture):
    picture(tmp_path / "alone.jpg")
    picture(tmp_path / "north" / "2026-05-01" / "noplant.jpg")

    read = samples(tmp_path, pattern=FIELDS)

    assert [(s.unit, s.targets, s.attributes["unmatched"]) for s in read] == [
        ("site", {}, 1.0),
        ("north/2026-05-01", {}, 1.0),
    ]


def test_time_place_and_camera_come_from_the_header(tmp_path, picture):
    picture(tmp_path / "north" / "2026-05-01" / "p1-1.jpg", exif=exif("2026:05:01 08:30:00"))

    (sample,) = samples(tmp_path, pattern=FIELDS, zone="Europe/Rome")

    assert sample.time.astimezone(UTC) == datetime(2026, 5, 1, 6, 30, tzinfo=UTC)
    assert (round(sample.place.latitude, 4), round(sample.place.longitude, 4)) == (46.5, 11.25)
    assert "Fovecam" in sample.attributes["camera"]


def test_a_camera_clock_far_from_the_written_date_is_not_believed(tmp_path, picture):
    picture(tmp_path / "north" / "2026-05-01" / "p1-1.jpg", exif=exif("2000:01:01 00:00:10"))

    (sample,) = samples(tmp_path, pattern=FIELDS)

    assert sample.time == datetime(2026, 5, 1, 12, tzinfo=UTC)
    assert sample.attributes["clock_doubted"] == 1.0


def exif(time):
    from PIL.Image import Exif

    made = Exif()
    made[0x0110] = "Fovecam"
    made.get_ifd(0x8769)[0x9003] = time
    made.get_ifd(0x8825).update({1: "N", 2: (46.0, 30.0, 0.0), 3: "E", 4: (11.0, 15.0, 0.0)})
    return made


def test_a_name_that_is_not_utf8_is_read_and_its_label_can_be_written(tmp_path, picture):
    folder = os.path.join(os.fsencode(tmp_path), b"caf\xe9")
    os.mkdir(folder)
    picture(tmp_path / "plain.jpg")
    os.rename(tmp_path / "plain.jpg", os.path.join(folder, b"leaf.jpg"))

    (sample,) = samples(tmp_path)

    assert os.fsencode(sample.source) == b"caf\xe9/leaf.jpg"
    assert sample.targets["disease"] == "caf\\xe9"
    assert sample.unit.encode()


def test_a_folder_below_a_folder_of_pictures_does_not_part_its_runs(tmp_path, picture):
    for name in ("IMG_0001.jpg", "IMG_0003.jpg", "IMG_0002/IMG_0900.jpg"):
        picture(tmp_path / "rust" / name)

    groups = {s.source: s.group for s in samples(tmp_path)}

    assert groups["rust/IMG_0001.jpg"] == groups["rust/IMG_0003.jpg"] != groups["rust/IMG_0002/IMG_0900.jpg"]


def test_a_broken_picture_is_read_like_any_other(tmp_path):
    (tmp_path / "rust").mkdir()
    (tmp_path / "rust" / "empty.jpg").touch()
    (tmp_path / "rust" / "text.jpg").write_text("no picture")

    assert [s.source for s in samples(tmp_path)] == ["rust/empty.jpg", "rust/text.jpg"]


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(OSError, match="nowhere"):
        samples(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "mistake", [{"zone": "Europe/Nowhere"}, {"zone": ""}, {"pattern": "{disease"}, {"run_gap": -1}]
)
def test_a_setting_that_cannot_be_is_refused(mistake):
    with pytest.raises(ValidationError):
        CropView(**mistake)


def records(root, **view):
    return [one for one in read_samples(root=root, view=CropView(**view)) if isinstance(one, Record)]


def test_weather_beside_the_pictures_becomes_records(tmp_path):
    (tmp_path / "weather.csv").write_text(
        "time,field,rain_mm,temperature_c\n2026-05-01T06:00,north,0.4,11.5\n2026-05-01T07:00+02:00,,NA,12\n"
    )

    first, second = records(tmp_path, zone="Europe/Rome")

    assert (first.kind, first.unit, first.values) == ("weather", "north", {"rain_mm": 0.4, "temperature_c": 11.5})
    assert first.time.isoformat() == "2026-05-01T06:00:00+02:00"
    assert (second.unit, second.values) == ("", {"temperature_c": 12.0})


def test_two_depths_of_one_soil_sample_are_two_records(tmp_path):
    (tmp_path / "soil.csv").write_text(
        "date,field,depth_cm,ph,texture\n2026-03-01,north,20,6.1,loam\n2026-03-01,north,40,6.4,clay\n"
    )

    read = records(tmp_path)

    assert [(r.key, r.values["ph"], r.values["texture"]) for r in read] == [("20", 6.1, "loam"), ("40", 6.4, "clay")]


def test_lines_that_cannot_be_read_are_left_out_and_told(tmp_path):
    (tmp_path / "weather.csv").write_text("time,rain_mm\n2026-05-01,1\nyesterday,2\n2026-05-02\n2026-05-03,3\n")

    *good, fault = records(tmp_path)

    assert [r.values["rain_mm"] for r in good] == [1.0, 3.0]
    assert (fault.kind, fault.values["lines"], fault.values["first_line"]) == ("lines-not-read", 2.0, 3.0)
    assert "yesterday" in fault.values["why"]


def test_a_table_that_cannot_be_opened_is_told(tmp_path):
    (tmp_path / "weather.csv").symlink_to(tmp_path / "nowhere")
    (tmp_path / "north").mkdir()
    (tmp_path / "north" / "soil.csv").write_text("date,ph\n" + "2026-05-01,7\n" * 200)

    read = records(tmp_path, max_megabytes=0.001)

    assert [(r.kind, r.key) for r in read] == [("lines-not-read", "north/soil.csv"), ("lines-not-read", "weather.csv")]


def test_a_table_of_no_text_is_an_error_that_names_it(tmp_path):
    (tmp_path / "weather.csv").write_bytes(b"x" * 200_000)

    with pytest.raises(ValueError, match=r"weather\.csv"):
        list(records(tmp_path))


def test_a_table_without_a_time_column_is_an_error_that_names_it(tmp_path):
    (tmp_path / "weather.csv").write_text("a,b\n1,2\n")

    with pytest.raises(ValueError, match=r"weather\.csv needs a first row"):
        records(tmp_path)


@pytest.mark.real
def test_the_lab_apples_fall_into_many_groups_of_few(real):
    groups: dict[str, Counter[str]] = {}
    counters: dict[str, list[tuple[int, str]]] = {}
    for sample in samples(Path(real) / "lab_apple"):
        groups.setdefault(sample.targets["disease"], Counter())[sample.group] += 1
        counters.setdefault(sample.targets["disease"], []).append((int(sample.order), sample.group))

    assert {label: sum(sizes.values()) for label, sizes in groups.items()} == dict.fromkeys(groups, 200)
    assert all(len(sizes) >= 25 and max(sizes.values()) <= 25 for sizes in groups.values())
    for taken in map(sorted, counters.values()):
        neighbours = [(b[0] - a[0], a[1] == b[1]) for a, b in pairwise(taken)]
        assert all(same for gap, same in neighbours if gap <= 5)
