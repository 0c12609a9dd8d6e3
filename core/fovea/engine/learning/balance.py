"""How much, or how often, the pictures of a training count: by class, or by the group that is learned worst."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fovea.engine.learning import worst_group
from fovea.engine.pictures.survey import Row
from fovea.engine.recipe import Recipe
from fovea.engine.tasks import classify
from fovea.engine.tasks.shape import Task


def weights_of(task: Task, targets: NDArray[Any], recipe: Recipe) -> NDArray[np.float32] | None:
    """What the task's loss takes as weights; None where the recipe asks for none, or balances groups instead."""
    if recipe.worst_group:
        return None
    if recipe.class_balance == "effective":
        return classify.effective(targets)
    return task.weights(targets) if recipe.class_balance == "weights" else None


def shares_of(task: Task, targets: NDArray[Any], rows: Sequence[Row], recipe: Recipe) -> NDArray[np.float64] | None:
    """How often each picture should come, relative to the others, (n,); None: each exactly once an epoch.

    Raises:
        DataError: ``worst_group`` names no attribute that makes groups.
    """
    if recipe.worst_group:
        return worst_group.shares(worst_group.grouped(rows, recipe.worst_group)[1])
    return task.shares(targets) if recipe.class_balance == "sampler" else None


def groups_of(
    rows: Sequence[Row], recipe: Recipe, order: Callable[[int], NDArray[np.intp]], cuts: Sequence[slice]
) -> worst_group.Groups | None:
    """The groups whose worst one counts most; None where the recipe asks for none.

    Args:
        rows: what is learned from.
        recipe: resolved.
        order: of an epoch: places in ``rows``.
        cuts: the batches, as slices of it.

    Raises:
        DataError: ``worst_group`` names no attribute that makes groups.
    """
    if not recipe.worst_group:
        return None
    names, places = worst_group.grouped(rows, recipe.worst_group)

    def of(epoch: int, batch: int) -> Tensor:
        return torch.from_numpy(places[order(epoch)[cuts[batch]]])

    return worst_group.Groups(names=names, of=of)
