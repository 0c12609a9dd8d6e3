"""Which patches a memory of normal pictures keeps: our exact k-centre choice beside anomalib's greedy steps.

    FOVEA_REAL_DATA=/path/to/data python benchmarks/coreset.py [peer=/path/to/python] [sets=apple,ped2] [share=0.1]

Both choose as many patches of the same features (the starter's, at 128 pixels) on one thread; CPU seconds are those of
the choice alone. The area under the curve is counted with each memory, and with one of as many patches drawn at random.
``peer`` is an interpreter that has anomalib; without it the peer's published step (one pass over all features for each
choice, written as anomalib writes it) is carried out here and called so.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn

from fovea.engine.learning.coreset import coreset, radius
from fovea.engine.networks.backbones import build
from fovea.engine.networks.detector import Detector, Places
from fovea.plugin import Preprocess
from fovea.registry import Registry
from fovea.settings import resolve

SIZE, WIDTH = 128, 128
GOAL = 10.0


@dataclass(frozen=True)
class Pictures:
    """uint8 (n, SIZE, SIZE, 3), which are anomalies, and which normal ones are learned from."""

    name: str
    pixels: NDArray[np.uint8]
    strange: NDArray[np.bool_]
    learned: NDArray[np.bool_]


@dataclass(frozen=True)
class Choice:
    """Places of the patches chosen, and the CPU seconds it took."""

    name: str
    chosen: Tensor
    seconds: float


def main(arguments: Sequence[str]) -> None:
    """Choose, time, compare."""
    given = dict(argument.split("=", 1) for argument in arguments)
    if "FOVEA_REAL_DATA" not in os.environ:
        sys.exit("set FOVEA_REAL_DATA to the folder of real pictures")
    torch.set_num_threads(1)
    root = Path(os.environ["FOVEA_REAL_DATA"])
    load, share = os.getloadavg()[0], float(given.get("share", "0.1"))
    print(f"{time.strftime('%Y-%m-%d')}, {platform.machine()}, one thread, load {load:.1f}, torch {torch.__version__}")
    sets: dict[str, Callable[[Path], Pictures]] = {"apple": apple, "ped2": ped2}
    slowest = [
        compare(sets[name](root), share, given.get("peer")) for name in given.get("sets", "apple,ped2").split(",")
    ]
    if min(slowest) < GOAL:
        sys.exit(f"less than {GOAL:g} times as quick")


@torch.no_grad()
def compare(pictures: Pictures, share: float, peer: str | None) -> float:
    """Print a row a choice; how many times quicker ours is than the peer as it ships."""
    network, _ = build("starter", weights="starter", size=SIZE, outputs=2, head=nn.Linear)
    places = Places(network, size=SIZE, dimensions=WIDTH, seed=0).eval()
    spec = Preprocess()
    mean, std = (255 * torch.tensor(part).view(3, 1, 1) for part in (spec.mean, spec.std))
    planes = [(torch.from_numpy(one).permute(2, 0, 1).float() - mean) / std for one in pictures.pixels]
    learned = [plane for plane, is_learned in zip(planes, pictures.learned, strict=True) if is_learned]
    points = torch.cat([places(plane[None]).flatten(2).transpose(1, 2)[0] for plane in learned])
    size = int(share * len(points))
    print(
        f"\n{pictures.name}: {len(learned)} normal pictures, {len(points)} patches x {points.shape[1]}, {size} chosen"
    )
    judged = [plane for plane, is_learned in zip(planes, pictures.learned, strict=True) if not is_learned]
    truth = pictures.strange[~pictures.learned]
    choices = [ours(points, size), *theirs(points, size, peer), at_random(points, size)]
    for choice in choices:
        detector = Detector(places, {"patches": points[choice.chosen]}).eval()
        away = [float(detector(plane[None])[0, 0]) for plane in judged]
        print(
            f"  {choice.name:44s} {choice.seconds:9.2f} s CPU   AUROC {roc_auc_score(truth, away):.4f}   "
            f"radius {radius(points, choice.chosen):.3f}",
            flush=True,
        )
    ratios = [choice.seconds / choices[0].seconds for choice in choices[1:-1]]
    print("  theirs / ours: " + ", ".join(f"{ratio:.1f}" for ratio in ratios))
    return ratios[0]


def ours(points: Tensor, size: int) -> Choice:
    """Fovea's, on the same features."""
    began = time.process_time()
    chosen = coreset(points, size)
    return Choice("fovea, exact", chosen, time.process_time() - began)


