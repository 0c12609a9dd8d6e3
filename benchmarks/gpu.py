"""Training and inference on a GPU beside a loop whose input is there already, and beside timm's loader and step.

    python benchmarks/gpu.py [networks=resnet50,vit_b_16] [pictures=4096] [size=224] [batch=128] [epochs=3] [least=0.9]

Drawn pictures, written as PNG; bf16 products, channels last, torch.compile. Pictures a second of the last epoch, in
which nothing is compiled any more. *Synthetic* is the same network with one batch that lies on the device: what the
device could do if input cost nothing. Fovea's training reads the surveyed squares, changes each as a domain would
(flip, crop, colours) and learns from it by ``fit``; its inference is the embedding that a probe is made of. timm is its
own loader over the same files (as many processes as cores), with the step of its script. Ends with status 1 where
Fovea's training is below ``least`` of the synthetic loop. ``device=cpu`` tries the script where there is no GPU; its
figures mean nothing.
"""

from __future__ import annotations

import datetime as dt
import importlib.util
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from probe_pass import make, read
from torch import Tensor, nn

from fovea.engine.learning.embed import embedder
from fovea.engine.learning.full import fit_full
from fovea.engine.learning.loop import autocast, make_optimizer
from fovea.engine.networks.depths import inside
from fovea.engine.prepared import Prepared, prepare
from fovea.engine.recipe import Recipe
from fovea.plugin import Domain, DomainInfo, Preprocess, TaskSpec, ViewSettings, albumentations
from fovea.progress import silent
from fovea.serving.readings import Readout

STEPS = 60


@dataclass(frozen=True)
class Asked:
    """What is measured."""

    root: Path
    recipe: Recipe
    size: int
    workers: int


def main(arguments: list[str]) -> None:
    given = dict(argument.split("=", 1) for argument in arguments)
    device, size = given.get("device", "cuda"), int(given.get("size", "224"))
    if device == "cuda" and not torch.cuda.is_available():
        sys.exit("there is no GPU here: run this where there is one (device=cpu only tries the script)")
    name = torch.cuda.get_device_name() if device == "cuda" else "CPU, a trial: the figures mean nothing"
    print(f"{dt.datetime.now(dt.UTC):%Y-%m-%d}, {name}, torch {torch.__version__}, {os.cpu_count()} cores")
    worst = 1.0
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make(root / "pictures", int(given.get("pictures", "4096")), size)
        for network in given.get("networks", "resnet50,vit_b_16").split(","):
            recipe = recipe_of(network, device, given)
            worst = min(worst, measure(Asked(root=root, recipe=recipe, size=size, workers=os.cpu_count() or 1)))
    if worst < float(given.get("least", "0.9")):
        sys.exit(f"training reaches {worst:.2f} of the synthetic loop, less than is claimed")


def recipe_of(network: str, device: str, given: dict[str, str]) -> Recipe:
    return Recipe.model_validate(
        {
            "backbone": f"torchvision:{network}",
            "weights": "none",
            "size": int(given.get("size", "224")),
            "batch_size": int(given.get("batch", "128")),
            "epochs": int(given.get("epochs", "3")),
            "device": device,
            "precision": "bf16",
            "compiled": given.get("compile", "1") == "1",
            "validation": 0,
            "calibration": 0,
            "test": 0.05,
            "patience": 0,
            "audit": False,
        }
    )


def measure(asked: Asked) -> float:
    """Print the rates of one network; Fovea's share of the synthetic rate in training."""
    run = prepared(asked)
    rates = {
        "training": {
            "synthetic": synthetic_training(fresh(asked)),
            "Fovea": fovea_training(fresh(asked)),
            "timm": timm_rate(asked, learns=True),
        },
        "inference": {
            "synthetic": synthetic_inference(run),
            "Fovea": fovea_inference(run, asked.root),
            "timm": timm_rate(asked, learns=False),
        },
    }
    for what, of in rates.items():
        told = ", ".join(f"{side} {'not installed' if rate is None else f'{rate:.0f}'}" for side, rate in of.items())
        share = ratio(of["Fovea"], of["synthetic"])
        print(f"{asked.recipe.backbone} {what}, pictures a second: {told}; Fovea / synthetic {share:.2f}", end="")
        print("" if of["timm"] is None else f", Fovea / timm {ratio(of['Fovea'], of['timm']):.2f}", flush=True)
    return ratio(rates["training"]["Fovea"], rates["training"]["synthetic"])


def ratio(one: float | None, other: float | None) -> float:
    return (one or 0.0) / (other or 1.0)


def fresh(asked: Asked) -> Prepared:
    """A run with a folder of its own, so that none goes on from another."""
    return prepared(asked, name=str(time.monotonic_ns()))


def prepared(asked: Asked, name: str = "look") -> Prepared:
    info = DomainInfo(
        name="drawn",
        title="Drawn pictures",
        intended_use="Measuring.",
        limits="Nothing else.",
        tasks={"kind": TaskSpec(kind="classify", preprocess=Preprocess(size=asked.size))},
    )
    folder = asked.root / f"run-{name}"
    folder.mkdir()
    return prepare(
        Domain(info=info, read_samples=read, augmentations=changes),
        asked.root / "pictures",
        ViewSettings(),
        "kind",
        recipe=asked.recipe,
        folder=folder,
        cache=asked.root / "cache",
        progress=silent(),
    )


