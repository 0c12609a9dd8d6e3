"""What a card says of a model's skill, by its kind of task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from fovea.engine.judging.anomaly import OfAnomaly
from fovea.engine.judging.classes import OfClass
from fovea.engine.judging.evaluate import Evaluation
from fovea.engine.judging.labels import OfLabel
from fovea.engine.judging.masks import OfMask
from fovea.engine.judging.resampling import Interval
from fovea.engine.judging.values import OfValue
from fovea.serving.bundle import Bundle
from fovea.serving.readings import Tail

SHARES = frozenset(
    {
        "accuracy",
        "balanced_accuracy",
        "ece",
        "ece_before",
        "coverage",
        "fpr95",
        "recall",
        "false_alarms",
        "pixel_accuracy",
        "share_mae",
    }
)
"""Figures that read as per cent."""

MEANINGS: Mapping[str, Mapping[str, str]] = {
    "classify": {
        "accuracy": "share of pictures given their true label",
        "balanced_accuracy": "the same, every label counted alike",
        "macro_f1": "1 is perfect; counts misses and false calls of every label",
        "log_loss": "0 is perfect; punishes being sure and wrong",
        "ece": "how far its probabilities are from how often it is right",
    },
    "multilabel": {
        "macro_average_precision": "1 is perfect; how well each label ranks the pictures, every label counted alike",
        "micro_average_precision": "the same, every picture and label counted alike",
        "macro_auroc": "0.5 is chance; a picture with the label ranks above one without",
        "macro_f1": "1 is perfect; misses and false calls of every label at its operating point",
        "ece": "how far each label's probability is from how often it is there",
    },
    "regress": {
        "mae": "how far off it is on average, in the value's unit",
        "rmse": "the same, large errors counted more",
        "r2": "1 is perfect, 0 is as good as saying the mean of these pictures",
        "spearman": "1 is the right order of the pictures, 0 none",
        "coverage": "share of the true values inside the interval told",
        "width": "of the interval told, in the value's unit",
    },
    "segment": {
        "miou": "1 is perfect; how well the areas of a label lie on the true ones, every label counted alike",
        "mean_dice": "the same, what is right counted twice",
        "pixel_accuracy": "share of the pixels given their true label",
        "share_mae": "how far a label's share of a picture is off on average, the background left out",
        "ece": "how far the probabilities of its pixels are from how often they are right",
    },
    "anomaly": {
        "auroc": "0.5 is chance; an anomaly is farther from normal than a normal picture",
        "average_precision": "1 is perfect; how well the distance ranks anomalies first",
        "fpr95": "share of normal pictures called anomalies where 95 % of the anomalies are found",
        "recall": "share of the anomalies that it calls so",
        "false_alarms": "share of the normal pictures that it calls anomalies",
        "brier": "0 is perfect; mean square error of its probabilities",
        "pixel_auroc": "0.5 is chance; a marked place is hotter than one that is not",
        "aupro": "1 is perfect, 0.15 is chance; how much of each marked area is hot, every area counted alike, while "
        "at most 30 % of the rest is",
    },
}


"""What each figure means, by kind of task."""


def head(bundle: Bundle, names: str) -> str:
    """One sentence: what the model says of a picture."""
    count = len(bundle.labels)
    if bundle.kind == "multilabel":
        return f"Says of each of {count} labels whether a picture shows it, of any number or none: {names}."
    if bundle.kind == "regress":
        return f"Tells {count} value{'s' if count > 1 else ''} of a picture: {names}."
    if bundle.kind == "segment":
        return f"Says which part of a picture shows which of {count} labels: {names}."
    if bundle.kind == "anomaly":
        return "Says whether a picture is like the normal ones that it learned from, or an anomaly."
    return f"Says which of {count} labels a picture shows: {names}."


def skill(bundle: Bundle, evaluation: Evaluation) -> Iterator[str]:
    """The figures with their intervals, what they must be compared with, and a table of the labels or values."""
    yield "## How good it is"
    yield ""
    yield (
        f"Judged once on {evaluation.pictures} pictures of {evaluation.groups} groups that took no part in the "
        "training. In brackets: the range in which the true figure lies with 95 % confidence, found by drawing groups "
        "anew."
    )
    yield ""
    yield "| figure | value | what it means |"
    yield "|---|---|---|"
    for name, meaning in MEANINGS[bundle.kind].items():
        if name in evaluation.figures:
            shown = NAMES.get(name, name.replace("_", " "))
            yield f"| {shown} | {_told(name, evaluation.figures[name])} | {meaning} |"
    yield ""
    tell = {"multilabel": _labels, "regress": _values, "anomaly": _anomalies, "segment": _areas}.get(
        bundle.kind, _classes
    )
    yield from tell(bundle, evaluation)


NAMES: Mapping[str, str] = {
    "ece": "calibration error",
    "macro_f1": "macro F1",
    "mae": "MAE",
    "rmse": "RMSE",
    "r2": "R2",
    "macro_auroc": "macro AUROC",
    "miou": "mean IoU",
    "mean_dice": "mean Dice",
    "share_mae": "error of the share",
    "auroc": "AUROC",
    "pixel_auroc": "AUROC of the places",
    "aupro": "AUPRO of the areas",
    "fpr95": "false alarms at 95 % recall",
    "false_alarms": "false alarms",
}
"""What a figure is called, where that is not its name in words."""


def _classes(bundle: Bundle, evaluation: Evaluation) -> Iterator[str]:
    baselines, before = evaluation.baselines, evaluation.figures["ece_before"]
    yield (
        f"Always saying the most frequent label would reach {baselines['majority_accuracy']:.1%} "
        f"({baselines['majority_balanced_accuracy']:.1%} balanced). Before calibration (temperature "
        f"{bundle.temperature:.2f}) the calibration error was {_told('ece', before)}."
    )
    yield ""
    yield "| label | pictures judged | found (recall) | right when said (precision) |"
    yield "|---|---|---|---|"
    for of in cast("Sequence[OfClass]", evaluation.classes):
        shares = f"{of.recall:.1%} | {of.precision:.1%}" if of.support else "- | -"
        yield f"| {plain(of.label)} | {of.support} | {shares} |"


def _labels(bundle: Bundle, evaluation: Evaluation) -> Iterator[str]:
    chance, before = evaluation.baselines["chance_macro_average_precision"], evaluation.figures["ece_before"]
    yield (
        f"Ranking by chance would reach a macro average precision of {chance:.3f}. Before calibration the calibration "
        f"error was {_told('ece', before)}."
    )
    if bundle.levels is not None:
        yield (
            f"A label is said from its operating point on, chosen for {bundle.levels.aim} on pictures kept for "
            "calibration."
        )
    yield ""
    yield "| label | pictures judged | said from | found (recall) | right when said (precision) | average precision |"
    yield "|---|---|---|---|---|---|"
    for of in cast("Sequence[OfLabel]", evaluation.classes):
        shares = f"{_share(of.recall)} | {_share(of.precision)} | {_number(of.average_precision)}"
        yield f"| {plain(of.label)} | {of.support} | {of.point:.3f} | {shares} |"


def _values(bundle: Bundle, evaluation: Evaluation) -> Iterator[str]:
    baselines = evaluation.baselines
    yield (
        f"Always saying the mean of what it learned from would be off by {baselines['mean_mae']:.4g} "
        f"(MAE; RMSE {baselines['mean_rmse']:.4g})."
    )
    if bundle.scale is not None and bundle.scale.half_widths:
        yield (
            f"The interval told with each value is made to hold the true one in {bundle.scale.coverage:.0%} of "
            "pictures of new groups (hierarchical conformal prediction, on pictures kept for calibration)."
        )
    else:
        yield "It tells no interval: that needs pictures of at least 9 groups kept for calibration."
    yield ""
    yield "| value | pictures judged | MAE | RMSE | R2 | Spearman | interval width | inside |"
    yield "|---|---|---|---|---|---|---|---|"
    for of in cast("Sequence[OfValue]", evaluation.classes):
        off = f"{of.mae:.4g} | {of.rmse:.4g} | {_number(of.r2)} | {_number(of.spearman)}"
        width = "-" if of.width is None else f"{of.width:.4g}"
        yield f"| {plain(of.label)} | {of.support} | {off} | {width} | {_share(of.coverage)} |"


def _anomalies(bundle: Bundle, evaluation: Evaluation) -> Iterator[str]:
    if "average_precision" in evaluation.figures:
        chance = evaluation.baselines["chance_average_precision"]
        yield f"Ranking by chance would reach an average precision of {chance:.3f}."
    else:
        yield "No anomaly was there to judge it on: nobody knows what it finds."
    if bundle.tail is not None:
        wanted = float(bundle.recipe.get("false_alarms", 0))
        lacking = f"; too few groups were kept to promise {wanted:.1%}" if bundle.tail.false_alarms > wanted else ""
        yield (
            f"A picture farther from normal than {bundle.tail.threshold:.4g} is called an anomaly: at most "
            f"{bundle.tail.false_alarms:.1%} of the normal pictures of new groups are (conformal prediction by "
            f"group, on pictures kept for calibration{lacking})."
        )
        yield _odds(bundle.tail)
    yield ""
    yield "| label | pictures judged | called an anomaly | AUROC against normal |"
    yield "|---|---|---|---|"
    for of in cast("Sequence[OfAnomaly]", evaluation.classes):
        yield f"| {plain(of.label)} | {of.support} | {_share(of.recall)} | {_number(of.auroc)} |"


def _odds(tail: Tail) -> str:
    if tail.slope is None:
        return (
            "Its probability of an anomaly is the share of normal pictures that are no farther, since too few "
            "anomalies were kept to calibrate it: it does not say how often such a picture is one."
        )
    return "Its probability holds where anomalies are as frequent as among the pictures kept for calibration."


def _areas(bundle: Bundle, evaluation: Evaluation) -> Iterator[str]:
    baselines, before = evaluation.baselines, evaluation.figures["ece_before"]
    yield (
        f"Saying everywhere the label that covers most would reach a mean IoU of {baselines['majority_miou']:.3f} and "
        f"be off by {baselines['majority_share_mae']:.1%} in the share. Before calibration (temperature "
        f"{bundle.temperature:.2f}) the calibration error was {_told('ece', before)}."
    )
    yield ""
    yield "| label | pictures that show it | IoU | Dice | found (recall) | right when said | share | off by |"
    yield "|---|---|---|---|---|---|---|---|"
    for of in cast("Sequence[OfMask]", evaluation.classes):
        figures = f"{_number(of.iou)} | {_number(of.dice)} | {_share(of.recall)} | {_share(of.precision)}"
        yield f"| {plain(of.label)} | {of.support} | {figures} | {_share(of.share)} | {_share(of.share_mae)} |"


def plain(text: str) -> str:
    """One line that breaks out of no table cell and no code mark; bytes that are no text are shown as numbers."""
    shown = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return " ".join(shown.replace("|", "/").replace("`", "'").split())


def _told(name: str, figure: Interval) -> str:
    form = "{:.1%}" if name in SHARES else "{:.4g}" if name in {"mae", "rmse", "width"} else "{:.3f}"
    return f"{form} ({form} to {form})".format(figure.value, figure.low, figure.high)


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
