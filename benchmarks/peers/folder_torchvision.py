"""torchvision's side: ImageFolder, a DataLoader, the transforms that its weights are published with."""

from __future__ import annotations

import torch
import torchvision
from folder_asked import Asked, read_asked
from torch.utils.data import DataLoader
from torchvision import transforms

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@torch.inference_mode()
def main(asked: Asked) -> None:
    torch.set_num_threads(1)
    model = getattr(torchvision.models, asked.network)(weights=None)
    model.load_state_dict(torch.load(asked.weights, weights_only=True))
    model.eval()
    steps = [
        transforms.Resize(256),
        transforms.CenterCrop(asked.size),
        transforms.ToTensor(),
        transforms.Normalize(MEAN, STD),
    ]
    pictures = torchvision.datasets.ImageFolder(asked.data, transforms.Compose(steps))
    loader = DataLoader(pictures, batch_size=asked.batch, num_workers=asked.workers)
    said: list[int] = []
    for batch, _ in loader:
        said += model(batch).softmax(dim=1).argmax(dim=1).tolist()
    asked.answers(len(said), torchvision.__version__)


if __name__ == "__main__":
    main(read_asked())
