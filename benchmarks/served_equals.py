"""Whether a bundle says what was trained: torch in fp32 beside the served network, on every real photo there is.

    FOVEA_REAL_DATA=/path/to/data python benchmarks/served_equals.py [networks=starter,resnet18] [keep=FOLDER]
        [int8=/path/to/python]

Each network is trained a little on lab_apple and then asked about every picture file of the folders crop and medical
that decodes, whatever it shows, by the one preprocessing function. Compared are calibrated probabilities, each time
with torch's in fp32: how many pictures get another top label (of these, torch's lead of the first label over the
second), quantiles of the greatest difference of a probability of a picture, and how many pictures change sides between
known and unknown, there against the served fp32. ``int8`` is an interpreter that has nncf; it turns the graph into 8
bits by 300 apple leaves. ``keep`` holds bundles: run again to go on. Ends with status 1 where the served fp32 differs
in a top label, or by more than 0.001: of bf16 and 8 bits the differences are stated only.
"""

from __future__ import annotations

import dataclasses
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from fovea.engine.network import rebuild
from fovea.engine.recipe import Recipe
from fovea.engine.train import train
from fovea.plugin import Image, Preprocess, Sample, ViewSettings
from fovea.plugin.imaging import load_pictures
from fovea.progress import silent
from fovea.registry import Registry
from fovea.serving.answers import answers
from fovea.serving.bundle import Bundle, open_bundle
from fovea.serving.network import Network, as_input
from fovea.serving.preprocess import preprocess
from fovea.settings import resolve

NETWORKS: Mapping[str, Mapping[str, str]] = {
    "starter": {"backbone": "starter", "mode": "probe"},
    "resnet18": {"backbone": "torchvision:resnet18", "weights": "none", "epochs": "6"},
    "efficientnet_b0": {"backbone": "torchvision:efficientnet_b0", "weights": "none", "epochs": "6"},
    "vit_b_16": {"backbone": "torchvision:vit_b_16", "weights": "none", "size": "64", "epochs": "6", "lr": "0.0001"},
}
SUFFIXES = {".jpg", ".jpeg", ".png"}
MOST = 1e-3
TIE = 1e-5
CALIBRATION = 300
BATCH = 32

Numbers = NDArray[np.float32]
Squares = NDArray[np.uint8]


@dataclass(frozen=True)
class Photos:
    """Squares of all pictures, uint8 (n, size, size, 3), and which are of the network's own subject."""

    squares: Squares
    own: NDArray[np.bool_]


@dataclass(frozen=True)
class Said:
    """What one way of computing says: calibrated probabilities (n, labels), and which pictures it calls unknown."""

    way: str
    probabilities: Numbers
    unknown: NDArray[np.bool_] | None


def main() -> None:
    """Train, ask, compare, print a table."""
    if "FOVEA_REAL_DATA" not in os.environ:
        sys.exit("set FOVEA_REAL_DATA to the folder of real pictures")
    given = dict(word.split("=", 1) for word in sys.argv[1:])
    root, threads = Path(os.environ["FOVEA_REAL_DATA"]), torch.get_num_threads()
    print(f"{time.strftime('%Y-%m-%d')}, {platform.machine()}, {threads} threads, torch {torch.__version__}")
    looked: dict[Preprocess, Photos] = {}
    with tempfile.TemporaryDirectory() as scratch:
        room, faults = Path(given.get("keep", scratch)), []
        for name in given.get("networks", ",".join(NETWORKS)).split(","):
            bundle = bundle_of(name, root, room)
            if bundle.preprocess not in looked:
                looked[bundle.preprocess] = look(root, bundle.preprocess)
            faults += compare(bundle, looked[bundle.preprocess], given.get("int8"), Path(scratch))
    sys.exit("\n".join(faults) or 0)


