"""The training loop: plain torch, on one screen.

Every batch follows from (recipe, epoch, batch number), dropout's draws included, so a training that was stopped or
killed and goes on from its checkpoint ends with the same bits as one that ran through (on a CPU, with as many threads).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from fovea.engine import checkpoint
from fovea.engine.checkpoint import State
from fovea.engine.data import Batch
from fovea.engine.draws import seed_of
from fovea.engine.recipe import Recipe
from fovea.errors import FoveaError, Stopped
from fovea.progress import Progress

_LOOK_EVERY = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What a training is made of, besides its recipe.

    Args:
        network: uint8 (n, size, size, 3) to logits (n, outputs).
        batches: of (epoch, first batch): the batches left of that epoch.
        steps: batches an epoch.
        validate: figures of the network as it is; empty where no pictures are kept for it.
        loss: of (logits, targets).
        key: digest of recipe, data and split.
    """

    network: nn.Module
    batches: Callable[[int, int], Iterator[Batch]]
    steps: int
    validate: Callable[[nn.Module], Mapping[str, float]]
    loss: Callable[[Tensor, Tensor], Tensor]
    key: str


def fit(
    course: Course, *, recipe: Recipe, folder: Path, progress: Progress, stop: Callable[[], bool]
) -> list[dict[str, float]]:
    """Train to the end of the recipe, or until validation has not improved for ``patience`` epochs.

    Goes on from ``folder/checkpoint.pt`` where it is of the same key; leaves the network with its best weights.

    Returns:
        The curves: one mapping of figures an epoch.

    Raises:
        Stopped: ``stop`` said so; all that was done is kept.
        FoveaError: the loss is no number any more.
    """
    network = course.network.to(recipe.device)
    optimizer = make_optimizer(network, recipe)
    state = checkpoint.read(folder / "checkpoint.pt", course.key, network, optimizer)
    progress.start("learn", int(recipe.epochs) * course.steps)
    progress.advance(state.epoch * course.steps + state.step)
    while state.epoch < int(recipe.epochs) and not _is_over(state, recipe):
        began = time.monotonic()
        _run_epoch(course, state, optimizer, recipe=recipe, folder=folder, progress=progress, stop=stop)
        figures = {"train_loss": float(state.total), **course.validate(network), "seconds": time.monotonic() - began}
        state.epoch, state.step, state.total = state.epoch + 1, 0, torch.zeros_like(state.total)
        state.curves.append(figures)
        if (score := _score(figures, recipe, state.epoch)) > state.best_score:
            state.best_epoch, state.best_score = state.epoch, score
            checkpoint.keep_best(folder / "best.pt", state, network)
        checkpoint.write(folder / "checkpoint.pt", state, network, optimizer)
        progress.show(epoch=state.epoch, **{name: round(value, 4) for name, value in figures.items()})
    progress.finish()
    checkpoint.load_best(folder / "best.pt", course.key, network)
    return state.curves


def _run_epoch(
    course: Course,
    state: State,
    optimizer: torch.optim.Optimizer,
    *,
    recipe: Recipe,
    folder: Path,
    progress: Progress,
    stop: Callable[[], bool],
) -> None:
    """The batches left of this epoch; ``state.total`` becomes the mean loss over the epoch's batches."""
    network = course.network.train()
    total = state.total.to(recipe.device)
    for pixels, targets in course.batches(state.epoch, state.step):
        if stop():
            state.total = total.cpu()
            checkpoint.write(folder / "checkpoint.pt", state, network, optimizer)
            raise Stopped(f"the training was stopped in epoch {state.epoch + 1}: run it again to go on")
        step = state.epoch * course.steps + state.step
        torch.manual_seed(seed_of(recipe.seed, step))  # dropout and stochastic depth
        set_rate(optimizer, recipe, step, course.steps)
        with autocast(recipe):
            logits = network(pixels.to(recipe.device, non_blocking=True))
        loss = course.loss(logits.float(), targets.to(recipe.device, non_blocking=True))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if recipe.clip:
            nn.utils.clip_grad_norm_(network.parameters(), recipe.clip)
        optimizer.step()
        total += loss.detach().double() / course.steps
        state.step += 1
        progress.advance()
        if state.step % _LOOK_EVERY == 0 or state.step == course.steps:
            _refuse_nonsense(total, state)
    state.total = total.cpu()


def make_optimizer(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """SGD with Nesterov momentum, Adam or AdamW; no decay on biases, norms, tokens and positions."""
    learning = [parameter for parameter in network.parameters() if parameter.requires_grad]
    groups: list[dict[str, Any]] = [
        {"params": [p for p in learning if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in learning if p.ndim <= 1], "weight_decay": 0.0},
    ]
    rate = float(recipe.lr)
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=rate, momentum=recipe.momentum, nesterov=recipe.momentum > 0)
    return (torch.optim.Adam if recipe.optimizer == "adam" else torch.optim.AdamW)(groups, lr=rate, fused=True)


def set_rate(optimizer: torch.optim.Optimizer, recipe: Recipe, step: int, steps: int) -> None:
    """Linear warm-up, then half a cosine down to a hundredth of the rate, or constant."""
    whole = int(recipe.epochs) * steps
    rise = recipe.warmup * whole
    if step < rise:
        share = (step + 1) / (rise + 1)
    elif recipe.schedule == "constant":
        share = 1.0
    else:
        share = 0.01 + 0.99 * (1 + math.cos(math.pi * (step - rise) / max(whole - rise, 1))) / 2
    for group in optimizer.param_groups:
        group["lr"] = float(recipe.lr) * share


def autocast(recipe: Recipe) -> AbstractContextManager[Any]:
    """Products in bf16 where the recipe says so; sums, norms and the loss stay fp32."""
    return torch.autocast(str(recipe.device), torch.bfloat16, enabled=recipe.precision == "bf16")


def _score(figures: Mapping[str, float], recipe: Recipe, epoch: int) -> float:
    """Greater is better; without validation pictures the latest epoch is the best."""
    if "loss" not in figures:
        return float(epoch)
    return -figures["loss"] if recipe.monitor == "loss" else figures[recipe.monitor] - 1e-6 * figures["loss"]


def _is_over(state: State, recipe: Recipe) -> bool:
    return 0 < recipe.patience <= state.epoch - state.best_epoch


def _refuse_nonsense(total: Tensor, state: State) -> None:
    if not math.isfinite(float(total)):
        raise FoveaError(
            f"the loss became {float(total)} near batch {state.step} of epoch {state.epoch + 1}: "
            "train with a lower lr; the last good checkpoint is kept"
        )
