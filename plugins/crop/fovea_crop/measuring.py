"""What is seen in a photo of plants without a network; cheap, so that it is done for every picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fovea.plugin import Fitted, Image, Measures, Sample
from fovea_crop.settings import CropView

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIDE = 256
"""Short side in pixels at which everything is measured, so that a camera's resolution does not matter."""


def measure_one(image: Image, sample: Sample, view: CropView, fitted: Fitted) -> Measures:  # noqa: ARG001
    """Measures of one picture.

    * ``sharpness``: variance of the Laplacian (Pech-Pacheco et al. 2000), squared grey levels in 0..255, with the
      short side at 256 px. In focus, leaves have 30 to 10,000; enlarging a small picture does not make it sharper.
    * ``brightness_share``: mean grey level as a share of white.
    * ``clipped_share``: share of pixels that are all black or all white (at most 2, or at least 253, of 255).
    * ``green_share``: share of pixels whose excess green 2g - r - b is above 0.1, with r + g + b = 1 (Woebbecke et
      al. 1995, doi 10.13031/2013.27838; the threshold is ours).
    * ``brown_share``: share of pixels of a brown or yellow-brown hue (10 to 45 degrees, saturation above 0.25, value
      0.1 to 0.85). A hint of dead tissue, and of soil and hands just as well: no severity.

    The last two are absent for grey pictures. Pixels that are not valid count in none but the sharpness.
    """
    import cv2

    small = _small(image)
    grey = small if small.ndim == 2 else cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)  # noqa: PLR2004 - height and width
    valid = _valid(image, grey.shape)
    believed = grey if valid is None else grey[valid]
    count = max(believed.size, 1)
    values = {
        "sharpness": float(cv2.Laplacian(grey, cv2.CV_32F).var()),
        "brightness_share": float(believed.sum(dtype="float64")) / count / 255,
        "clipped_share": float(((believed <= 2) | (believed >= 253)).sum()) / count,  # noqa: PLR2004 - see above
    }
    if small.ndim == 3:  # noqa: PLR2004 - height, width, colour
        values["green_share"] = float(_green(small)[... if valid is None else valid].sum()) / count
        values["brown_share"] = float(_brown(small)[... if valid is None else valid].sum()) / count
    return Measures(values=values)


def _small(image: Image) -> NDArray[np.uint8]:
    """(height, width[, 3]) uint8 with the short side at most :data:`SIDE`."""
    import cv2
    import numpy as np

    pixels: NDArray[Any] = image.pixels
    height, width = pixels.shape[:2]
    share = SIDE / min(height, width)
    if share < 1:
        size = (max(1, round(width * share)), max(1, round(height * share)))
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    if pixels.dtype == np.uint8:
        return np.asarray(pixels, dtype=np.uint8)
    return np.asarray(np.clip(pixels, 0, 1) * 255 + 0.5, dtype=np.uint8)


def _valid(image: Image, shape: tuple[int, ...]) -> NDArray[np.bool_] | None:
    if image.valid is None:
        return None
    import cv2
    import numpy as np

    size = (shape[1], shape[0])
    return cv2.resize(image.valid.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST).astype(np.bool_)


def _green(pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """2g - r - b > 0.1 with r + g + b = 1, in whole numbers: 30 G > 11 (R + G + B)."""
    import numpy as np

    red, green, blue = (pixels[..., channel].astype(np.int16) for channel in range(3))
    return np.asarray(19 * green > 11 * (red + blue))


def _brown(pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    import cv2
    import numpy as np

    hsv = cv2.cvtColor(pixels, cv2.COLOR_RGB2HSV)  # hue in half degrees
    low, high = np.array([5, 64, 26], np.uint8), np.array([22, 255, 217], np.uint8)
    return cv2.inRange(hsv, low, high) > 0
