"""Mode ``full``: every weight of the network learns, by the loop."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fovea.engine.learning import balance, loop, lr_find, thaw
from fovea.engine.learning.learned import Learned
from fovea.engine.learning.mixing import Given
from fovea.engine.learning.side import begun_with_facts
from fovea.engine.networks.depths import inside
from fovea.engine.pictures import data
from fovea.engine.prepared import Prepared, write_json
from fovea.engine.recipe import Recipe
from fovea.engine.room import memory_kept, threads
from fovea.engine.tasks import segment
from fovea.progress import Progress
from fovea.settings import digest


def fit_full(run: Prepared, *, progress: Progress, stop: Callable[[], bool]) -> Learned:
    """Train the whole network to the end of the recipe; goes on from the run's checkpoint where there is one.

    Raises:
        Stopped, FoveaError: see :func:`fovea.engine.learning.loop.fit`.
    """
    with threads(int(run.recipe.threads)), memory_kept():
        begun_with_facts(run)
        run = _with_rate(run, progress, stop)
        curves = loop.fit(course_of(run), recipe=run.recipe, folder=run.folder, progress=progress, stop=stop)
    return Learned(whole=run.whole, curves=tuple(curves), recipe=run.recipe)


def _with_rate(run: Prepared, progress: Progress, stop: Callable[[], bool]) -> Prepared:
    """The run with the rate that a range test found, where the recipe asks for one; written into the run's recipe."""
    if run.recipe.lr != "find":
        return run
    test = lr_find.range_test(course_of(run), recipe=run.recipe, progress=progress, stop=stop)
    recipe = run.recipe.model_copy(update={"lr": test.rate})
    write_json(run.folder / "lr_find.json", dataclasses.asdict(test))
    write_json(run.folder / "recipe.json", recipe.model_dump(mode="json"))
    return dataclasses.replace(run, recipe=recipe)


def course_of(run: Prepared) -> loop.Course:
    """What the loop needs of a prepared training."""
    recipe, domain = run.recipe, run.wanted.domain
    learned, kept = run.pictures("train"), run.pictures("validation")
    rows = [run.survey.rows[row] for row in learned.rows]
    shares = balance.shares_of(run.task, learned.targets, rows, recipe)
    weights = balance.weights_of(run.task, learned.targets, recipe)
    in_loss = None if weights is None else torch.from_numpy(weights).to(recipe.device)
    cuts = data.even_cuts(len(learned), int(recipe.batch_size))

    @lru_cache(maxsize=1)
    def order(epoch: int) -> NDArray[np.intp]:
        return data.order_of(learned, seed=recipe.seed, epoch=epoch, shares=shares)

    def batches(epoch: int, first: int) -> Iterator[data.Batch]:
        return data.training_batches(
            learned,
            cuts=cuts[first:],
            order=order(epoch),
            salts=(recipe.seed, epoch),
            augments=(lambda: domain.augmentations(role=run.wanted.role, size=int(recipe.size)))
            if recipe.augment
            else None,
            domain=domain,
            threads=8 if recipe.device == "cuda" else 1,
        )

    return loop.Course(
        network=run.whole,
        batches=batches,
        steps=len(cuts),
        validate=lambda network: validate(network, kept, run, weights),
        loss=lambda logits, targets: run.task.loss(
            logits, targets, name=recipe.loss, weights=in_loss, smoothing=recipe.label_smoothing
        ),
        key=digest(recipe, run.survey.fingerprint, {"parts": run.parts, "names": [r.name for r in run.survey.rows]}),
        depths=_depths(run),
        groups=balance.groups_of(rows, recipe, order, cuts),
    )


def _depths(run: Prepared) -> thaw.Groups:
    """Names of the whole network's parameters by depth, where the recipe treats depths unlike."""
    if run.recipe.layer_decay == 1 and run.recipe.unfreeze == "all":
        return ()
    backbone = cast("torch.nn.Module", getattr(run.whole.network, "backbone", run.whole.network))
    names = {parameter: name for name, parameter in run.whole.named_parameters()}
    known = dict(backbone.named_parameters())
    groups = [[names[known[name]] for name in group] for group in inside(backbone, int(run.recipe.size)).groups]
    told = {name for group in groups for name in group}
    groups[-1].extend(name for name in names.values() if name not in told)
    return groups


@torch.no_grad()
def validate(
    network: torch.nn.Module, kept: data.Pictures, run: Prepared, weights: NDArray[np.float32] | None
) -> Mapping[str, float]:
    """Figures of a network on pictures it does not learn from; empty where there are none."""
    if not len(kept):
        return {}
    network.eval()
    in_score = None if weights is None else torch.from_numpy(weights)
    if kept.masks is not None:
        return segment.score_all(_maps(network, kept, run.recipe), name=run.recipe.loss, weights=in_score)
    logits = [_said(network, batch, run.recipe) for batch in data.plain_batches(kept, int(run.recipe.batch_size))]
    return run.task.score(
        torch.cat(logits),
        torch.from_numpy(kept.targets),
        name=run.recipe.loss,
        weights=in_score,
    )


def _maps(network: torch.nn.Module, kept: data.Pictures, recipe: Recipe) -> Iterator[tuple[Tensor, Tensor]]:
    for batch in data.plain_batches(kept, int(recipe.batch_size)):
        yield _said(network, batch, recipe), batch.targets


def _said(network: torch.nn.Module, batch: data.Batch, recipe: Recipe) -> Tensor:
    given = Given.of(batch, recipe.device)
    with loop.autocast(recipe):
        return given.logits(network).float().cpu()
