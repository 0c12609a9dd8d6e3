"""transformers' side: its ``Trainer`` as its example for image classification sets it up, on its own ResNet-18.

PIL pictures through torchvision's random resized crop and flip, AdamW at 5e-5, single precision, no loading processes
(the default), evaluation and a checkpoint after every epoch. The example reads folders with the package ``datasets``;
here the lighter ImageFolder does it. Pictures a step are the same for all sides. Frozen is all but the classifier.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers
from measured import Asked, Meter, read_asked, start
from torch.utils.data import Dataset
from torchvision.datasets import ImageFolder
from torchvision.transforms import (
    CenterCrop,
    Compose,
    Normalize,
    RandomHorizontalFlip,
    RandomResizedCrop,
    Resize,
    ToTensor,
)
from transformers import ResNetConfig, ResNetForImageClassification, Trainer, TrainerCallback, TrainingArguments

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Folder(Dataset[dict[str, Any]]):
    """Pictures in folders by label, as the trainer wants them."""

    def __init__(self, root: Path, steps: list[Any]) -> None:
        self.pictures = ImageFolder(str(root), Compose([*steps, ToTensor(), Normalize(MEAN, STD)]))

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, place: int) -> dict[str, Any]:
        pixels, label = self.pictures[place]
        return {"pixel_values": pixels, "labels": label}


class Ending(TrainerCallback):  # type: ignore[misc]
    """Reads the meter when the next epoch begins, and at the end: evaluation and checkpoint come before that."""

    def __init__(self, meter: Meter) -> None:
        self.meter = meter

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **others: Any) -> None:  # noqa: ARG002 - its names
        """An epoch before this one is done with."""
        if state.epoch:
            self.meter.end_epoch()

    def on_train_end(self, args: Any, state: Any, control: Any, **others: Any) -> None:  # noqa: ARG002 - its names
        """The last one is."""
        self.meter.end_epoch()


def main(asked: Asked) -> None:
    torch.set_num_threads(1)
    meter = start()
    learned = Folder(Path(asked.data, "train"), [RandomResizedCrop(asked.size), RandomHorizontalFlip()])
    kept = Folder(Path(asked.data, "val"), [Resize(asked.size), CenterCrop(asked.size)])
    model = ResNetForImageClassification(
        ResNetConfig(
            embedding_size=64,
            hidden_sizes=[64, 128, 256, 512],
            depths=[2, 2, 2, 2],
            layer_type="basic",
            num_labels=len(learned.pictures.classes),
        )
    )
    if asked.way == "probe":
        for parameter in model.resnet.parameters():
            parameter.requires_grad = False
    settings = TrainingArguments(
        output_dir=asked.scratch,
        use_cpu=True,
        num_train_epochs=asked.epochs,
        per_device_train_batch_size=asked.batch,
        per_device_eval_batch_size=asked.batch,
        eval_strategy="epoch",
        save_strategy="epoch",
        save_total_limit=1,
        remove_unused_columns=False,
        report_to="none",
        disable_tqdm=True,
        seed=1337,
    )
    trainer = Trainer(
        model=model,
        args=settings,
        train_dataset=learned,
        eval_dataset=kept,
        compute_metrics=accuracy,
        callbacks=[Ending(meter)],
    )
    trainer.train()
    meter.answer(asked, transformers.__version__)


def accuracy(said: Any) -> dict[str, float]:
    return {"accuracy": float((said.predictions.argmax(axis=1) == said.label_ids).mean())}


if __name__ == "__main__":
    main(read_asked())
