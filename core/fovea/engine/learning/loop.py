"""The training loop: plain torch, on one screen.

Every batch follows from (recipe, epoch, batch number), dropout's and mixing's draws included, so a training that was
stopped or killed and goes on from its checkpoint ends with the same bits as one that ran through (on a CPU, with as
many threads).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import chain, count, islice, repeat
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from fovea.engine.draws import seed_of
from fovea.engine.learning import averaging, boards, checkpoint, schedules, thaw, worst_group
from fovea.engine.learning.checkpoint import State
from fovea.engine.learning.mixing import Given, mixed
from fovea.engine.pictures.data import Batch
from fovea.engine.recipe import Recipe
from fovea.errors import FoveaError, Stopped
from fovea.progress import Progress, silent

_LOOK_EVERY = 10
_TIMED_RATE = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What a training is made of, besides its recipe.

    Args:
        network: uint8 (n, size, size, 3), and the numbers beside them where there are any, to logits (n, outputs).
        batches: of (epoch, first batch): the batches left of that epoch.
        steps: batches an epoch.
        validate: figures of the network as it is; empty where no pictures are kept for it.
        loss: of (logits, targets).
        key: digest of recipe, data and split.
        depths: names of the network's parameters by depth, the head last; needed for ``layer_decay`` and ``unfreeze``.
        groups: which group each picture is of, where the worst one counts most; None: all alike.
    """

    network: nn.Module
    batches: Callable[[int, int], Iterator[Batch]]
    steps: int
    validate: Callable[[nn.Module], Mapping[str, float]]
    loss: Callable[[Tensor, Tensor], Tensor]
    key: str
    depths: thaw.Groups = ()
    groups: worst_group.Groups | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fit:
    course: Course
    recipe: Recipe
    folder: Path
    progress: Progress
    stop: Callable[[], bool]
    optimizer: torch.optim.Optimizer
    state: State
    forward: Callable[..., Tensor]

    def keep(self) -> None:
        """Write the checkpoint."""
        checkpoint.write(self.folder / "checkpoint.pt", self.state, self.course.network, self.optimizer)


def fit(
    course: Course, *, recipe: Recipe, folder: Path, progress: Progress, stop: Callable[[], bool]
) -> list[dict[str, float]]:
    """Train to the end of the recipe, or until validation has not improved for ``patience`` epochs.

    Goes on from ``folder/checkpoint.pt`` where it is of the same key; leaves the network with its best weights. A batch
    that does not fit into memory is halved from then on, its halves' gradients added up.

    Returns:
        The curves: one mapping of figures an epoch; ``pieces`` says into how many a batch was cut, where it was.

    Raises:
        Stopped: ``stop`` said so; all that was done is kept.
        FoveaError: the loss is no number any more, or half a batch does not fit into memory either.
    """
    network = course.network.to(recipe.device)
    optimizer = make_optimizer(network, recipe, course.depths)
    state = _placed(checkpoint.read(folder / "checkpoint.pt", course.key, network, optimizer), course, recipe)
    run = _Fit(
        course=course,
        recipe=recipe,
        folder=folder,
        progress=progress,
        stop=stop,
        optimizer=optimizer,
        state=state,
        forward=_forward(network, recipe),
    )
    progress.start("learn", int(recipe.epochs) * course.steps)
    progress.advance(state.epoch * course.steps + state.step)
    while state.epoch < int(recipe.epochs) and not _is_over(state, recipe):
        began = time.monotonic()
        _run_epoch(run)
        _end_epoch(run, began)
    progress.finish()
    thaw.wake(network, recipe)
    checkpoint.load_best(folder / "best.pt", course.key, network)
    return state.curves


def _forward(network: nn.Module, recipe: Recipe) -> Callable[..., Tensor]:
    """What a step calls: the network, or what was compiled of it; both have the same weights."""
    return cast("Callable[..., Tensor]", torch.compile(network) if recipe.compiled else network)


def _placed(state: State, course: Course, recipe: Recipe) -> State:
    """The state on the training's device, with what this training keeps besides."""
    state.total = state.total.to(recipe.device)
    if recipe.ema:
        average = state.average or averaging.started(course.network)
        state.average = {name: tensor.to(recipe.device) for name, tensor in average.items()}
    if course.groups is not None:
        shares = state.shares if len(state.shares) else course.groups.even_shares()
        state.shares = shares.to(recipe.device)
    return state


