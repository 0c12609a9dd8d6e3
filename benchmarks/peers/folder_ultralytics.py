"""Ultralytics' side: ``predict`` of its own smallest classifier, of random weights; it knows no torchvision network."""

from __future__ import annotations

import torch
import ultralytics
from folder_asked import Asked, read_asked


def main(asked: Asked) -> None:
    torch.set_num_threads(1)
    model = ultralytics.YOLO("yolo11n-cls.yaml")
    found = model.predict(
        f"{asked.data}/**/*.jpg", imgsz=asked.size, batch=asked.batch, device="cpu", stream=True, verbose=False
    )
    asked.answers(sum(one.probs.top1 >= 0 for one in found), ultralytics.__version__)


if __name__ == "__main__":
    main(read_asked())
