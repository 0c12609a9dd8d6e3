"""How an ``anomaly`` network's answer is read: distances from normal, of the picture and of each of its places."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from fovea.plugin import Prediction

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fovea.plugin import Image, Region
    from fovea.serving.bundle import Bundle
    from fovea.serving.fusion import Attributes
    from fovea.serving.network import Network
    from fovea.serving.readings import Tail

ANOMALY = "anomaly"
"""The label of all that is not normal; a bundle's other label, its first, is the data's own word for normal."""

DISTANCE = "distance"
"""The name among a prediction's scores under which the distance from normal stands."""


def said(tail: Tail | None, outputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """What a bundle says of pictures.

    Args:
        tail: how distances are read; None as before calibration, when every probability of an anomaly is 0.
        outputs: of the network, (n, 1 + places).

    Returns:
        (n, 3): probability of normal, probability of an anomaly, distance.
    """
    import numpy as np

    distances = outputs[:, 0].astype(np.float64)
    share = np.zeros(len(distances)) if tail is None else probability(tail, distances)
    return np.stack([1 - share, share, distances], axis=1).astype(np.float32)


def probability(tail: Tail, distances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probability of an anomaly for each distance, (n,).

    Calibrated where anomalies were kept for that. Otherwise nobody knows how often they come, and it is the share of
    normal pictures of new groups that are nearer.
    """
    import numpy as np

    if tail.slope is not None:
        return np.asarray(0.5 * (1 + np.tanh((tail.slope * distances + tail.offset) / 2)))
    reached = np.concatenate([[0.0], tail.shares])
    return np.asarray(reached[np.searchsorted(np.array(tail.distances), distances, side="right")])


def predict(bundle: Bundle, row: NDArray[np.float32], region: str = "") -> Prediction:
    """The prediction that one row of :func:`said` comes to: an anomaly is one beyond the bundle's threshold."""
    threshold = bundle.tail.threshold if bundle.tail is not None else math.inf
    normal, anomaly, distance = (float(value) for value in row)
    found = distance > threshold
    return Prediction(
        role=bundle.role,
        label=bundle.labels[int(found)],
        probability=anomaly if found else normal,
        scores={bundle.labels[0]: normal, bundle.labels[1]: anomaly, DISTANCE: distance},
        region=region,
        bundle=bundle.digest,
        alarm=found,
    )


def heat(
    network: Network, image: Image, region: Region | None = None, beside: Attributes | None = None
) -> NDArray[np.float32]:
    """The distance of each place of a prepared picture, or of a region of it, from normal.

    Args:
        network: of an ``anomaly`` bundle.
        image: as ``prepare`` leaves it.
        region: what the network looks at; None for the whole picture.
        beside: the picture's attributes, for a bundle that reads them.

    Returns:
        (g, g), of the square that the bundle's preprocessing makes of the picture; a place is hot above
        ``bundle.tail.threshold``.
    """
    import numpy as np

    from fovea.serving.network import as_input
    from fovea.serving.preprocess import preprocess

    square = as_input(preprocess(image, network.bundle.preprocess, region))
    return np.asarray(maps(network.run(square[np.newaxis], None if beside is None else [beside]))[0], np.float32)


def maps(outputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """The maps in a network's outputs (n, 1 + g * g), as (n, g, g)."""
    import numpy as np

    side = math.isqrt(outputs.shape[1] - 1)
    return np.asarray(outputs[:, 1:].reshape(-1, side, side))
