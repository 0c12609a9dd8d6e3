"""fastai's side: ``vision_learner`` and ``fit_one_cycle``, with its defaults: Adam, single precision, its own head.

A random resized crop and a flip, as many loading processes as it chooses itself, validation with the accuracy after
every epoch, no checkpoint. ``freeze`` leaves the head to learn, and by fastai's default the batch norms too.
"""

from __future__ import annotations

import os
from typing import Any

os.environ["MPLBACKEND"] = "agg"

import fastai
import torch
from fastai.callback.core import Callback
from fastai.callback.schedule import Learner  # noqa: F401 - brings fit_one_cycle
from fastai.data.transforms import Normalize
from fastai.metrics import accuracy
from fastai.vision.augment import FlipItem, RandomResizedCrop
from fastai.vision.core import imagenet_stats
from fastai.vision.data import ImageDataLoaders
from fastai.vision.learner import vision_learner
from measured import Asked, Meter, read_asked, start
from torchvision.models import resnet18


def main(asked: Asked) -> None:
    torch.set_num_threads(1)
    meter = start()
    loaders = ImageDataLoaders.from_folder(
        asked.data,
        train="train",
        valid="val",
        bs=asked.batch,
        item_tfms=[RandomResizedCrop(asked.size, min_scale=0.08), FlipItem()],
        batch_tfms=Normalize.from_stats(*imagenet_stats),
        device=torch.device("cpu"),
    )
    learner = vision_learner(loaders, resnet18, pretrained=False, metrics=accuracy, path=asked.scratch)
    if asked.way == "probe":
        learner.freeze()
    else:
        learner.unfreeze()
    with learner.no_bar(), learner.no_logging():
        learner.fit_one_cycle(asked.epochs, cbs=[ending(meter)])
    meter.answer(asked, fastai.__version__)


def ending(meter: Meter) -> Any:
    """A callback that reads the meter after every epoch, validation included."""
    callback = Callback(after_epoch=lambda _: meter.end_epoch())
    callback.order = 100
    return callback


if __name__ == "__main__":
    main(read_asked())
