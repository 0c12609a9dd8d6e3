"""Privacy masks: pixels that must not be seen are gone before anything else sees the picture."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from fovea.plugin import Image, Sample
from fovea_security.settings import PrivacyMask, SecurityView

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def prepare(image: Image, sample: Sample, view: SecurityView) -> Image:
    """The picture with its masked parts black and not valid.

    A mask belongs to a picture where ``cameras`` matches the sample's unit, its group or its attribute ``camera``.
    Masks reach one pixel further than drawn: a picture decoded at a reduced size has mixed each pixel with its
    neighbours. The picture given is left as it is.
    """
    masks = [mask for mask in view.masks if _belongs(mask, sample)]
    if not masks:
        return image
    hidden = _hidden(masks, image.pixels.shape[0], image.pixels.shape[1])
    pixels = image.pixels.copy()
    pixels[hidden] = 0
    return replace(image, pixels=pixels, valid=~hidden if image.valid is None else image.valid & ~hidden)


def _belongs(mask: PrivacyMask, sample: Sample) -> bool:
    names = (sample.of_unit, sample.of_group, str(sample.attributes.get("camera", "")))
    return any(fnmatchcase(name, mask.cameras) for name in names)


def _hidden(masks: list[PrivacyMask], height: int, width: int) -> NDArray[np.bool_]:
    """Bool (height, width), True where any mask lies."""
    import cv2
    import numpy as np

    drawn = np.zeros((height, width), np.uint8)
    for mask in masks:
        corners = np.array([(x * (width - 1), y * (height - 1)) for x, y in mask.polygon])
        cv2.fillPoly(drawn, [np.rint(corners).astype(np.int32)], 1)
    return cv2.dilate(drawn, np.ones((3, 3), np.uint8)).astype(np.bool_)
