"""The tables and charts of an evaluation's page, a block at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import MappingProxyType

import numpy as np

from fovea.engine.cards.explained import explained_sentence
from fovea.engine.cards.skill import SHARES
from fovea.engine.judging.compare import Compared
from fovea.engine.judging.curves import Bin, Curve, Points, Scattered
from fovea.engine.judging.sides import FIGURES
from fovea.engine.judging.subgroups import Subgroup
from fovea.plugin import Block, Cell, Chart, Column, Level, Series, Table, Text
from fovea.workbench.views import Judged, UnitsJudged
from fovea.workbench.wording import (
    count,
    first,
    gap,
    gap_range,
    named,
    plain_range,
    rounded,
    said,
    share,
    short,
    triple,
    whole,
)

_COLUMNS = MappingProxyType(
    {
        "support": Column(name="pictures", form="number"),
        "recall": Column(name="found (recall)", form="share"),
        "precision": Column(name="right when said (precision)", form="share"),
        "f1": Column(name="F1", form="number"),
        "auroc": Column(name="AUROC", form="number"),
        "average_precision": Column(name="average precision", form="number"),
        "point": Column(name="said from", form="number"),
        "mae": Column(name="MAE", form="number"),
        "rmse": Column(name="RMSE", form="number"),
        "r2": Column(name="R2", form="number"),
        "spearman": Column(name="Spearman", form="number"),
        "coverage": Column(name="inside the interval", form="share"),
        "width": Column(name="width of the interval", form="number"),
        "iou": Column(name="IoU", form="number"),
        "dice": Column(name="Dice", form="number"),
        "share": Column(name="share of a picture", form="share"),
        "share_mae": Column(name="error of that share", form="share"),
    }
)
_OF_KIND = MappingProxyType(
    {
        "anomaly": {
            "recall": Column(name="called an anomaly", form="share"),
            "auroc": Column(name="AUROC against normal", form="number"),
        },
        "segment": {"support": Column(name="pictures that show it", form="number")},
    }
)
_MOST_LABELS, _MOST_CURVES, _MOST_MISTAKES, _STEPS = 14, 5, 20, 50
_LEAST_P = 0.001
_OVER_LABELS = " The gap is counted over the labels that both sides have; where they share none, it is not told."
_LESS_IS_BETTER = frozenset({"mae"})


def of_labels(judged: Judged) -> Iterator[Block]:
    """A table of the labels or values."""
    if not judged.classes:
        return
    shown = [name for name in _COLUMNS if name in judged.classes[0]]
    rows = tuple((str(one["label"]), *(rounded(one[name]) for name in shown)) for one in judged.classes)
    head = Column(name="value" if judged.kind == "regress" else "label")
    title = "Each value" if judged.kind == "regress" else "Each label"
    columns = {**_COLUMNS, **_OF_KIND.get(judged.kind, {})}
    yield Table(title=title, columns=(head, *(columns[name] for name in shown)), rows=rows)


def confusion(judged: Judged) -> Iterator[Block]:
    """Which label was taken for which."""
    if not judged.confusion:
        return
    title = "What it takes for what"
    if len(judged.labels) <= _MOST_LABELS:
        columns = (Column(name="true, down; said, across"), *(Column(name=one, form="number") for one in judged.labels))
        rows: tuple[tuple[Cell, ...], ...] = tuple(
            (label, *row) for label, row in zip(judged.labels, judged.confusion, strict=True)
        )
        yield Table(title=title, columns=columns, rows=rows, note="Pictures. What is right stands on the diagonal.")
        return
    found = sorted(_mistakes(judged), reverse=True)
    yield Table(
        title=title,
        columns=(Column(name="true"), Column(name="said"), Column(name="pictures", form="number")),
        rows=tuple((true, told, number) for number, true, told in found[:_MOST_MISTAKES]),
        note=f"The commonest of {count(len(found), 'sort')} of mistakes." if len(found) > _MOST_MISTAKES else "",
    )


def _mistakes(judged: Judged) -> Iterator[tuple[int, str, str]]:
    for true, row in enumerate(judged.confusion):
        for told, number in enumerate(row):
            if number and true != told:
                yield number, judged.labels[true], judged.labels[told]


def curves(curves: Sequence[Curve]) -> Iterator[Block]:
    """The hardest labels' curves."""
    if not curves:
        return
    worst = sorted(curves, key=lambda curve: curve.auroc)[:_MOST_CURVES]
    shown = [curve for curve in curves if curve in worst]
    left = f" The {len(shown)} hardest of {len(curves)} labels." if len(shown) < len(curves) else ""
    along = tuple(share(step / _STEPS, 0) for step in range(_STEPS + 1))
    yield Chart(
        title="How many are found at how many false alarms (ROC)",
        kind="line",
        categories=along,
        series=(
            *(Series(name=short(curve.label), values=_drawn(curve.roc)) for curve in shown),
            Series(name="chance", values=tuple(step / _STEPS for step in range(_STEPS + 1))),
        ),
        share=True,
        note=f"Across: share of the pictures without the label for which it is said. Up: share of those with it.{left}",
    )
    yield Chart(
        title="How often it is right at how many found (precision and recall)",
        kind="line",
        categories=along,
        series=tuple(Series(name=short(curve.label), values=_drawn(curve.precision_recall)) for curve in shown),
        share=True,
        note="Across: share of the pictures with the label that are found. Up: share of the pictures it is said of "
        f"that have it.{left}",
    )


