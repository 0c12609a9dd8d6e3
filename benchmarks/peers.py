"""Fine-tuning and probing beside four peers, in one run: same pictures, same network, same epochs, on one CPU thread.

    python benchmarks/peers.py [peers=FOLDER] [learn=512] [full=1] [probe=10] [measured=10] [rounds=1] [only=full|probe]

``peers`` is a folder of virtual environments, one a peer, made where they are missing (6 GB, minutes): ``torch`` holds
torch and torchvision; ``timm``, ``fastai`` and ``hf`` each hold their own packages and see those two through a .pth
file, so that they need not be installed four times. Each side is a script in ``benchmarks/peers/`` that says what it
does and which defaults of its own it keeps.

``learn`` pictures (and an eighth of that to validate on) are drawn by formulas and written as JPEGs of 256 pixels;
the network is a ResNet-18 of random weights at 224 pixels, 32 pictures a step, one thread. Two figures of CPU time are
told, both with all processes that a side starts, and of several rounds the least disturbed:

* training proper: from after the imports to the end of the last epoch, its validation and checkpoint included. Fovea's
  is the survey (every file decoded once), the split and the learning; it audits nothing there, as the peers do not.
* whole command: the process from start to end. Fovea's is then all of ``fovea train`` with its defaults: the audits,
  the export, the calibration, the judgement and the card as well.

A probe of ``probe`` epochs is made once by each peer and read after its first epoch, too. Where ``measured`` is fewer,
each peer runs so many and the others are computed: as many times the median of its epochs after the first. Fovea's
probe has no epochs: features are made once, and a grid of heads is fitted on them. Memory is the greatest sum of PSS
over a side's processes, looked up twice a second. Ends with status 1 where Fovea is less quick than is claimed.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import cv2

from fovea.engine.pretraining.drawing import draw

SIDES = Path(__file__).with_name("peers")
LABELS, GROUP, BATCH, SIZE, SIDE = 4, 4, 32, 224, 256
TORCH = ("torch>=2.14", "torchvision>=0.29")
PACKAGES: Mapping[str, tuple[str, ...]] = {
    "timm": ("timm>=1.0.31",),
    "fastai": ("fastai>=2.8",),
    "hf": ("transformers[torch]>=5.23",),
}
OURS = "fovea"


@dataclass(frozen=True)
class Side:
    """One row: a script, whose interpreter runs it, and what else it is told."""

    name: str
    script: str
    home: str
    told: tuple[str, ...] = ()


PEERS = (
    Side("torchvision's loop", "torchvision_loop.py", "torch"),
    Side("timm's train script", "timm_script.py", "timm"),
    Side("HF Trainer", "hf_trainer.py", "hf"),
    Side("fastai", "fastai_learner.py", "fastai"),
)
BY_HAND = Side("torchvision's loop, bf16 by hand", "torchvision_loop.py", "torch", ("by_hand=1",))
FOVEA = Side(OURS, "fovea_itself.py", "")
FOVEA_WHOLE = Side("fovea, all of fovea train", "fovea_itself.py", "", ("whole=1",))


@dataclass(frozen=True)
class Spent:
    """What one run of a side took: CPU seconds at the end of each epoch and of the whole process, MB, its version."""

    ends: tuple[float, ...]
    whole: float
    memory: float
    version: str


@dataclass(frozen=True)
class Plan:
    """One comparison."""

    way: str
    epochs: int
    measured: int
    data: Path
    homes: Path
    rounds: int


def main(arguments: Sequence[str]) -> None:
    """Make what is missing, draw, run every side in turn, print, judge."""
    given = dict(argument.split("=", 1) for argument in arguments)
    ways = [given["only"]] if "only" in given else ["full", "probe"]
    print(f"{time.strftime('%Y-%m-%d')}, {platform.machine()}, one thread, load {os.getloadavg()[0]:.1f}", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        homes = Path(given.get("peers", Path(scratch, "peers"))).resolve()
        make_homes(homes)
        data, learn = Path(scratch, "pictures"), int(given.get("learn", "512"))
        write_pictures(data, {"train": learn, "val": learn // 8, "held": learn // 8})
        faults: list[str] = []
        for way in ways:
            epochs = int(given.get(way, "1" if way == "full" else "10"))
            measured = min(epochs, int(given.get("measured", epochs)))
            faults += compare(Plan(way, epochs, measured, data, homes, int(given.get("rounds", "1"))), learn)
    if faults:
        sys.exit("; ".join(faults))


def make_homes(homes: Path) -> None:
    """The virtual environments that are missing."""
    base = _made(homes / "torch", TORCH)
    for name, packages in PACKAGES.items():
        _made(homes / name, packages, seeing=base)


def _made(home: Path, packages: Sequence[str], seeing: Path | None = None) -> Path:
    python, ready = home / "bin" / "python", home / "ready"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
    told = subprocess.run(
        [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True,
        capture_output=True,
        text=True,
    )
    packed = Path(told.stdout.strip())
    if not ready.exists():
        print(f"making {home.name}: {' '.join(packages)}", flush=True)
        if seeing is not None:
            (packed / "seeing.pth").write_text(f"{seeing}\n", encoding="utf-8")
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *packages], check=True)
        ready.touch()
    return packed


def write_pictures(root: Path, parts: Mapping[str, int]) -> None:
    """Drawn pictures as PART/LABEL/GROUP-NUMBER.jpg, four a group, and the split as Fovea reads it.

    Half of ``held`` calibrates and half of it judges, which no peer does.
    """
    pictures = _drawn()
    lines = ["group,split"]
    for part, count in parts.items():
        for number in range(count):
            group = number // GROUP
            path = root / part / f"kind{number % LABELS}" / f"{group}-{number}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), next(pictures), [cv2.IMWRITE_JPEG_QUALITY, 90])
            role = {"train": "train", "val": "validation"}.get(part, ("calibration", "test")[group % 2])
            lines.append(f"{part}-{group},{role}")
    (root / "split.csv").write_text("\n".join(dict.fromkeys(lines)), encoding="ascii")


def _drawn() -> Iterator[Any]:
    for seed in range(10**6):
        yield from draw(64, size=SIDE, seed=seed)[0].numpy()


def compare(plan: Plan, learn: int) -> list[str]:
    """Run all sides in turn, every other round backwards; print their table; the claims that do not hold."""
    turn = (FOVEA, *PEERS, BY_HAND, FOVEA_WHOLE)
    spent: dict[str, list[Spent]] = {side.name: [] for side in turn}
    for number in range(plan.rounds):
        for side in turn[:: (1, -1)[number % 2]]:
            one = run(side, plan)
            spent[side.name].append(one)
            print(
                f"  {side.name}: {', '.join(f'{end:.1f}' for end in one.ends)} s; whole {one.whole:.1f} s", flush=True
            )
    print(f"\n{plan.way}, {learn} pictures, {plan.epochs} epoch(s), {plan.measured} of them run; CPU seconds, MB")
    print(f"{'':34s}{'version':>10s}{'first epoch':>13s}{'all epochs':>12s}{'whole':>9s}{'memory':>9s}")
    for name, runs in spent.items():
        first = "" if name.startswith(OURS) else f"{until(runs, 1):.1f}"
        last = until(runs, 1 if name.startswith(OURS) else plan.epochs)
        whole = "" if name == OURS or plan.measured < plan.epochs else f"{min(one.whole for one in runs):.1f}"
        memory = max(one.memory for one in runs)
        print(f"{name:34s}{runs[0].version:>10s}{first:>13s}{last:12.1f}{whole:>9s}{memory:9.0f}")
    return list(judged(plan, spent))


def until(runs: Sequence[Spent], epoch: int) -> float:
    """CPU seconds to the end of an epoch (from 1), of the least disturbed run; computed where it was not run."""
    return min(_until(one.ends, epoch) for one in runs)


def _until(ends: Sequence[float], epoch: int) -> float:
    if epoch <= len(ends):
        return ends[epoch - 1]
    return ends[-1] + (epoch - len(ends)) * median(after - before for before, after in pairwise(ends))


def judged(plan: Plan, spent: Mapping[str, Sequence[Spent]]) -> Iterator[str]:
    """Print the ratios; a sentence for each claim that does not hold."""
    ours = until(spent[OURS], 1)
    for epoch in sorted({1, plan.epochs}):
        ratios = {side.name: until(spent[side.name], epoch) / ours for side in (*PEERS, BY_HAND)}
        print(f"times Fovea's, epoch {epoch}: " + ", ".join(f"{name} {ratio:.2f}" for name, ratio in ratios.items()))
        if plan.way == "full" and epoch < plan.epochs:
            continue  # Fovea's one figure is of all epochs
        fastest = min((side.name for side in PEERS), key=ratios.__getitem__)
        for name, least in _claims(plan, epoch, fastest):
            print(f"  {name}: {ratios[name]:.2f} (at least {least:g})")
            if ratios[name] < least:
                yield f"{plan.way}, epoch {epoch}: {name} takes {ratios[name]:.2f} times Fovea's CPU, want {least:g}"


def _claims(plan: Plan, epoch: int, fastest: str) -> list[tuple[str, float]]:
    """Who takes how many times Fovea's CPU time at least."""
    if plan.way == "full":
        return [(fastest, 2.0), ("HF Trainer", 3.0)]
    return [(fastest, {1: 4.0, 10: 20.0}.get(epoch, 2.0 * epoch))]


