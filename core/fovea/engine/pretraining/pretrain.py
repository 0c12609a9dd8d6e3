"""Pretraining without photos: a network learns to know drawn pictures again, and what drew them.

Two looks at a picture are to be nearer to each other than to any other picture of the batch (NT-Xent: Chen et al.,
ICML 2020, arXiv 2002.05709); a smaller part of the loss asks which of the generators' classes it is. Every step
follows from (plan, step), so a stopped run goes on bit for bit (on a CPU, with as many threads).
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from fovea.engine.draws import seed_of
from fovea.engine.learning import checkpoint, loop
from fovea.engine.learning.checkpoint import State
from fovea.engine.network import look_at_machine
from fovea.engine.networks.backbones import STARTER_NETWORK, build, head_of
from fovea.engine.pretraining.drawing import CLASSES
from fovea.engine.pretraining.pool import Drawing, Pool, open_pool
from fovea.engine.pretraining.views import views
from fovea.engine.recipe import Recipe
from fovea.engine.room import held, threads
from fovea.errors import FoveaError, Stopped, UsageError
from fovea.plugin import Preprocess
from fovea.progress import Progress

PROJECTION = 128
_SHOW_EVERY, _KEEP_EVERY, _WARM, _TIMED = 10, 50, 2, 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Every setting of one pretraining.

    Args:
        minutes: how long to learn, drawing not counted; unused where ``steps`` is given.
        steps: batches; 0 lets a short measurement decide how many fit into the minutes.
        pictures: how many to draw.
        size: side of the drawn pictures in pixels.
        look: side of what the network is shown of them.
        batch: pictures a step, each seen twice.
        lr: highest rate, of AdamW.
        weight_decay: of AdamW.
        temperature: of NT-Xent.
        classes: weight of the loss that asks for the generators' classes.
        seed: of everything random.
        threads: CPU threads of the network; 0 takes the cores that are free. One more makes looks ready.
        device: ``auto``, ``cpu`` or ``cuda``.
    """

    minutes: float = 60.0
    steps: int = 0
    pictures: int = 24_000
    size: int = 96
    look: int = 80
    batch: int = 192
    lr: float = 2e-3
    weight_decay: float = 0.02
    temperature: float = 0.15
    classes: float = 0.2
    seed: int = 0
    threads: int = 0
    device: str = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pretrained:
    """What a pretraining came to.

    Args:
        weights: safetensors file, half precision, without a head.
        plan: as it was carried out.
        loss: of the last steps.
        known_again: share of the looks in the last steps whose nearest other look was of the same picture.
        seconds: spent on learning, over all runs.
    """

    weights: Path
    plan: Plan
    loss: float
    known_again: float
    seconds: float


def pretrain(folder: Path, plan: Plan, *, progress: Progress, stop: Callable[[], bool]) -> Pretrained:
    """Draw pictures, learn from them, write ``starter.safetensors`` and ``recipe.json`` into the folder.

    Args:
        folder: of this run; the same folder and plan go on where they were.
        plan: every setting. More or fewer ``steps`` than before stretch or shorten the same run.
        progress: told picture by picture, then batch by batch.
        stop: asked between chunks of pictures and between batches.

    Raises:
        UsageError: the plan makes no sense, or the folder holds a run of another one.
        Locked: another pretraining holds the folder.
        Stopped: ``stop`` said so; run again to go on.
        FoveaError: the loss is no number any more.
    """
    _check(plan)
    machine = look_at_machine(plan.device)
    with held(folder, "pretraining"), threads(plan.threads or machine.free_cores):
        course = _Course(plan=plan, device=machine.device, folder=folder)
        drawing = Drawing(pictures=plan.pictures, size=plan.size, seed=plan.seed)
        _refuse_other(folder, plan)
        pool = open_pool(folder, drawing, device=machine.device, progress=progress, stop=stop)
        whole = replace(plan, steps=_steps(course, pool))
        _write(folder / "plan.json", asdict(whole))
        course = replace(course, plan=whole)
        return _learn(course, pool, progress, stop)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Course:
    plan: Plan
    device: str
    folder: Path

    def recipe(self) -> Recipe:
        """The same settings as the training loop words them: one pass of ``steps`` batches.

        No bf16 on a CPU: this network's thin convolutions take twice as long in it (measured on a Zen 4 core).
        """
        return Recipe(
            backbone=STARTER_NETWORK,
            weights="none",
            epochs=1,
            lr=self.plan.lr,
            weight_decay=self.plan.weight_decay,
            warmup=0.05,
            precision="bf16" if self.device == "cuda" else "fp32",
            device=cast("Any", self.device),
        )


