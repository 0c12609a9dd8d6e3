"""How the figures of a model look on a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from fovea_apps import output

if TYPE_CHECKING:
    from fovea.workbench import Judged

_MISTAKES = 12
_VALUE_LOW_HIGH = 3
_TOLD_WITHOUT = ("balanced_accuracy", "macro_average_precision", "mae", "miou", "auroc")
_SMALL, _LARGE = 0.01, 1000
_FIRST = MappingProxyType({"multilabel": "label", "regress": "value", "anomaly": "label", "segment": "label"})
_HEADINGS = MappingProxyType(
    {
        "average_precision": "AP",
        "auroc": "AUROC",
        "point": "said from",
        "precision": "precision",
        "recall": "recall",
        "f1": "F1",
        "iou": "IoU",
        "dice": "Dice",
        "share": "share",
        "share_mae": "off by",
        "mae": "MAE",
        "rmse": "RMSE",
        "r2": "R2",
        "spearman": "Spearman",
        "coverage": "inside",
        "width": "width",
    }
)


def show_judged(judged: Judged) -> None:
    """Print the figures with their intervals, the classes, and which class was taken for which."""
    output.title(f"On {output.count(judged.pictures, 'picture')} of {output.count(judged.groups, 'group')}")
    output.pairs(
        {**{n: figure(v) for n, v in judged.figures.items()}, **{n: number(v) for n, v in judged.baselines.items()}}
    )
    if judged.classes:
        output.line()
        _show_classes(judged)
    if judged.confusion:
        output.line()
        show_confusion(judged.labels, judged.confusion)
    _show_subgroups(judged)
    _show_units(judged)
    if judged.unreadable:
        output.line(f"Left out as unreadable: {output.count(judged.unreadable, 'picture')}.")
    for fault in getattr(judged, "unmarked", ()):
        output.line(f"Its mask could not be used: {fault}.")
    if told := getattr(judged, "explained", None):
        output.line(f"Maps of its answers that proved better than none: {told['shown']} of {told['maps']}.")
    for name in [one for one in _TOLD_WITHOUT if one in judged.figures and one in getattr(judged, "without", {})]:
        told = f"{name.replace('_', ' ')} {figure(judged.without[name])}"
        output.line(f"With every attribute missing that it reads beside the pictures: {told}.")
    if judged.learned:
        output.line(f"Left out because the model learned from their group: {output.count(judged.learned, 'picture')}.")
    if page := getattr(judged, "page", None):
        output.line(f"The whole of it as a page: {page}")


def figure(told: Any) -> str:
    """``0.956 (0.923 to 0.986)``: a figure with its 95 % interval, which may be (value, low, high) or named."""
    if isinstance(told, Mapping):
        told = [told.get(name) for name in ("value", "low", "high")]
    if isinstance(told, Sequence) and len(told) == _VALUE_LOW_HIGH and all(isinstance(n, int | float) for n in told):
        value, low, high = told
        return f"{number(value)} ({number(low)} to {number(high)})"
    return number(told) if isinstance(told, float) else output.safe(told)


def number(told: float | None) -> str:
    """Three digits after the point, four significant ones where that says too little or too much; a dash for None.

    >>> number(0.9561), number(0.00042), number(1234.5678), number(None)
    ('0.956', '0.00042', '1235', '-')
    """
    if told is None:
        return output.NOTHING
    return f"{told:.3f}" if told == 0 or _SMALL <= abs(told) < _LARGE else f"{told:.4g}"


def interval(told: Any) -> str:
    """``0.956 (0.923 to 0.986)`` of a value that has ``value``, ``low`` and ``high``; a dash for None."""
    return output.NOTHING if told is None else figure((told.value, told.low, told.high))


def _show_subgroups(judged: Judged) -> None:
    found = getattr(judged, "subgroups", ())
    if not found:
        return
    rows = [
        (
            f"{one.by}: {one.value}",
            one.pictures,
            interval(one.figure),
            interval(one.gap),
            "gap" if one.stands else "gap?" if one.flagged else "",
        )
        for one in found
    ]
    output.line()
    output.table(("where", "pictures", "figure", "against the rest", ""), rows, numbers=("pictures",))
    told = sum(one.gap is not None for one in found)
    output.line(
        f"gap?: its range excludes 0, as some of {told} do by luck; gap: it does after Holm's adjustment, too. "
        "A dash: fewer than 5 groups."
    )


def _show_units(judged: Judged) -> None:
    units = getattr(judged, "units", None)
    if units is None:
        return
    output.line()
    rows = [
        (one.label or "none", one.units, *map(_share, (one.flagged, one.said, one.said_elsewhere)))
        for one in units.labels
    ]
    headings = ("units of", "number", "flagged", "decided so", "others so")
    output.table(headings, rows, numbers=("number",))
    if units.left_out:
        output.line(f"Left out because the model learned from them: {output.count(units.left_out, 'unit')}.")
    for fault in units.faults:
        output.line(f"Not decided: {fault}")


def _share(told: tuple[float, float, float] | None) -> str:
    return output.NOTHING if told is None else "{:.0%} ({:.0%} to {:.0%})".format(*told)


def _show_classes(judged: Judged) -> None:
    shown = [name for name in _HEADINGS if name in judged.classes[0]]
    rows = [(one["label"], *(number(one[name]) for name in shown), one["support"]) for one in judged.classes]
    headings = (_FIRST.get(getattr(judged, "kind", ""), "class"), *(_HEADINGS[name] for name in shown), "pictures")
    output.table(headings, rows, numbers=headings[1:])


def show_confusion(labels: Sequence[str], confusion: Sequence[Sequence[int]]) -> None:
    """Print a row for each true label and a column for each said one; only the mistakes where it is too wide."""
    numbers = [str(place + 1) for place in range(len(labels))]
    headings = ["true, said:", *numbers]
    named = [f"{number} {label}" for number, label in zip(numbers, labels, strict=True)]
    rows = [[name, *(str(one or ".") for one in row)] for name, row in zip(named, confusion, strict=True)]
    if output.fits([headings, *rows]):
        output.table(headings, rows, numbers=numbers)
    else:
        _show_mistakes(labels, confusion)


def _show_mistakes(labels: Sequence[str], confusion: Sequence[Sequence[int]]) -> None:
    found = [
        (number, labels[true], labels[said])
        for true, row in enumerate(confusion)
        for said, number in enumerate(row)
        if number and true != said
    ]
    found.sort(reverse=True)
    output.table(
        ("true", "said", "pictures"),
        [(true, said, number) for number, true, said in found[:_MISTAKES]],
        numbers=("pictures",),
    )
    if len(found) > _MISTAKES:
        output.line(f"and {len(found) - _MISTAKES} rarer mistakes; --json tells them all")
