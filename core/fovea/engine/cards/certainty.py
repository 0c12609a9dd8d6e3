"""What a card says of a model's own certainty: what it promises, and whether that held on pictures it never saw."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fovea.engine.cards.skill import plain
from fovea.engine.judging.evaluate import Evaluation
from fovea.engine.judging.resampling import Interval
from fovea.serving.bundle import Bundle
from fovea.serving.readings import Certainty

SHARES = frozenset({"set_coverage", "reviewed", "error_of_rest", "sensitivity", "specificity", "ppv", "unknown"})
"""Figures that read as per cent."""

MEANINGS: Mapping[str, str] = {
    "set_coverage": "share of the cases whose true label it did not rule out, every group counted alike",
    "set_size": "labels it did not rule out, on average; 1 is one answer a picture",
    "reviewed": "share of the pictures that it sends to a person",
    "error_of_rest": "share of the other pictures whose label is wrong",
    "aurc": "0 is perfect; the mean of that error over every share that could be sent",
    "sensitivity": "share of the pictures that should raise an alarm and do",
    "specificity": "share of the others that raise none",
    "ppv": "share of the alarms that are right",
    "false_alarms_per_100": "false alarms in 100 pictures like these",
    "unknown": "share of these pictures, which are like those it knows, that it calls unknown",
}
"""What each figure means."""

NAMES: Mapping[str, str] = {
    "set_coverage": "label not ruled out",
    "set_size": "labels not ruled out",
    "reviewed": "sent to a person",
    "error_of_rest": "wrong among the rest",
    "aurc": "area under the risk-coverage curve",
    "ppv": "right alarms",
    "false_alarms_per_100": "false alarms in 100 pictures",
    "unknown": "called unknown",
}
"""What a figure is called, where that is not its name in words."""


def certainty(bundle: Bundle, evaluation: Evaluation) -> Iterator[str]:
    """Its promises, a sentence each, and the figures that say whether they held."""
    of = bundle.certainty
    if of is None:
        return
    yield "## How sure it is"
    yield ""
    yield from (f"- {sentence}" for sentence in _promises(of))
    figures = {name: evaluation.figures[name] for name in MEANINGS if name in evaluation.figures}
    if figures:
        yield ""
        yield "| figure | value | what it means |"
        yield "|---|---|---|"
    for name, figure in figures.items():
        yield f"| {NAMES.get(name, name)} | {_told(name, figure)} | {MEANINGS[name]} |"


def _promises(of: Certainty) -> Iterator[str]:
    if of.sets is not None:
        yield (
            f"It tells which labels cannot be ruled out: the true one is among them in {of.sets.coverage:.0%} of the "
            "pictures of new groups, of each label (conformal prediction by group, on pictures kept for calibration)."
        )
        if of.sets.pooled:
            names = ", ".join(map(plain, of.sets.pooled))
            yield f"For {names} that holds only on average over all labels: too few groups were kept for them."
    if of.alarm is not None:
        names = ", ".join(map(plain, of.alarm.labels))
        yield f"An alarm ({names}) is said from a probability of {of.alarm.point:.3f} on, chosen for {of.alarm.aim}."
    if of.review is not None:
        yield (
            f"It sends a picture to a person where its label has a probability below {of.review.sure:.3f}: at most "
            f"{of.review.share:.0%} of the pictures. Of the others kept for calibration, {of.review.error:.1%} were "
            "wrong."
        )
    if of.familiar is not None:
        yield (
            f"It calls a picture unknown that is unlike those it learned from, and keeps {of.familiar.kept:.0%} of "
            "those that are like them. Other cameras, places and seasons may be unknown to it, and not everything "
            "that is strange is found."
        )
    yield from of.lacking


def _told(name: str, figure: Interval) -> str:
    form = "{:.1%}" if name in SHARES else "{:.1f}" if name == "false_alarms_per_100" else "{:.3f}"
    return f"{form} ({form} to {form})".format(figure.value, figure.low, figure.high)
