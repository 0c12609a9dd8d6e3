"""What a camera wrote beside its pixels, and what it should not have written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from PIL import Image, TiffImagePlugin

from fovea.plugin import Place
from fovea.plugin.exif import Exif, read_exif

RATIO = TiffImagePlugin.IFDRational
NORTH_EAST = {1: "N", 2: (46.0, 30.0, 36.0), 3: "E", 4: (7.0, 15.0, 0.0), 5: b"\x00", 6: 420.5}
SUMMER = timezone(timedelta(hours=2))


@pytest.fixture
def photo(tmp_path):
    """Write a photo with these tags and read them back."""

    def answer(first=None, taken=None, gps=None, kind="jpg", zone=None):
        exif = Image.Exif()
        exif.update(first or {})
        exif.get_ifd(0x8769).update(taken or {})
        exif.get_ifd(0x8825).update(gps or {})
        path = tmp_path / f"a.{kind}"
        Image.new("RGB", (30, 20)).save(path, exif=exif)
        return read_exif(path, zone=zone)

    return answer


@pytest.mark.parametrize("kind", ["jpg", "png", "webp"])
def test_every_format_with_exif_is_read(photo, kind):
    found = photo(
        {271: "Canon", 272: "EOS 200D", 274: 6},
        {0x9003: "2026:05:01 10:20:30", 0x9011: "+02:00", 0x9291: "25"},
        NORTH_EAST,
        kind,
    )
    assert found == Exif(
        time=datetime(2026, 5, 1, 10, 20, 30, 250_000, tzinfo=SUMMER),
        place=Place(latitude=46.51, longitude=7.25, altitude=420.5),
        camera="Canon EOS 200D",
        orientation=6,
        width=30,
        height=20,
    )


def test_a_tiff_is_its_own_exif_block(photo):
    found = photo({271: "Canon", 272: "EOS 200D", 274: 6, 306: "2026:05:01 10:20:30"}, kind="tif", zone=SUMMER)
    time = datetime(2026, 5, 1, 10, 20, 30, tzinfo=SUMMER)
    assert found == Exif(time=time, camera="Canon EOS 200D", orientation=6, width=30, height=20)


def test_south_west_and_below_the_sea_are_negative(photo):
    found = photo(gps={**NORTH_EAST, 1: "S", 3: "W", 5: b"\x01", 6: 12.0})
    assert found.place == Place(latitude=-46.51, longitude=-7.25, altitude=-12.0)


def test_gps_time_stands_in_for_a_missing_zone(photo):
    gps = {7: (8.0, 20.0, 31.0), 29: "2026:05:01"}
    found = photo(taken={0x9003: "2026:05:01 10:20:30"}, gps=gps, zone=SUMMER)
    assert found.time == datetime(2026, 5, 1, 8, 20, 31, tzinfo=UTC)


def test_the_zone_asked_for_comes_last(photo):
    assert photo(taken={0x9003: "2026:05:01 10:20:30"}, zone=SUMMER).time == datetime(
        2026, 5, 1, 10, 20, 30, tzinfo=SUMMER
    )


def test_a_clock_without_any_zone_says_nothing(photo):
    assert photo(taken={0x9003: "2026:05:01 10:20:30"}).time is None


def test_the_maker_is_not_said_twice(photo):
    assert photo({271: "DJI", 272: "DJI FC300S"}).camera == "DJI FC300S"


@pytest.mark.parametrize(
    "text",
    ["0000:00:00 00:00:00", "2026:13:01 10:00:00", "1970:01:01 00:00:00", "yesterday", "", "9999:01:01 00:00:00"],
)
def test_absurd_dates_are_ignored(photo, text):
    assert photo(taken={0x9003: text, 0x9011: "+02:00"}, zone=UTC).time is None


@pytest.mark.parametrize(
    "gps",
    [
        {**NORTH_EAST, 2: (RATIO(1, 0), 30.0, 36.0)},
        {**NORTH_EAST, 2: (146.0, 30.0, 36.0)},
        {**NORTH_EAST, 1: "Q"},
        {**NORTH_EAST, 2: (0.0, 0.0, 0.0), 4: (0.0, 0.0, 0.0)},
        {**NORTH_EAST, 9: "V"},
        {1: "N", 2: (46.0, 30.0, 36.0)},
    ],
    ids=["zero denominator", "off the globe", "no such side", "null island", "receiver says void", "half a place"],
)
def test_absurd_places_are_ignored(photo, gps):
    assert photo(gps=gps).place is None


def test_an_absurd_height_does_not_cost_the_place(photo):
    assert photo(gps={**NORTH_EAST, 6: 1e9}).place == Place(latitude=46.51, longitude=7.25)


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_absurd_orientation_is_upright(photo, orientation):
    assert photo({274: orientation}).orientation == 1


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff", b"II*\0\xff\xff\xff\xff", b"x" * 100, b"\xff" * 100_000])
def test_a_bad_file_says_nothing(tmp_path, data):
    (tmp_path / "a.jpg").write_bytes(data)
    assert read_exif(tmp_path / "a.jpg") == Exif()


def test_neither_does_a_missing_file_or_a_folder(tmp_path):
    assert read_exif(tmp_path / "a.jpg") == read_exif(tmp_path) == Exif()


def test_a_picture_without_exif_still_has_a_size(tmp_path):
    Image.new("RGB", (30, 20)).save(tmp_path / "a.bmp")
    assert read_exif(tmp_path / "a.bmp") == Exif(width=30, height=20)


def test_every_byte_of_the_block_may_be_wrong(tmp_path):
    exif = Image.Exif()
    exif.update({271: "Canon", 274: 6})
    exif.get_ifd(0x8825).update(NORTH_EAST)
    Image.new("RGB", (3, 2)).save(tmp_path / "a.jpg", exif=exif)
    data = (tmp_path / "a.jpg").read_bytes()
    for place in range(20, data.find(b"\xff\xdb")):
        for value in (255, data[place] ^ 128):
            (tmp_path / "b.jpg").write_bytes(data[:place] + bytes([value]) + data[place + 1 :])
            assert isinstance(read_exif(tmp_path / "b.jpg"), Exif)
