"""How good a bundle is on pictures it never learned from: figures with intervals, through the served network.

Every headline figure carries a 95 % interval from a bootstrap over *groups*: pictures of one plant or patient are
not independent, and an interval over pictures would be too narrow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fovea.engine.survey import Fault, Row, Wanted, read_samples, row_of, squares, target_of
from fovea.errors import DataError, UsageError
from fovea.plugin import Domain, ViewSettings
from fovea.progress import Progress
from fovea.serving.bundle import Bundle
from fovea.serving.network import Network, probabilities

DRAWS = 1000
BINS = 15
_CHUNK = 100
_BATCH = 16

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OfClass:
    """How one class was told: shares in [0, 1], and the number of its pictures."""

    label: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Figures on pictures never learned from.

    Args:
        figures: ``accuracy``, ``balanced_accuracy``, ``macro_f1``, ``log_loss``, ``ece`` (expected calibration error),
            and ``ece_before`` (without the temperature), each with its interval.
        baselines: what needs no pictures: ``majority_accuracy`` and ``majority_balanced_accuracy``.
        classes: one a label, in the bundle's order.
        confusion: pictures by (true label, said label), in the bundle's order.
        labels: in the bundle's order.
        pictures: number judged.
        groups: number of groups they are of.
        unreadable: pictures that could not be read, each with its reason.
        learned: pictures left out because the bundle learned from them, or from others of their group.
        precision: of the served network.
    """

    figures: Mapping[str, Interval]
    baselines: Mapping[str, float]
    classes: tuple[OfClass, ...]
    confusion: tuple[tuple[int, ...], ...]
    labels: tuple[str, ...]
    pictures: int
    groups: int
    unreadable: tuple[Fault, ...] = ()
    learned: int = 0
    precision: str = "fp32"

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
        rows: true targets and groups, n of them; every target is one of the bundle's labels.
        logits: (n, labels).
        bundle: for labels and temperature.
        unreadable: kept in the answer.
        learned: kept in the answer.
        precision: kept in the answer.
        seed: of the bootstrap.
    """
    labels = bundle.labels
    truth = np.array([labels.index(row.target) for row in rows], np.int64)
    said = probabilities(bundle, logits).astype(np.float64)
    raw = _softmax(logits)
    group_names, group = np.unique([row.group.encode("utf-8", "surrogatepass") for row in rows], return_inverse=True)
    sums = _Sums.of(truth, said, raw, group, len(group_names))
    value = sums.figures(np.ones((1, len(group_names))))
    spread = sums.bootstrap(seed)
    return Evaluation(
        figures={name: _interval(value[name][0], spread[name], centred=name.startswith("ece")) for name in value},
        baselines=_baselines(truth, len(labels)),
        classes=_classes(truth, said.argmax(axis=1), labels),
        confusion=tuple(tuple(int(n) for n in row) for row in sums.confusion.sum(axis=0)),
        labels=labels,
        pictures=len(rows),
        groups=len(group_names),
        unreadable=tuple(unreadable),
        learned=learned,
        precision=precision,
    )


@dataclass(frozen=True, slots=True)
class _Sums:
    """Sums by group, from which every figure of every resampling follows by one product.

    Args:
        confusion: (groups, labels, labels).
        likelihood: sum of the negative log likelihood, (groups,).
        bins: of the calibrated and the raw probabilities: (groups, BINS, 2): (hits - confidence), count.
    """

    confusion: Floats
    likelihood: Floats
    bins: Floats
    bins_before: Floats

    @classmethod
    def of(cls, truth: NDArray[np.int64], said: Floats, raw: Floats, group: NDArray[np.intp], groups: int) -> _Sums:
        count, labels = said.shape
        confusion = np.zeros((groups, labels, labels))
        np.add.at(confusion, (group, truth, said.argmax(axis=1)), 1)
        likelihood = np.zeros(groups)
        np.add.at(likelihood, group, -np.log(np.maximum(said[np.arange(count), truth], 1e-12)))
        return cls(confusion, likelihood, _bins(truth, said, group, groups), _bins(truth, raw, group, groups))

    def figures(self, times: Floats) -> dict[str, Floats]:
        """Every figure where group g is counted ``times[:, g]`` times: (draws,) each."""
        groups, labels, _ = self.confusion.shape
        table = (times @ self.confusion.reshape(groups, -1)).reshape(-1, labels, labels)
        right, true, claimed = np.einsum("dll->dl", table), table.sum(axis=2), table.sum(axis=1)
        there = true > 0
        recall = np.where(there, right / np.maximum(true, 1), 0)
        f1 = np.where(there, 2 * right / np.maximum(true + claimed, 1), 0)
        total, classes = true.sum(axis=1), there.sum(axis=1)
        return {
            "accuracy": right.sum(axis=1) / total,
            "balanced_accuracy": recall.sum(axis=1) / classes,
            "macro_f1": f1.sum(axis=1) / classes,
            "log_loss": times @ self.likelihood / total,
            "ece": _ece(times, self.bins),
            "ece_before": _ece(times, self.bins_before),
        }

    def bootstrap(self, seed: int) -> dict[str, Floats]:
        """Every figure in DRAWS resamplings of the groups."""
        random = np.random.default_rng(seed)
        groups = len(self.likelihood)
        even = np.full(groups, 1 / groups)
        drawn = [self.figures(random.multinomial(groups, even, _CHUNK).astype(float)) for _ in range(DRAWS // _CHUNK)]
        return {name: np.concatenate([draw[name] for draw in drawn]) for name in drawn[0]}


def _bins(truth: NDArray[np.int64], said: Floats, group: NDArray[np.intp], groups: int) -> Floats:
    sure = said.max(axis=1)
    place = np.minimum((sure * BINS).astype(int), BINS - 1)
    sums = np.zeros((groups, BINS, 2))
    np.add.at(sums[..., 0], (group, place), (said.argmax(axis=1) == truth) - sure)
    np.add.at(sums[..., 1], (group, place), 1)
    return sums


def _ece(times: Floats, bins: Floats) -> Floats:
    """Expected calibration error over BINS bins of equal width (Naeini et al., AAAI 2015)."""
    summed = (times @ bins.reshape(len(bins), -1)).reshape(-1, BINS, 2)
    return np.asarray(np.abs(summed[..., 0]).sum(axis=1) / summed[..., 1].sum(axis=1))


def _softmax(logits: NDArray[np.float32]) -> Floats:
    raised = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def _interval(value: float, spread: Floats, *, centred: bool) -> Interval:
    """Percentiles of the resampled figures.

    ``centred`` moves them onto the figure first, not below 0: a calibration error sums absolute values, so that every
    resampling raises it, and its plain percentiles may leave the figure itself out.
    """
    moved = np.maximum(spread - (spread.mean() - value), 0) if centred else spread
    low, high = np.percentile(moved, [2.5, 97.5])
    return Interval(value=float(value), low=float(low), high=float(high))


def _baselines(truth: NDArray[np.int64], labels: int) -> dict[str, float]:
    counts = np.bincount(truth, minlength=labels)
    return {
        "majority_accuracy": float(counts.max() / counts.sum()),
        "majority_balanced_accuracy": float(1 / (counts > 0).sum()),
    }


def _classes(truth: NDArray[np.int64], said: NDArray[np.intp], labels: Sequence[str]) -> tuple[OfClass, ...]:
    from sklearn.metrics import precision_recall_fscore_support

    table = precision_recall_fscore_support(truth, said, labels=list(range(len(labels))), zero_division=0)
    return tuple(
        OfClass(label=label, precision=float(p), recall=float(r), f1=float(f), support=int(n))
        for label, p, r, f, n in zip(labels, *table, strict=True)
    )


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
    strange = sorted({row.target for row in kept} - set(bundle.labels))
    if strange:
        raise DataError(
            f"the bundle {bundle.name} does not know the label '{strange[0]}' (it knows: {', '.join(bundle.labels)})"
        )
