from __future__ import annotations

import cv2
import numpy as np
import pytest

from fovea.engine.pictures.masks import lay, ordered, read_mask, renamed
from fovea.errors import DataError
from fovea.plugin import UNTOLD, Image, Mask, Preprocess, Region, ViewSettings
from fovea.plugin.imaging import Refused
from fovea.serving.preprocess import preprocess

COLOURS = {"0,0,0": "background", "0,200,0": "leaf", "200,0,0": "rust"}
NAMES = ("background", "leaf", "rust")
VIEW = ViewSettings()


def painted(root, pixels, name="m.png"):
    cv2.imwrite(str(root / name), pixels if pixels.ndim == 2 else pixels[..., ::-1])
    return name


def coloured(height=6, width=8):
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, width // 2 :] = (0, 200, 0)
    pixels[0, -1] = (200, 0, 0)
    return pixels


def read(root, pixels, classes=COLOURS, name="m.png", view=VIEW):
    return read_mask(root, Mask(source=painted(root, pixels, name), classes=classes), NAMES, view)


def test_colours_become_places_of_their_labels(tmp_path):
    places = read(tmp_path, coloured()).places
    assert places[0].tolist() == [0, 0, 0, 0, 1, 1, 1, 2]


def test_grey_levels_become_places_of_their_labels(tmp_path):
    levels = np.array([[0, 7], [9, 0]], np.uint8)
    got = read(tmp_path, levels, {"0": "background", "7": "rust", "9": "rust"})
    assert (got.places.tolist(), got.strange) == ([[0, 2], [2, 0]], "")


def test_a_palette_is_read_by_index(tmp_path):
    from PIL import Image as Pillow

    picture = Pillow.fromarray(np.array([[0, 1], [2, 1]], np.uint8)).convert("P")
    picture.putpalette([9, 9, 9, 200, 0, 0, 0, 0, 250] + [0] * 759)
    picture.save(tmp_path / "p.png")
    mask = Mask(source="p.png", classes={"0": "background", "1": "leaf", "2": "rust"})
    assert read_mask(tmp_path, mask, NAMES, VIEW).places.tolist() == [[0, 1], [2, 1]]
    by_colour = Mask(source="p.png", classes={"9,9,9": "background", "200,0,0": "rust"})
    got = read_mask(tmp_path, by_colour, NAMES, VIEW)
    assert (got.places.tolist(), got.strange) == ([[0, 2], [UNTOLD, 2]], "0,0,250")


def test_an_unknown_colour_is_unlabelled_and_told(tmp_path):
    pixels = coloured()
    pixels[3, 3] = (90, 90, 90)
    got = read(tmp_path, pixels)
    assert (got.places[3, 3], got.strange) == (UNTOLD, "90,90,90")


def test_a_label_that_is_not_asked_for_is_unlabelled_but_not_strange(tmp_path):
    got = read(tmp_path, coloured(), {**COLOURS, "200,0,0": "mildew"})
    assert (got.places[0, -1], got.strange) == (UNTOLD, "")


@pytest.mark.parametrize("colour", [(0, 198, 3), (190, 0, 0), (2, 2, 2)])
def test_colours_a_little_off_are_refused(tmp_path, colour):
    pixels = coloured()
    pixels[2, 2] = colour
    with pytest.raises(Refused, match=r"is a little off that of the class .* make it anew without loss"):
        read(tmp_path, pixels)


@pytest.mark.parametrize(
    "name, content, words",
    [
        ("m.jpg", cv2.imencode(".jpg", coloured())[1].tobytes(), "store it as PNG"),
        ("m.png", b"", "empty"),
        ("m.png", b"no picture at all", "no JPEG, PNG"),
        ("m.png", None, "not there"),
        ("../m.png", None, "outside"),
    ],
)
def test_files_that_are_no_masks_are_refused_with_a_sentence(tmp_path, name, content, words):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(Refused) as told:
        read_mask(tmp_path, Mask(source=name, classes=COLOURS), NAMES, VIEW)
    assert words in told.value.reason