def new_network(seed: int, size: int = 96) -> nn.Module:
    """The network at random start: (n, 3, size, size) normalised floats to (n, PROJECTION + CLASSES)."""
    torch.manual_seed(seed)
    network, _ = build(
        STARTER_NETWORK,
        weights="none",
        size=size,
        outputs=PROJECTION + CLASSES,
        head=nn.Linear,
    )
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 0.05
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return network.to(memory_format=torch.channels_last)


def contrast(looks: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """NT-Xent of (2n, d) looks, i and n + i being of the same picture: the loss, and the share known again."""
    unit = nn.functional.normalize(looks, dim=1)
    alike = unit @ unit.T / temperature
    alike = alike.masked_fill(torch.eye(len(unit), dtype=torch.bool, device=unit.device), -math.inf)
    other = torch.arange(len(unit), device=unit.device).roll(len(unit) // 2)
    return nn.functional.cross_entropy(alike, other), (alike.argmax(dim=1) == other).float().mean()


def _learn(course: _Course, pool: Pool, progress: Progress, stop: Callable[[], bool]) -> Pretrained:
    plan, recipe, path = course.plan, course.recipe(), course.folder / "checkpoint.pt"
    network = new_network(plan.seed, plan.look).to(course.device).train()
    optimizer = loop.make_optimizer(network, recipe)
    state = checkpoint.read(path, _key(plan), network, optimizer)
    progress.start("learn", plan.steps)
    progress.advance(min(state.step, plan.steps))
    figures: list[Tensor] = []
    since = time.monotonic()
    for batch in _batches(course, pool, state.step):
        if stop():
            if figures:
                _note(state, figures, progress)
            _keep(path, state, network, optimizer, since)
            raise Stopped(
                f"the pretraining was stopped after {state.step} of {plan.steps} steps: run it again to go on"
            )
        loop.set_rate(optimizer, recipe, state.step, plan.steps)
        figures.append(_step(plan, recipe, network, optimizer, batch))
        state.step += 1
        progress.advance()
        if state.step % _SHOW_EVERY == 0 or state.step == plan.steps:
            _note(state, figures, progress)
            figures = []
        if state.step % _KEEP_EVERY == 0 or state.step == plan.steps:
            since = _keep(path, state, network, optimizer, since)
    progress.finish()
    return _finish(course, network, state)


def _step(
    plan: Plan, recipe: Recipe, network: nn.Module, optimizer: torch.optim.Optimizer, batch: tuple[Tensor, Tensor]
) -> Tensor:
    """Learn from one batch; its loss and the share known again, on the CPU."""
    planes, labels = batch
    with loop.autocast(recipe):
        answers = network(planes)
    looks, classes = answers.float().split([PROJECTION, CLASSES], dim=1)
    loss, known = contrast(looks, plan.temperature)
    whole = loss
    if plan.classes and bool((labels >= 0).any()):
        whole = loss + plan.classes * nn.functional.cross_entropy(classes, labels, ignore_index=-1)
    optimizer.zero_grad(set_to_none=True)
    whole.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(network.parameters(), 5.0)
    optimizer.step()
    return torch.stack([loss.detach(), known]).cpu()


def _batches(course: _Course, pool: Pool, first: int) -> Iterator[tuple[Tensor, Tensor]]:
    """The batches from this step on; one is made ready while the network learns from the one before."""
    if first >= course.plan.steps:
        return
    with ThreadPoolExecutor(1) as hand:
        coming = hand.submit(_batch, course, pool, first)
        for step in range(first, course.plan.steps):
            batch = coming.result()
            if step + 1 < course.plan.steps:
                coming = hand.submit(_batch, course, pool, step + 1)
            yield batch


def _batch(course: _Course, pool: Pool, step: int) -> tuple[Tensor, Tensor]:
    """Two looks at each picture of this step, normalised, (2n, 3, size, size), and the classes (2n,)."""
    plan, spec = course.plan, Preprocess()
    rounds, place = divmod(step, plan.pictures // plan.batch)
    order = np.random.default_rng(seed_of(plan.seed, 1, rounds)).permutation(plan.pictures)
    rows = np.sort(order[place * plan.batch : (place + 1) * plan.batch])
    random = torch.Generator().manual_seed(seed_of(plan.seed, 2, step))
    pixels = torch.from_numpy(pool.pixels[rows]).to(course.device)
    planes = views(torch.cat([pixels, pixels]), random, size=plan.look)
    mean, std = (torch.tensor(numbers, device=course.device).view(1, 3, 1, 1) for numbers in (spec.mean, spec.std))
    labels = torch.from_numpy(pool.labels[rows].astype(np.int64)).to(course.device)
    return ((planes - mean) / std).contiguous(memory_format=torch.channels_last), torch.cat([labels, labels])


def _steps(course: _Course, pool: Pool) -> int:
    """As many as were asked for, as an earlier run of this folder settled on, or as fit into the minutes."""
    if course.plan.steps:
        return course.plan.steps
    known = _known(course.folder)
    if known is not None and known["minutes"] == course.plan.minutes:
        return int(known["steps"])
    network, recipe = new_network(course.plan.seed, course.plan.look).to(course.device).train(), course.recipe()
    optimizer, began = loop.make_optimizer(network, recipe), time.monotonic()
    trial = replace(course, plan=replace(course.plan, steps=_WARM + _TIMED))
    for step, batch in enumerate(_batches(trial, pool, 0)):
        if step == _WARM:
            began = time.monotonic()
        _step(course.plan, recipe, network, optimizer, batch)
    return max(1, round(60 * course.plan.minutes * _TIMED / (time.monotonic() - began)))


def _note(state: State, figures: list[Tensor], progress: Progress) -> None:
    loss, known = (float(one) for one in torch.stack(figures).mean(dim=0))
    if not math.isfinite(loss):
        raise FoveaError(f"the loss became {loss} near step {state.step}: pretrain with a lower lr in another folder")
    state.curves.append({"step": state.step, "loss": loss, "known": known})
    progress.show(loss=round(loss, 4), known=round(known, 3))


def _keep(path: Path, state: State, network: nn.Module, optimizer: torch.optim.Optimizer, since: float) -> float:
    """Write the checkpoint; ``state.total`` counts the seconds. The time that counts from now on."""
    now = time.monotonic()
    state.total = state.total + (now - since)
    checkpoint.write(path, state, network, optimizer)
    return now


def _finish(course: _Course, network: nn.Module, state: State) -> Pretrained:
    from safetensors.torch import save

    last = head_of(network)[0] + "."
    kept = {
        name: tensor.detach().cpu().half().contiguous()
        for name, tensor in network.state_dict().items()
        if not name.startswith(last) and not name.endswith("num_batches_tracked")
    }
    weights = course.folder / "starter.safetensors"
    beside = weights.with_name(f".{weights.name}")
    beside.write_bytes(save(kept))
    beside.replace(weights)
    last_figures = state.curves[-1]
    done = Pretrained(
        weights=weights,
        plan=replace(course.plan, steps=state.step),  # a run that was shortened too late has done more
        loss=last_figures["loss"],
        known_again=last_figures["known"],
        seconds=float(state.total),
    )
    facts = {"network": STARTER_NETWORK, "device": course.device, "precision": course.recipe().precision}
    figures = {"loss": done.loss, "known_again": done.known_again, "seconds": round(done.seconds)}
    _write(course.folder / "recipe.json", {**asdict(done.plan), **facts, **figures, "torch": torch.__version__})
    return done


def _check(plan: Plan) -> None:
    if plan.minutes <= 0 and plan.steps <= 0:
        raise UsageError("pretrain for more than 0 minutes")
    if plan.batch < 2 or plan.pictures < plan.batch:  # noqa: PLR2004 - a picture is told from another one
        raise UsageError(f"draw at least as many pictures as a batch holds: {max(plan.batch, 2)}")
    if min(plan.size, plan.look) < 32:  # noqa: PLR2004 - the network halves it five times
        raise UsageError("draw pictures of at least 32 pixels")


def _key(plan: Plan) -> str:
    """Digest of all but how long and how fast: a run may be stretched, and go on with other threads."""
    said = {**asdict(plan), "minutes": 0, "steps": 0, "threads": 0, "device": ""}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _known(folder: Path) -> dict[str, Any] | None:
    path = folder / "plan.json"
    return cast("dict[str, Any]", json.loads(path.read_text(encoding="ascii"))) if path.is_file() else None


def _refuse_other(folder: Path, plan: Plan) -> None:
    known = _known(folder)
    if known is not None and _key(Plan(**known)) != _key(plan):
        raise UsageError(f"{folder} holds a pretraining with other settings: give the same ones, or another folder")


def _write(path: Path, content: dict[str, Any]) -> None:
    beside = path.with_name(f".{path.name}")
    beside.write_text(json.dumps(content, indent=2), encoding="ascii")
    beside.replace(path)