def _run_epoch(run: _Fit) -> None:
    """The batches left of this epoch; ``state.total`` becomes the mean loss over the epoch's batches."""
    course, state, recipe = run.course, run.state, run.recipe
    thaw.set_learning(course.network, course.depths, recipe, state.epoch)
    coming = course.batches(state.epoch, state.step)
    while together := list(islice(coming, recipe.accumulate)):
        if run.stop():
            _refuse_nonsense(run)
            run.keep()
            raise Stopped(f"the training was stopped in epoch {state.epoch + 1}: run it again to go on")
        step = state.epoch * course.steps + state.step
        set_rate(run.optimizer, recipe, step, course.steps, state.curves)
        state.total += _gradients_that_fit(run, together).double() / course.steps
        _take_step(run, step // recipe.accumulate)
        before, state.step = state.step, state.step + len(together)
        run.progress.advance(len(together))
        if state.step // _LOOK_EVERY > before // _LOOK_EVERY:
            _refuse_nonsense(run)
            shown = float(state.total) * course.steps / state.step
            run.progress.show(epoch=state.epoch + 1, train_loss=round(shown, 4), lr=_rate(run.optimizer))
    _refuse_nonsense(run)


def _end_epoch(run: _Fit, began: float) -> None:
    """Validate, keep what is the best so far and the place, tell."""
    state, recipe, network = run.state, run.recipe, run.course.network
    figures = {"train_loss": float(state.total)}
    with averaging.standing_in(network, state.average):
        figures |= {**run.course.validate(network), "lr": _rate(run.optimizer), "seconds": time.monotonic() - began}
        if state.pieces > 1:
            figures["pieces"] = float(state.pieces)
        state.epoch, state.step = state.epoch + 1, 0
        state.curves.append(figures)
        if (score := score_of(figures, recipe, state.epoch)) > state.best_score:
            state.best_epoch, state.best_score = state.epoch, score
            checkpoint.keep_best(run.folder / "best.pt", state, network)
    state.total = torch.zeros_like(state.total)
    run.keep()
    if recipe.tensorboard:
        boards.write(run.folder / "tensorboard", state.curves)
    told = {name: round(value, 4) for name, value in figures.items() if name not in ("lr", "seconds")}
    run.progress.show(epoch=state.epoch, **told, lr=figures["lr"])


def _gradients_that_fit(run: _Fit, together: Sequence[Batch]) -> Tensor:
    """As :func:`_gradients`; where memory does not do, with batches halved from now on, once."""
    while True:
        try:
            return _gradients(run, together)
        except (RuntimeError, MemoryError) as error:
            if not _is_out_of_memory(error):
                raise
            if run.state.pieces > 1:
                fault = "the memory does not do for half a batch: train with a smaller batch_size, or a smaller size"
                raise FoveaError(fault) from error
        run.state.pieces = 2
        run.progress.show(memory="was short, batches are halved")
        if run.recipe.device == "cuda":
            torch.cuda.empty_cache()


def _gradients(run: _Fit, together: Sequence[Batch]) -> Tensor:
    """Give the network the gradients of one step's batches; the sum of their losses."""
    course, state, recipe = run.course, run.state, run.recipe
    run.optimizer.zero_grad(set_to_none=True)
    total = torch.zeros((), device=recipe.device)
    for place, batch in enumerate(together):
        step = state.epoch * course.steps + state.step + place
        groups = course.groups.of(state.epoch, state.step + place) if course.groups else None
        whole = Given.of(batch, str(recipe.device), groups)
        for number, given in enumerate(mixed(whole, recipe, step).pieces(state.pieces)):
            torch.manual_seed(seed_of(recipe.seed, step, number))  # dropout and stochastic depth
            with autocast(recipe):
                logits = given.logits(run.forward)
            loss = _loss(run, logits.float(), given) * (len(given) / len(whole))
            (loss / len(together)).backward()  # type: ignore[no-untyped-call]
            total += loss.detach()
    return total


def _loss(run: _Fit, logits: Tensor, given: Given) -> Tensor:
    if given.groups is None:
        return given.loss(logits, run.course.loss)
    loss, run.state.shares = worst_group.loss(logits, given, run.course.loss, run.state.shares)
    return loss


def losses_at(course: Course, *, recipe: Recipe, rates: Iterable[float]) -> Iterator[float]:
    """Learn from one batch at each of these rates, epoch after epoch; the losses, each before its step.

    Nothing is written. The network learns: give a course of a copy.
    """
    network = course.network.to(recipe.device)
    run = _Fit(
        course=course,
        recipe=recipe,
        folder=Path(),
        progress=silent(),
        stop=lambda: False,
        optimizer=make_optimizer(network, recipe, course.depths),
        state=_placed(State(key=course.key), course, recipe),
        forward=_forward(network, recipe),
    )
    thaw.set_learning(network, course.depths, recipe, epoch=int(recipe.epochs))
    endless = chain.from_iterable(course.batches(epoch, 0) for epoch in count())
    for step, (rate, batch) in enumerate(zip(rates, endless, strict=False)):
        run.state.epoch, run.state.step = divmod(step, course.steps)
        for group in run.optimizer.param_groups:
            group["lr"] = rate * group["scale"]
        loss = _gradients_that_fit(run, [batch])
        _take_step(run, step)
        yield float(loss)
    thaw.wake(network, recipe)


def seconds_a_step(course: Course, *, recipe: Recipe, steps: int) -> float:
    """How long a batch takes, measured on the first ``steps`` of them after one that does not count.

    The network learns from them: give a course of a copy.
    """
    rates = repeat(_TIMED_RATE, steps + 1)
    moments = [time.monotonic() for _ in losses_at(course, recipe=recipe, rates=rates)]
    return (moments[-1] - moments[0]) / steps


def _take_step(run: _Fit, step: int) -> None:
    """The optimizer's step, from the gradients there are; the mean of weights follows."""
    recipe, network = run.recipe, run.course.network
    if recipe.l1:
        for parameter in network.parameters():
            if parameter.grad is not None and parameter.ndim > 1:
                parameter.grad.add_(parameter.detach().sign(), alpha=recipe.l1)
    if recipe.clip:
        nn.utils.clip_grad_norm_(network.parameters(), recipe.clip)
    run.optimizer.step()
    if recipe.ema:
        averaging.update(run.state.average, network, decay=recipe.ema, step=step)


def make_optimizer(network: nn.Module, recipe: Recipe, depths: thaw.Groups = ()) -> torch.optim.Optimizer:
    """SGD with Nesterov momentum, Adam or AdamW; no decay on biases, norms, tokens and positions.

    Each depth has the rate that ``layer_decay`` gives it, kept beside it as ``scale``.
    """
    scales = thaw.scales(depths, recipe.layer_decay)
    learning = [(scales.get(name, 1.0), one) for name, one in network.named_parameters() if one.requires_grad]
    groups: list[dict[str, Any]] = [
        {"params": [p for of, p in learning if of == scale and (p.ndim > 1) == decays], "scale": scale, **decay}
        for scale in sorted({of for of, _ in learning}, reverse=True)
        for decays, decay in ((True, {"weight_decay": recipe.weight_decay}), (False, {"weight_decay": 0.0}))
    ]
    rate = 1.0 if isinstance(recipe.lr, str) else recipe.lr
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=rate, momentum=recipe.momentum, nesterov=recipe.momentum > 0)
    return (torch.optim.Adam if recipe.optimizer == "adam" else torch.optim.AdamW)(groups, lr=rate, fused=True)