def test_a_damaged_mask_is_refused(tmp_path):
    painted(tmp_path, coloured(60, 80))
    whole = (tmp_path / "m.png").read_bytes()
    (tmp_path / "m.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(Refused):
        read_mask(tmp_path, Mask(source="m.png", classes=COLOURS), NAMES, VIEW)


def test_limits_hold_before_a_mask_is_decoded(tmp_path):
    with pytest.raises(Refused, match="megapixels"):
        read(tmp_path, coloured(200, 200), view=ViewSettings(max_megapixels=0.01))


def test_colours_under_numbers_are_refused(tmp_path):
    with pytest.raises(Refused, match="it has colours, and its classes are numbers"):
        read(tmp_path, coloured(), {"0": "background", "1": "leaf"})


@pytest.mark.parametrize("fit", ["letterbox", "crop", "squash"])
@pytest.mark.parametrize("region", [None, Region(name="leaf", left=0.2, top=0.1, right=0.9, bottom=0.8)])
def test_a_mask_goes_the_way_of_its_picture(tmp_path, fit, region):
    """A picture painted in the mask's own colours shows, pixel by pixel, the colours of the laid mask."""
    pixels = np.zeros((90, 150, 3), np.uint8)
    cv2.circle(pixels, (80, 40), 30, (0, 200, 0), -1)
    cv2.rectangle(pixels, (70, 30), (95, 55), (200, 0, 0), -1)
    spec, image = Preprocess(size=32, fit=fit), Image(pixels=pixels)
    laid = lay(read(tmp_path, pixels), image, spec, region)
    square = preprocess(image, spec, region).astype(int)
    colours = np.array([(0, 0, 0), (0, 200, 0), (200, 0, 0)])
    known = laid.places != UNTOLD
    off = np.abs(square[known] - colours[laid.places[known]]).max(axis=1)
    assert known.all() == (fit != "letterbox")
    assert np.mean(off < 100) > 0.98
    assert laid.shown == NAMES


def test_bars_and_what_must_not_be_believed_are_unlabelled(tmp_path):
    pixels = coloured(20, 40)
    valid = np.ones((20, 40), bool)
    valid[:, :10] = False
    laid = lay(read(tmp_path, pixels), Image(pixels=pixels, valid=valid), Preprocess(size=40, fit="letterbox"))
    assert (laid.places[:10] == UNTOLD).all()
    assert (laid.places[30:] == UNTOLD).all()
    assert (laid.places[10:30, :10] == UNTOLD).all()
    assert (laid.places[10:30, 10:20] == 0).all()


def test_a_mask_fits_a_picture_that_was_decoded_smaller(tmp_path):
    got = read(tmp_path, coloured(61, 83))
    small = Image(pixels=np.zeros((31, 42, 3), np.uint8), scale=42 / 83)
    assert lay(got, small, Preprocess(size=16, fit="squash")).shown == ("background", "leaf")


@pytest.mark.parametrize("shape", [(10, 20), (20, 10), (21, 20)])
def test_a_mask_of_another_size_is_refused_with_both_sizes(tmp_path, shape):
    got = read(tmp_path, coloured(*shape))
    with pytest.raises(Refused, match=rf"it has {shape[1]} x {shape[0]} pixels and the picture has 20 x 20"):
        lay(got, Image(pixels=np.zeros((20, 20, 3), np.uint8)), Preprocess(size=8))


def test_a_mask_without_a_label_is_refused(tmp_path):
    got = read(tmp_path, np.full((6, 8, 3), 90, np.uint8))
    with pytest.raises(Refused, match=r"none of its values \(such as 90,90,90\) is that of a class"):
        lay(got, Image(pixels=np.zeros((6, 8, 3), np.uint8)), Preprocess(size=8, fit="squash"))


def test_places_are_counted_in_other_names():
    squares = np.array([[0, 1, 2, UNTOLD]], np.uint8)
    assert renamed(squares, NAMES, ("rust", "leaf")).tolist() == [[UNTOLD, 1, 0, UNTOLD]]


def test_the_background_is_first_and_256_labels_are_too_many():
    assert ordered(["rust", "background", "leaf"]) == NAMES
    with pytest.raises(DataError, match="256 classes"):
        ordered(map(str, range(256)))