def _drawn(points: Points) -> tuple[float | None, ...]:
    """A curve's height at even steps from 0 to 1."""
    along, up = (np.array(one) for one in zip(*points, strict=True))
    return tuple(round(float(y), 4) for y in np.interp(np.arange(_STEPS + 1) / _STEPS, along, up))


def calibration(judged: Judged) -> Iterator[Block]:
    """Whether the probabilities hold."""
    if judged.reliability is None:
        return
    after, before = judged.reliability.calibrated, judged.reliability.before
    edges = sorted({(one.low, one.high) for one in (*after, *before)})
    ideal = Series(name="as it should be", values=tuple(round((low + high) / 2, 4) for low, high in edges))
    series = (
        ideal,
        Series(name="before calibration", values=_held(before, edges)),
        Series(name="calibrated", values=_held(after, edges)),
    )
    told = [f"{name} {said('ece', judged.figures[key][0])}" for name, key in _ERRORS if key in judged.figures]
    counts = {(one.low, one.high): one.number for one in after}
    few = sum(counts.get(edge, 0) < _FEW for edge in edges)
    yield Chart(
        title="Whether its probabilities hold",
        kind="line",
        categories=tuple(f"{share(low, 0)} to {share(high, 0)}" for low, high in edges),
        series=series,
        share=True,
        note="Across: the probability it told. Up: how often that was right. Calibration error: "
        f"{', '.join(told)}." + (f" {count(few, 'bin')} of fewer than {_FEW} answers say little." if few else ""),
    )


_ERRORS = (("before calibration", "ece_before"), ("calibrated", "ece"))
_FEW = 10


def _is_worse(judged: Judged) -> bool:
    after, before = judged.figures.get("ece"), judged.figures.get("ece_before")
    return after is not None and before is not None and after[1] > before[2]


def _held(bins: Sequence[Bin], edges: Sequence[tuple[float, float]]) -> tuple[float | None, ...]:
    found = {(one.low, one.high): one.right for one in bins}
    return tuple(found.get(edge) for edge in edges)


def risk(judged: Judged) -> Iterator[Block]:
    """How often it is wrong where it answers only the surest."""
    if not judged.risk:
        return
    yield Chart(
        title="How often it is wrong when it answers only where it is sure",
        kind="line",
        categories=tuple(share(step / _STEPS, 0) for step in range(_STEPS + 1)),
        series=(Series(name="wrong", values=_drawn(judged.risk)),),
        share=True,
        note="Across: share of the pictures that are answered, the surest first; the others go to a person. Up: share "
        "of the answers that are wrong.",
    )


