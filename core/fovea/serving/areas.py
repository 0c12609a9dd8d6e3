"""How a ``segment`` network's answer is read: which part of a picture shows which label, and how much of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fovea.plugin import BACKGROUND, UNTOLD, Areas, Image, Prediction, Preprocess, Region, trace_areas
from fovea.plugin.areas import run_starts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fovea.serving.bundle import Bundle

MOST_RUNS = 1200
"""Runs of a prediction's areas, about 8 kB; a map of more is told on a coarser grid."""

_HALF = 128


def predict(bundle: Bundle, said: NDArray[np.float32], image: Image, region: Region | None = None) -> Prediction:
    """The prediction that one picture's calibrated probabilities come to.

    Args:
        bundle: of kind ``segment``.
        said: probability of each label for each pixel of the square, (labels, size, size).
        image: as ``prepare`` left it.
        region: what the network looked at; None for the whole picture.
    """
    import numpy as np

    seen = believed(image, bundle.preprocess, region)
    places = said.argmax(axis=0)
    counts = np.bincount(places[seen], minlength=len(bundle.labels))
    order = np.where([label == BACKGROUND for label in bundle.labels], np.minimum(counts, 0.5), counts)
    most = int(order.argmax())  # the background only where it is all there is
    here = seen & (places == most)
    return Prediction(
        role=bundle.role,
        label=bundle.labels[most] if seen.any() else "",
        probability=float(said[most][here].mean(dtype=np.float64)) if here.any() else 0.0,
        scores=dict(zip(bundle.labels, (counts / max(int(seen.sum()), 1)).tolist(), strict=True)),
        region=region.name if region else "",
        bundle=bundle.digest,
        areas=_areas(bundle, said, seen, image, region),
    )


def believed(image: Image, spec: Preprocess, region: Region | None = None) -> NDArray[np.bool_]:
    """Which pixels of a picture's square show it and may be believed, (size, size): no bars, nothing masked."""
    import numpy as np

    from fovea.serving.preprocess import window

    seen = np.zeros((spec.size, spec.size), bool)
    shown = window(spec, image.pixels.shape, region)
    seen[shown.rows, shown.columns] = True
    return seen if image.valid is None else seen & (covered(image.valid, image, spec, region) >= _HALF)


def covered(here: NDArray[np.bool_], image: Image, spec: Preprocess, region: Region | None = None) -> NDArray[np.uint8]:
    """How much of each pixel of a picture's square is marked, in 255ths, (size, size).

    ``here`` marks pixels of the picture, (height, width), or of the picture as it is stored, where it was decoded at a
    reduced size.
    """
    import numpy as np

    from fovea.serving.preprocess import preprocess, resize

    height, width = image.pixels.shape[:2]
    plane = np.where(here, np.uint8(255), np.uint8(0))
    if plane.shape != (height, width):
        plane = np.asarray(resize(plane, (width, height)), np.uint8)
    return np.asarray(preprocess(Image(pixels=plane), spec, region)[..., 0], np.uint8)


def _areas(
    bundle: Bundle, said: NDArray[np.float32], seen: NDArray[np.bool_], image: Image, region: Region | None
) -> Areas:
    """The finest grid of no more than MOST_RUNS runs; a cell shows what is most probable over its pixels."""
    import numpy as np

    from fovea.serving.preprocess import window

    shown = window(bundle.preprocess, image.pixels.shape, region)
    weight = seen[shown.rows, shown.columns].astype(np.float32)
    mass = said[:, shown.rows, shown.columns] * weight
    while True:
        places = np.where(weight > 0, mass.argmax(axis=0), UNTOLD).astype(np.uint8)
        if len(run_starts(places)[0]) <= MOST_RUNS:
            break
        weight, mass = _halved(weight), _halved(mass)
    return trace_areas(places, bundle.labels, left=shown.left, top=shown.top, right=shown.right, bottom=shown.bottom)


def _halved(cells: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sums over a grid (..., height, width) of half as many rows and columns, each cell going where its centre lies."""
    import numpy as np

    down, across = (_gathering(length) for length in cells.shape[-2:])
    return np.asarray(down @ cells @ across.T, np.float32)


def _gathering(length: int) -> NDArray[np.float32]:
    import numpy as np

    half = (length + 1) // 2
    goes = ((np.arange(length) + 0.5) * half / length).astype(np.intp)
    return np.asarray(goes == np.arange(half)[:, None], np.float32)
