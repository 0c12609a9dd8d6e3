"""Masks: the known answers of ``segment``, read from a file beside the picture and laid onto the network's square.

A mask is read with the same limits as a picture, and goes the very way that its picture goes: the same region, the same
crop or bars, the same filter. A pixel of the square takes the label that covers most of it.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fovea.errors import DataError
from fovea.plugin import BACKGROUND, UNTOLD, Image, Mask, Preprocess, Region, ViewSettings
from fovea.plugin.imaging import Refused, open_pages, read_limited
from fovea.plugin.imaging.headers import sniff
from fovea.plugin.imaging.png import strip
from fovea.serving.areas import believed, covered

Bytes = NDArray[np.uint8]

CODE = "mask"
"""Code of a :class:`Refused` that is about the mask itself and no file's fault."""

_NEAR = 16
_LEVELS = 1 << 16
_OPAQUE = 255 << 24
_LOOKED_AT = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Painting:
    """A mask as it was read.

    Args:
        places: place of each pixel's label among the names asked for, (height, width); UNTOLD where it has none.
        names: the labels asked for.
        strange: a pixel value that is no class, as a :class:`Mask` would spell it; empty where there is none.
    """

    places: Bytes
    names: tuple[str, ...]
    strange: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Laid:
    """The square of a mask.

    Args:
        places: place of each pixel's label among the names asked for, (size, size); UNTOLD where it has none.
        shown: the labels that it shows, in order.
        strange: see :class:`Painting`.
    """

    places: Bytes
    shown: tuple[str, ...]
    strange: str = ""


def ordered(names: Iterable[str]) -> tuple[str, ...]:
    """Labels in the order of a network's outputs: the background first, the others sorted.

    >>> ordered({"leaf", "background", "aphid"})
    ('background', 'aphid', 'leaf')

    Raises:
        DataError: there are more than 255.
    """
    told = tuple(sorted(set(names), key=lambda name: (name != BACKGROUND, name)))
    if len(told) > UNTOLD:
        raise DataError(f"the masks have {len(told)} classes, and {UNTOLD} can be told apart: give some one name")
    return told


def read_mask(root: Path, mask: Mask, names: Sequence[str], view: ViewSettings) -> Painting:
    """Read a mask's file.

    Args:
        root: the folder that ``mask.source`` is below.
        mask: file and classes.
        names: the labels wanted; a class of another name is left out.
        view: its limits hold before anything is decoded.

    Raises:
        Refused: the file cannot be had, is no PNG or BMP, or its values are not those of the classes.
    """
    data = read_limited(root, mask.source, view)
    form = sniff(data[:16])
    if form not in _OPENERS:
        raise Refused(CODE, f"it is a {form} file, which may change its values: store it as PNG")
    open_pages(data, view)  # format, size and checksums, before a decoder sees it
    place = {name: index for index, name in enumerate(names)}
    table = {value: place.get(name, UNTOLD) for value, name in mask.classes.items()}
    read = _by_colour if any("," in value for value in table) else _by_number
    places, strange = read(data, form, table)
    return Painting(places=places, names=tuple(names), strange=strange)


