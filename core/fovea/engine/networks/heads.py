"""Linear heads on features that do not change: logistic regression by L-BFGS, and ridge regression."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from fovea.engine.networks.axes import Axes, Floats, continued, crossed, turned
from fovea.engine.networks.descent import least

Some = TypeVar("Some", bound=np.generic)

Link: TypeAlias = Literal["softmax", "sigmoid", "identity"]
"""What a head's outputs are: log odds among the labels, log odds of each label for itself, or values."""

_LEAST_BEND = 1e-3
_GAIN = 1e-6
"""A step that lowers the loss by less than this share is the last: then the loss is within some 1e-5 of the least."""


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
    apart: int = 0,
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
        apart: how many of the last features are of another sort than the rest. They are stretched so that both sorts
            together have as much variance: a thousand features of a picture would else outweigh its one attribute.
    """
    ground = ground_of(features, apart=apart)
    every = np.arange(ground.scaled.shape[1])
    return heads_on(ground, every, targets, link=link, outputs=outputs, strengths=strengths, weights=weights)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Standardised features, on which heads of any of them are fitted.

    Args:
        scaled: float32 (n, features); 0 where a feature never changes.
        mean: of each, (features,).
        spread: standard deviation of each, 1 where it never changes.
        told: which do change.
        apart: see :func:`fit_heads`.
    """

    scaled: Floats
    mean: Floats
    spread: Floats
    told: NDArray[np.bool_]
    apart: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """How alike pictures are by some features, kept to be continued with more of them.

    Args:
        columns: the features.
        products: of each two rows over them, float32 (n, n).
    """

    columns: NDArray[np.intp]
    products: Floats


def ground_of(features: NDArray[Any], *, apart: int = 0) -> Ground:
    """Standardise features, (n, features) as they came."""
    scaled = np.array(features, np.float32)
    mean = scaled.mean(axis=0)
    scaled -= mean
    spread = np.sqrt(np.einsum("nf,nf->f", scaled, scaled) / np.float32(len(scaled)))
    told = spread > 1e-6 * (1 + np.abs(mean))  # a feature that never changes tells nothing
    spread = np.where(told, spread, np.float32(1))
    scaled *= told / spread
    return Ground(scaled=scaled, mean=mean, spread=spread, told=told, apart=apart)


def likeness(ground: Ground, columns: NDArray[np.intp], before: Likeness | None = None) -> Likeness | None:
    """How alike pictures are by these features, those apart left out; None where they are fewer than the pictures.

    Args:
        ground: the features.
        columns: which of them.
        before: of some of these: only what has come is multiplied then. One of others is made anew.
    """
    own = columns[: len(columns) - ground.apart]
    if len(columns) <= len(ground.scaled):
        return None
    if before is None or not np.isin(before.columns, own).all():
        before = Likeness(columns=own[:0], products=np.zeros((len(ground.scaled),) * 2, np.float32))
    new = picked(ground.scaled, np.setdiff1d(own, before.columns))
    return Likeness(columns=own, products=before.products + new @ new.T)


def axes_of(ground: Ground, columns: NDArray[np.intp], alike: Likeness | None = None) -> Axes:
    """The principal axes of some features, on which heads of every strength are fitted.

    Args:
        ground: the features.
        columns: which of them; they end with those apart.
        alike: :func:`likeness` by the same columns, where it is known.
    """
    scaled = _stretched(ground, columns)
    return turned(scaled, None if alike is None else _with_apart(alike.products, scaled, ground.apart))


def with_rows(
    ground: Ground, columns: NDArray[np.intp], more: NDArray[Any], axes: Axes | None
) -> tuple[Ground, Axes | None]:
    """Some of the features, of more pictures too, and axes for all those pictures.

    Args:
        ground: the features; its mean and spread measure the new ones as well.
        columns: which of them; they end with those apart.
        more: features of further pictures, (m, features) as they came.
        axes: :func:`axes_of` the same columns; what they already tell is not worked out again.
    """
    added = (picked(more, columns).astype(np.float32) - ground.mean[columns]) * (ground.told / ground.spread)[columns]
    whole = Ground(
        scaled=np.concatenate([picked(ground.scaled, columns), added]),
        mean=ground.mean[columns],
        spread=ground.spread[columns],
        told=ground.told[columns],
        apart=ground.apart,
    )
    if axes is None:
        return whole, None
    every = _stretched(whole, np.arange(len(columns)))
    return whole, continued(axes, every[: len(ground.scaled)], every[len(ground.scaled) :])


def heads_on(
    ground: Ground,
    columns: NDArray[np.intp],
    targets: NDArray[Any],
    *,
    link: Link,
    outputs: int,
    strengths: Sequence[float],
    weights: NDArray[Any] | None = None,
    axes: Axes | None = None,
) -> Iterator[Head]:
    """As :func:`fit_heads`, on some of the features; ``columns`` end with those apart.

    Args:
        ground: the features.
        columns: which of them.
        targets: as there.
        link: as there.
        outputs: as there.
        strengths: as there.
        weights: as there.
        axes: :func:`axes_of` the same columns, where they are known.
    """
    stretch = _stretch(ground.told[columns], ground.apart)
    mean, count = ground.mean[columns], len(ground.scaled)
    shares = np.full(count, 1 / count) if weights is None else np.asarray(weights) / np.sum(weights)
    counted = shares.astype(np.float32)[:, None]
    if link == "identity":
        fitted = _ridge(
            _stretched(ground, columns), np.asarray(targets, np.float32).reshape(count, outputs), strengths, counted
        )
    else:
        truth = np.eye(outputs)[targets] if link == "softmax" else np.asarray(targets) > 0
        fitted = _logistic(axes or axes_of(ground, columns), truth.astype(np.float32), link, strengths, counted)
    back = (ground.told[columns] * stretch / ground.spread[columns])[:, None]
    for inner, biases in fitted:
        outer = inner * back
        yield Head(weights=outer.astype(np.float32), biases=(biases - mean @ outer).astype(np.float32))


