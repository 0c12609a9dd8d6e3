"""How good a model would be at a new site: each camera, field or clinic is left out in turn and then judged.

Heads are fitted on features that do not change, so that leaving out every site costs seconds. Beside each figure stands
that of the ordinary cross-validation by group on the same pictures, in which other pictures of that site were learned
from: the difference is what being new costs, and its interval is of resamplings that both share. There are as many
folds as sites, so that both learn from about as many pictures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fovea.engine.draws import identify, mix
from fovea.engine.judging.curves import Floats
from fovea.engine.judging.labels import ranked
from fovea.engine.judging.resampling import Interval, interval, resamplings
from fovea.engine.judging.sides import Bools, Measure, mean, measure_of, of_classes, of_values
from fovea.engine.judging.subgroups import LEAST_GROUPS
from fovea.engine.networks.heads import Link, fit_heads
from fovea.engine.pictures.survey import Row
from fovea.engine.pictures.targets import indicators
from fovea.errors import DataError, UsageError
from fovea.plugin import Kind

Fit: TypeAlias = Callable[[NDArray[np.float32], NDArray[Any], Sequence[str]], Callable[[NDArray[np.float32]], Floats]]
"""(features, truth, groups) learned from, to a function from features to answers (n, outputs)."""

FIGURES = MappingProxyType[Kind, str]({"classify": "balanced_accuracy", "multilabel": "macro_auroc", "regress": "mae"})
"""What is told, by kind of task; heads alone have no operating points, so that several labels are judged by rank."""

STRENGTHS = (1.0, 0.1, 0.01, 1e-3)
MOST_FOLDS = 10
_LINKS = MappingProxyType[Kind, Link]({"classify": "softmax", "multilabel": "sigmoid", "regress": "identity"})
_FIFTH = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """One site, judged by heads that have seen nothing of it.

    Args:
        value: what the attribute says there.
        pictures: there.
        groups: there.
        figure: as a new site; None where it has fewer than 5 groups or the figure cannot be told.
        ordinary: of cross-validation by group, on the same pictures.
        cost: ``figure`` less ``ordinary``.
        strange: labels that only this site has, so that nothing else could teach them.
    """

    value: str
    pictures: int
    groups: int
    figure: Interval | None = None
    ordinary: Interval | None = None
    cost: Interval | None = None
    strange: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSite:
    """Every site left out in turn.

    Args:
        by: the attribute that tells the sites apart.
        figure: name of what is told: ``balanced_accuracy``, ``macro_auroc`` or ``mae``.
        sites: by their value.
        new: all pictures that were judged as a new site's, together.
        ordinary: the same pictures in cross-validation by group.
        cost: ``new`` less ``ordinary``.
        spread: standard deviation of the sites' figures; None for fewer than two.
        without: pictures left out because they have no such attribute.
    """

    by: str
    figure: str
    sites: tuple[LeftOut, ...]
    new: Interval
    ordinary: Interval
    cost: Interval
    spread: float | None
    without: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Pictures with their features and answers.

    Args:
        kind: of the task.
        labels: in the order of the outputs.
        features: (n, features).
        truth: places of labels (n,), which label (n, labels), or values (n, values), by kind.
        groups: of each picture.
    """

    kind: Kind
    labels: Sequence[str]
    features: NDArray[np.float32]
    truth: NDArray[Any]
    groups: Sequence[str]


def known_of(kind: Kind, labels: Sequence[str], rows: Sequence[Row], features: NDArray[np.float32]) -> Known:
    """Surveyed pictures with their features. Raises UsageError for a kind that no head on features can learn."""
    if kind not in _LINKS:
        raise UsageError(f"a new site cannot be told for a task of kind {kind}: there is no head on features for it")
    targets: list[Any] = [row.target for row in rows]
    truth: NDArray[Any] = (
        np.array([labels.index(target) for target in targets], np.int64)
        if kind == "classify"
        else indicators(targets, labels)
        if kind == "multilabel"
        else np.array(targets, np.float64)
    )
    return Known(kind=kind, labels=labels, features=features, truth=truth, groups=[row.group for row in rows])