def at_random(points: Tensor, size: int) -> Choice:
    """As many patches without a choice."""
    return Choice("at random", torch.randperm(len(points), generator=torch.Generator().manual_seed(0))[:size], 0.0)


def theirs(points: Tensor, size: int, peer: str | None) -> Iterator[Choice]:
    """anomalib's: as it ships (it projects the features first), and its steps on the very same features."""
    if peer is None:
        began = time.process_time()
        chosen = published(points, size)
        yield Choice("published step, written again here", chosen, time.process_time() - began)
        return
    with tempfile.TemporaryDirectory() as folder:
        features, answer = Path(folder, "features.npy"), Path(folder, "answer.json")
        np.save(features, points.numpy())
        for way in ("as-shipped", "same-features"):
            driver = Path(__file__).with_name("coreset_peer.py")
            command = [peer, str(driver), str(features), str(size), way, str(answer)]
            subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
            said = json.loads(answer.read_text(encoding="ascii"))
            yield Choice(f"anomalib {said['version']}, {way}", torch.tensor(said["chosen"]), said["seconds"])


def published(points: Tensor, size: int) -> Tensor:
    """One pass over all features for each choice, as anomalib's ``update_distances`` and ``get_new_idx`` do it."""
    index = torch.randint(len(points), (1,), generator=torch.Generator().manual_seed(0)).squeeze()
    near: Tensor | None = None
    chosen = [index]
    for _ in range(size - 1):
        away = torch.linalg.norm(points - points[index].squeeze(), ord=2, dim=1, keepdim=True)
        near = away if near is None else torch.minimum(near, away)
        index = near.squeeze(1).max(dim=0).indices
        near.scatter_(0, index.view(1, 1), 0.0)
        chosen.append(index)
    return torch.stack(chosen)


def apple(root: Path) -> Pictures:
    """Healthy leaves are normal; six in ten runs of the camera that hold only those are learned from."""
    domain = Registry.load().domain("crop")
    folder = root / "crop" / "lab_apple"
    samples = list(domain.read_samples(root=folder, view=resolve(domain.info.view, "view settings of 'crop'", [])))
    strange = np.array(["healthy" not in sample.source for sample in samples])
    groups = np.array([sample.of_group for sample in samples])
    normal = sorted(set(groups[~strange]) - set(groups[strange]))
    kept = set(np.random.default_rng(0).permutation(normal)[: round(0.6 * len(normal))])
    learned = np.array([group in kept for group in groups])
    return Pictures("lab_apple", np.stack([square(folder / one.source) for one in samples]), strange, learned)


def ped2(root: Path) -> Pictures:
    """Frames of a fixed camera: every fourth of the training clips is learned from, every other test frame judged."""
    folder = root / "security" / "ped2"
    labels = json.loads((folder / "frame_labels.json").read_text(encoding="ascii"))
    learn = sorted((folder / "train").glob("*/*.jpg"))[::4]
    clips = [sorted(clip.glob("*.jpg")) for clip in sorted((folder / "test").iterdir())]
    judge = [
        (path, bool(label)) for clip in clips for path, label in zip(clip, labels[clip[0].parent.name], strict=True)
    ]
    paths = [*learn, *(path for path, _ in judge[::2])]
    strange = np.array([False] * len(learn) + [label for _, label in judge[::2]])
    return Pictures("ped2", np.stack([square(path) for path in paths]), strange, np.arange(len(paths)) < len(learn))


def square(path: Path) -> NDArray[np.uint8]:
    """A picture as SIZE x SIZE, its proportions given up."""
    found = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
    if found is None:
        sys.exit(f"{path} could not be read")
    return np.asarray(cv2.resize(found, (SIZE, SIZE), interpolation=cv2.INTER_AREA), np.uint8)


if __name__ == "__main__":
    main(sys.argv[1:])