def _with_apart(products: Floats, scaled: Floats, apart: int) -> Floats:
    return products + scaled[:, -apart:] @ scaled[:, -apart:].T if apart else products


def _stretched(ground: Ground, columns: NDArray[np.intp]) -> Floats:
    scaled = picked(ground.scaled, columns)
    return scaled * _stretch(ground.told[columns], ground.apart) if ground.apart else scaled


def picked(table: NDArray[Some], columns: NDArray[np.intp]) -> NDArray[Some]:
    """Some columns of a table, run by run: numpy picks them one by one, which takes ten times as long."""
    runs = np.split(columns, np.flatnonzero(np.diff(columns) != 1) + 1)
    parts = [table[:, run[0] : run[-1] + 1] for run in runs if len(run)]
    return parts[0] if len(parts) == 1 else np.concatenate([table[:, :0], *parts], axis=1)


def _stretch(told: NDArray[np.bool_], apart: int) -> NDArray[np.float32]:
    """How much each feature is stretched: 1, and for those apart what makes their variances add up to the others'."""
    stretch = np.ones(len(told), np.float32)
    own, others = int(told[len(told) - apart :].sum()), int(told[: len(told) - apart].sum())
    if own and others > own:
        stretch[len(told) - apart :] = np.sqrt(others / own)
    return stretch


def _logistic(
    axes: Axes, truth: Floats, link: Link, strengths: Sequence[float], shares: Floats
) -> Iterator[tuple[Floats, Floats]]:
    """Along each principal axis the loss bends about as much as it is long, so steps are measured by that bend.

    Features of one network are nearly the same over and over: without this L-BFGS needs hundreds of steps. How much the
    loss bends at all is taken from where a strength starts, which is as far beyond the head before as that one went.
    """
    outputs = truth.shape[1]
    before = found = np.zeros((len(axes.extent) + 1, outputs), np.float32)
    for number, strength in enumerate(strengths):
        start = 2 * found - before if number > 1 else found
        said, _ = _said(axes.turned @ start[:-1] + start[-1], truth, link)
        bend = max(float((shares * said * (1 - said)).sum()) / outputs, _LEAST_BEND)
        measure = np.sqrt(np.append(bend * axes.extent / len(truth) + strength, bend)).astype(np.float32)[:, None]
        problem = _Problem(axes.turned, measure, truth, shares, link, strength)
        reached = least(problem, (start * measure).ravel(), gain=_GAIN)
        before, found = found, reached.reshape(found.shape) / measure
        yield axes.back(found[:-1]), found[-1]


def _said(logits: Floats, truth: Floats, link: Link) -> tuple[Floats, Floats]:
    """Probabilities and costs, (n, outputs) or (n, 1)."""
    if link == "sigmoid":
        half = np.float32(0.5)
        return half * (1 + np.tanh(half * logits)), np.logaddexp(np.float32(0), logits) - truth * logits
    most = logits.max(axis=1, keepdims=True)
    raised = np.exp(logits - most)
    total = raised.sum(axis=1, keepdims=True)
    return raised / total, np.log(total) + most - (truth * logits).sum(axis=1, keepdims=True)


@dataclass(frozen=True, slots=True)
class _Problem:
    """Loss and slope of a logistic head on features measured by the loss's bend."""

    features: Floats
    measure: Floats
    truth: Floats
    shares: Floats
    link: Link
    strength: float

    def __call__(self, point: Floats) -> tuple[float, Floats]:
        both = point.reshape(-1, self.truth.shape[1]) / self.measure
        said, costs = _said(self.features @ both[:-1] + both[-1], self.truth, self.link)
        apart = self.shares * (said - self.truth)
        slope = np.empty_like(both)
        slope[:-1] = crossed(apart, self.features).T
        slope[:-1] += self.strength * both[:-1]
        slope[-1] = apart.sum(axis=0)
        cost = float((self.shares * costs).sum(dtype=np.float64))
        cost += self.strength / 2 * float(np.vdot(both[:-1], both[:-1]))
        return cost, np.asarray(slope / self.measure, np.float32).ravel()


def _ridge(
    scaled: Floats, targets: Floats, strengths: Sequence[float], shares: Floats
) -> Iterator[tuple[Floats, Floats]]:
    """In closed form along the principal axes: every strength from one decomposition."""
    centre, middle = (shares * scaled).sum(axis=0), (shares * targets).sum(axis=0)
    root = np.sqrt(shares)
    axes = turned(root * (scaled - centre))
    along = axes.turned.T @ (root * (targets - middle))
    for strength in strengths:
        inner = axes.back(along / (axes.extent + strength)[:, None])
        yield inner.astype(np.float32), (middle - centre @ inner).astype(np.float32)
