"""Which depths of a network learn, how fast, and whose batch statistics follow.

Layer-wise rates: Clark et al., ELECTRA (2020, arXiv 2003.10555), and Bao et al., BEiT (2021, arXiv 2106.08254).
Gradual unfreezing: Howard and Ruder, ULMFiT (2018, arXiv 1801.06146).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import nn

from fovea.engine.recipe import Recipe

Groups = Sequence[Sequence[str]]
"""Names of a network's parameters in order of depth, the head last; empty where depth does not matter."""


def scales(groups: Groups, decay: float) -> dict[str, float]:
    """By parameter, its rate as a share of the head's: ``decay`` for each group that lies between.

    >>> scales([["stem"], ["block"], ["head"]], 0.5)
    {'head': 1.0, 'block': 0.5, 'stem': 0.25}
    """
    return {name: decay**depth for depth, names in enumerate(reversed(groups)) for name in names}


def opened(recipe: Recipe, epoch: int, count: int) -> int:
    """How many of ``count`` groups, from the head down, learn in an epoch (from 0).

    ``gradual`` opens the last of them at half the run; a number opens one more after so many epochs.
    """
    if recipe.unfreeze == "all":
        return count
    every = int(recipe.epochs) / 2 / max(count - 1, 1) if recipe.unfreeze == "gradual" else recipe.unfreeze
    return min(count, 1 + math.floor(epoch / every))


def set_learning(network: nn.Module, groups: Groups, recipe: Recipe, epoch: int) -> None:
    """Make a network learn as an epoch wants it: opened depths with gradients, the others at rest.

    Batch statistics stay as they are where the recipe says so, and in every depth that is at rest.
    """
    network.train()
    resting = {name for names in groups[: len(groups) - opened(recipe, epoch, len(groups))] for name in names}
    if recipe.unfreeze != "all":
        for name, parameter in network.named_parameters():
            parameter.requires_grad_(name not in resting)
    for name, module in network.named_modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and (  # noqa: SLF001 - the common base has no other name
            recipe.batch_stats == "frozen" or f"{name}.weight" in resting
        ):
            module.eval()


def wake(network: nn.Module, recipe: Recipe) -> None:
    """Let every depth have gradients again, once a training is over."""
    if recipe.unfreeze != "all":
        network.requires_grad_(requires_grad=True)
