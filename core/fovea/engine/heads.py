"""Linear heads on features that do not change: logistic regression by L-BFGS, and ridge regression."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Link: TypeAlias = Literal["softmax", "sigmoid", "identity"]
"""What a head's outputs are: log odds among the labels, log odds of each label for itself, or values."""

Floats: TypeAlias = NDArray[np.float32]

_STEPS, _TOLERANCE = 500, 1e-4
_SURE = 6.0
"""Log odds of a label that every picture or none has: e^6 is about 400 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A linear head: logits = features @ weights + biases.

    Args:
        weights: float32 (features, outputs).
        biases: float32 (outputs,).
    """

    weights: Floats
    biases: Floats

    def logits(self, features: Floats) -> Floats:
        """(n, outputs) of features (n, features)."""
        return np.asarray(features @ self.weights + self.biases, np.float32)


def fit_heads(
    features: Floats,
    targets: NDArray[Any],
    *,
    link: Link,
    outputs: int,
    strengths: Sequence[float],
    weights: NDArray[Any] | None = None,
) -> Iterator[Head]:
    """One head a strength, on standardised features, each fitted from where the one before it ended.

    Args:
        features: (n, features), as they came.
        targets: int (n,) for ``softmax``; (n, outputs) for ``sigmoid`` (0 or 1) and ``identity``.
        link: see :data:`Link`.
        outputs: how many.
        strengths: of the L2 penalty ``strength / 2 * |weights|^2`` beside the mean loss, best from strong to weak;
            biases are not penalised.
        weights: how much each picture counts, (n,); None: alike.
    """
    wide = np.asarray(features, np.float32)
    mean, spread = wide.mean(axis=0), wide.std(axis=0)
    told = spread > 1e-6 * (1 + np.abs(mean))  # a feature that never changes tells nothing
    scaled = np.where(told, (wide - mean) / np.where(told, spread, 1), 0).astype(np.float32)
    fit = {"softmax": _softmax, "sigmoid": _sigmoid, "identity": _ridge}[link]
    for inner, biases in fit(scaled, targets, outputs, strengths, weights):
        outer = np.where(told[:, None], inner / np.where(told, spread, 1)[:, None], 0)
        yield Head(weights=outer.astype(np.float32), biases=(biases - mean @ outer).astype(np.float32))


def _softmax(
    scaled: Floats, targets: NDArray[Any], outputs: int, strengths: Sequence[float], weights: NDArray[Any] | None
) -> Iterator[tuple[Floats, Floats]]:
    for inner, biases in _paths(scaled, targets, strengths, weights):
        if inner.shape[1] == outputs:
            yield inner, biases
        else:  # two labels have one line of log odds; a label that is not here gets none
            full, offsets = np.zeros((scaled.shape[1], outputs), np.float32), np.full(outputs, -_SURE, np.float32)
            there = np.unique(targets)
            if inner.shape[1] == 1:
                full[:, there[-1]], offsets[there] = inner[:, 0], (0, biases[0])
            else:
                full[:, there], offsets[there] = inner, biases
            yield full, offsets


def _sigmoid(
    scaled: Floats, targets: NDArray[Any], outputs: int, strengths: Sequence[float], weights: NDArray[Any] | None
) -> Iterator[tuple[Floats, Floats]]:
    each = [list(_one_label(scaled, targets[:, label] > 0, strengths, weights)) for label in range(outputs)]
    for heads in zip(*each, strict=True):
        yield np.stack([inner for inner, _ in heads], axis=1), np.array([bias for _, bias in heads], np.float32)


def _one_label(
    scaled: Floats, truth: NDArray[np.bool_], strengths: Sequence[float], weights: NDArray[Any] | None
) -> Iterator[tuple[Floats, float]]:
    if truth.all() or not truth.any():
        for _ in strengths:
            yield np.zeros(scaled.shape[1], np.float32), _SURE if truth.all() else -_SURE
        return
    for inner, biases in _paths(scaled, truth, strengths, weights):
        yield inner[:, 0], float(biases[0])


def _paths(
    scaled: Floats, targets: NDArray[Any], strengths: Sequence[float], weights: NDArray[Any] | None
) -> Iterator[tuple[Floats, Floats]]:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(tol=_TOLERANCE, max_iter=_STEPS, warm_start=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # stopped early is regularised, too
        for strength in strengths:
            model.set_params(C=1 / (strength * len(scaled))).fit(scaled, targets, sample_weight=weights)
            yield np.asarray(model.coef_.T, np.float32).copy(), np.asarray(model.intercept_, np.float32).copy()


def _ridge(
    scaled: Floats, targets: NDArray[Any], outputs: int, strengths: Sequence[float], weights: NDArray[Any] | None
) -> Iterator[tuple[Floats, Floats]]:
    from sklearn.linear_model import Ridge

    for strength in strengths:
        model = Ridge(alpha=strength * len(scaled)).fit(scaled, targets, sample_weight=weights)
        inner = np.asarray(model.coef_, np.float32).reshape(outputs, -1)
        yield inner.T, np.asarray(model.intercept_, np.float32).reshape(outputs)