def _decoded(data: bytes, form: str) -> Any:
    """The file as Pillow opens it, its palette kept; everything that goes wrong is a refusal."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of sizes that were checked
            picture = _OPENERS[form](data)
            picture.load()
    except MemoryError:
        raise Refused("memory") from None
    except Exception as error:
        raise Refused("damaged") from error
    return picture


def _open_png(data: bytes) -> Any:
    from PIL import PngImagePlugin

    return PngImagePlugin.PngImageFile(io.BytesIO(strip(data).data))


def _open_bmp(data: bytes) -> Any:
    from PIL import BmpImagePlugin

    return BmpImagePlugin.BmpImageFile(io.BytesIO(data))


_OPENERS: Mapping[str, Callable[[bytes], Any]] = {"PNG": _open_png, "BMP": _open_bmp}


def _by_number(data: bytes, form: str, table: Mapping[str, int]) -> tuple[Bytes, str]:
    values = np.asarray(_decoded(data, form))
    if values.ndim != 2:  # noqa: PLR2004 - no axis of colour
        raise Refused(CODE, "it has colours, and its classes are numbers: give colours such as 255,0,0")
    known = np.zeros(_LEVELS, bool)
    places = np.full(_LEVELS, UNTOLD, np.uint8)
    for value, place in table.items():
        known[int(value)], places[int(value)] = True, place
    if values.dtype not in (np.uint8, np.uint16):
        values = np.clip(values.astype(np.int64), 0, _LEVELS - 1)
    strange = values[~known[values]]
    return places[values], str(strange[0]) if strange.size else ""


def _by_colour(data: bytes, form: str, table: Mapping[str, int]) -> tuple[Bytes, str]:
    pixels = np.ascontiguousarray(np.asarray(_decoded(data, form).convert("RGBA"), np.uint8))
    whole = pixels.view("<u4")[..., 0]  # red is the lowest byte, opacity the highest
    colours = {colour: tuple(map(int, colour.split(","))) for colour in table}
    places = np.full(whole.shape, UNTOLD, np.uint8)
    known = pixels[..., 3] == 0  # what is transparent is unlabelled, whatever its colour
    for colour, (red, green, blue) in colours.items():
        here = whole == (_OPAQUE | blue << 16 | green << 8 | red)
        known |= here
        places[here] = table[colour]
    some = np.unique(whole[~known][:_LOOKED_AT]).astype(np.int64)
    strange = np.stack([some & 255, some >> 8 & 255, some >> 16 & 255], axis=1)
    _refuse_blurred(strange, list(colours.values()))
    return places, _spelled(strange[0]) if len(strange) else ""


def _refuse_blurred(strange: NDArray[np.int64], colours: Sequence[tuple[int, ...]]) -> None:
    for colour in colours:
        near = strange[(np.abs(strange - colour) <= _NEAR).all(axis=1)]
        if len(near):
            raise Refused(
                CODE,
                f"its colour {_spelled(near[0])} is a little off that of the class {_spelled(colour)}, as JPEG and "
                "smoothed edges leave it: make it anew without loss",
            )


def _spelled(colour: Iterable[int]) -> str:
    return ",".join(str(value) for value in colour)


def lay(painting: Painting, image: Image, spec: Preprocess, region: Region | None = None) -> Laid:
    """The square of a mask that belongs to the square of its picture.

    A pixel takes the label that covers most of it, or none on bars and where the picture must not be believed.

    Args:
        painting: of the picture's own size as it is stored.
        image: the picture as it was loaded, which may have been decoded at a reduced size.
        spec: as for the picture.
        region: as for the picture.

    Raises:
        Refused: the mask has another size than the picture, or no pixel with a label.
    """
    _refuse_size(painting.places.shape, image)
    square = np.full((spec.size, spec.size), UNTOLD, np.uint8)
    most = np.zeros_like(square)
    for place in np.unique(painting.places).tolist():
        share = covered(painting.places == place, image, spec, region)
        ahead = share > most
        square[ahead], most[ahead] = place, share[ahead]
    square[~believed(image, spec, region)] = UNTOLD
    shown = tuple(painting.names[place] for place in np.unique(square).tolist() if place != UNTOLD)
    if not shown:
        told = f" (such as {painting.strange})" if painting.strange else ""
        raise Refused(CODE, f"none of its values{told} is that of a class: check the classes of the domain's Mask")
    return Laid(places=square, shown=shown, strange=painting.strange)


def _refuse_size(shape: tuple[int, ...], image: Image) -> None:
    """A picture decoded at a reduced size is known to within what one of its pixels stands for."""
    wanted = [length / image.scale for length in image.pixels.shape[:2]]
    if any(abs(one - other) >= 1 / image.scale for one, other in zip(shape, wanted, strict=True)):
        raise Refused(
            CODE,
            f"it has {shape[1]} x {shape[0]} pixels and the picture has {wanted[1]:.0f} x {wanted[0]:.0f}: "
            "draw it on the picture as it is",
        )


def counts(squares: Bytes, rows: NDArray[np.intp], labels: int) -> NDArray[np.int64]:
    """Pixels of each label in these rows of the squares, (n, labels)."""
    told = [np.bincount(squares[row].ravel(), minlength=UNTOLD + 1)[:labels] for row in rows]
    return np.array(told, np.int64).reshape(-1, labels)


def renamed(squares: Bytes, before: Sequence[str], after: Sequence[str]) -> Bytes:
    """Squares whose places are counted in other names; a label that is not among them becomes UNTOLD."""
    table = np.full(UNTOLD + 1, UNTOLD, np.uint8)
    for place, name in enumerate(before):
        if name in after:
            table[place] = after.index(name)
    return np.asarray(table[squares], np.uint8)


def rename_file(path: Path, before: Sequence[str], targets: Iterable[Any]) -> tuple[str, ...]:
    """Count a file's squares in the labels that they show, and tell which these are; ``before`` may name more.

    Args:
        path: of bytes, rewritten in place.
        before: the names that they are counted in.
        targets: the labels that each square shows.
    """
    after = ordered({label for target in targets for label in target}) if before else ()
    if after == tuple(before):
        return after
    squares = np.memmap(path, np.uint8, "r+")
    for start in range(0, len(squares), _LOOKED_AT):
        squares[start : start + _LOOKED_AT] = renamed(squares[start : start + _LOOKED_AT], before, after)
    squares.flush()
    return after
