"""timm's side: what its train.py does with that script's defaults, of timm's own parts (the wheel does not hold it).

Its loader (random resized crop, flip, colour jitter 0.4, random interpolation; the prefetcher), SGD with Nesterov
momentum at 0.05, label smoothing 0.1, cosine schedule, single precision, validation and a checkpoint after every
epoch. Two things differ from its defaults: the batch, which is the same for all sides, and two loading processes
instead of four, since torch advises as many as there are cores. train.py has no probe: all but the classifier is frozen
by timm's own ``freeze``.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import timm
import torch
from measured import Asked, read_asked, start
from timm.data import create_dataset, create_loader, resolve_data_config
from timm.loss import LabelSmoothingCrossEntropy
from timm.optim import create_optimizer_v2
from timm.scheduler import create_scheduler_v2
from timm.utils import AverageMeter, CheckpointSaver, accuracy, random_seed
from torch import nn


def main(asked: Asked) -> None:
    torch.set_num_threads(1)
    meter = start()
    random_seed(42, 0)
    learned, kept, classes = loaders(asked)
    model = timm.create_model("resnet18", pretrained=False, num_classes=classes)
    if asked.way == "probe":
        for name, parameter in model.named_parameters():
            parameter.requires_grad = name.startswith("fc.")
    optimizer = create_optimizer_v2(model, opt="sgd", lr=0.05, momentum=0.9, weight_decay=2e-5)
    schedule, _ = create_scheduler_v2(
        optimizer, sched="cosine", num_epochs=asked.epochs, warmup_epochs=0, updates_per_epoch=len(learned)
    )
    about = SimpleNamespace(model="resnet18")
    saver = CheckpointSaver(model, optimizer, about, checkpoint_dir=asked.scratch, recovery_dir=asked.scratch)
    for epoch in range(asked.epochs):
        train_one_epoch(model, learned, optimizer, LabelSmoothingCrossEntropy(smoothing=0.1), schedule, epoch)
        top1 = validate(model, kept, nn.CrossEntropyLoss())
        schedule.step(epoch + 1, top1)
        saver.save_checkpoint(epoch, metric=top1)
        meter.end_epoch()
    meter.answer(asked, timm.__version__)


def loaders(asked: Asked) -> tuple[Any, Any, int]:
    learned, kept = (create_dataset("", root=asked.data, split=part) for part in ("train", "val"))
    config = resolve_data_config({"input_size": (3, asked.size, asked.size)})
    of_both: dict[str, Any] = {
        "input_size": config["input_size"],
        "batch_size": asked.batch,
        "mean": config["mean"],
        "std": config["std"],
        "num_workers": asked.workers,
        "device": torch.device("cpu"),
        "pin_memory": False,
    }
    training = create_loader(
        learned,
        is_training=True,
        scale=(0.08, 1.0),
        ratio=(3 / 4, 4 / 3),
        hflip=0.5,
        color_jitter=0.4,
        interpolation="random",
        **of_both,
    )
    testing = create_loader(
        kept, is_training=False, interpolation=config["interpolation"], crop_pct=config["crop_pct"], **of_both
    )
    return training, testing, len(learned.reader.class_to_idx)


def train_one_epoch(model: Any, loader: Any, optimizer: Any, criterion: Any, schedule: Any, epoch: int) -> None:
    model.train()
    losses, updates = AverageMeter(), epoch * len(loader)
    for pictures, target in loader:
        loss = criterion(model(pictures), target)
        losses.update(loss.item(), len(pictures))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        updates += 1
        schedule.step_update(num_updates=updates, metric=losses.avg)


@torch.inference_mode()
def validate(model: Any, loader: Any, criterion: Any) -> float:
    model.eval()
    losses, top1 = AverageMeter(), AverageMeter()
    for pictures, target in loader:
        output = model(pictures)
        losses.update(criterion(output, target).item(), len(pictures))
        top1.update(accuracy(output, target)[0].item(), len(pictures))
    return float(top1.avg)


if __name__ == "__main__":
    main(read_asked())
