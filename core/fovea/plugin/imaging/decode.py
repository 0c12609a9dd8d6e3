"""From the bytes of a picture to uint8 RGB, after its header passed the limits.

Each format goes to the decoder that tells damage best. JPEG: libjpeg-turbo by way of simplejpeg, strict, since
others fill what is missing with grey; what it does not know (4:1:0, stray bytes between segments) goes to Pillow.
PNG, WebP, BMP: opencv. TIFF: opencv from 16 bits on, Pillow below, where opencv accepts damaged strips.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from fovea.plugin.imaging import png, tags, tiff
from fovea.plugin.imaging.colour import Bytes, from_cmyk, over_white, to_rgb, upright
from fovea.plugin.imaging.faults import Refused
from fovea.plugin.imaging.files import FilePages
from fovea.plugin.imaging.headers import Header, bmp_header, jpeg_header, png_header, sniff, webp_header
from fovea.plugin.values import Image

_FACTORS = (8, 4, 2)
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_MOST_SCANS = 500
"""Scans of a progressive JPEG: each costs a pass over all pixels, so a small file could keep a core for an hour."""

_FOR_PILLOW = (
    "extraneous bytes before marker",
    "Invalid SOS parameters",
    "Inconsistent progression sequence",
    "Could not determine subsampling",
)
"""What simplejpeg says of files whose pixels are whole: old cameras and programs write them."""


def open_picture(data: bytes, limit: int) -> FilePages:
    """Check format, structure and size of a picture; the answer decodes its pages.

    Args:
        data: the whole file.
        limit: pixels allowed.

    Raises:
        Refused: with the code that says why.
    """
    return _OPENERS[sniff(data[:16])](data, limit)


@dataclass(frozen=True, slots=True)
class _Single:
    """A picture of one page."""

    decode: Callable[[int | None], Image]

    def __call__(self, part: str, side: int | None) -> Image:
        if _page_number(part) != 1:
            raise Refused("page", "the file has 1 page: leave the part empty")
        with _guarded():
            return self.decode(side)


@dataclass(frozen=True, slots=True)
class _Tiff:
    data: bytes
    limit: int

    def __call__(self, part: str, side: int | None) -> Image:  # noqa: ARG002 - a TIFF has one size
        number = _page_number(part)
        page = tiff.measure(tags.within(self.data), number)
        _check_size(page.header, self.limit)
        if page.is_beyond(self.limit):
            raise Refused("bomb")
        alone = tiff.extract(self.data, number)
        with _guarded():
            if page.bits > 8:  # noqa: PLR2004 - a byte
                return _by_header(alone, page.header, alpha=page.opacity)
            pixels = _by_pillow(alone, "TIFF", alpha=page.opacity)
            return Image(pixels=upright(pixels, page.header.orientation))


def _page_number(part: str) -> int:
    if not part:
        return 1
    if not (part.isascii() and part.isdecimal() and 0 < len(part) < 10 and int(part)):  # noqa: PLR2004 - digits
        raise Refused("page")
    return int(part)


@contextmanager
def _guarded() -> Iterator[None]:
    """Turn whatever a decoder raises into a refusal, and keep opencv's log quiet meanwhile."""
    logging: Any = cv2.utils.logging
    before = logging.setLogLevel(logging.LOG_LEVEL_SILENT)
    try:
        yield
    except Refused:
        raise
    except MemoryError:
        raise Refused("memory") from None
    except Exception as error:  # noqa: BLE001 - decoders raise all sorts
        short = isinstance(error, cv2.error) and error.code == cv2.Error.StsNoMem
        raise Refused("memory" if short else "damaged") from None
    finally:
        logging.setLogLevel(before)


def _check_size(header: Header, limit: int) -> None:
    if header.width <= 0 or header.height <= 0:
        raise Refused("damaged")
    if header.width * header.height > limit:
        raise Refused(
            "bomb",
            f"the picture has {header.width * header.height / 1e6:.0f} megapixels, more than the {limit / 1e6:g} "
            "allowed: raise max_megapixels, or store it smaller",
        )


