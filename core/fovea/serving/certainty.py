"""What a bundle says of its own answers: which label at its operating point, what else it may be, who should look."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fovea.serving.readings import Certainty

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from fovea.plugin import Prediction
    from fovea.serving.bundle import Bundle


def chosen(bundle: Bundle, said: NDArray[np.floating]) -> NDArray[np.intp]:
    """Place of the label that a ``classify`` bundle says of each picture, (n,).

    The most probable one; where the bundle has an operating point, the most probable of those that raise an alarm where
    the sum of their probabilities reaches it, and of the others elsewhere.

    Args:
        bundle: for its labels and its operating point.
        said: calibrated probabilities, (n, labels).
    """
    import numpy as np

    alarm = (bundle.certainty or Certainty()).alarm
    if alarm is None:
        return np.asarray(said.argmax(axis=1))
    raises = np.isin(bundle.labels, alarm.labels)
    raised = alarming(bundle.labels, alarm.labels, said) >= alarm.point
    return np.asarray(np.where(raised[:, None] == raises, said, -1).argmax(axis=1))


def alarming(labels: Sequence[str], alarms: Sequence[str], said: NDArray[np.floating]) -> NDArray[np.float64]:
    """The sum of the probabilities of the labels that raise an alarm, of each picture, (n,)."""
    import numpy as np

    return np.asarray(said.astype(np.float64) @ np.isin(labels, alarms))


def possible_of(bundle: Bundle, said: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Which labels cannot be ruled out of each picture, (n, labels); none where the bundle does not tell.

    Args:
        bundle: for its labels, and from which probability on each is possible.
        said: calibrated probabilities, (n, labels).
    """
    import numpy as np

    sets = (bundle.certainty or Certainty()).sets
    points = np.full(said.shape[1], np.inf) if sets is None else np.array(sets.points)
    return np.asarray(said.astype(np.float64) >= points)


def _possible(bundle: Bundle, row: NDArray[np.floating]) -> tuple[str, ...] | None:
    """The most probable first; None where the bundle does not tell."""
    if bundle.certainty is None or bundle.certainty.sets is None:
        return None
    (held,) = possible_of(bundle, row[None])
    return tuple(bundle.labels[place] for place in (-row).argsort(kind="stable").tolist() if held[place])


def with_certainty(
    bundle: Bundle, said: Prediction, row: NDArray[np.floating], strangeness: float | None
) -> Prediction:
    """A prediction with what the bundle says of it.

    Args:
        bundle: that made it.
        said: its answer.
        row: calibrated probabilities or values, (outputs,).
        strangeness: of the picture, None where the network does not tell it.
    """
    of = bundle.certainty
    if of is None:
        return said
    return replace(
        said,
        possible=_possible(bundle, row),
        alarm=of.alarm is not None and said.label in of.alarm.labels,
        review=of.review is not None and said.probability < of.review.sure,
        unknown=of.familiar is not None and strangeness is not None and strangeness > of.familiar.most,
    )