def subgroups(judged: Judged) -> Iterator[Block]:
    """The headline by attribute."""
    told = [one for one in judged.subgroups if one.figure is not None]
    if not judged.subgroups:
        return
    name = FIGURES[judged.kind]
    columns = (
        Column(name="where"),
        Column(name="pictures", form="number"),
        Column(name="groups", form="number"),
        Column(name=named(name), form="share" if name in SHARES else "number"),
        Column(name="95 % range"),
        Column(name="against the rest"),
        Column(name="p after Holm"),
    )
    flagged, stands = sum(one.flagged for one in told), sum(one.stands for one in told)
    yield Table(
        title="Whether it is as good everywhere",
        columns=columns,
        rows=tuple(_subgroup(name, one) for one in judged.subgroups),
        levels=tuple(_level(name, one) for one in judged.subgroups),
        note=f"Counted on what it says, which is {judged.said}. The range of the gap to all other pictures excludes 0 "
        f"for {flagged} of {sum(one.gap is not None for one in told)} compared; where it is worse there, it is marked: "
        "as a warning where p is below 0.05 after Holm's adjustment for so many comparisons "
        f"({stands} are, better or worse), else as a notice, since it may be luck. A value of fewer than 5 groups is "
        f"not compared.{'' if judged.kind == 'regress' else _OVER_LABELS}"
        f"{' The gap is in percentage points.' if name in SHARES else ''}",
    )


def _subgroup(name: str, one: Subgroup) -> tuple[Cell, ...]:
    where = whole(f"{one.by}: {one.value}")
    if one.figure is None:
        return where, one.pictures, one.groups, None, None, None, None
    rest = "" if one.gap is None else f"{gap(name, one.gap.value)} ({gap_range(name, one.gap)})"
    p = None if one.p is None else "under 0.001" if one.p < _LEAST_P else f"{one.p:.3f}"
    return where, one.pictures, one.groups, round(one.figure.value, 4), plain_range(name, one.figure), rest, p


def _level(name: str, one: Subgroup) -> Level:
    if not one.flagged or one.gap is None or (one.gap.value > 0) != (name in _LESS_IS_BETTER):
        return "normal"
    return "warning" if one.stands else "notice"


def values(judged: Judged) -> Iterator[Block]:
    """Told values beside true ones, and how far they are off by size."""
    for one in judged.values:
        true, told = zip(*one.points, strict=True)
        yield Chart(
            title=f"{first(one.label)}: told and true",
            kind="scatter",
            categories=tuple(f"picture {number + 1}" for number in range(len(true))),
            series=(Series(name="true", values=true), Series(name="told", values=told)),
            note="A dot a picture. On the line both are the same; above it, too much was told."
            + (f" {len(true)} of {judged.pictures} pictures, spread evenly." if len(true) < judged.pictures else ""),
        )
        if len(one.spans) > 1:
            yield _by_size(one)


def _by_size(one: Scattered) -> Table:
    has_interval = any(span.coverage is not None for span in one.spans)
    columns = (
        Column(name="true value"),
        Column(name="pictures", form="number"),
        Column(name="off by on average (MAE)", form="number"),
        Column(name="told less true, on average", form="number"),
        *((Column(name="inside the interval", form="share"),) if has_interval else ()),
    )
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            whole(f"{span.low:.4g} to {span.high:.4g}" if span.low < span.high else f"{span.low:.4g}"),
            span.pictures,
            rounded(span.mae),
            rounded(span.bias),
            *((span.coverage,) if has_interval else ()),
        )
        for span in one.spans
    )
    return Table(
        title=f"{first(one.label)}: small and large values",
        columns=columns,
        rows=rows,
        note="Fifths of the pictures by their true value. Small values told too high and large ones too low is what a "
        "model does that is unsure.",
    )


