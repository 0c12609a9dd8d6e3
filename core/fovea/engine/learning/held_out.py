"""Which labels to look at again: each picture is asked about by heads that learned from other groups only."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fovea.engine.audits.doubts import (
    Doubt,
    Floats,
    contradictions,
    doubts,
    doubts_of_labels,
    doubts_of_values,
    folds,
)
from fovea.engine.learning.probe import columns, features_of, link_of, width_of, with_facts
from fovea.engine.network import look_at_machine, make
from fovea.engine.networks.depths import inside
from fovea.engine.networks.heads import Link, fit_heads
from fovea.engine.pictures.facts import columns_of
from fovea.engine.pictures.split import Part
from fovea.engine.pictures.survey import Row, Wanted, survey
from fovea.engine.pictures.targets import strata
from fovea.engine.prepared import Prepared
from fovea.engine.recipe import Recipe, resolve
from fovea.engine.room import threads
from fovea.engine.tasks.shape import task_of
from fovea.errors import DataError
from fovea.plugin import Domain, ViewSettings
from fovea.progress import Progress
from fovea.serving.readings import Readout

FOLDS = 5
STRENGTH = 0.03
"""Of the heads' L2 penalty: a head held back more than one that is to be used does not learn wrong labels by heart."""

_POOLS = ("mean", "std")


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedAgain:
    """What to look at again.

    Args:
        rows: every labelled picture or region.
        doubts: labels that are probably wrong, the most doubtful first; ``place`` is one of ``rows``.
        contradictions: the same picture with different labels.
    """

    rows: tuple[Row, ...]
    doubts: tuple[Doubt, ...]
    contradictions: tuple[tuple[Row, ...], ...]


def look_again(
    domain: Domain, root: Path, view: ViewSettings, role: str, *, recipe: Recipe, cache: Path, progress: Progress
) -> LookedAgain:
    """Look for labels that are probably wrong among all labelled pictures below a folder.

    Args:
        domain: whose pictures and labels.
        root: folder of the pictures.
        view: the domain's view settings.
        role: one of ``domain.info.tasks``.
        recipe: for the backbone and its weights, the size, the device and the seed.
        cache: folder of squares and features, which trainings share.
        progress: told how far it is; it may raise to stop.

    Raises:
        UsageError: the task is none that a linear head can do.
        DataError: no pictures, no labels, or all of one group.
        UnknownName, WeightsMissing, PluginError: see :func:`fovea.engine.train.train`.
    """
    run = _prepare(domain, root, view, role, recipe, cache, progress)
    link = link_of(run)
    with threads(int(run.recipe.threads)):
        said = _said(run, link, cache, progress)
    given: NDArray[Any] = run.pictures("train").targets
    if link == "softmax":
        found = doubts(said, given.astype(np.intp), run.labels)
    elif link == "sigmoid":
        found = doubts_of_labels(said, given > 0, run.labels)
    else:
        found = doubts_of_values(_in_unit(run, said), _in_unit(run, given.astype(np.float64)), run.labels)
    return LookedAgain(rows=run.survey.rows, doubts=found, contradictions=contradictions(run.survey.rows))


def _prepare(
    domain: Domain, root: Path, view: ViewSettings, role: str, recipe: Recipe, cache: Path, progress: Progress
) -> Prepared:
    """All labelled pictures as one part: nothing is tested here."""
    spec, task = domain.info.tasks[role], task_of(domain.info.tasks[role].kind)
    recipe = resolve(recipe, spec.preprocess, look_at_machine(recipe.device), spec.kind)
    preprocess = dataclasses.replace(spec.preprocess, size=int(recipe.size))
    wanted = Wanted(domain=domain, root=root, view=view, role=role, spec=preprocess, leave_out=recipe.leave_out)
    seen = survey(wanted, cache / "surveys", progress)
    targets = [row.target for row in seen.rows]
    labels = task.read_labels(targets, domain.info.target(role))
    whole, origin = make(recipe, task=task, preprocess=preprocess, outputs=len(labels))
    return Prepared(
        wanted=wanted,
        recipe=recipe,
        folder=cache,
        task=task,
        survey=seen,
        labels=labels,
        parts=_all_to_learn(len(targets)),
        whole=whole,
        origin=origin,
        scale=task.scale_of(targets, labels),
        columns=columns_of(recipe.attributes, seen.rows, seen.rows),
    )


def _all_to_learn(count: int) -> tuple[Part, ...]:
    parts: tuple[Part, ...] = ("train",)
    return parts * count


def _said(run: Prepared, link: Link, cache: Path, progress: Progress) -> Floats:
    """What heads say of pictures of groups that they did not learn from, (n, outputs): probabilities, or values."""
    rows = run.survey.rows
    groups = [row.group for row in rows]
    count = min(FOLDS, len(set(groups)))
    if count < 2:  # noqa: PLR2004 - one to learn from, one to ask about
        raise DataError("all pictures are of one group, so that nothing can be asked about one by another: add a group")
    within = inside(run.whole.network, int(run.recipe.size))
    names = [row.digest for row in rows]
    features = features_of(run, within, cache).features(run.survey.pixels, np.arange(len(rows)), names, progress)
    readout = Readout(stages=within.stages, channels=within.channels, pools=_POOLS)
    learned = run.pictures("train")
    table = with_facts(features, learned)
    chosen = table[:, columns(within, readout, table.shape[1])].astype(np.float32)
    targets = learned.targets
    kind = run.wanted.domain.info.tasks[run.wanted.role].kind
    spread = ["+".join(one) for one in strata(kind, [row.target for row in rows])]
    part_of = folds(groups, spread, count=count, seed=run.recipe.seed)
    said = np.zeros((len(rows), len(run.labels)))
    progress.start("ask about each", count)
    for part in range(count):
        asked = part_of == part
        (head,) = fit_heads(
            chosen[~asked],
            targets[~asked],
            link=link,
            outputs=len(run.labels),
            strengths=(STRENGTH,),
            apart=width_of(learned),
        )
        said[asked] = _probabilities(head.logits(chosen[asked]).astype(np.float64), link)
        progress.advance()
    progress.finish()
    return said


def _probabilities(logits: Floats, link: Link) -> Floats:
    if link == "identity":
        return logits
    if link == "sigmoid":
        return np.asarray(1 / (1 + np.exp(-np.clip(logits, -50, 50))), np.float64)
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True), np.float64)


def _in_unit(run: Prepared, values: Floats) -> Floats:
    scale = run.scale
    return values if scale is None else np.asarray(values * scale.deviations + scale.means, np.float64)