def changes(role: str, size: int) -> Any:  # noqa: ARG001 - the contract's names
    crop = {"size": (size, size), "scale": (0.5, 1.0)}
    return albumentations([("RandomResizedCrop", crop), ("HorizontalFlip", {}), ("ColorJitter", {"p": 0.5})])


def fovea_training(run: Prepared) -> float:
    learned = fit_full(run, progress=silent(), stop=lambda: False)
    return len(run.pictures("train")) / learned.curves[-1]["seconds"]


def synthetic_training(run: Prepared) -> float:
    recipe = run.recipe
    network = run.whole.to(recipe.device).train()
    optimizer = make_optimizer(network, recipe)
    pixels, targets = resident(run)
    step: Callable[..., Tensor] = torch.compile(network) if recipe.compiled else network

    def once() -> None:
        optimizer.zero_grad(set_to_none=True)
        with autocast(recipe):
            logits = step(pixels)
        nn.functional.cross_entropy(logits.float(), targets).backward()
        nn.utils.clip_grad_norm_(network.parameters(), recipe.clip)
        optimizer.step()

    return rate(once, len(pixels), str(recipe.device))


def synthetic_inference(run: Prepared) -> float:
    recipe = run.recipe
    network = run.whole.to(recipe.device).eval()
    pixels, _ = resident(run)
    step: Callable[..., Tensor] = torch.compile(network) if recipe.compiled else network

    @torch.no_grad()
    def once() -> None:
        with autocast(recipe):
            step(pixels)

    return rate(once, len(pixels), str(recipe.device))


def fovea_inference(run: Prepared, root: Path) -> float:
    within = inside(run.whole.network.to("cpu"), int(run.recipe.size))
    readout = Readout(stages=within.stages[-1:], channels=within.channels[-1:], pools=("mean",))
    embed = embedder(run.whole, readout, size=int(run.recipe.size), recipe=run.recipe, folder=root / "eyes")
    pixels, batch = run.survey.pixels, int(run.recipe.batch_size)
    return rate(lambda: embed(np.ascontiguousarray(pixels[:batch])), min(batch, len(pixels)), "cpu")  # answers are back


def resident(run: Prepared) -> tuple[Tensor, Tensor]:
    count = min(int(run.recipe.batch_size), len(run.survey.pixels))
    pixels = torch.from_numpy(np.array(run.survey.pixels[:count]))
    return pixels.to(run.recipe.device), torch.arange(count, device=run.recipe.device) % len(run.labels)


def rate(once: Callable[[], object], pictures: int, device: str) -> float:
    """Pictures a second, after a few steps that do not count."""
    steps = STEPS if torch.cuda.is_available() else 2
    for _ in range(steps // 6 + 1):
        once()
    wait(device)
    began = time.monotonic()
    for _ in range(steps):
        once()
    wait(device)
    return steps * pictures / (time.monotonic() - began)


def wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def timm_rate(asked: Asked, *, learns: bool) -> float | None:
    """Timm's loader over the same files, and its script's step with AMP in bf16; None where timm is not there."""
    if importlib.util.find_spec("timm") is None:
        return None
    device = torch.device(str(asked.recipe.device))
    name = asked.recipe.backbone.partition(":")[2].replace("vit_b_16", "vit_base_patch16_224")
    began, seen = 0.0, 0
    step = timm_step(name, device, asked, learns=learns)
    for _ in range(2):  # the first one compiles
        began, seen = time.monotonic(), 0
        for pixels, targets in timm_batches(asked, device, learns=learns):
            step(pixels, targets)
            seen += len(pixels)
        wait(device.type)
    return seen / (time.monotonic() - began)


def timm_batches(asked: Asked, device: torch.device, *, learns: bool) -> Iterator[tuple[Tensor, Tensor]]:
    from timm.data import create_dataset, create_loader

    loader: Any = create_loader(
        create_dataset("", root=str(asked.root / "pictures")),
        input_size=(3, asked.size, asked.size),
        batch_size=int(asked.recipe.batch_size),
        is_training=learns,
        hflip=0.5,
        color_jitter=0.4,
        num_workers=asked.workers,
        device=device,
        pin_memory=device.type == "cuda",
        use_prefetcher=device.type == "cuda",
    )
    for pixels, targets in loader:
        yield pixels.to(device), targets.to(device)


def timm_step(name: str, device: torch.device, asked: Asked, *, learns: bool) -> Callable[[Tensor, Tensor], object]:
    import timm
    from timm.optim import create_optimizer_v2

    network = timm.create_model(name, num_classes=10).to(device, memory_format=torch.channels_last)
    optimizer = create_optimizer_v2(network, opt="sgd", lr=0.05, momentum=0.9, weight_decay=2e-5)
    forward: Callable[..., Tensor] = torch.compile(network) if asked.recipe.compiled else network
    network.train(learns)

    def step(pixels: Tensor, targets: Tensor) -> None:
        with torch.set_grad_enabled(learns), torch.autocast(device.type, torch.bfloat16):
            loss = nn.functional.cross_entropy(forward(pixels.contiguous(memory_format=torch.channels_last)), targets)
        if learns:
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()

    return step


if __name__ == "__main__":
    main(sys.argv[1:])
