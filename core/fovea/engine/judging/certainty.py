"""Whether what a bundle says of its own answers holds, on pictures it never learned from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fovea.engine.judging.curves import Floats, Points
from fovea.engine.judging.resampling import Interval, intervals, resamplings
from fovea.serving.bundle import Bundle
from fovea.serving.certainty import chosen, possible_of
from fovea.serving.readings import Alarm, Certainty

_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What is judged: n pictures.

    Args:
        truth: as the kind's task encodes it.
        said: calibrated probabilities or values, (n, outputs).
        group: number of each picture's group, (n,).
        groups: how many there are.
        strange: how strange each picture was to the network, (n,); None where it does not tell.
    """

    truth: NDArray[Any]
    said: Floats
    group: NDArray[np.intp]
    groups: int
    strange: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class _Share:
    """A figure that is a sum over a sum: of each group, (groups,), how often and of how many."""

    times: Floats
    of: Floats

    def at(self, drawn: Floats) -> Floats:
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray((drawn @ self.times) / (drawn @ self.of))


def judge_certainty(bundle: Bundle, answered: Answered, seed: int) -> dict[str, Interval]:
    """The figures, each with its interval: see :func:`weigh_certainty`."""
    return intervals(*weigh_certainty(bundle, answered, seed))


def weigh_certainty(bundle: Bundle, answered: Answered, seed: int) -> tuple[dict[str, float], dict[str, Floats]]:
    """The figures and their resamplings; those of what the bundle does not tell are left out.

    ``set_coverage`` (cases whose label is not ruled out; every group counts alike, as it is promised), ``set_size``
    (labels not ruled out a picture), ``reviewed`` (share sent to a person), ``error_of_rest`` (share of the others
    whose label is wrong), ``aurc`` (area under the risk-coverage curve: the mean of that error over all shares that
    could be sent), ``sensitivity``, ``specificity``, ``ppv`` and ``false_alarms_per_100`` (pictures) at the operating
    point, ``unknown`` (share called unknown).
    """
    shares = _shares(bundle, answered)
    ones = np.ones((1, answered.groups))
    values = {name: float(share.at(ones)[0]) for name, share in shares.items()}
    drawn = np.concatenate(list(resamplings(answered.groups, seed))) if answered.groups else ones
    spread = {name: share.at(drawn) for name, share in shares.items()}
    if bundle.kind == "classify":
        sure, wrong = _sure_and_wrong(bundle, answered)
        values["aurc"] = float(_area(sure, wrong, answered.group, ones)[0])
        parts = resamplings(answered.groups, seed, len(sure))
        spread["aurc"] = np.concatenate([_area(sure, wrong, answered.group, times) for times in parts])
    return values, spread


def _shares(bundle: Bundle, answered: Answered) -> Mapping[str, _Share]:
    of = bundle.certainty or Certainty()
    shares: dict[str, _Share] = {}
    if of.sets is not None:
        shares |= _of_sets(bundle, answered)
    if of.review is not None:
        sure, wrong = _sure_and_wrong(bundle, answered)
        sent = sure < of.review.sure
        shares["reviewed"] = _sums(answered, sent, np.ones(len(sent)))
        shares["error_of_rest"] = _sums(answered, wrong & ~sent, ~sent)
    if of.alarm is not None:
        shares |= _of_alarm(bundle, of.alarm, answered)
    if of.familiar is not None and answered.strange is not None:
        unknown = answered.strange > of.familiar.most
        shares["unknown"] = _sums(answered, unknown, np.ones(len(unknown)))
    return shares


def _sums(answered: Answered, times: NDArray[Any], of: NDArray[Any]) -> _Share:
    times, of = (np.bincount(answered.group, one.astype(np.float64), answered.groups) for one in (times, of))
    return _Share(np.asarray(times, np.float64), np.asarray(of, np.float64))


def _of_sets(bundle: Bundle, answered: Answered) -> Mapping[str, _Share]:
    held = possible_of(bundle, answered.said)
    truth = answered.truth
    has = truth > 0 if bundle.kind == "multilabel" else truth[:, None] == np.arange(len(bundle.labels))
    hits = _sums(answered, (held & has).sum(axis=1), has.sum(axis=1))
    there = hits.of > 0
    alike = _Share(np.where(there, hits.times / np.maximum(hits.of, 1), 0), there.astype(np.float64))
    return {"set_coverage": alike, "set_size": _sums(answered, held.sum(axis=1), np.ones(len(held)))}


def _of_alarm(bundle: Bundle, alarm: Alarm, answered: Answered) -> Mapping[str, _Share]:
    raises = np.isin(bundle.labels, alarm.labels)
    raised, true = raises[chosen(bundle, answered.said)], raises[answered.truth]
    return {
        "sensitivity": _sums(answered, raised & true, true),
        "specificity": _sums(answered, ~raised & ~true, ~true),
        "ppv": _sums(answered, raised & true, raised),
        "false_alarms_per_100": _sums(answered, 100 * (raised & ~true), np.ones(len(raised))),
    }


def _sure_and_wrong(bundle: Bundle, answered: Answered) -> tuple[Floats, NDArray[np.bool_]]:
    """Probability of the label said of each picture, and whether it is wrong."""
    places = chosen(bundle, answered.said)
    return answered.said[np.arange(len(places)), places], places != answered.truth


def _area(sure: Floats, wrong: NDArray[np.bool_], group: NDArray[np.intp], times: Floats) -> Floats:
    """Area under the risk-coverage curve (Geifman and El-Yaniv, 2017) where group g counts ``times[:, g]``: (draws,).

    Pictures of one probability stay or go together.
    """
    order = np.argsort(-sure, kind="stable")
    last = np.searchsorted(-sure[order], -sure[order], side="right") - 1
    weights = times[:, group[order]]
    risk = np.cumsum(weights * wrong[order], axis=1) / np.maximum(np.cumsum(weights, axis=1), 1e-12)
    return np.asarray((weights * risk[:, last]).sum(axis=1) / weights.sum(axis=1))


def risk_curve(bundle: Bundle, answered: Answered) -> Points:
    """(share of the pictures that are answered, the surest first; share of these whose label is wrong), 20 points.

    Empty but for ``classify``.
    """
    if bundle.kind != "classify" or not len(answered.said):
        return ()
    sure, wrong = _sure_and_wrong(bundle, answered)
    order = np.argsort(-sure, kind="stable")
    risk = np.cumsum(wrong[order]) / np.arange(1, len(order) + 1)
    ends = np.unique(np.ceil(len(order) * np.arange(1, _SHOWN + 1) / _SHOWN).astype(int))
    return tuple((round(float(end / len(order)), 4), round(float(risk[end - 1]), 4)) for end in ends)