def unmarked(judged: Judged) -> Iterator[Block]:
    """Masks that could not be used."""
    if judged.unmarked:
        yield Text(
            title="Masks that could not be used",
            body=(*judged.unmarked[:_MOST_MISTAKES], *_and_more(len(judged.unmarked))),
            level="warning",
        )


def _and_more(number: int) -> Iterator[str]:
    if number > _MOST_MISTAKES:
        yield f"and {number - _MOST_MISTAKES} more"


def explained(judged: Judged) -> Iterator[Block]:
    """Whether maps of its answers proved better than none."""
    if judged.explained is None:
        return
    maps, shown = judged.explained["maps"], judged.explained["shown"]
    few = 2 * shown < maps
    yield Text(
        title="Where its answers come from",
        body=(explained_sentence(maps, shown),),
        level="notice" if few else "normal",
    )


def beside(judged: Judged, names: Sequence[str]) -> Iterator[Block]:
    """What attributes bring: these figures with them, and with every one of them missing."""
    told = [name for name in names if name in judged.figures and name in judged.without]
    if not told:
        return
    figures = [(judged.figures[name], judged.without[name]) for name in told]
    ranges = [
        tuple(whole(f"{said(name, one[0])} ({said(name, one[1])} to {said(name, one[2])})") for one in pair)
        for name, pair in zip(told, figures, strict=True)
    ]
    yield Table(
        title="What it reads beside the pictures",
        columns=(Column(name="figure"), Column(name="with its attributes"), Column(name="with all of them missing")),
        rows=tuple((named(name), *pair) for name, pair in zip(told, ranges, strict=True)),
        note="On the same pictures. A site that has no such attributes should expect the figures on the right.",
    )


def units(units: UnitsJudged | None) -> Iterator[Block]:
    """What the domain decided on whole units."""
    if units is None:
        return
    columns = ("label of the unit", "units", "flagged", "decided as this label", "other units decided so")
    rows = tuple(
        (one.label or "none", one.units, *(triple(told) for told in (one.flagged, one.said, one.said_elsewhere)))
        for one in units.labels
    )
    yield Table(
        title="Decisions, unit by unit",
        columns=tuple(Column(name=name, form="number" if name == "units" else "text") for name in columns),
        rows=rows,
        note=f"{count(units.units, 'unit')} decided by the domain's own rules. A unit has a label where one of its "
        "pictures has it; it is flagged where a decision on it is a finding. For a label that should raise a finding, "
        "the share flagged is the sensitivity; for one that should not, 100 % less it is the specificity."
        + (f" {count(units.left_out, 'unit')} left out: learned from." if units.left_out else ""),
    )
    if units.faults:
        yield Text(title="Units that could not be decided", body=units.faults[:_MOST_MISTAKES], level="warning")


def changed(compared: Compared, before: str, after: str = "this model") -> Iterator[Block]:
    """A table of figures before and after."""
    columns = ("figure", before or "before", after, "difference", "95 % range of the difference", "so it is")
    rows = tuple(
        (
            named(name),
            said(name, one.before.value),
            said(name, one.after.value),
            gap(name, one.difference.value),
            gap_range(name, one.difference),
            one.verdict or "-",
        )
        for name, one in compared.changes.items()
    )
    levels: tuple[Level, ...] = tuple(
        "warning" if one.verdict == "worse" else "normal" for one in compared.changes.values()
    )
    yield Table(
        title="Before and after, on the same pictures",
        columns=tuple(Column(name=name) for name in columns),
        rows=rows,
        levels=levels,
        note=f"{count(compared.pictures, 'picture')} of {count(compared.groups, 'group')} that neither has learned "
        f"from; both are judged on the same drawn groups, and counted on what they say, which is {_said(compared)}. "
        "Unsure: the range of the difference holds 0. Differences of shares are percentage points.",
    )


def _said(compared: Compared) -> str:
    before, after = compared.said
    return before if before == after else f"before: {before}; after: {after}"
