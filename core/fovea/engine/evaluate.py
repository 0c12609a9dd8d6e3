"""How good a bundle is on pictures it never learned from: figures with intervals, through the served network.

Every headline figure carries a 95 % interval from a bootstrap over *groups*: pictures of one plant or patient are
not independent, and an interval over pictures would be too narrow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from fovea.engine.judge_classes import OfClass, judge_classes
from fovea.engine.judge_labels import OfLabel, judge_labels
from fovea.engine.judge_values import OfValue, judge_values
from fovea.engine.resampling import Interval, Judgement, numbered
from fovea.engine.survey import Fault, Row, Wanted, read_samples, row_of, squares, target_of
from fovea.engine.targets import NONE, indicators, strata
from fovea.errors import DataError, UsageError
from fovea.plugin import Domain, Kind, ViewSettings
from fovea.progress import Progress
from fovea.serving.answers import answers
from fovea.serving.bundle import Bundle
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
            ``coverage`` and ``width`` (of the interval told). One that these pictures cannot tell is left out.
        baselines: what needs no pictures: saying the most frequent label, ranking by chance, or saying the mean.
        classes: one a label or value, in the bundle's order.
        confusion: pictures by (true label, said label), in the bundle's order; empty but for ``classify``.
        labels: in the bundle's order.
        pictures: number judged.
        groups: number of groups they are of.
        unreadable: pictures that could not be read, each with its reason.
        learned: pictures left out because the bundle learned from them, or from others of their group.
        precision: of the served network.
    """

    figures: Mapping[str, Interval]
    baselines: Mapping[str, float]
    classes: tuple[OfClass | OfLabel | OfValue, ...]
    confusion: tuple[tuple[int, ...], ...]
    labels: tuple[str, ...]
    pictures: int
    groups: int
    unreadable: tuple[Fault, ...] = ()
    learned: int = 0
    precision: str = "fp32"
    kind: Kind = "classify"

    def to_json(self) -> dict[str, Any]:
        """All of it as plain JSON values."""
        return {**asdict(self), "classes": [asdict(c) for c in self.classes]}


def evaluate(*, domain: Domain, root: Path, view: ViewSettings, bundle: Bundle, progress: Progress) -> Evaluation:
    """Judge a bundle on the labelled pictures of a folder.

    Pictures that it learned from are recognised by their pixels and left out, with all others of their groups.

    Raises:
        UsageError: the bundle is of another domain.
        DataError: no picture is left to judge on, or a label is unknown to the bundle.
        PluginError: the domain failed.
    """
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
    rows, logits = _run_all(wanted, network, faults, progress)
    fresh = unlearned(rows, bundle.learned)
    kept = [row for row, keep in zip(rows, fresh, strict=True) if keep]
    _refuse(bundle, rows, kept)
    return assess(
        rows=kept,
        logits=logits[fresh],
        bundle=bundle,
        unreadable=faults,
        learned=len(rows) - len(kept),
        precision=network.precision,
    )


def unlearned(rows: Sequence[Row], learned: frozenset[bytes]) -> NDArray[np.bool_]:
    """Which rows share neither pixels nor a group with what was learned from, bool (n,)."""
    known = [bytes.fromhex(row.digest) in learned for row in rows]
    groups = {row.group for row, is_known in zip(rows, known, strict=True) if is_known}
    return np.array([row.group not in groups for row in rows], bool)


def run_all(network: Network, pixels: NDArray[np.uint8], rows: NDArray[np.intp]) -> NDArray[np.float32]:
    """Logits of these rows of the squares, (n, outputs)."""
    parts = [network.run(pixels[rows[start : start + _BATCH]]) for start in range(0, len(rows), _BATCH)]
    return np.concatenate([network.run(pixels[:0]), *parts])


def assess(
    *,
    rows: Sequence[Row],
    logits: NDArray[np.float32],
    bundle: Bundle,
    unreadable: Sequence[Fault] = (),
    learned: int = 0,
    precision: str = "fp32",
    seed: int = 0,
) -> Evaluation:
    """Count every figure from the served network's logits.

    Args:
        rows: true targets and groups, n of them; every label is one of the bundle's.
        logits: (n, outputs).
        bundle: for labels, and for how its outputs are read.
        unreadable: kept in the answer.
        learned: kept in the answer.
        precision: kept in the answer.
        seed: of the bootstrap.
    """
    group, groups = numbered([row.group for row in rows])
    judgement = _judge(bundle, [row.target for row in rows], logits, group, groups, seed)
    return Evaluation(
        figures=judgement.figures,
        baselines=judgement.baselines,
        classes=cast("tuple[OfClass | OfLabel | OfValue, ...]", judgement.classes),
        confusion=judgement.confusion,
        labels=bundle.labels,
        pictures=len(rows),
        groups=groups,
        unreadable=tuple(unreadable),
        learned=learned,
        precision=precision,
        kind=bundle.kind,
    )


def _judge(
    bundle: Bundle,
    targets: Sequence[Any],
    logits: NDArray[np.float32],
    group: NDArray[np.intp],
    groups: int,
    seed: int,
) -> Judgement:
    said = answers(bundle, logits).astype(np.float64)
    before = answers(replace(bundle, temperature=1.0, levels=None, scale=None), logits).astype(np.float64)
    if bundle.kind == "multilabel":
        return judge_labels(bundle, indicators(targets, bundle.labels), said, before, group, groups, seed)
    if bundle.kind == "regress":
        return judge_values(bundle, np.array(targets, np.float64), said, group, groups, seed)
    truth = np.array([bundle.labels.index(target) for target in targets], np.int64)
    return judge_classes(bundle.labels, truth, said, before, group, groups, seed)


def _run_all(
    wanted: Wanted, network: Network, faults: list[Fault], progress: Progress
) -> tuple[list[Row], NDArray[np.float32]]:
    samples = read_samples(wanted)
    progress.start("judge the pictures", sum(target_of(wanted, sample) is not None for sample in samples))
    rows: list[Row] = []
    waiting: list[NDArray[np.uint8]] = []
    answers = [np.empty((0, len(network.bundle.labels)), np.float32)]
    for sample, region, square in squares(wanted, samples, faults, progress):
        rows.append(row_of(wanted, sample, region, square))
        waiting.append(square)
        if len(waiting) == _BATCH:
            answers.append(network.run(np.stack(waiting)))
            waiting.clear()
    if waiting:
        answers.append(network.run(np.stack(waiting)))
    progress.finish()
    return rows, np.concatenate(answers)


def _refuse(bundle: Bundle, rows: Sequence[Row], kept: Sequence[Row]) -> None:
    if not rows:
        raise DataError(f"there is no labelled picture that could be read to judge the bundle {bundle.name} on")
    if not kept:
        raise DataError(
            f"the bundle {bundle.name} has learned from all {len(rows)} pictures or from others of their groups: "
            "judge it on pictures of other groups"
        )
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
