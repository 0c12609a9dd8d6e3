"""Plain readers that the model is compared with: straight lines through a few columns, and how well they answer."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fovea.engine.audits.columns import Floats
from fovea.engine.judging.labels import ranked
from fovea.engine.pictures.split import Part
from fovea.engine.pictures.survey import Row
from fovea.engine.pictures.targets import indicators
from fovea.plugin import Kind

READ = ("classify", "multilabel", "regress")
"""Kinds of task that a straight line can answer."""

FIGURES: Mapping[str, str] = MappingProxyType(
    {"classify": "balanced accuracy", "multilabel": "macro AUROC", "regress": "R2"}
)

_STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0)
_STEPS = 200
_MOST = 6000
_LEAST_SPREAD = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is to be answered, and from what it may be learned.

    Args:
        kind: of the task, one of READ.
        truth: class numbers (n,), bool (n, labels) or values (n, outputs).
        outputs: how many classes, labels or values.
        learn: places of the pictures that readers learn from.
        choose: places of those that their strength is chosen on; empty: a middling one is taken.
        test: places of those that they are judged on.
    """

    kind: Kind
    truth: NDArray[Any]
    outputs: int
    learn: NDArray[np.intp]
    choose: NDArray[np.intp]
    test: NDArray[np.intp]

    @property
    def fit(self) -> NDArray[np.intp]:
        """All that may be learned from."""
        return np.concatenate([self.learn, self.choose])

    @property
    def chance(self) -> float:
        """The figure of who knows nothing."""
        return {"classify": 1 / max(self.outputs, 1), "multilabel": 0.5}.get(self.kind, 0.0)

    def skill(self, figures: Floats) -> Floats:
        """Figures as the share of the way from chance to perfection."""
        return np.asarray((figures - self.chance) / (1 - self.chance))


def question(kind: Kind, rows: Sequence[Row], labels: Sequence[str], parts: Sequence[Part]) -> Question:
    """The question that a model of these rows was asked: it learned from all but ``test``.

    Of more than 6,000 pictures to learn from an even choice is taken.
    """
    targets: list[Any] = [row.target for row in rows]
    truth: NDArray[Any]
    if kind == "classify":
        truth = np.array([labels.index(target) for target in targets], np.intp)
    else:
        truth = indicators(targets, labels) if kind == "multilabel" else np.array(targets, float)
    part = np.array(parts)
    learn, choose = np.flatnonzero(part == "train"), np.flatnonzero(part == "validation")
    return Question(
        kind=kind,
        truth=truth,
        outputs=len(labels),
        learn=learn[:: -(-len(learn) // _MOST) or 1],
        choose=choose[:: -(-len(choose) // _MOST) or 1],
        test=np.flatnonzero(part == "test"),
    )


def read_out(columns: Floats, asked: Question) -> Floats:
    """What a reader of these columns says of the test pictures, (tests, outputs).

    A logistic regression (classes counted alike) or a ridge regression, its strength chosen on ``choose``.

    Args:
        columns: (n, k).
        asked: what is to be answered.
    """
    strength = _STRENGTHS[1]
    if len(asked.choose):
        once = np.ones((1, len(asked.choose)))
        told = [_said(columns, asked, asked.learn, asked.choose, one) for one in _STRENGTHS]
        heard = [float(figure(asked.kind, asked.truth[asked.choose], said, once)[0]) for said in told]
        strength = _STRENGTHS[int(np.argmax(np.nan_to_num(heard, nan=-np.inf)))]
    return _said(columns, asked, asked.fit, asked.test, strength)


def figure(kind: Kind, truth: NDArray[Any], said: Floats, often: Floats) -> Floats:
    """Balanced accuracy, macro AUROC or R2 where each picture is counted ``often[:, p]`` times, (draws,)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        if kind == "classify":
            right = said.argmax(axis=1) == truth
            classes = [truth == label for label in np.unique(truth)]
            each = [often[:, mask] @ right[mask] / often[:, mask].sum(axis=1) for mask in classes]
        elif kind == "multilabel":
            each = [ranked(true, one, often)[1] for true, one in zip(truth.T, said.T, strict=True)]
        else:
            each = [_r2(true, one, often) for true, one in zip(truth.T, said.T, strict=True)]
    table = np.stack(each)
    there = np.isfinite(table)
    return np.asarray(np.where(there, table, 0).sum(axis=0) / np.maximum(there.sum(axis=0), 1))


def _r2(true: Floats, said: Floats, often: Floats) -> Floats:
    number, centred = often.sum(axis=1), true - true.mean()
    variance = often @ centred**2 - (often @ centred) ** 2 / number
    return np.where(variance > _LEAST_SPREAD, 1 - often @ (true - said) ** 2 / variance, np.nan)


def _said(columns: Floats, asked: Question, learn: NDArray[np.intp], tell: NDArray[np.intp], strength: float) -> Floats:
    mean, spread = columns[learn].mean(axis=0), columns[learn].std(axis=0)
    even = (columns - mean) / np.where(spread > 0, spread, 1.0)
    known, asked_of, truth = even[learn], even[tell], asked.truth[learn]
    if asked.kind == "regress":
        return _line(known, truth, asked_of, strength)
    if asked.kind == "multilabel":
        each = [_odds(known, one, asked_of, strength, 2)[:, 1] for one in truth.T]
        return np.column_stack(each)
    return _odds(known, truth, asked_of, strength, asked.outputs)


def _line(known: Floats, truth: Floats, asked_of: Floats, strength: float) -> Floats:
    from sklearn.linear_model import Ridge

    model = Ridge(alpha=1 / strength).fit(known, truth)
    return np.asarray(model.predict(asked_of), float).reshape(len(asked_of), -1)


def _odds(known: Floats, truth: NDArray[Any], asked_of: Floats, strength: float, outputs: int) -> Floats:
    """Probabilities (asked, outputs); a class that was not learned gets none."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    said = np.zeros((len(asked_of), outputs))
    classes = np.unique(truth).astype(int)
    if len(classes) == 1:
        said[:, classes[0]] = 1.0
        return said
    model = LogisticRegression(C=strength, class_weight="balanced", max_iter=_STEPS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        said[:, classes] = model.fit(known, truth).predict_proba(asked_of)
    return said
