"""Classifying a folder of photos beside five peers, in one run: same photos, same network, one folder to its answers.

    [FOVEA_REAL_DATA=/path/to/data] python benchmarks/batch_peers.py [peers=FOLDER]
        [networks=resnet18,mobilenet_v3_small] [sizes=12,2] [least=24] [precisions=bf16,fp32]
        [only=NAME,NAME] [keep=FOLDER]

``peers`` is the folder of virtual environments of ``benchmarks/peers.py``, one a peer, made where they are missing.
Photos are mosaics of drawn pictures with noise, JPEG at quality 90 with halved colours: 12 megapixels of about 2.5 MB
and 2 megapixels of about 0.5 MB. With FOVEA_REAL_DATA the real photos above 8 megapixels there are a third set.
ResNet-18 and MobileNetV3-small have the same random weights in torchvision, fastai and Fovea, and others in timm and
transformers, who name them otherwise; Ultralytics has a network of its own, which is smaller.

Every side works through a folder and through one twice as large, and what is told is the CPU time that the further
pictures took, of the process with all that it started: start-up, imports and compiling are in neither. A side that
takes milliseconds a picture gets more of them. Every peer is as its documentation shows it, with two loading processes
where it has any, and one thread. Fovea is all of ``fovea batch``: scan, hash, decode at no less than twice the
network's side, resize with antialiasing, answers calibrated and stored, units decided, in two workers.

Beside the ratios: how near Fovea comes to what decoding and the network alone take on one thread in this run, the
greatest memory of a worker, and how long after its start the first answers are stored. Ends with status 1 where a
claim fails.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import cv2
import numpy as np
import simplejpeg
import torch
import torchvision
from numpy.typing import NDArray
from peers import PACKAGES, SIDES, TORCH, _made, _surroundings

from fovea.engine.pretraining.drawing import draw
from fovea.plugin.imaging.decode import reduction
from fovea.serving.bundle import open_bundle
from fovea.serving.network import Network

sys.path.insert(0, str(SIDES))
from folder_asked import Asked

SIZE, BATCH, WORKERS = 224, 16, 2
SHAPES = {"12": (3000, 4000), "2": (1200, 1600)}
NOISE = {"12": 4.5, "2": 5.0}
LARGE = 8_000_000
"""Pixels of a real photo that is taken."""
GIVEN = {**PACKAGES, "hf": ("transformers[torch]>=5.23", "timm>=1.0.31"), "ultralytics": ("ultralytics>=8.4",)}
CLAIMS: Mapping[str, Mapping[str, float]] = {
    "12": {"torchvision": 4.5, "timm": 5, "fastai": 5, "hf": 7, "ultralytics": 4},
    "2": {"torchvision": 3.5, "timm": 4, "fastai": 4, "ultralytics": 2.5},
}
"""How many times Fovea's CPU time in bf16 each peer takes at least; what is not named is told only."""
NEAR, MOST_MB, FIRST_S = 0.85, 500.0, 1.0

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Side:
    """One row: a script, whose interpreter runs it, in which precision."""

    name: str
    home: str
    precision: str = "fp32"

    @property
    def is_ours(self) -> bool:
        """Whether it is Fovea."""
        return not self.home


PEERS = (
    Side("torchvision", "torch"),
    Side("timm", "timm"),
    Side("fastai", "fastai"),
    Side("hf", "hf"),
    Side("ultralytics", "ultralytics"),
)


@dataclass(frozen=True)
class Set:
    """Photos of one sort, copied as often as it takes: each copy differs in a comment, so that no two are the same."""

    name: str
    photos: tuple[bytes, ...]

    def write(self, folder: Path, count: int) -> Path:
        """So many pictures in two folders by label."""
        for number in range(count):
            path = folder / f"kind{number % 2}" / f"{number:05}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            told = b"%08d" % number
            data = self.photos[number % len(self.photos)]
            path.write_bytes(data[:2] + b"\xff\xfe\x00\x0a" + told + data[2:])
        return folder


@dataclass(frozen=True)
class Spent:
    """CPU milliseconds a picture, CPU seconds of the start, MB of the largest process below, seconds to the first."""

    each: float
    start: float
    worker: float
    first: float
    version: str