def set_rate(
    optimizer: torch.optim.Optimizer,
    recipe: Recipe,
    step: int,
    steps: int,
    curves: Sequence[Mapping[str, float]] = (),
) -> None:
    """The rate of a step, by depth, as :func:`fovea.engine.learning.schedules.share` says; momentum where it cycles."""
    share, momentum = schedules.share(recipe, step, steps, curves), schedules.momentum(recipe, step, steps)
    for group in optimizer.param_groups:
        group["lr"] = float(recipe.lr) * share * group.get("scale", 1.0)
        if momentum is not None and "betas" in group:
            group["betas"] = (momentum, group["betas"][1])
        elif momentum is not None:
            group["momentum"] = momentum


def autocast(recipe: Recipe) -> AbstractContextManager[Any]:
    """Products in bf16 where the recipe says so; sums, norms and the loss stay fp32."""
    return torch.autocast(str(recipe.device), torch.bfloat16, enabled=recipe.precision == "bf16")


def score_of(figures: Mapping[str, float], recipe: Recipe, epoch: int) -> float:
    """Greater is better; without validation pictures the latest epoch is the best."""
    return schedules.merit(figures, recipe) if "loss" in figures else float(epoch)


def _rate(optimizer: torch.optim.Optimizer) -> float:
    return float(max(group["lr"] for group in optimizer.param_groups))


def _is_over(state: State, recipe: Recipe) -> bool:
    return 0 < recipe.patience <= state.epoch - state.best_epoch


def _is_out_of_memory(error: RuntimeError | MemoryError) -> bool:
    """On a GPU torch has a class for it; on a CPU its allocator says so in words only."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error)


def _refuse_nonsense(run: _Fit) -> None:
    """Refuse to go on with a loss or a weight that is no finite number; the checkpoint before stays."""
    state = run.state
    weights = torch.stack([one.detach().float().sum() for one in run.course.network.parameters()]).sum()
    if not math.isfinite(loss := float(state.total)) or not math.isfinite(float(weights)):
        what = f"the loss became {loss}" if not math.isfinite(loss) else "a weight became no number"
        raise FoveaError(
            f"{what} near batch {state.step} of epoch {state.epoch + 1}: "
            "train with a lower lr; the last good checkpoint is kept"
        )
