"""timm's side: the dataset, the loader and the loop of its inference.py, with that script's defaults."""

from __future__ import annotations

import timm
import torch
from folder_asked import Asked, read_asked
from timm.data import create_dataset, create_loader, resolve_data_config

NAMES = {"resnet18": "resnet18", "mobilenet_v3_small": "mobilenetv3_small_100"}


@torch.inference_mode()
def main(asked: Asked) -> None:
    torch.set_num_threads(1)
    model = timm.create_model(NAMES[asked.network], pretrained=False).eval()
    told = resolve_data_config({"input_size": (3, asked.size, asked.size)}, model=model)
    loader = create_loader(
        create_dataset("", root=asked.data),
        batch_size=asked.batch,
        use_prefetcher=False,
        num_workers=asked.workers,
        device=torch.device("cpu"),
        **{name: told[name] for name in ("input_size", "interpolation", "mean", "std", "crop_pct")},
    )
    said: list[int] = []
    for batch, _ in loader:
        _, labels = model(batch).softmax(-1).topk(1)
        said += labels[:, 0].tolist()
    asked.answers(len(said), timm.__version__)


if __name__ == "__main__":
    main(read_asked())
