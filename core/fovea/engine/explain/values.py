"""What an explanation is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Where in a picture an answer comes from, and whether that may be believed.

    Args:
        picture: its place among the squares that were given.
        label: what is explained; the value's name for ``regress``.
        said: what the model says of it: a probability, or the value.
        map: float32 (size, size) between 0 and 1, on the square that the network sees; 0 throughout where nothing in
            the picture speaks for the answer.
        method: how it was made, such as ``hirescam at features.3``.
        score: see :func:`fovea.engine.explain.gate.scores`; higher is more faithful.
        rival: the best of those it must beat, such as ``a centre blob``.
        rival_score: of that one.
        shown: True where it passed the gate.
        reason: one sentence for people: why it is shown, or hidden.
    """

    picture: int
    label: str
    said: float
    map: NDArray[np.float32]
    method: str
    score: float
    rival: str
    rival_score: float
    shown: bool
    reason: str
