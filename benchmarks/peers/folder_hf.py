"""transformers' side: its image-classification pipeline on a local model, given the files' names.

ResNet-18 is transformers' own; MobileNetV3 is known to it through timm alone.
"""

from __future__ import annotations

from pathlib import Path

import torch
import transformers
from folder_asked import Asked, read_asked

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def main(asked: Asked) -> None:
    torch.set_num_threads(1)
    look = transformers.ConvNextImageProcessor(
        size={"shortest_edge": asked.size}, crop_pct=0.875, image_mean=MEAN, image_std=STD
    )
    pipe = transformers.pipeline(
        "image-classification", model=network(asked.network).eval(), image_processor=look, device="cpu"
    )
    files = sorted(map(str, Path(asked.data).rglob("*.jpg")))
    said = pipe(files, batch_size=asked.batch, top_k=1)
    asked.answers(len(said), transformers.__version__)


def network(name: str) -> transformers.PreTrainedModel:
    """The network with random weights."""
    if name != "resnet18":
        shape = transformers.TimmWrapperConfig(architecture="mobilenetv3_small_100", num_labels=1000)
        return transformers.TimmWrapperForImageClassification(shape)
    shape = transformers.ResNetConfig(
        depths=[2, 2, 2, 2], hidden_sizes=[64, 128, 256, 512], layer_type="basic", num_labels=1000
    )
    return transformers.ResNetForImageClassification(shape)


if __name__ == "__main__":
    main(read_asked())