def _open_jpeg(data: bytes, limit: int) -> FilePages:
    header = jpeg_header(tags.within(data))
    _check_size(header, limit)
    if header.detail["precision"] != 8:  # noqa: PLR2004 - bits
        raise Refused("format", "this is a JPEG of other than 8 bits: convert it to an 8-bit JPEG or a 16-bit PNG")
    if data.rfind(b"\xff\xd9") < header.body:
        raise Refused("truncated")
    if header.detail["process"] in _PROGRESSIVE and data.count(b"\xff\xda", header.body) > _MOST_SCANS:
        raise Refused("bomb", f"the JPEG has more than {_MOST_SCANS} scans: store it as an ordinary JPEG")
    return _Single(lambda side: _decode_jpeg(data, header, side))


def reduction(width: int, height: int, side: int | None) -> int:
    """By how much a JPEG may be reduced while it is decoded: 1, 2, 4 or 8; the short side stays >= ``side``."""
    if side is None:
        return 1
    return next((factor for factor in _FACTORS if -(-min(width, height) // factor) >= side), 1)


def _decode_jpeg(data: bytes, header: Header, side: int | None) -> Image:
    factor = reduction(header.width, header.height, side)
    inks = header.detail["components"] == 4  # noqa: PLR2004 - cyan, magenta, yellow, black
    try:
        pixels: Bytes = simplejpeg.decode_jpeg(
            data,
            "CMYK" if inks else "RGB",
            min_height=-(-header.height // factor),
            min_width=-(-header.width // factor),
        )
    except ValueError as error:
        if not any(words in str(error) for words in _FOR_PILLOW):
            raise Refused("truncated" if "remature end" in str(error) else "damaged") from None
        return Image(pixels=upright(_by_pillow(data, "JPEG"), header.orientation))
    rgb = from_cmyk(pixels) if inks else pixels
    return Image(pixels=upright(rgb, header.orientation), scale=min(1.0, pixels.shape[1] / header.width))


def _open_png(data: bytes, limit: int) -> FilePages:
    header = png_header(tags.within(data))
    _check_size(header, limit)
    stripped = png.strip(data)
    return _Single(lambda _side: _by_header(stripped.data, header, orientation=stripped.orientation))


def _open_webp(data: bytes, limit: int) -> FilePages:
    header = webp_header(tags.within(data))
    _check_size(header, limit)
    if header.detail["bytes"] > len(data):
        raise Refused("truncated")
    return _Single(lambda _side: _by_header(data, header))


def _open_bmp(data: bytes, limit: int) -> FilePages:
    header = bmp_header(tags.within(data))
    _check_size(header, limit)
    row = -(-header.width * header.detail["bits"] // 32) * 4
    if header.detail["packed"] in (0, 3, 6) and header.body + row * header.height > len(data):
        raise Refused("truncated")
    return _Single(lambda _side: _by_header(data, header, alpha=False))


def _open_tiff(data: bytes, limit: int) -> FilePages:
    return _Tiff(data, limit)


def _by_header(data: bytes, header: Header, *, orientation: int | None = None, alpha: bool = True) -> Image:
    """Decode with opencv, and refuse what has not the size that the header gave."""
    pixels: NDArray[Any] | None = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.shape[:2] != (header.height, header.width):
        raise Refused("damaged")
    return Image(pixels=upright(to_rgb(pixels, alpha=alpha), orientation or header.orientation))


def _by_pillow(data: bytes, kind: str, *, alpha: bool = False) -> Bytes:
    from PIL import Image as Pillow
    from PIL import JpegImagePlugin, TiffImagePlugin

    opener = {"JPEG": JpegImagePlugin.JpegImageFile, "TIFF": TiffImagePlugin.TiffImageFile}[kind]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd tags, and of sizes that the caller has checked
        try:
            picture = opener(io.BytesIO(data))
            picture.load()
        except SyntaxError:
            raise Refused("format" if kind == "TIFF" else "damaged") from None
        except Pillow.DecompressionBombError:  # Pillow's own limit, above what the caller allowed
            raise Refused("bomb", "a TIFF of 8 bits is read up to 178 megapixels: store it as PNG or JPEG") from None
        with picture:
            if not (alpha and picture.mode in ("LA", "PA", "RGBA", "La", "RGBa")):
                return np.array(picture.convert("RGB"))
            pixels = np.array(picture.convert("RGBA"))
    return over_white(np.ascontiguousarray(pixels[:, :, :3]), pixels[:, :, 3])


_OPENERS: Mapping[str, Callable[[bytes, int], FilePages]] = {
    "JPEG": _open_jpeg,
    "PNG": _open_png,
    "WebP": _open_webp,
    "BMP": _open_bmp,
    "TIFF": _open_tiff,
}
