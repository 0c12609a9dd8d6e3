"""What a bundle may say of its own answers, counted on pictures kept for it through the served network.

Shares that are promised hold for pictures of *new groups*, and in expectation: a share of n pictures or groups is taken
as one of n + 1, the new one as the worst of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fovea.engine.certainty.calibrate import COVERAGE, Kept, half_width, operating_point
from fovea.errors import UsageError
from fovea.serving.answers import answers
from fovea.serving.bundle import Bundle
from fovea.serving.certainty import alarming, chosen
from fovea.serving.readings import Alarm, Certainty, Familiar, Review, Sets

Floats = NDArray[np.floating]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What is to be told.

    Args:
        coverage: of the sets of labels that cannot be ruled out, in (0, 1).
        review: share of the pictures that a person can look at; 0: nobody looks.
        positive: labels that raise an alarm.
        aim: of the alarm: ``f1``, or at least this recall.
        alarms: false alarms that are allowed in 100 pictures; None: as ``aim`` says.
        familiar: share of the pictures like those learned from that may not be called unknown; 0 calls none so.
    """

    coverage: float = COVERAGE
    review: float = 0.0
    positive: tuple[str, ...] = ()
    aim: float | Literal["f1"] = "f1"
    alarms: float | None = None
    familiar: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Strange:
    """How strange pictures were that nothing was learned from by gradients: one number each, and their groups."""

    told: Floats
    groups: Sequence[str]


def check_positive(positive: Sequence[str], labels: Sequence[str]) -> None:
    """Refuse labels of an alarm that are none, or all there are, with a UsageError."""
    strange = [label for label in positive if label not in labels]
    if strange:
        raise UsageError(f"positive names '{strange[0]}', which is no label here (there is: {', '.join(labels)})")
    if positive and set(positive) == set(labels):
        raise UsageError("positive names every label, so that every picture would raise an alarm: leave one out")


def certain(draft: Bundle, kept: Kept, wishes: Wishes, strange: Strange | None = None) -> Bundle:
    """The bundle with what it may say of its own answers.

    Args:
        draft: with its temperature, levels or scale.
        kept: pictures that nothing was learned from.
        wishes: what is to be told.
        strange: of pictures that no gradient has seen, None where the network does not tell it.
    """
    lacking: list[str] = []
    of = Certainty()
    if draft.kind in ("classify", "multilabel"):
        of = replace(of, sets=_sets(draft, kept, wishes.coverage, lacking))
    if draft.kind == "classify" and wishes.positive:
        of = replace(of, alarm=_alarm(draft, kept, wishes, lacking))
    if draft.kind == "classify" and wishes.review:
        of = replace(of, review=_review(replace(draft, certainty=of), kept, wishes.review, lacking))
    if strange is not None and wishes.familiar:
        of = replace(of, familiar=_familiar(strange, wishes.familiar, lacking))
    return replace(draft, certainty=replace(of, lacking=tuple(lacking)))


def needed(share: float) -> int:
    """Groups from which on a share of new groups can be promised.

    >>> needed(0.9), needed(0.95)
    (9, 19)
    """
    return math.ceil(share / (1 - share) - 1e-9)


def _sets(draft: Bundle, kept: Kept, coverage: float, lacking: list[str]) -> Sets | None:
    has = kept.targets > 0 if draft.kind == "multilabel" else kept.targets[:, None] == np.arange(len(draft.labels))
    sets = label_sets(answers(draft, kept.logits), has, kept.groups, draft.labels, coverage)
    if sets is None:
        lacking.append(
            f"It does not tell which labels cannot be ruled out: {_too_few(kept.groups, coverage, 'calibration')}."
        )
    return sets


def _too_few(groups: Sequence[str], share: float, kept_for: str) -> str:
    count = len(set(groups))
    return f"that needs pictures of at least {needed(share)} groups kept for {kept_for}, and there are {count}"


def label_sets(
    said: Floats, has: NDArray[np.bool_], groups: Sequence[str], labels: Sequence[str], coverage: float
) -> Sets | None:
    """From which probability on each label cannot be ruled out, for a picture of a new group.

    Split conformal prediction with one line a label (Sadinle, Lei, Wasserman, 2019, arXiv 1609.00451): sets of labels
    are the smallest there are at their coverage, and coverage holds within each label, not only over all of them. A
    cumulated score (Romano, Sesia, Candes, 2020, arXiv 2006.02544) would need random draws to keep to its coverage
    on the few labels of a site. Every group counts alike, as in :func:`fovea.engine.certainty.calibrate.half_width`. A
    label of too few groups for a line of its own takes that of all pictures together (Ding et al., 2023,
    arXiv 2306.09335).

    Args:
        said: calibrated probabilities, (n, labels).
        has: which labels each picture has, (n, labels).
        groups: of each picture.
        labels: in the order of the columns.
        coverage: wanted, in (0, 1).

    Returns:
        None where all pictures together are of too few groups.
    """
    rows, columns = np.nonzero(has)
    scores, of = -said[rows, columns].astype(np.float64), np.asarray(groups, object)[rows]
    shared = half_width(scores, of.tolist(), coverage)
    if shared is None:
        return None
    own = [half_width(scores[columns == c], of[columns == c].tolist(), coverage) for c in range(len(labels))]
    return Sets(
        points=tuple(-(shared if line is None else line) for line in own),
        coverage=coverage,
        pooled=tuple(label for label, line in zip(labels, own, strict=True) if line is None),
    )