def main(arguments: Sequence[str]) -> None:
    """Make what is missing, run every side on every set with every network, print, judge."""
    given = dict(argument.split("=", 1) for argument in arguments)
    print(f"{time.strftime('%Y-%m-%d')}, {platform.machine()}, load {os.getloadavg()[0]:.1f}", flush=True)
    faults: list[str] = []
    with tempfile.TemporaryDirectory() as scratch:
        room = Path(given.get("keep", scratch)).resolve()
        homes = Path(given.get("peers", room / "peers")).resolve()
        some = given["only"].split(",") if "only" in given else [side.name for side in PEERS]
        peers = [side for side in PEERS if side.name in some]
        for side in peers:
            _made(homes / side.home, GIVEN.get(side.home, TORCH), None if side.home == "torch" else _base(homes))
        ours = [Side(f"fovea {one}", "", one) for one in given.get("precisions", "bf16,fp32").split(",")]
        for network in given.get("networks", "resnet18,mobilenet_v3_small").split(","):
            weights = shared(network, room)
            for pictures in sets(given.get("sizes", "12,2").split(",")):
                faults += compare(pictures, network, weights, [*ours, *peers], homes, int(given.get("least", "24")))
    if faults:
        sys.exit("; ".join(faults))


def _base(homes: Path) -> Path:
    return _made(homes / "torch", TORCH)


def shared(network: str, room: Path) -> Path:
    """The weights of a network in a file, and beside it a bundle of Fovea that has them."""
    path = room / f"{network}.pt"
    if path.with_suffix(".fovea").exists():
        return path
    torch.manual_seed(0)
    room.mkdir(parents=True, exist_ok=True)
    torch.save(getattr(torchvision.models, network)(weights=None).state_dict(), path)
    with tempfile.TemporaryDirectory() as scratch:
        few = tuple(encoded(one, 90) for one in draw(40, size=256, seed=5)[0].numpy())
        data = Set("few", few).write(Path(scratch, "few"), len(few))
        asked = asked_of(data, network, path, "fp32", room / f"made-{network}", Path(scratch, "answer.json"))
        run(Side("fovea", ""), asked, room, ("make=1",))
    return path


def sets(sizes: Sequence[str]) -> Iterator[Set]:
    """Drawn photos of the sizes asked for, in megapixels, and real ones where there are any."""
    for size in sizes:
        yield Set(size, tuple(encoded(one, 90) for one in mosaics(SHAPES[size], NOISE[size], 24)))
    if "FOVEA_REAL_DATA" in os.environ:
        real = tuple(large(Path(os.environ["FOVEA_REAL_DATA"])))
        if real:
            yield Set("real", real)