def run(side: Side, plan: Plan) -> Spent:
    """One process of a side, waited for."""
    with tempfile.TemporaryDirectory() as scratch:
        answer, asked, said = (Path(scratch, name) for name in ("answer.json", "asked.json", "said.txt"))
        (Path(scratch) / "room").mkdir()
        settings = {"data": str(plan.data), "way": plan.way, "epochs": plan.measured, "size": SIZE, "batch": BATCH}
        settings |= {"workers": os.cpu_count() or 1, "answer": str(answer), "scratch": str(Path(scratch, "room"))}
        asked.write_text(json.dumps(settings), encoding="utf-8")
        python = str(plan.homes / side.home / "bin" / "python") if side.home else sys.executable
        with said.open("w", encoding="utf-8") as log:
            process = subprocess.Popen(
                [python, str(SIDES / side.script), str(asked), *side.told], stdout=log, stderr=log, env=_surroundings()
            )
            memory, whole, code = _watch(process)
        if code:
            sys.exit(f"{side.name} failed: {said.read_text(encoding='utf-8', errors='replace')[-2000:]}")
        told = json.loads(answer.read_text(encoding="ascii"))
        return Spent(tuple(told["ends"]), whole, memory, told["version"])


def _surroundings() -> dict[str, str]:
    alone = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    return {**os.environ, **alone, "NO_ALBUMENTATIONS_UPDATE": "1", "TOKENIZERS_PARALLELISM": "false"}


def _watch(process: subprocess.Popen[bytes]) -> tuple[float, float, int]:
    """Greatest sum of PSS in MB, CPU seconds of it and all that it has waited for, and its status."""
    most = 0.0
    while True:
        ended, status, used = os.wait4(process.pid, os.WNOHANG)
        if ended:
            return most, used.ru_utime + used.ru_stime, os.waitstatus_to_exitcode(status)
        most = max(most, sum(map(_pss, _below(process.pid))))
        time.sleep(0.5)


def _below(root: int) -> list[int]:
    """A process and all below it."""
    found, waiting = [root], [root]
    while waiting:
        tasks = Path("/proc", str(waiting.pop()), "task")
        try:
            children = [int(child) for task in tasks.iterdir() for child in (task / "children").read_text().split()]
        except OSError:  # it has ended meanwhile
            continue
        found += children
        waiting += children
    return found


def _pss(process: int) -> float:
    try:
        lines = Path("/proc", str(process), "smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:  # it has ended meanwhile
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


if __name__ == "__main__":
    main(sys.argv[1:])