def bundle_of(name: str, root: Path, room: Path) -> Bundle:
    """A bundle that tells four classes of apple leaves, trained now unless it was kept."""
    kept = room / "models" / f"{name}.fovea"
    if kept.exists():
        return open_bundle(kept)
    domain = Registry.load().domain("crop")
    return train(
        domain=domain,
        root=root / "crop" / "lab_apple",
        view=resolve(domain.info.view, "view settings of 'crop'", []),
        role="disease",
        recipe=resolve(Recipe, "recipe", [{"threads": "1", "audit": "no", **NETWORKS[name]}]),
        folder=room / f"run-{name}",
        models=room / "models",
        cache=room / "cache",
        name=name,
        progress=silent(),
        stop=lambda: False,
    ).bundle


def look(root: Path, spec: Preprocess) -> Photos:
    """Every picture file of two folders that decodes, as the network would see it."""
    paths = [path for part in ("crop", "medical") for path in sorted((root / part).rglob("*"))]
    paths = [path for path in paths if path.suffix.lower() in SUFFIXES]
    found = [(square, path) for path in paths if (square := square_of(root, path, spec)) is not None]
    own = np.array([path.is_relative_to(root / "crop" / "lab_apple") for _, path in found])
    print(f"{len(found)} pictures of {len(paths)} files at {spec.size} pixels, {own.sum()} of them apple leaves")
    return Photos(np.stack([square for square, _ in found]), own)


def square_of(root: Path, path: Path, spec: Preprocess) -> Squares | None:
    """What the network is shown of a file; None where it does not decode."""
    sample = Sample(source=path.relative_to(root).as_posix())
    (image,) = load_pictures(
        root=root, samples=[sample], view=resolve(ViewSettings, "view settings", []), side=spec.side
    )
    return as_input(preprocess(image, spec)) if isinstance(image, Image) else None


def compare(bundle: Bundle, photos: Photos, peer: str | None, scratch: Path) -> list[str]:
    """Print a row for each way and set of pictures; what fails of the claim, in sentences."""
    trained = Said("torch, fp32", run(bundle, photos.squares, torch_of(bundle)), None)
    skill = bundle.figures["figures"]["balanced_accuracy"]["value"]
    print(f"\n{bundle.name}: balanced accuracy on its test part {skill:.3f}, served as {', '.join(bundle.precisions)}")
    print(f"{'':41s}{'greatest |dp| of a picture':32s}{'called':>8s}{'other':>10s}")
    words = ("pictures", "other top", "median", "99 %", "greatest", "unknown", "than fp32")
    print(
        f"{'':18s}"
        + "".join(f"{word:>{width}s}" for word, width in zip(words, (9, 10, 12, 10, 10, 12, 12), strict=True))
    )
    faults: list[str] = []
    plain: Said | None = None
    for one in ways(bundle, photos, peer, scratch):
        plain = plain or one
        for name, among in (("all", np.ones(len(photos.own), bool)), ("apples", photos.own)):
            row(name, among, trained, one, plain)
        tell_changed(trained, one)
        faults += fault_of(bundle, trained, one) if one is plain else []
    return faults


def ways(bundle: Bundle, photos: Photos, peer: str | None, scratch: Path) -> Iterator[Said]:
    """The served network in fp32, in bf16 and in 8 bits."""
    able = dataclasses.replace(bundle, precisions=("fp32", "bf16"))
    yield served("fp32", bundle, Network(bundle, precision="fp32"), photos)
    yield served("bf16", bundle, Network(able, precision="bf16"), photos)
    if peer is not None:
        folder = scratch / f"int8-{bundle.name}"
        quantised(bundle, photos.squares[photos.own], peer, folder)
        small = dataclasses.replace(bundle, path=folder)
        yield served("8 bits", bundle, Network(small, precision="fp32"), photos)