def mosaics(shape: tuple[int, int], noise: float, count: int) -> Iterator[Pixels]:
    """Drawn pictures side by side, with the noise of a sensor."""
    rows, columns = (-(-side // 500) for side in shape)
    for seed in range(count):
        random = np.random.default_rng(seed)
        tiles = draw(rows * columns, size=250, seed=1000 + seed)[0].numpy()
        wide = [np.concatenate(list(tiles[row * columns : (row + 1) * columns]), axis=1) for row in range(rows)]
        whole = cv2.resize(np.concatenate(wide), (columns * 500, rows * 500), interpolation=cv2.INTER_CUBIC)
        part = whole[: shape[0], : shape[1]].astype(np.float32)
        yield np.clip(part + random.normal(0, noise, part.shape), 0, 255).astype(np.uint8)


def encoded(pixels: Pixels, quality: int) -> bytes:
    data: bytes = simplejpeg.encode_jpeg(np.ascontiguousarray(pixels), quality=quality, colorsubsampling="420")
    return data


def large(root: Path) -> Iterator[bytes]:
    """Real JPEGs of more than 8 megapixels that decode."""
    for path in sorted(root.rglob("*")):
        if path.suffix.lower() in (".jpg", ".jpeg") and "bad" not in str(path) and path.stat().st_size > 10**6:
            data = path.read_bytes()
            try:
                height, width, *_ = simplejpeg.decode_jpeg_header(data)
                simplejpeg.decode_jpeg(data, min_height=64, min_width=64)
            except ValueError:
                continue
            if height * width > LARGE:
                yield data


def asked_of(data: Path, network: str, weights: Path, precision: str, room: Path, answer: Path) -> Asked:
    """What a side is asked."""
    shutil.rmtree(room, ignore_errors=True)
    room.mkdir(parents=True)
    return Asked(str(data), network, str(weights), SIZE, BATCH, WORKERS, precision, str(answer), str(room))


def compare(pictures: Set, network: str, weights: Path, sides: Sequence[Side], homes: Path, least: int) -> list[str]:
    """Run every side on one set; print its table; the claims that do not hold."""
    size = sum(map(len, pictures.photos)) / len(pictures.photos) / 1e6
    print(f"\n{network}, {pictures.name}: {len(pictures.photos)} photos of {size:.2f} MB", flush=True)
    decode, inference = limits(pictures, weights)
    spent: dict[str, Spent] = {}
    for side in sides:
        count = least * (8 if side.is_ours else 1) * (1 if pictures.name != "2" else 4)
        spent[side.name] = one = slope(side, pictures, network, weights, homes, count)
        print(
            f"  {side.name:14s}{one.version:>10s}{one.each:9.1f} ms a picture{one.start:7.1f} s start"
            + (f"{one.worker:7.0f} MB a worker, first stored after {one.first:.2f} s" if side.is_ours else ""),
            flush=True,
        )
    print(f"  decoding alone {decode:.1f} ms; the network alone " + _told(inference, "{:.1f} ms"))
    return list(judged(pictures.name, network, spent, decode, inference))


def _told(values: Mapping[str, float], form: str) -> str:
    return ", ".join(f"{name} {form.format(value)}" for name, value in values.items())


def judged(
    name: str, network: str, spent: Mapping[str, Spent], decode: float, inference: Mapping[str, float]
) -> Iterator[str]:
    """Print the ratios; a sentence for each claim that does not hold."""
    ours = {one.removeprefix("fovea "): spent[one] for one in spent if one.startswith("fovea")}
    for precision, one in ours.items():
        ratios = {peer: spent[peer].each / one.each for peer in spent if not peer.startswith("fovea")}
        near = (decode + inference[precision]) / one.each
        print(f"  times Fovea's in {precision}: {_told(ratios, '{:.2f}')}; {near:.2f} of what is to be had")
        if precision != "bf16":
            continue
        where = f"{network}, {name}"
        for peer, ratio in ratios.items():
            if ratio < CLAIMS.get(name, {}).get(peer, 0):
                yield f"{where}: {peer} takes {ratio:.2f} times Fovea's CPU, want {CLAIMS[name][peer]:g}"
        if near < NEAR:
            yield f"{where}: {near:.2f} of decoding and network alone, want {NEAR}"
        if one.worker > MOST_MB:
            yield f"{where}: a worker took {one.worker:.0f} MB, want {MOST_MB:.0f}"
        if one.first > FIRST_S:
            yield f"{where}: the first answer was stored after {one.first:.2f} s, want {FIRST_S:g}"


def limits(pictures: Set, weights: Path) -> tuple[float, dict[str, float]]:
    """CPU milliseconds a picture of decoding to the size the network needs, and of the network in each precision."""
    squares: list[Pixels] = []
    seconds: list[float] = []
    for data in pictures.photos:
        began = time.process_time()
        height, width, *_ = simplejpeg.decode_jpeg_header(data)
        factor = reduction(width, height, 2 * SIZE)
        pixels = simplejpeg.decode_jpeg(data, min_height=-(-height // factor), min_width=-(-width // factor))
        short = min(pixels.shape[:2])
        top, left = (pixels.shape[0] - short) // 2, (pixels.shape[1] - short) // 2
        middle = pixels[top : top + short, left : left + short]
        squares.append(cv2.resize(middle, (SIZE, SIZE), interpolation=cv2.INTER_AREA))
        seconds.append(time.process_time() - began)
    batch = np.stack([squares[place % len(squares)] for place in range(BATCH)]).astype(np.uint8)
    bundle = open_bundle(weights.with_suffix(".fovea").resolve())
    return 1000 * median(seconds), {one: _inference(bundle, one, batch) for one in ("bf16", "fp32")}


def _inference(bundle: object, precision: str, batch: Pixels) -> float:
    network = Network(bundle, threads=1, precision=precision)  # type: ignore[arg-type]
    network.run(batch)
    seconds = []
    for _ in range(8):
        began = time.process_time()
        network.run(batch)
        seconds.append(time.process_time() - began)
    return 1000 * median(seconds) / len(batch)


def slope(side: Side, pictures: Set, network: str, weights: Path, homes: Path, count: int) -> Spent:
    """One side on ``count`` pictures and on twice as many."""
    found: list[tuple[float, float, float, str]] = []
    with tempfile.TemporaryDirectory() as scratch:
        for times in (1, 2):
            data = pictures.write(Path(scratch, f"photos{times}"), times * count)
            answer, room = Path(scratch, "answer.json"), Path(scratch, "room")
            asked = asked_of(data, network, weights, side.precision, room, answer)
            if side.is_ours:
                run(side, asked, homes, ("prepare=1",))
            used, worker, first = run(side, asked, homes)
            told = json.loads(answer.read_text(encoding="ascii"))
            if told["said"] != times * count:
                sys.exit(f"{side.name} answered {told['said']} of {times * count} pictures")
            found.append((used, worker, first, told["version"]))
            shutil.rmtree(data)
    (few, _, first, version), (many, worker, _, _) = found
    each = (many - few) / count
    return Spent(1000 * each, few - each * count, worker, first, version)


def run(side: Side, asked: Asked, homes: Path, told: Sequence[str] = ()) -> tuple[float, float, float]:
    """One process of a side: CPU seconds, MB of the largest process below it, seconds to the first stored answer."""
    script = SIDES / f"folder_{side.name.split()[0]}.py"
    python = str(homes / side.home / "bin" / "python") if side.home else sys.executable
    said = Path(asked.room).with_suffix(".txt")
    wanted = Path(asked.room).with_suffix(".json")
    wanted.write_text(json.dumps(asdict(asked)), encoding="utf-8")
    worker, first, began = 0.0, 0.0, time.monotonic()
    with said.open("w", encoding="utf-8") as log:
        process = subprocess.Popen([python, str(script), str(wanted), *told], stdout=log, stderr=log, env=_alone())
        while True:
            ended, status, used = os.wait4(process.pid, os.WNOHANG)
            if ended:
                break
            if side.is_ours:
                worker = max([worker, *map(_highest, _children(process.pid))])
                first = first or (_any_stored(Path(asked.room)) and time.monotonic() - began)
            time.sleep(0.02 if side.is_ours else 0.2)
    if os.waitstatus_to_exitcode(status):
        sys.exit(f"{side.name} failed: {said.read_text(encoding='utf-8', errors='replace')[-2000:]}")
    return used.ru_utime + used.ru_stime, worker, first


def _alone() -> dict[str, str]:
    return {**_surroundings(), "YOLO_OFFLINE": "true", "HF_HUB_OFFLINE": "1", "YOLO_VERBOSE": "false"}


def _children(process: int) -> list[int]:
    tasks = Path("/proc", str(process), "task")
    try:
        return [int(child) for task in tasks.iterdir() for child in (task / "children").read_text().split()]
    except OSError:  # it has ended meanwhile
        return []


def _highest(process: int) -> float:
    try:
        lines = Path("/proc", str(process), "status").read_text(encoding="utf-8").splitlines()
    except OSError:  # it has ended meanwhile
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def _any_stored(room: Path) -> bool:
    database = room / "fovea.db"
    if not database.exists():
        return False
    try:
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=0.01) as connection:
            return bool(connection.execute("SELECT 1 FROM predictions LIMIT 1").fetchone())
    except sqlite3.Error:  # it is being made
        return False


if __name__ == "__main__":
    main(sys.argv[1:])
