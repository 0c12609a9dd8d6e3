"""fastai's side: a learner on the same network, and ``get_preds`` over a test loader of all files."""

from __future__ import annotations

import fastai
import torch
import torchvision
from fastai.vision.all import (
    CategoryBlock,
    DataBlock,
    ImageBlock,
    Learner,
    Normalize,
    Resize,
    get_image_files,
    imagenet_stats,
    parent_label,
)
from folder_asked import Asked, read_asked


def main(asked: Asked) -> None:
    torch.set_num_threads(1)
    model = getattr(torchvision.models, asked.network)(weights=None)
    model.load_state_dict(torch.load(asked.weights, weights_only=True))
    files = get_image_files(asked.data)
    block = DataBlock(
        blocks=(ImageBlock, CategoryBlock),
        get_y=parent_label,
        item_tfms=Resize(asked.size),
        batch_tfms=Normalize.from_stats(*imagenet_stats),
    )
    loaders = block.dataloaders(files[:8], bs=asked.batch, num_workers=asked.workers, path=asked.room, device="cpu")
    learner = Learner(loaders, model, loss_func=torch.nn.CrossEntropyLoss(), path=asked.room)
    with learner.no_bar():
        scores, _ = learner.get_preds(dl=loaders.test_dl(files, num_workers=asked.workers))
    asked.answers(len(scores.argmax(dim=1)), fastai.__version__)


if __name__ == "__main__":
    main(read_asked())