def quantised(bundle: Bundle, squares: Squares, peer: str, folder: Path) -> None:
    """Write the bundle's graph in 8 bits, ``folder/network.xml``, by a peer's interpreter."""
    folder.mkdir()
    chosen = np.linspace(0, len(squares) - 1, CALIBRATION).astype(int)
    np.save(folder / "squares.npy", squares[chosen])
    driver = Path(__file__).with_name("served_equals_int8.py")
    kind = "transformer" if bundle.recipe["backbone"].startswith("torchvision:vit") else "plain"
    files = [str(bundle.network), str(folder / "squares.npy"), str(folder / "network.xml")]
    done = subprocess.run([peer, str(driver), *files, kind], check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{peer} made no network in 8 bits: {done.stderr[-500:]}")


def torch_of(bundle: Bundle) -> Callable[[Squares], Numbers]:
    """The network as torch computes it in fp32."""
    whole = rebuild(bundle)

    @torch.no_grad()
    def logits(some: Squares) -> Numbers:
        return np.asarray(whole(torch.from_numpy(some)).numpy(), np.float32)

    return logits


def run(bundle: Bundle, squares: Squares, logits: Callable[[Squares], Numbers]) -> Numbers:
    """Calibrated probabilities of all squares, (n, labels)."""
    told = [logits(squares[start : start + BATCH]) for start in range(0, len(squares), BATCH)]
    return answers(bundle, np.concatenate(told))


def served(way: str, bundle: Bundle, network: Network, photos: Photos) -> Said:
    """What a served network says, read by the bundle's own temperature and limits."""
    strange: list[Numbers] = []

    def logits(some: Squares) -> Numbers:
        told, gauge = network.look(some)
        strange.extend([] if gauge is None else [gauge])
        return told

    said = run(bundle, photos.squares, logits)
    familiar = bundle.certainty.familiar if bundle.certainty else None
    return Said(way, said, np.concatenate(strange) > familiar.most if familiar and strange else None)


def row(name: str, among: NDArray[np.bool_], trained: Said, one: Said, plain: Said) -> None:
    """Print how far one way is from torch on some of the pictures; what is unknown is set against the served fp32."""
    apart = distance(trained, one)[among]
    middle, most = np.quantile(apart, [0.5, 0.99])
    unknown, changed = "-", "-"
    if one.unknown is not None and plain.unknown is not None:
        unknown, changed = (str(int(which[among].sum())) for which in (one.unknown, one.unknown != plain.unknown))
    print(
        f"{one.way:10s}{name:8s}{among.sum():9d}{other(trained, one)[among].sum():10d}"
        f"{middle:12.2e}{most:10.2e}{apart.max():10.2e}{unknown:>12s}{changed:>12s}",
        flush=True,
    )


def distance(trained: Said, one: Said) -> Numbers:
    """Of each picture, the greatest difference of a probability, (n,)."""
    return np.asarray(np.abs(trained.probabilities - one.probabilities).max(axis=1))


def other(trained: Said, one: Said) -> NDArray[np.bool_]:
    """Which pictures get another top label, (n,)."""
    return np.asarray(trained.probabilities.argmax(axis=1) != one.probabilities.argmax(axis=1))


def leads(trained: Said) -> Numbers:
    """Of each picture, how far torch's first label is ahead of the second, (n,)."""
    two = np.sort(trained.probabilities, axis=1)[:, -2:]
    return np.asarray(two[:, 1] - two[:, 0])


def tell_changed(trained: Said, one: Said) -> None:
    """Print how sure torch was of the labels that changed."""
    found = leads(trained)[other(trained, one)]
    if len(found):
        ties = f", {(found < TIE).sum()} of them below {TIE:g}" if (found < TIE).any() else ""
        print(f"{'':18s}torch's lead where the top label changed: up to {found.max():.1e}{ties}")


def fault_of(bundle: Bundle, trained: Said, one: Said) -> Sequence[str]:
    """What of the claim does not hold for the served fp32."""
    changed, apart = other(trained, one), float(distance(trained, one).max())
    found = [f"{bundle.name}: {changed.sum()} pictures get another top label"] if changed.any() else []
    return found if apart <= MOST else [*found, f"{bundle.name}: a probability is {apart:.1e} apart"]


if __name__ == "__main__":
    main()
