"""Every bad file gets its code, every good one its true pixels."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageOps

from fovea.plugin import Image, Unreadable, ViewSettings
from fovea.plugin.imaging import CODES, load_pictures

WIDTH, HEIGHT = 96, 64
QUADRANTS = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
QUADRANTS[:32, :48] = 200, 40, 40
QUADRANTS[:32, 48:] = 40, 200, 40
QUADRANTS[32:, :48] = 40, 40, 200
QUADRANTS[32:, 48:] = 120, 120, 120


def picture(mode="RGB"):
    return Pillow.fromarray(QUADRANTS).convert(mode)


def encoded(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width, height, depth=8, colour=0, rows=b"", more=b""):
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + more + body + chunk(b"IEND", b"")


def code(found):
    assert isinstance(found, Unreadable), found
    assert found.code in CODES
    return found.code


def pixels(found):
    assert isinstance(found, Image), found
    assert found.pixels.dtype == np.uint8
    assert found.pixels.flags.c_contiguous
    assert found.pixels.shape[2] == 3
    return found.pixels


def far(found, wanted):
    return int(np.abs(pixels(found).astype(int) - wanted).max())


def centres(array):
    height, width = array.shape[:2]
    return array[height // 4 :: height // 2, width // 4 :: width // 2][:2, :2].astype(int)


# --- what is good


def test_a_jpeg_is_decoded_to_rgb(load):
    assert far(load(encoded(picture(), "JPEG", quality=95, subsampling=0)), QUADRANTS) <= 8


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
def test_lossless_formats_come_back_exactly(load, kind):
    assert far(load(encoded(picture(), kind)), QUADRANTS) == 0


def test_a_lossless_webp_comes_back_exactly(load):
    assert far(load(encoded(picture(), "WEBP", lossless=True)), QUADRANTS) == 0


@pytest.mark.parametrize("name", ["a.png", "a.txt", "noend", 'it\'s "a" file.jpg', "two\nlines.jpg", "caf\udce9.jpg"])
def test_the_content_counts_and_not_the_name(load, name):
    assert far(load(encoded(picture(), "BMP"), name), QUADRANTS) == 0


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_grey_is_repeated_over_three_channels(load, kind):
    grey = np.asarray(picture("L"))
    options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 95}}.get(kind, {})
    assert far(load(encoded(picture("L"), kind, **options)), grey[:, :, None]) <= (8 if kind == "JPEG" else 0)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
@pytest.mark.parametrize("mode", ["1", "P"])
def test_few_bits_and_palettes_become_rgb(load, kind, mode):
    image = picture(mode)
    assert far(load(encoded(image, kind)), np.asarray(image.convert("RGB"))) == 0


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 3)])
def test_sixteen_bits_are_scaled_so_that_white_stays_white(load, suffix, shape):
    values = np.linspace(0, 65535, int(np.prod(shape)), dtype=np.uint16).reshape(shape)
    found = load(cv2.imencode(suffix, values)[1].tobytes())
    wanted = np.rint(values / 257)
    assert far(found, wanted[:, :, ::-1] if len(shape) == 3 else wanted[:, :, None]) == 0


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_is_laid_over_white(load, kind, mode):
    image = picture(mode)
    image.putalpha(Pillow.fromarray(np.repeat(np.array([[0, 128, 255]], np.uint8), 32, 1).repeat(HEIGHT, 0)))
    white = Pillow.new("RGBA", image.size, "white")
    wanted = np.asarray(Pillow.alpha_composite(white, image.convert("RGBA")).convert("RGB"))
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    assert far(load(encoded(image, kind, **options)), wanted) <= 1


def test_a_transparent_colour_of_a_palette_is_white(load):
    found = load(encoded(picture("P"), "PNG", transparency=picture("P").getpixel((0, 0))))
    assert pixels(found)[0, 0].tolist() == [255, 255, 255]


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_becomes_rgb_the_right_way_round(load, kind):
    options = {"quality": 95} if kind == "JPEG" else {}
    assert far(load(encoded(picture("CMYK"), kind, **options)), QUADRANTS) <= 8


def test_a_progressive_jpeg_is_read(load):
    assert far(load(encoded(picture(), "JPEG", quality=95, subsampling=0, progressive=True)), QUADRANTS) <= 8


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_a_turned_picture_is_set_upright(load, kind, orientation):
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    data = encoded(picture(), kind, exif=exif)
    turned = Pillow.open(io.BytesIO(encoded(picture(), "JPEG", exif=exif)))
    wanted = np.asarray(ImageOps.exif_transpose(turned))
    found = load(data)
    assert pixels(found).shape == wanted.shape
    assert np.abs(centres(pixels(found)) - centres(wanted)).max() <= 12


def test_a_turned_picture_is_set_upright_when_it_is_reduced_too(load):
    exif = Pillow.Exif()
    exif[0x0112] = 6
    found = load(encoded(picture().resize((960, 640)), "JPEG", exif=exif), side=160)
    assert pixels(found).shape == (240, 160, 3)
    assert found.scale == 0.25


@pytest.mark.parametrize(
    "side, short", [(None, 751), (752, 751), (751, 751), (376, 376), (375, 376), (188, 188), (94, 94), (1, 94)]
)
def test_a_jpeg_is_reduced_no_further_than_the_side_allows(load, side, short):
    found = load(encoded(picture().resize((1000, 751)), "JPEG"), side=side)
    assert pixels(found).shape[:2] == (short, {751: 1000, 376: 500, 188: 250, 94: 125}[short])
    assert found.scale == pytest.approx(short / 751, rel=0.01)


def test_only_a_jpeg_is_reduced(load):
    found = load(encoded(picture().resize((1000, 751)), "PNG"), side=94)
    assert pixels(found).shape == (751, 1000, 3)
    assert found.scale == 1.0


def test_an_animated_png_gives_its_first_picture(load):
    second = Pillow.new("RGB", (WIDTH, HEIGHT), "white")
    assert far(load(encoded(picture(), "PNG", save_all=True, append_images=[second])), QUADRANTS) == 0


def test_an_animated_webp_gives_its_first_picture(load):
    second = Pillow.new("RGB", (WIDTH, HEIGHT), "white")
    data = encoded(picture(), "WEBP", save_all=True, append_images=[second], lossless=True)
    assert far(load(data), QUADRANTS) == 0


def test_bytes_after_the_end_of_a_jpeg_do_no_harm(load):
    data = encoded(picture(), "JPEG")
    assert pixels(load(data + bytes(500))).shape == QUADRANTS.shape
    assert pixels(load(data + b"a film of the same moment")).shape == QUADRANTS.shape


def test_stray_bytes_between_the_segments_of_a_jpeg_do_no_harm(load):
    data = encoded(picture(), "JPEG", quality=95, subsampling=0)
    stray = 2 + 2 + struct.unpack(">H", data[4:6])[0]
    assert far(load(data[:stray] + b"abc" + data[stray:]), QUADRANTS) <= 8


# --- what is not


def test_an_empty_file(load):
    assert code(load(b"")) == "empty"


def test_a_file_that_is_gone(load):
    assert code(load(None)) == "missing"


def test_a_name_that_no_file_can_have(load):
    assert code(load(None, "a\0.jpg")) == "missing"
    assert code(load(None, "a" * 5000 + ".jpg")) == "unreadable"


def test_a_folder_with_the_name_of_a_picture(load, tmp_path):
    (tmp_path / "x.jpg").mkdir()
    assert code(load(None, "x.jpg")) == "no-file"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_that_nobody_writes_to_does_not_block(load, tmp_path):
    os.mkfifo(tmp_path / "x.jpg")
    assert code(load(None, "x.jpg")) == "no-file"


def test_a_symbolic_link_to_itself(load, tmp_path):
    (tmp_path / "x.jpg").symlink_to(tmp_path / "x.jpg")
    assert code(load(None, "x.jpg")) == "unreadable"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission(load, tmp_path):
    (tmp_path / "x.jpg").write_bytes(b"x")
    (tmp_path / "x.jpg").chmod(0)
    assert code(load(None, "x.jpg")) == "denied"


@pytest.mark.parametrize("name", ["", "../a.jpg", "b/../../a.jpg", "/etc/passwd"])
def test_a_path_out_of_the_folder_is_refused(load, name):
    assert code(load(None, name)) == "outside"


def test_a_file_larger_than_allowed_is_not_read(load):
    found = load(bytes(2_000_000), max_megabytes=1)
    assert code(found) == "too-large"
    assert "2 MB" in found.reason


@pytest.mark.parametrize("data", [b"GIF89a" + bytes(50), b"%PDF-1.7", b"x", b"<svg/>", bytes(100)])
def test_what_is_no_photo_is_refused_by_its_content(load, data):
    assert code(load(data)) == "format"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "BMP"])
@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.95])
def test_a_file_cut_short_is_never_taken_for_whole(load, kind, share):
    noise = Pillow.fromarray(np.random.default_rng(1).integers(0, 256, (64, 96, 3), dtype=np.uint8))
    data = encoded(noise, kind)
    assert code(load(data[: int(len(data) * share)])) == "truncated"


def test_a_jpeg_without_its_last_two_bytes_is_truncated(load):
    assert code(load(encoded(picture(), "JPEG")[:-2])) == "truncated"


def test_a_jpeg_cut_short_is_truncated_even_with_an_end_put_on(load):
    data = encoded(picture().resize((960, 640)), "JPEG")
    assert code(load(data[: len(data) // 2] + b"\xff\xd9")) == "truncated"


def test_a_png_with_a_flipped_byte_is_damaged(load):
    data = bytearray(encoded(picture(), "PNG"))
    data[data.find(b"IDAT") + 20] ^= 1
    assert code(load(bytes(data))) == "damaged"


def test_a_png_bomb_is_refused_by_its_header(load):
    found = load(png(30_000, 30_000, depth=1))
    assert code(found) == "bomb"
    assert "900 megapixels" in found.reason


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "BMP"])
def test_the_limit_of_pixels_holds_for_every_format(load, kind):
    data = encoded(picture(), kind)
    assert code(load(data, max_megapixels=0.006)) == "bomb"
    assert pixels(load(data, max_megapixels=0.0062)).shape == QUADRANTS.shape


def test_a_progressive_jpeg_with_a_thousand_scans_is_a_bomb(load):
    data = encoded(picture(), "JPEG", progressive=True)
    scan = data.rfind(b"\xff\xda")
    assert code(load(data[:scan] + data[scan:-2] * 1000 + b"\xff\xd9")) == "bomb"


def test_a_text_that_unfolds_to_gigabytes_never_reaches_the_decoder(load):
    bomb = chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(50_000_000)))
    found = load(png(2, 2, rows=b"\0\x01\x02\0\x03\x04", more=bomb))
    assert pixels(found)[:, :, 0].tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize("part", ["2", "0", "-1", "x", "1.0", "\u0661", "9" * 30])
@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_a_page_that_is_not_there(load, kind, part):
    assert code(load(encoded(picture(), kind), parts=(part,))) == "page"


def test_one_bad_file_answers_for_each_of_its_samples(load):
    assert [code(found) for found in load(b"", parts=("1", "2", "3"))] == ["empty"] * 3


def test_no_samples_no_answers(tmp_path):
    assert list(load_pictures(root=tmp_path, samples=[], view=ViewSettings(), side=None)) == []


def test_a_reason_is_one_sentence_without_the_path(load, tmp_path):
    for found in (load(b""), load(None, "secret.jpg"), load(png(30_000, 30_000)), load(b"x")):
        assert str(tmp_path) not in found.reason
        assert "secret" not in found.reason
        assert "\n" not in found.reason


def test_any_flipped_byte_gives_an_answer(load):
    random = np.random.default_rng(7)
    for kind in ("JPEG", "PNG", "TIFF", "WEBP", "BMP"):
        data = encoded(picture().resize((24, 16)), kind)
        for place in random.integers(0, len(data), 60):
            flipped = bytearray(data)
            flipped[place] ^= int(random.integers(1, 256))
            assert isinstance(load(bytes(flipped)), Image | Unreadable)


def test_loading_the_module_loads_no_decoder():
    program = (
        "import sys, fovea.plugin.imaging; print(sorted({'cv2', 'numpy', 'PIL', 'simplejpeg'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_damaged_file_writes_nothing_to_the_terminal(tmp_path, capfd, load):
    for kind in ("JPEG", "PNG", "WEBP", "BMP"):
        data = bytearray(encoded(picture(), kind))
        data[len(data) // 2 : len(data) // 2 + 8] = bytes(8)
        load(bytes(data))
    assert capfd.readouterr() == ("", "")
