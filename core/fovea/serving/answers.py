"""What a network's outputs mean, by the bundle's kind: the one place where they become probabilities and values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fovea.plugin import Kind, Prediction
from fovea.plugin.values import JOIN
from fovea.serving import anomaly
from fovea.serving.bundle import Bundle
from fovea.serving.certainty import chosen, with_certainty
from fovea.serving.readings import Scale

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

KINDS: tuple[Kind, ...] = ("classify", "multilabel", "regress", "anomaly", "segment")
"""The kinds of task that are served."""


def answers(bundle: Bundle, logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """What a bundle says.

    Args:
        bundle: of any served kind; without its levels or scale, as before calibration, the outputs are taken as
            they are.
        logits: (n, outputs).

    Returns:
        (n, outputs). ``classify``: probabilities, rows sum to 1. ``multilabel``: a probability by label, each for
        itself. ``regress``: values in the target's own unit. ``anomaly``: (n, 3), see
        :func:`fovea.serving.anomaly.said`.
        ``segment``: probabilities (n, labels, size, size), see :func:`fovea.serving.areas.predict`.
    """
    import numpy as np

    from fovea.serving.network import probabilities

    if bundle.kind == "multilabel":
        levels = bundle.levels
        wide = logits.astype(np.float64)
        calibrated = wide if levels is None else wide * np.array(levels.slopes) + np.array(levels.offsets)
        return np.asarray(0.5 * (1 + np.tanh(calibrated / 2)), np.float32)  # the logistic function, without overflow
    if bundle.kind == "regress":
        scale = bundle.scale
        if scale is None:
            return logits
        return np.asarray(logits.astype(np.float64) * scale.deviations + scale.means, np.float32)
    if bundle.kind == "anomaly":
        return anomaly.said(bundle.tail, logits)
    return probabilities(bundle, logits)


def predict(bundle: Bundle, row: NDArray[np.float32], region: str = "", strangeness: float | None = None) -> Prediction:
    """The prediction that one row of :func:`answers` comes to, (outputs,); ``strangeness`` of its picture if told."""
    if bundle.kind == "anomaly":
        return anomaly.predict(bundle, row, region)
    values = [float(value) for value in row]
    scores = dict(zip(bundle.labels, values, strict=True))
    label, probability = "", 0.0
    if bundle.kind == "classify":
        (best,) = chosen(bundle, row[None]).tolist()
        label, probability = bundle.labels[best], values[best]
    elif bundle.kind == "multilabel":
        said = labels_said(bundle, values)
        label, probability = JOIN.join(said), max((scores[one] for one in said), default=0.0)
    elif bundle.scale is not None and bundle.scale.half_widths:
        scores.update(_bounds(bundle.labels, values, bundle.scale))
    plain = Prediction(
        role=bundle.role, label=label, probability=probability, scores=scores, region=region, bundle=bundle.digest
    )
    return with_certainty(bundle, plain, row, strangeness)


def labels_said(bundle: Bundle, probabilities: Sequence[float]) -> list[str]:
    """The labels of a ``multilabel`` bundle whose probability has reached their operating point, in its order."""
    points = bundle.levels.points if bundle.levels else ()
    return [label for label, one, point in zip(bundle.labels, probabilities, points, strict=True) if one >= point]


def _bounds(names: Sequence[str], values: Sequence[float], scale: Scale) -> dict[str, float]:
    bounds: dict[str, float] = {}
    for name, value, width in zip(names, values, scale.half_widths, strict=True):
        bounds[f"{name} low"], bounds[f"{name} high"] = value - width, value + width
    return bounds
