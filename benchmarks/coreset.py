"""Which patches a memory of normal pictures keeps: our exact k-centre choice beside anomalib's greedy steps.

    FOVEA_REAL_DATA=/path/to/data python benchmarks/coreset.py [peer=/path/to/python] [sets=apple,ped2] [share=0.04]

Both choose as many patches of the same features (the starter's, at 128 pixels) on one thread; CPU seconds are those of
the choice alone, the median of five. The area under the curve is counted with each memory, and with one of as many
patches drawn at random. anomalib starts from a patch drawn at random, which moves that area by some hundredths: its
steps on the very same features are carried out from five starts, and ours counts as equal where it is not below the
lowest. ``peer`` is an interpreter that has anomalib; without it the peer's published step (one pass over all features
for each choice, written as anomalib writes it) is carried out here and called so.
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
from fovea.plugin import Preprocess, Sample
from fovea.registry import Registry
from fovea.settings import resolve

SIZE, WIDTH = 128, 128
GOAL = 10.0
STARTS = 5


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
    load, share = os.getloadavg()[0], float(given.get("share", "0.04"))
    print(f"{time.strftime('%Y-%m-%d')}, {platform.machine()}, one thread, load {load:.1f}, torch {torch.__version__}")
    sets: dict[str, Callable[[Path], Pictures]] = {"apple": apple, "ped2": ped2}
    faults = [
        fault
        for name in given.get("sets", "apple,ped2").split(",")
        for fault in compare(sets[name](root), share, given.get("peer"))
    ]
    if faults:
        sys.exit("; ".join(faults))


@torch.no_grad()
def compare(pictures: Pictures, share: float, peer: str | None) -> Iterator[str]:
    """Print a row a choice; tell what falls short."""
    network, _ = build("starter", weights="starter", size=SIZE, outputs=2, head=nn.Linear)
    places = Places(network, size=SIZE, dimensions=WIDTH, seed=0).eval()
    features = torch.stack([features_of(one, places) for one in pictures.pixels])
    points = features[torch.from_numpy(pictures.learned)].flatten(0, 1)
    size = int(share * len(points))
    print(f"\n{pictures.name}: {len(points)} patches x {points.shape[1]} of normal pictures, {size} chosen")
    judged, truth = features[torch.from_numpy(~pictures.learned)], pictures.strange[~pictures.learned]
    choices = [ours(points, size), *theirs(points, size, peer), at_random(points, size)]
    areas = [area(places, points[choice.chosen], judged, truth) for choice in choices]
    for choice, found in zip(choices, areas, strict=True):
        told = f"{choice.seconds:9.2f} s CPU   AUROC {found:.4f}   radius {radius(points, choice.chosen):.3f}"
        print(f"  {choice.name:44s} {told}", flush=True)
    for name in dict.fromkeys(choice.name for choice in choices[1:-1]):
        seconds = float(np.median([choice.seconds for choice in choices if choice.name == name]))
        ratio = seconds / choices[0].seconds
        print(f"  {name}: {ratio:.1f} times the CPU time of ours")
        if ratio < GOAL:
            yield f"{pictures.name}: less than {GOAL:g} times as quick as {name}"
    if areas[0] < min(areas[1:-1]):
        yield f"{pictures.name}: finds less than any choice of the peer"


def features_of(picture: NDArray[np.uint8], places: Places) -> Tensor:
    """Of each place of a picture, (places, features)."""
    spec = Preprocess()
    mean, std = (255 * torch.tensor(part).view(3, 1, 1) for part in (spec.mean, spec.std))
    plane = (torch.from_numpy(picture).permute(2, 0, 1).float() - mean) / std
    features: Tensor = places(plane[None]).flatten(2).transpose(1, 2)[0]
    return features.contiguous()


def area(places: Places, memory: Tensor, judged: Tensor, truth: NDArray[np.bool_]) -> float:
    """Under the receiver operating characteristic, of the detector with this memory."""
    detector = Detector(places, {"patches": memory}).eval()
    away = [float(detector.compared(one[None])[0, 0]) for one in judged]
    return float(roc_auc_score(truth, away))


def ours(points: Tensor, size: int) -> Choice:
    """Fovea's, on the same features."""
    seconds = []
    for _ in range(5):
        began = time.process_time()
        chosen = coreset(points, size)
        seconds.append(time.process_time() - began)
    return Choice("fovea, exact", chosen, float(np.median(seconds)))


def at_random(points: Tensor, size: int) -> Choice:
    """As many patches without a choice."""
    return Choice("at random", torch.randperm(len(points), generator=torch.Generator().manual_seed(0))[:size], 0.0)


def theirs(points: Tensor, size: int, peer: str | None) -> Iterator[Choice]:
    """anomalib's: as it ships (it projects the features first), and its steps on the very same features."""
    if peer is None:
        for seed in range(STARTS):
            began = time.process_time()
            chosen = published(points, size, seed)
            yield Choice("published step, written again here", chosen, time.process_time() - began)
        return
    with tempfile.TemporaryDirectory() as folder:
        features, answer = Path(folder, "features.npy"), Path(folder, "answer.json")
        np.save(features, points.numpy())
        for way, starts in (("as-shipped", 1), ("same-features", STARTS)):
            driver = Path(__file__).with_name("coreset_peer.py")
            command = [peer, str(driver), str(features), str(size), way, str(starts), str(answer)]
            subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
            said = json.loads(answer.read_text(encoding="ascii"))
            for chosen, seconds in said["choices"]:
                yield Choice(f"anomalib {said['version']}, {way}", torch.tensor(chosen), seconds)


def published(points: Tensor, size: int, seed: int) -> Tensor:
    """One pass over all features for each choice, as anomalib's ``update_distances`` and ``get_new_idx`` do it."""
    index = torch.randint(len(points), (1,), generator=torch.Generator().manual_seed(seed)).squeeze()
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
    read = domain.read_samples(root=folder, view=resolve(domain.info.view, "view settings of 'crop'", []))
    samples = [one for one in read if isinstance(one, Sample)]
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
