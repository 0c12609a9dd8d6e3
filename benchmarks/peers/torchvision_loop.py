"""torchvision's side: the loop of its classification reference, with that script's defaults, written again here.

ImageFolder and PIL, a random resized crop and a flip, SGD at 0.1, single precision, validation and a checkpoint after
every epoch. torch is told two loading processes, since it advises as many as there are cores. With ``by_hand=1`` it is
what somebody who knows torch on CPUs makes of it: channels last and bf16 by autocast. The reference has no probe: the
head alone learns as in torch's tutorial on transfer learning.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch
import torchvision
from measured import Asked, read_asked, start
from torch import nn
from torch.utils.data import DataLoader
from torchvision import transforms

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def main(asked: Asked, *, by_hand: bool) -> None:
    torch.set_num_threads(1)
    meter = start()
    learned, kept = loaders(asked)
    model = torchvision.models.resnet18(weights=None, num_classes=len(learned.dataset.classes))
    if by_hand:
        model = model.to(memory_format=torch.channels_last)
    if asked.way == "probe":
        freeze(model)
    criterion = nn.CrossEntropyLoss()
    learning = [one for one in model.parameters() if one.requires_grad]
    optimizer = torch.optim.SGD(learning, lr=0.1, momentum=0.9, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=30, gamma=0.1)
    for epoch in range(asked.epochs):
        train_one_epoch(model, criterion, optimizer, learned, by_hand=by_hand)
        schedule.step()
        evaluate(model, criterion, kept, by_hand=by_hand)
        content = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epoch}
        torch.save(content, Path(asked.scratch, "checkpoint.pth"))
        meter.end_epoch()
    meter.answer(asked, torchvision.__version__)


def loaders(asked: Asked) -> tuple[Any, Any]:
    whole = [transforms.PILToTensor(), transforms.ConvertImageDtype(torch.float), transforms.Normalize(MEAN, STD)]
    changed = [transforms.RandomResizedCrop(asked.size), transforms.RandomHorizontalFlip(), *whole]
    plain = [transforms.Resize(256), transforms.CenterCrop(asked.size), *whole]
    learned, kept = (
        torchvision.datasets.ImageFolder(Path(asked.data, part), transforms.Compose(steps))
        for part, steps in (("train", changed), ("val", plain))
    )
    of_both: dict[str, Any] = {"batch_size": asked.batch, "num_workers": asked.workers}
    return DataLoader(learned, shuffle=True, **of_both), DataLoader(kept, **of_both)


def freeze(model: Any) -> None:
    for parameter in model.parameters():
        parameter.requires_grad = False
    for parameter in model.fc.parameters():
        parameter.requires_grad = True


def train_one_epoch(model: Any, criterion: Any, optimizer: Any, loader: Any, *, by_hand: bool) -> None:
    model.train()
    for batch, target in loader:
        pictures = batch.to(memory_format=torch.channels_last) if by_hand else batch
        with torch.autocast("cpu", torch.bfloat16, enabled=by_hand):
            output = model(pictures)
            loss = criterion(output, target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()
        (output.argmax(dim=1) == target).float().mean().item()


@torch.inference_mode()
def evaluate(model: Any, criterion: Any, loader: Any, *, by_hand: bool) -> None:
    model.eval()
    for batch, target in loader:
        pictures = batch.to(memory_format=torch.channels_last) if by_hand else batch
        with torch.autocast("cpu", torch.bfloat16, enabled=by_hand):
            output = model(pictures)
            criterion(output, target).item()
        (output.argmax(dim=1) == target).float().mean().item()


if __name__ == "__main__":
    main(read_asked(), by_hand="by_hand=1" in sys.argv[2:])
