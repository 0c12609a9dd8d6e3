"""TIFF, the riskiest format: pages, tiles, and directories that lie."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image as Pillow

from fovea.plugin import Image, Unreadable

RAMP = np.arange(24 * 40, dtype=np.uint8).reshape(24, 40)


def encoded(image, **options):
    buffer = io.BytesIO()
    image.save(buffer, "TIFF", **options)
    return buffer.getvalue()


def tiled(*, big=False, order="<", claimed=16):
    """RAMP in tiles of 16 x 16, uncompressed, its tiles claiming to be ``claimed`` pixels wide and high."""
    padded = np.pad(RAMP, ((0, 8), (0, 8)))
    tiles = [padded[y : y + 16, x : x + 16].tobytes() for y in (0, 16) for x in (0, 16, 32)]
    letter, kind, room = ("Q", 16, 8) if big else ("I", 4, 4)
    starts = [16 + 256 * number for number in range(6)]
    beside = 16 + 256 * 6
    values = struct.pack(f"{order}12{letter}", *starts, *[256] * 6)
    wide, high, bits, packing, meaning, channels = (256, 40), (257, 24), (258, 8), (259, 1), (262, 1), (277, 1)
    plain = [wide, high, bits, packing, meaning, channels, (322, claimed), (323, claimed)]
    entries = [struct.pack(f"{order}HH{letter}{letter}", tag, kind, 1, value) for tag, value in plain]
    entries.append(struct.pack(f"{order}HH{letter}{letter}", 324, kind, 6, beside))
    entries.append(struct.pack(f"{order}HH{letter}{letter}", 325, kind, 6, beside + 6 * room))
    mark = b"II" if order == "<" else b"MM"
    place = beside + len(values)
    head = mark + struct.pack(f"{order}HHHQ", 43, 8, 0, place) if big else mark + struct.pack(f"{order}HI", 42, place)
    count = struct.pack(order + ("Q" if big else "H"), len(entries))
    return head.ljust(16, b"\0") + b"".join(tiles) + values + count + b"".join(entries) + bytes(room)


def pixels(found):
    assert isinstance(found, Image), found
    return found.pixels.astype(int)


def code(found):
    assert isinstance(found, Unreadable), found
    return found.code


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
def test_a_tiled_tiff_of_either_kind_and_order_is_read(load, big, order):
    assert (pixels(load(tiled(big=big, order=order))) == RAMP[:, :, None]).all()


def test_a_tiff_that_claims_enormous_tiles_is_a_bomb(load):
    assert code(load(tiled(claimed=1 << 20))) == "bomb"


def test_tiles_that_all_point_at_the_same_bytes_are_no_way_to_make_a_file_grow(load):
    data = bytearray(tiled())
    struct.pack_into("<12I", data, 16 + 256 * 6, *range(16, 22), *[1400] * 6)
    assert code(load(bytes(data))) == "damaged"


def test_the_pages_of_a_tiff_are_parts(load):
    pages = [Pillow.new("L", (8 + number, 8), number * 50) for number in range(3)]
    data = encoded(pages[0], save_all=True, append_images=pages[1:])
    found = load(data, parts=("", "1", "2", "3", "4"))
    assert [pixels(page)[0, 0, 0] for page in found[:4]] == [0, 0, 50, 100]
    assert [pixels(page).shape[1] for page in found[:4]] == [8, 8, 9, 10]
    assert code(found[4]) == "page"
    assert "3 pages" in found[4].reason


@pytest.mark.parametrize("squeeze", ["tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"])
def test_a_compressed_tiff_is_read(load, squeeze):
    smooth = np.tile(np.arange(0, 200, 5, dtype=np.uint8), (24, 1))
    found = pixels(load(encoded(Pillow.fromarray(smooth), compression=squeeze)))
    assert np.abs(found - smooth[:, :, None]).max() <= (8 if squeeze == "jpeg" else 0)


def test_a_float_tiff_between_0_and_1_is_brightness(load):
    values = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    assert np.abs(pixels(load(encoded(Pillow.fromarray(values)))) - np.rint(values * 255)[:, :, None]).max() <= 1


def test_a_tiff_of_temperatures_is_no_picture(load):
    values = np.linspace(-10, 40, 12, dtype=np.float32).reshape(3, 4)
    assert code(load(encoded(Pillow.fromarray(values)))) == "format"


def test_a_fourth_channel_of_unknown_meaning_is_ignored(load):
    data = bytearray(encoded(Pillow.merge("RGBA", [Pillow.fromarray(RAMP)] * 4)))
    place = data.find(struct.pack("<HHI", 338, 3, 1))
    data[place + 8] = 0
    assert (pixels(load(bytes(data))) == RAMP[:, :, None]).all()


@pytest.mark.parametrize("squeeze", ["tiff_lzw", "tiff_adobe_deflate"])
def test_a_tiff_with_a_broken_strip_is_damaged(load, squeeze):
    data = bytearray(encoded(Pillow.fromarray(RAMP), compression=squeeze))
    start = np.asarray(Pillow.open(io.BytesIO(data)).tag_v2[273])[0]
    data[start : start + 4] = b"\xff" * 4
    assert code(load(bytes(data))) == "damaged"


def test_a_tiff_whose_pages_run_in_a_circle_ends(load):
    data = bytearray(encoded(Pillow.fromarray(RAMP)))
    first = struct.unpack("<I", data[4:8])[0]
    count = struct.unpack_from("<H", data, first)[0]
    struct.pack_into("<I", data, first + 2 + 12 * count, first)
    assert [type(found) for found in load(bytes(data), parts=("1", "2"))] == [Image, Unreadable]
