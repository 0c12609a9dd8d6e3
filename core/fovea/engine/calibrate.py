"""Temperature: one number that makes the network's probabilities as sure as they are right."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LEAST = 0.05
MOST = 20.0


def temperature(logits: NDArray[np.float32], targets: NDArray[np.int64]) -> float:
    """The temperature with the least cross-entropy on pictures kept for it (Guo et al., ICML 2017).

    Targets are softened to (n + 1) / (n + 2), as Platt (1999) does, so that a few pictures that are all right do not
    ask for certainty. The cross-entropy is convex in 1 / temperature, so a bisection of its slope finds the least.

    Args:
        logits: (n, k), of the served network.
        targets: int (n,).

    Returns:
        In [LEAST, MOST]; 1.0 where there is no picture.
    """
    count, labels = logits.shape
    if count == 0:
        return 1.0
    soft = np.full((count, labels), 1 / (count + 2) / (labels - 1))
    soft[np.arange(count), targets] = (count + 1) / (count + 2)
    wide = logits.astype(np.float64)
    low, high = 1 / MOST, 1 / LEAST
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if _slope(wide, soft, middle) > 0 else (middle, high)
    return float(2 / (low + high))


def _slope(logits: NDArray[np.float64], soft: NDArray[np.float64], inverse: float) -> float:
    """Derivative of the mean cross-entropy by 1 / temperature."""
    raised = np.exp(inverse * (logits - logits.max(axis=1, keepdims=True)))
    said = raised / raised.sum(axis=1, keepdims=True)
    return float(((said - soft) * logits).sum(axis=1).mean())