def _review(draft: Bundle, kept: Kept, share: float, lacking: list[str]) -> Review | None:
    """The line below which a person looks (Geifman and El-Yaniv, 2017, arXiv 1705.08500).

    By the probability of the label said, since pictures with the least of it are those most often wrong (Chow, 1970).
    """
    said = answers(draft, kept.logits)
    places = chosen(draft, said)
    sure = said[np.arange(len(said)), places].astype(np.float64)
    most = _allowed(share, len(sure))
    if most < 0:
        lacking.append(
            f"It sends no picture to a person: a share of {share:g} cannot be kept to on {len(sure)} pictures "
            f"kept for calibration, which takes {math.ceil(1 / share - 1 - 1e-9)}."
        )
        return None
    line = float(np.sort(sure)[most])
    rest = sure >= line
    return Review(sure=line, share=share, error=float((places != kept.targets)[rest].mean()))


def _allowed(share: float, count: int) -> int:
    """How many of the pictures kept may be on the wrong side of a line, so that at most a share of new ones will be."""
    return math.floor(share * (count + 1) + 1e-9) - 1


def _alarm(draft: Bundle, kept: Kept, wishes: Wishes, lacking: list[str]) -> Alarm | None:
    raised = alarming(draft.labels, wishes.positive, answers(draft, kept.logits))
    truth = np.isin(kept.targets, [draft.labels.index(label) for label in wishes.positive])
    if not truth.any():
        lacking.append("It has no operating point: no picture kept for calibration shows a label that raises an alarm.")
        return None
    point: float
    if wishes.alarms is not None:
        aim = f"at most {wishes.alarms:g} false alarms in 100 pictures"
        point = _by_budget(raised, truth, wishes.alarms / 100, lacking)
    elif wishes.aim == "f1":
        aim, point = "the greatest F1", operating_point(raised.astype(np.float32), truth, "f1", 0.5)
    else:
        aim = f"a recall of at least {wishes.aim:g}"
        groups = [group for group, true in zip(kept.groups, truth, strict=True) if true]
        point = _by_recall(raised, truth, groups, wishes.aim, lacking)
    return Alarm(labels=wishes.positive, point=point, aim=aim)


def _by_recall(
    raised: NDArray[np.float64], truth: NDArray[np.bool_], groups: Sequence[str], aim: float, lacking: list[str]
) -> float:
    width = half_width(-raised[truth], groups, aim) if aim < 1 else None
    if width is None:
        why = "nobody can promise that" if aim == 1 else _too_few(groups, aim, "calibration that show one")
        lacking.append(f"A recall of {aim:g} is not promised for new groups ({why}): the point finds all kept for it.")
        width = -float(raised[truth].min())
    below = raised[raised < -width]
    return (-width + float(below.max(initial=0.0))) / 2


def _by_budget(raised: NDArray[np.float64], truth: NDArray[np.bool_], share: float, lacking: list[str]) -> float:
    most = _allowed(share, len(raised))
    if most < 0:
        lacking.append(
            f"{100 * share:g} false alarms in 100 pictures are not promised: {len(raised)} pictures were kept for "
            "calibration, and the point lets none of them raise a false one."
        )
    false = np.sort(raised[~truth])[::-1]
    if len(false) <= max(most, 0):
        return 0.0
    line = false[max(most, 0)]
    above = raised[raised > line]
    return float((line + above.min()) / 2 if len(above) else np.nextafter(line, 2))


def _familiar(strange: Strange, share: float, lacking: list[str]) -> Familiar | None:
    most = half_width(strange.told.astype(np.float64), strange.groups, share)
    if most is None:
        why = _too_few(strange.groups, share, "validation and calibration")
        lacking.append(f"It does not tell which pictures are unlike those it learned from: {why}.")
        return None
    return Familiar(most=most, kept=share)


def wishes_of(recipe: Any) -> Wishes:
    """What a recipe wants told."""
    return Wishes(
        coverage=recipe.coverage,
        review=recipe.review,
        positive=tuple(label.strip() for label in recipe.positive.split(",") if label.strip()),
        aim=recipe.operate_at,
        alarms=recipe.alarms,
        familiar=recipe.familiar,
    )
