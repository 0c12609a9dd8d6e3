"""What a bundle says of pictures at its operating point, beside what is known of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fovea.engine.judging.masks import tables_of
from fovea.engine.judging.sides import Cells, of_areas, of_classes, of_labels, of_values
from fovea.engine.pictures.survey import Row
from fovea.engine.pictures.targets import NORMAL, indicators
from fovea.serving.answers import answers
from fovea.serving.bundle import Bundle
from fovea.serving.certainty import chosen


def truth_of(bundle: Bundle, rows: Sequence[Row]) -> NDArray[Any]:
    """The known answers: places of labels (n,), which label (n, labels), values (n, values), anomalies (n, 1)."""
    targets: list[Any] = [row.target for row in rows]
    if bundle.kind == "anomaly":
        return np.array([target != NORMAL for target in targets], bool)[:, None]
    if bundle.kind == "multilabel":
        return indicators(targets, bundle.labels)
    if bundle.kind == "regress":
        return np.array(targets, np.float64)
    return np.array([bundle.labels.index(target) for target in targets], np.int64)


def cells_of(bundle: Bundle, rows: Sequence[Row], logits: NDArray[Any]) -> Cells:
    """What is counted of the bundle's answers, as a person gets them.

    Args:
        bundle: for how its outputs are read.
        rows: the pictures, n of them.
        logits: (n, outputs); of ``segment`` the tallies of :func:`fovea.engine.judging.masks.tally`.
    """
    if bundle.kind == "segment":
        return of_areas(tables_of(bundle, logits))
    truth, said = truth_of(bundle, rows), answers(bundle, logits)
    if bundle.kind == "multilabel":
        return of_labels(truth, said >= np.array(bundle.levels.points if bundle.levels else ()))
    if bundle.kind == "anomaly":
        threshold = bundle.tail.threshold if bundle.tail else np.inf
        return of_labels(truth, said[:, 2:] > np.float32(threshold))
    if bundle.kind == "regress":
        return of_values(truth, said.astype(np.float64))
    return of_classes(truth, chosen(bundle, said), len(bundle.labels))


def how_said(bundle: Bundle) -> str:
    """What counts as the bundle's answer, in words that go on from "it counts"."""
    if bundle.kind == "multilabel":
        return "each label from its own operating point on"
    if bundle.kind == "anomaly":
        return f"an anomaly from a distance of {bundle.tail.threshold:.4g} on" if bundle.tail else "the distance"
    if bundle.kind == "regress":
        return "the value told"
    if bundle.kind == "segment":
        return "the most probable label of each pixel"
    alarm = bundle.certainty.alarm if bundle.certainty else None
    if alarm is None:
        return "the most probable label"
    names = ", ".join(alarm.labels)
    return (
        f"an alarm ({names}) from a probability of {alarm.point:.3f} on, whichever label is the most probable, and the "
        "most probable of the other labels elsewhere"
    )