def new_site(known: Known, by: str, sites: Sequence[str | None], *, fit: Fit | None = None, seed: int = 0) -> NewSite:
    """Leave out every site in turn.

    A group that is at two sites is left out with each of them, so that nothing of it is learned from.

    Args:
        known: the pictures.
        by: name of the attribute.
        sites: its value for each picture; None where there is none, which is left out.
        fit: how a head is fitted; None: :func:`fit_head`.
        seed: of the folds and the resamplings.

    Raises:
        DataError: there are fewer than two sites, or too few groups.
    """
    there = np.array([site is not None for site in sites], bool)
    known, names = _only(known, there), np.array([site for site in sites if site is not None], object)
    group_names, group = np.unique(np.array(known.groups, object), return_inverse=True)
    values = sorted(set(names.tolist()))
    if len(values) < 2:  # noqa: PLR2004 - one to learn from, one to leave out
        raise DataError(f"to leave out one {by} there must be two, and there is {', '.join(values) or 'none'}")
    if len(group_names) < 2 * LEAST_GROUPS:
        raise DataError(f"{len(group_names)} groups are too few to cross-validate: it takes {2 * LEAST_GROUPS}")
    sides = _sides(known, names, group, fit or _fitter(known), seed)
    drawn = list(resamplings(len(group_names), seed, 3 * len(names) * len(known.labels)))
    left = [_left_out(known, value, names == value, group, sides, drawn) for value in values]
    whole = _both(np.ones(len(names), bool), sides, drawn, len(group_names))
    if whole is None:
        raise DataError(f"these pictures cannot tell a {FIGURES[known.kind]}: there is one label only")
    told = [one.figure.value for one in left if one.figure is not None]
    return NewSite(
        by=by,
        figure=FIGURES[known.kind],
        sites=tuple(left),
        new=whole[0],
        ordinary=whole[1],
        cost=whole[2],
        spread=float(np.std(told, ddof=1)) if len(told) > 1 else None,
        without=int((~there).sum()),
    )


def _sides(known: Known, names: NDArray[Any], group: NDArray[np.intp], fit: Fit, seed: int) -> list[Measure]:
    """What counts figures of the answers as a new site's, and of those of cross-validation by group."""
    held = [(names == value, _held(names == value, group)) for value in sorted(set(names.tolist()))]
    number = min(len(held), MOST_FOLDS)
    folds = _folds(known, group, number, seed)
    dealt = [(folds == fold, folds == fold) for fold in range(number)]
    return [_measure(known, _said(known, cuts, fit), group) for cuts in (held, dealt)]


def _measure(known: Known, said: Floats, group: NDArray[np.intp]) -> Measure:
    if known.kind == "multilabel":
        return _of_ranks(known.truth, said, group)
    cells = (
        of_classes(known.truth, said.argmax(axis=1), len(known.labels))
        if known.kind == "classify"
        else of_values(known.truth, said)
    )
    return measure_of(cells, group, int(group.max()) + 1)


def _of_ranks(truth: Bools, said: Floats, group: NDArray[np.intp]) -> Measure:
    """The mean area under the receiver operating characteristic of the labels."""

    def areas(side: Bools, times: Floats) -> Floats:
        """(draws, labels)."""
        if not side.any():
            return np.full((len(times), truth.shape[1]), np.nan)
        often = times[:, group[side]]
        return np.stack([ranked(true, one, often)[1] for true, one in zip(truth[side].T, said[side].T, strict=True)], 1)

    def measure(here: Bools, times: Floats) -> tuple[Floats, Floats, Floats]:
        inside, outside = areas(here, times), areas(~here, times)
        both = np.isfinite(inside) & np.isfinite(outside)
        return mean(inside, np.isfinite(inside)), mean(inside, both), mean(outside, both)

    return measure


def fit_head(
    kind: Kind, outputs: int, features: NDArray[np.float32], truth: NDArray[Any], groups: Sequence[str]
) -> Callable[[NDArray[np.float32]], Floats]:
    """A linear head whose strength is chosen on every fifth group, then fitted on all; of one label, always that."""
    if kind == "classify" and len(np.unique(truth)) == 1:
        return lambda new: np.tile(np.eye(outputs)[truth[0]], (len(new), 1))
    names = np.array(groups, object)
    ids = identify((group,) for group in groups)
    apart = mix(ids, 0) % np.uint64(_FIFTH) == 0
    strength = STRENGTHS[-1]
    enough = kind != "classify" or len(np.unique(truth[~apart])) > 1
    if apart.any() and len(set(names[~apart].tolist())) > 1 and enough:
        heads = fit_heads(features[~apart], truth[~apart], link=_LINKS[kind], outputs=outputs, strengths=STRENGTHS)
        losses = [_loss(kind, head.logits(features[apart]), truth[apart]) for head in heads]
        strength = STRENGTHS[int(np.argmin(losses))]
    (head,) = fit_heads(features, truth, link=_LINKS[kind], outputs=outputs, strengths=(strength,))
    return lambda new: _answers(kind, head.logits(new))


def _fitter(known: Known) -> Fit:
    outputs = len(known.labels)
    return lambda features, truth, groups: fit_head(known.kind, outputs, features, truth, groups)


