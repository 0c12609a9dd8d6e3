"""Whether a bundle tells pictures of something else from those it knows (open-set recognition)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from fovea.engine.judging.evaluate import Evaluation, Seen
from fovea.engine.judging.labels import ranked
from fovea.engine.judging.resampling import Interval, intervals, numbered, resamplings
from fovea.engine.pictures.survey import Wanted, read_samples
from fovea.errors import DataError, UsageError
from fovea.plugin import Fitted, Sample
from fovea.progress import Progress
from fovea.serving.bundle import Bundle
from fovea.serving.network import Network, as_input
from fovea.serving.pictures import look, regions_for
from fovea.serving.preprocess import preprocess

KEPT = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Strangers:
    """Pictures of something else: how strange each was, (n,), and its group."""

    strange: NDArray[np.float32]
    groups: tuple[str, ...]


def strangers(wanted: Wanted, bundle: Bundle, progress: Progress) -> Strangers:
    """Show a bundle every picture of a folder, labelled or not.

    Raises:
        UsageError: its network does not tell how strange a picture is.
        DataError: there is no picture, or none that can be read.
        PluginError: the domain failed.
    """
    network = Network(bundle)
    if not network.gauged:
        raise UsageError(
            f"the bundle {bundle.name} does not tell how strange a picture is: train it again, with pictures of enough "
            "groups for that"
        )
    samples = read_samples(wanted)
    progress.start("look at the unknown pictures", len(samples))
    found = [(strange, sample.of_group) for sample, _, strange in looked(wanted, samples, network, progress)]
    progress.finish()
    if not found:
        raise DataError(f"there is no picture in {wanted.root} that could be read")
    strange, groups = zip(*found, strict=True)
    return Strangers(strange=np.array(strange, np.float32), groups=groups)


def looked(
    wanted: Wanted, samples: Sequence[Sample], network: Network, progress: Progress
) -> Iterator[tuple[Sample, NDArray[np.float32], float]]:
    """Each picture or region that can be read, with its logits (outputs,) and how strange it is to a gauged network."""
    task = wanted.domain.info.tasks[wanted.role]
    for _, unit in groupby(sorted(samples, key=lambda sample: sample.of_unit), key=lambda sample: sample.of_unit):
        seeing = look(
            domain=wanted.domain,
            root=wanted.root,
            samples=list(unit),
            view=wanted.view,
            fitted=Fitted(),
            side=wanted.spec.side,
        )
        for seen in seeing:
            progress.advance()
            if seen.image is None:
                continue
            for region in regions_for(task, seen.measures):
                square = as_input(preprocess(seen.image, wanted.spec, region))
                logits, strange = network.look(square[np.newaxis], [seen.sample.attributes])
                if strange is not None:
                    yield seen.sample, logits[0], float(strange[0])


def with_unknown(evaluation: Evaluation, seen: Seen, others: Strangers, seed: int = 0) -> Evaluation:
    """An evaluation with the figures of the unknown: those of :func:`judge_unknown`."""
    rows = [row for row, fresh in zip(seen.rows, seen.fresh, strict=True) if fresh]
    if seen.strange is None:
        raise UsageError(f"the bundle {seen.bundle.name} does not tell how strange a picture is: train it again")
    known = Strangers(strange=seen.strange[seen.fresh], groups=tuple(row.group for row in rows))
    figures = judge_unknown(seen.bundle, known, others, seed)
    return replace(evaluation, figures={**evaluation.figures, **figures})


def judge_unknown(bundle: Bundle, known: Strangers, others: Strangers, seed: int = 0) -> dict[str, Interval]:
    """How well strangeness tells the two apart, with intervals from drawing the groups of both anew.

    ``unknown_auroc``: 0.5 is chance. ``unknown_fpr95``: share of the others that pass where 95 % of the known do.
    ``unknown_found``: share of the others that the bundle calls unknown; left out where it calls none so.
    """
    group, groups = numbered([*(f"k{name}" for name in known.groups), *(f"o{name}" for name in others.groups)])
    strange = np.concatenate([known.strange, others.strange]).astype(np.float64)
    is_other = np.arange(len(strange)) >= len(known.strange)
    familiar = None if bundle.certainty is None else bundle.certainty.familiar
    most = None if familiar is None else familiar.most
    value = _figures(strange, is_other, np.ones((1, len(strange))), most)
    drawn = [_figures(strange, is_other, times[:, group], most) for times in resamplings(groups, seed, len(strange))]
    spread = {name: np.concatenate([one[name] for one in drawn]) for name in value}
    return intervals({name: float(one[0]) for name, one in value.items()}, spread)


def _figures(
    strange: NDArray[np.float64], is_other: NDArray[np.bool_], often: NDArray[np.float64], most: float | None
) -> dict[str, NDArray[np.float64]]:
    told = {"unknown_auroc": ranked(is_other, strange, often)[1], "unknown_fpr95": _passing(strange, is_other, often)}
    if most is not None:
        others = often[:, is_other]
        with np.errstate(invalid="ignore"):
            told["unknown_found"] = others @ (strange[is_other] > most) / others.sum(axis=1)
    return told


def _passing(
    strange: NDArray[np.float64], is_other: NDArray[np.bool_], often: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Share of the others below the line that keeps 95 % of the known, in each draw, (draws,)."""
    order = np.argsort(strange, kind="stable")
    known, other = often[:, order] * ~is_other[order], often[:, order] * is_other[order]
    reached = np.cumsum(known, axis=1) >= KEPT * known.sum(axis=1, keepdims=True) - 1e-9
    line = strange[order][reached.argmax(axis=1)]
    passed = np.cumsum(other, axis=1)[np.arange(len(often)), np.searchsorted(strange[order], line, side="right") - 1]
    return np.asarray(passed / np.maximum(other.sum(axis=1), 1))
