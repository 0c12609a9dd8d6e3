"""How good a bundle is on pictures it never learned from: figures with intervals, through the served network.

Every headline figure carries a 95 % interval from a bootstrap over *groups*: pictures of one plant or patient are
not independent, and an interval over pictures would be too narrow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from fovea.engine.judging.anomaly import OfAnomaly, judge_anomaly
from fovea.engine.judging.answered import cells_of, how_said, truth_of
from fovea.engine.judging.certainty import Answered, risk_curve, weigh_certainty
from fovea.engine.judging.classes import OfClass, judge_classes
from fovea.engine.judging.curves import Curve, Floats, Points, Reliability, Scattered
from fovea.engine.judging.heat import Hot, hottest, judge_heat
from fovea.engine.judging.labels import OfLabel, judge_labels
from fovea.engine.judging.marked import Marked, marked_of
from fovea.engine.judging.masks import OfMask, judge_masks, tally, width
from fovea.engine.judging.resampling import Interval, Judgement, intervals, numbered
from fovea.engine.judging.subgroups import Subgroup, subgroups
from fovea.engine.judging.values import OfValue, judge_values
from fovea.engine.judging.worst import Worst, worst
from fovea.engine.pictures.masks import renamed
from fovea.engine.pictures.survey import Fault, Row, Square, Wanted, names_of, read_samples, row_of, squares, target_of
from fovea.engine.pictures.targets import NONE, strata
from fovea.errors import DataError, UsageError
from fovea.plugin import Domain, Kind, ViewSettings
from fovea.progress import Progress
from fovea.serving.anomaly import maps
from fovea.serving.answers import answers
from fovea.serving.bundle import Bundle
from fovea.serving.certainty import chosen
from fovea.serving.fusion import Attributes
from fovea.serving.network import Network

_BATCH = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Figures on pictures never learned from.

    Args:
        figures: the headlines, each with its interval. ``classify``: ``accuracy``, ``balanced_accuracy``, ``macro_f1``,
            ``log_loss``, ``ece`` (expected calibration error) and ``ece_before`` (without calibration).
            ``multilabel``: ``macro_average_precision``, ``micro_average_precision``, ``macro_auroc``, ``macro_f1`` (at
            the operating points), ``ece`` and ``ece_before``. ``regress``: ``mae``, ``rmse``, ``r2``, ``spearman``,
            ``coverage`` and ``width`` (of the interval told). ``segment``: ``miou``, ``mean_dice``, ``pixel_accuracy``,
            ``share_mae`` (of each label's share of a picture, the background left out), ``ece`` and ``ece_before``.
            One that these pictures cannot tell is left out.
        baselines: what needs no pictures: saying the most frequent label, ranking by chance, or saying the mean.
        classes: one a label or value, in the bundle's order.
        confusion: pictures by (true label, said label), in the bundle's order; empty but for ``classify``.
        labels: in the bundle's order.
        pictures: number judged.
        groups: number of groups they are of.
        unreadable: pictures that could not be read, each with its reason.
        learned: pictures left out because the bundle learned from them, or from others of their group.
        precision: of the served network.
        kind: of the task.
        curves: of each label that some pictures have and some lack; empty for ``regress``.
        reliability: of the probabilities, before and after calibration; None for ``regress``.
        subgroups: the headline by each value of the attributes asked for.
        risk: (share of the pictures that are answered, the surest first; share of these whose label is wrong); empty
            but for ``classify``.
        said: what was counted as an answer, in words: see :func:`fovea.engine.judging.answered.how_said`.
        without: ``figures`` with every attribute missing; empty for a bundle that reads none.
        hot: maps worth a look, and ``unmarked`` the masks beside the pictures that could not be used, each with its
            reason; both of ``anomaly``.
        values: of ``regress``: told values beside true ones.
        worst: the pictures answered worst; empty for ``anomaly``.

    Beside its own figures, every kind that has a certainty has those of
    :func:`fovea.engine.judging.certainty.judge_certainty`.
    """

    figures: Mapping[str, Interval]
    baselines: Mapping[str, float]
    classes: tuple[OfAnomaly | OfClass | OfLabel | OfMask | OfValue, ...]
    confusion: tuple[tuple[int, ...], ...]
    labels: tuple[str, ...]
    pictures: int
    groups: int
    unreadable: tuple[Fault, ...] = ()
    learned: int = 0
    precision: str = "fp32"
    kind: Kind = "classify"
    curves: tuple[Curve, ...] = ()
    reliability: Reliability | None = None
    subgroups: tuple[Subgroup, ...] = ()
    risk: Points = ()
    said: str = ""
    without: Mapping[str, Interval] = field(default_factory=dict)
    hot: tuple[Hot, ...] = ()
    unmarked: tuple[Fault, ...] = ()
    values: tuple[Scattered, ...] = ()
    worst: tuple[Worst, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """All of it but what names single pictures as plain JSON values."""
        plain = asdict(replace(self, hot=(), worst=()))
        del plain["hot"], plain["worst"]
        return {**plain, "classes": [asdict(c) for c in self.classes]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a bundle's network says of a folder's labelled pictures.

    Args:
        bundle: whose network.
        rows: every picture that could be read, n of them.
        logits: (n, outputs); of ``segment`` the tallies of :func:`run_all`.
        fresh: which of them the bundle has not learned from, nor from others of their groups, bool (n,).
        unreadable: the others.
        precision: of the served network.
        strange: how strange each picture was to the network, (n,); None where it does not tell.
        marked: what people marked in the pictures (``anomaly``); None where nobody did.
    """

    bundle: Bundle
    rows: tuple[Row, ...]
    logits: NDArray[Any]
    fresh: NDArray[np.bool_]
    unreadable: tuple[Fault, ...]
    precision: str
    strange: NDArray[np.float32] | None = None
    marked: Marked | None = None


def evaluate(
    *,
    domain: Domain,
    root: Path,
    view: ViewSettings,
    bundle: Bundle,
    progress: Progress,
    by: Sequence[str] = (),
) -> Evaluation:
    """Judge a bundle on the labelled pictures of a folder.

    Pictures that it learned from are recognised by their pixels and left out, with all others of their groups.
    ``by`` names attributes to judge by; see :func:`fovea.engine.judging.subgroups.subgroups`.

    Raises:
        UsageError: the bundle is of another domain.
        DataError: no picture is left to judge on, or a label is unknown to the bundle.
        UnknownName: no picture has an attribute of ``by``.
        PluginError: the domain failed.
    """
    return judged(look(domain=domain, root=root, view=view, bundle=bundle, progress=progress), by)


def look(*, domain: Domain, root: Path, view: ViewSettings, bundle: Bundle, progress: Progress) -> Seen:
    """Show a bundle every labelled picture of a folder. Raises UsageError, DataError, PluginError."""
    if bundle.domain != domain.info.name or bundle.role not in domain.info.tasks:
        raise UsageError(f"the bundle {bundle.name} is for {bundle.domain} {bundle.role}, not for {domain.info.name}")
    wanted = Wanted(
        domain=domain,
        root=root,
        view=view,
        role=bundle.role,
        spec=bundle.preprocess,
        leave_out=tuple(bundle.recipe.get("leave_out", ())),
    )
    network = Network(bundle)
    faults: list[Fault] = []
    rows, found = _run_all(wanted, network, faults, progress)
    outputs = len(bundle.labels)
    return Seen(
        bundle=bundle,
        rows=tuple(rows),
        logits=found[:, :outputs] if network.gauged else found,
        strange=found[:, outputs] if network.gauged else None,
        fresh=unlearned(rows, bundle.learned),
        unreadable=tuple(faults),
        precision=network.precision,
        marked=marked_of(wanted, rows),
    )


def judged(seen: Seen, by: Sequence[str] = ()) -> Evaluation:
    """Judge a bundle on what it has seen and not learned from. Raises DataError, UnknownName."""
    kept = [row for row, keep in zip(seen.rows, seen.fresh, strict=True) if keep]
    refuse(seen.bundle, seen.rows, kept)
    return assess(
        rows=kept,
        logits=seen.logits[seen.fresh],
        bundle=seen.bundle,
        unreadable=seen.unreadable,
        learned=len(seen.rows) - len(kept),
        precision=seen.precision,
        by=by,
        strange=None if seen.strange is None else seen.strange[seen.fresh],
        marked=None if seen.marked is None else seen.marked.only(seen.fresh),
    )


def unlearned(rows: Sequence[Row], learned: frozenset[bytes]) -> NDArray[np.bool_]:
    """Which rows share neither pixels nor a group with what was learned from, bool (n,)."""
    known = [bytes.fromhex(row.digest) in learned for row in rows]
    groups = {row.group for row, is_known in zip(rows, known, strict=True) if is_known}
    return np.array([row.group not in groups for row in rows], bool)


def run_all(
    network: Network,
    pixels: NDArray[np.uint8],
    rows: NDArray[np.intp],
    masks: NDArray[np.uint8] | None = None,
    bundle: Bundle | None = None,
    beside: Sequence[Attributes] | None = None,
) -> NDArray[Any]:
    """Logits of these rows of the squares, (n, outputs); of ``anomaly`` distances (n, 1 + places).

    Of ``segment``, whose masks are given, their tallies, (n, ...). ``bundle`` is the network's, where that was
    calibrated since; ``beside`` has the attributes of each square, for a bundle that reads them.
    """
    parts: list[NDArray[Any]] = [] if len(rows) else [_nothing(network)]
    for start in range(0, len(rows), _BATCH):
        some = rows[start : start + _BATCH]
        logits = network.run(pixels[some], None if beside is None else [beside[row] for row in some])
        parts.append(logits if masks is None else tally(bundle or network.bundle, logits, masks[some]))
    return np.concatenate(parts)


def assess(  # noqa: PLR0913 - one argument a fact, all by name
    *,
    rows: Sequence[Row],
    logits: NDArray[Any],
    bundle: Bundle,
    unreadable: Sequence[Fault] = (),
    learned: int = 0,
    precision: str = "fp32",
    seed: int = 0,
    by: Sequence[str] = (),
    strange: NDArray[np.float32] | None = None,
    marked: Marked | None = None,
) -> Evaluation:
    """Count every figure from the served network's logits.

    Args:
        rows: true targets and groups, n of them; every label is one of the bundle's.
        logits: (n, outputs); of ``segment`` the tallies of :func:`run_all`.
        bundle: for labels, and for how its outputs are read.
        unreadable: kept in the answer.
        learned: kept in the answer.
        precision: kept in the answer.
        seed: of the bootstrap.
        by: attributes to judge by; empty takes the usual ones.
        strange: how strange each picture was to the network, (n,); None where it does not tell.
        marked: what people marked in the pictures (``anomaly``), in the same order.
    """
    judgement = judge(bundle, rows, logits, seed)
    values, spread, risk = promised(bundle, rows, logits, strange, seed, marked)
    return Evaluation(
        figures={**judgement.figures, **intervals(values, spread)},
        baselines=judgement.baselines,
        classes=cast("tuple[OfAnomaly | OfClass | OfLabel | OfMask | OfValue, ...]", judgement.classes),
        confusion=judgement.confusion,
        labels=bundle.labels,
        pictures=len(rows),
        groups=len({row.group for row in rows}),
        unreadable=tuple(unreadable),
        learned=learned,
        precision=precision,
        kind=bundle.kind,
        curves=judgement.curves,
        reliability=judgement.reliability,
        risk=risk,
        subgroups=subgroups(rows, cells_of(bundle, rows, logits), by, seed),
        said=how_said(bundle),
        hot=_hottest(bundle, rows, logits, marked),
        unmarked=() if marked is None else marked.faults,
        values=judgement.values,
        worst=worst(bundle, rows, logits),
    )


def _hottest(bundle: Bundle, rows: Sequence[Row], logits: NDArray[Any], marked: Marked | None) -> tuple[Hot, ...]:
    if bundle.kind != "anomaly" or logits.shape[1] == 1:
        return ()
    threshold = bundle.tail.threshold if bundle.tail else np.inf
    return hottest(rows, logits[:, 0], maps(logits), threshold, marked)


def promised(
    bundle: Bundle,
    rows: Sequence[Row],
    logits: NDArray[Any],
    strange: NDArray[np.float32] | None,
    seed: int = 0,
    marked: Marked | None = None,
) -> tuple[Mapping[str, float], Mapping[str, Floats], Points]:
    """What the bundle says of its own answers, and where its maps are hot: figures, resamplings, a risk-coverage curve.

    See :func:`fovea.engine.judging.certainty.weigh_certainty` and :func:`fovea.engine.judging.heat.judge_heat`.
    """
    group, groups = numbered([row.group for row in rows])
    if bundle.kind == "anomaly" and marked is not None:
        return *judge_heat(maps(logits), marked, group, groups, seed), ()
    if bundle.kind in ("segment", "anomaly"):
        return {}, {}, ()
    said = answers(bundle, logits).astype(np.float64)
    answered = Answered(truth=truth_of(bundle, rows), said=said, group=group, groups=groups, strange=strange)
    return *weigh_certainty(bundle, answered, seed), risk_curve(bundle, answered)


def judge(bundle: Bundle, rows: Sequence[Row], logits: NDArray[Any], seed: int = 0) -> Judgement:
    """Count what this kind of task counts; the resamplings of two bundles on the same rows are paired."""
    group, groups = numbered([row.group for row in rows])
    if bundle.kind == "segment":
        return judge_masks(bundle, logits, group, groups, seed)
    truth = truth_of(bundle, rows)
    said = answers(bundle, logits).astype(np.float64)
    before = answers(replace(bundle, temperature=1.0, levels=None, scale=None), logits).astype(np.float64)
    if bundle.kind == "anomaly":
        return judge_anomaly(bundle.tail, [str(row.target) for row in rows], said, group, groups, seed)
    if bundle.kind == "multilabel":
        return judge_labels(bundle, truth, said, before, group, groups, seed)
    if bundle.kind == "regress":
        return judge_values(bundle, truth, said, group, groups, seed)
    return judge_classes(bundle.labels, truth, said, before, group, groups, seed, chosen(bundle, said))


def _run_all(
    wanted: Wanted, network: Network, faults: list[Fault], progress: Progress
) -> tuple[list[Row], NDArray[np.float32]]:
    samples = read_samples(wanted)
    progress.start("judge the pictures", sum(target_of(wanted, sample) is not None for sample in samples))
    rows: list[Row] = []
    waiting: list[Square] = []
    names = names_of(wanted, samples)
    answers: list[NDArray[Any]] = []
    for square in squares(wanted, samples, faults, progress):
        rows.append(row_of(wanted, square))
        waiting.append(square)
        if len(waiting) == _BATCH:
            answers.append(_said(network, waiting, names))
            waiting.clear()
    if waiting:
        answers.append(_said(network, waiting, names))
    progress.finish()
    return rows, np.concatenate(answers or [_nothing(network, int(network.gauged))])


def _nothing(network: Network, further: int = 0) -> NDArray[np.float32]:
    labels = len(network.bundle.labels)
    outputs = {"segment": width(labels), "anomaly": 1}.get(network.bundle.kind, labels)
    return np.empty((0, outputs + further), np.float32)


def _said(network: Network, some: Sequence[Square], names: Sequence[str]) -> NDArray[np.float32]:
    """What the network says of squares; where it tells how strange they are, that is the last column."""
    pixels, beside = np.stack([square.pixels for square in some]), [square.sample.attributes for square in some]
    if network.gauged:
        logits, strange = network.look(pixels, beside)
        return np.column_stack([logits, np.asarray(strange)])
    drawn = [square.mask.places for square in some if square.mask is not None]
    masks = renamed(np.stack(drawn), names, network.bundle.labels) if drawn else None
    return run_all(network, pixels, np.arange(len(pixels)), masks, beside=beside)


def refuse(bundle: Bundle, rows: Sequence[Row], kept: Sequence[Row]) -> None:
    """Refuse to judge on nothing, or on answers that the bundle cannot give, with a DataError."""
    if not rows:
        raise DataError(f"there is no labelled picture that could be read to judge the bundle {bundle.name} on")
    if not kept:
        raise DataError(
            f"the bundle {bundle.name} has learned from all {len(rows)} pictures or from others of their groups: "
            "judge it on pictures of other groups"
        )
    if bundle.kind == "anomaly":
        return  # whatever is not normal
    if bundle.kind == "regress":
        ragged = next((row for row in kept if len(row.target) != len(bundle.labels)), None)
        if ragged is not None:
            told = f"{ragged.source} has {len(ragged.target)} values, and the bundle {bundle.name} tells"
            raise DataError(f"{told} {len(bundle.labels)} ({', '.join(bundle.labels)})")
        return
    of = strata(bundle.kind, [row.target for row in kept])
    strange = sorted({label for labels in of for label in labels} - {*bundle.labels, NONE})
    if strange:
        raise DataError(
            f"the bundle {bundle.name} does not know the label '{strange[0]}' (it knows: {', '.join(bundle.labels)})"
        )