def _answers(kind: Kind, logits: NDArray[np.float32]) -> Floats:
    wide = logits.astype(np.float64)
    if kind == "regress":
        return wide
    if kind == "multilabel":
        return np.asarray(0.5 * (1 + np.tanh(wide / 2)))
    raised = np.exp(wide - wide.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def _loss(kind: Kind, logits: NDArray[np.float32], truth: NDArray[Any]) -> float:
    said = _answers(kind, logits)
    if kind == "regress":
        return float(np.square(said - truth).mean())
    if kind == "multilabel":
        return float(-np.log(np.maximum(np.where(truth, said, 1 - said), 1e-12)).mean())
    return float(-np.log(np.maximum(said[np.arange(len(said)), truth], 1e-12)).mean())


def _only(known: Known, which: Bools) -> Known:
    return Known(
        kind=known.kind,
        labels=known.labels,
        features=known.features[which],
        truth=known.truth[which],
        groups=[group for group, keep in zip(known.groups, which, strict=True) if keep],
    )


def _held(here: Bools, group: NDArray[np.intp]) -> Bools:
    """The pictures of the groups that are here, wherever they were taken."""
    return np.isin(group, np.unique(group[here]))


def _said(known: Known, cuts: Sequence[tuple[Bools, Bools]], fit: Fit) -> Floats:
    """Answers (n, outputs), each by a head that never saw the picture; cuts: (which are judged, which are hidden)."""
    said = np.full((len(known.groups), len(known.labels)), np.nan)
    for judged, hidden in cuts:
        if not judged.any():
            continue
        rest = _only(known, ~hidden)
        if not len(rest.groups):
            raise DataError("no picture is left to learn from: one group is at every site")
        said[judged] = fit(rest.features, rest.truth, rest.groups)(known.features[judged])
    return said


def _folds(known: Known, group: NDArray[np.intp], number: int, seed: int) -> NDArray[np.intp]:
    """The fold of each picture: whole groups, dealt out label by label."""
    main = _main(known)
    ids = mix(identify((str(name),) for name in range(int(group.max()) + 1)), seed)
    commonest = [Counter(main[group == one].tolist()).most_common(1)[0][0] for one in range(len(ids))]
    order = sorted(range(len(ids)), key=lambda one: (commonest[one], int(ids[one])))
    fold = np.empty(len(ids), np.intp)
    fold[order] = np.arange(len(ids)) % number
    return fold[group]


def _main(known: Known) -> NDArray[np.intp]:
    """What groups are dealt out by: the label, the rarest of several, or the fifth that the first value lies in."""
    if known.kind == "classify":
        return known.truth.astype(np.intp)
    if known.kind == "multilabel":
        order = known.truth.sum(axis=0).argsort(kind="stable")
        return np.where(known.truth.any(axis=1), known.truth[:, order].argmax(axis=1), len(order)).astype(np.intp)
    return np.searchsorted(np.quantile(known.truth[:, 0], [0.2, 0.4, 0.6, 0.8]), known.truth[:, 0]).astype(np.intp)


def _left_out(
    known: Known, value: str, here: Bools, group: NDArray[np.intp], sides: Sequence[Measure], drawn: Sequence[Floats]
) -> LeftOut:
    number = len(np.unique(group[here]))
    both = _both(here, sides, drawn, drawn[0].shape[1]) if number >= LEAST_GROUPS else None
    figure, ordinary, cost = both or (None, None, None)
    return LeftOut(
        value=value,
        pictures=int(here.sum()),
        groups=number,
        figure=figure,
        ordinary=ordinary,
        cost=cost,
        strange=_strange(known, here, _held(here, group)),
    )


def _strange(known: Known, here: Bools, hidden: Bools) -> tuple[str, ...]:
    if known.kind == "regress":
        return ()
    has = known.truth if known.kind == "multilabel" else known.truth[:, None] == np.arange(len(known.labels))
    here_only = np.flatnonzero(has[here].any(axis=0) & ~has[~hidden].any(axis=0))
    return tuple(known.labels[place] for place in here_only.tolist())


def _both(
    here: Bools, sides: Sequence[Measure], drawn: Sequence[Floats], groups: int
) -> tuple[Interval, Interval, Interval] | None:
    """The figure as a new site, in cross-validation, and the difference."""
    once = np.ones((1, groups))
    new, usual = (float(side(here, once)[0][0]) for side in sides)
    if not np.isfinite([new, usual]).all():
        return None
    first, second = (np.concatenate([side(here, times)[0] for times in drawn]) for side in sides)
    return interval(new, first), interval(usual, second), interval(new - usual, first - second)
