"""What each means of the training craft does to a short training on real photos, beside the same training without it.

    FOVEA_REAL_DATA=/path/to/data python benchmarks/craft.py [keep=FOLDER] [sets=lab_apple,field_bean] [only=ema,mixup]
        [seeds=0] [SETTING=VALUE ...]

Every training is the engine's own, mode full, from the backbone starter, on the same split, and is judged once on the
test part through the served network. A lead stands with its 95 % interval, drawn by group on the same draws for both.
Two means meet the ill that they are for, planted into the pictures learned from and known to both sides: four fifths of
the groups of one class are taken away (``class_balance``), or a bright mark is painted on most pictures of one class
and few of the others, and on every second picture of the test part (``worst_group``; the figure is then the recall of
the worst pair of class and mark). ``keep`` holds what was answered: run again to go on. No claim is made, so the status
is 0 unless a training fails.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fovea.engine.judging.evaluate import run_all
from fovea.engine.pictures.seen import Wanted
from fovea.engine.pictures.survey import survey
from fovea.engine.recipe import Recipe
from fovea.engine.train import train
from fovea.plugin import Domain, Image, Sample
from fovea.progress import silent
from fovea.registry import Registry
from fovea.serving.answers import answers
from fovea.serving.network import Network
from fovea.settings import parse, resolve

ROLE = "disease"
PLAIN = {
    "backbone": "starter",
    "mode": "full",
    "size": "96",
    "epochs": "8",
    "patience": "0",
    "threads": "1",
    "audit": "no",
    "explained": "0",
    "label_smoothing": "0",
    "class_balance": "none",
    "test": "0.35",
}
DRAWS = 1000
MARKED, OTHERS = 0.9, 0.1
"""Share of the pictures learned from that bear the mark, of the first class and of the others."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Craft:
    """A means: what of the recipe changes, and what is planted into the pictures of both sides."""

    name: str
    change: Mapping[str, str]
    plant: str = "nothing"


CRAFT = (
    Craft("ema", {"ema": "0.97"}),
    Craft("mixup", {"mixup": "0.2"}),
    Craft("cutmix", {"cutmix": "1"}),
    Craft("label_smoothing", {"label_smoothing": "0.05"}),
    Craft("layer_decay", {"layer_decay": "0.75"}),
    Craft("unfreeze", {"unfreeze": "gradual"}),
    Craft("lr_find", {"lr": "find"}),
    Craft("class_balance", {"class_balance": "weights"}, "rare"),
    Craft("worst_group", {"worst_group": "mark+label"}, "mark"),
)


@dataclass(frozen=True)
class Told:
    """Of each test picture (n): the true class, its group, whether it is marked, the class said."""

    truth: NDArray[np.int64]
    group: NDArray[np.int64]
    mark: NDArray[np.bool_]
    said: NDArray[np.int64]


def main() -> None:
    """Train in pairs, judge, print a table."""
    if "FOVEA_REAL_DATA" not in os.environ:
        sys.exit("set FOVEA_REAL_DATA to the folder of real pictures")
    given = dict(word.split("=", 1) for word in sys.argv[1:])
    keep, sets = given.pop("keep", ""), given.pop("sets", "lab_apple,field_bean").split(",")
    only, seeds = given.pop("only", ",".join(one.name for one in CRAFT)).split(","), given.pop("seeds", "0").split(",")
    own = PLAIN | parse([f"{name}={value}" for name, value in given.items()], "recipe")
    torch.set_num_threads(1)
    print(f"{time.strftime('%Y-%m-%d')}, {platform.machine()}, one thread, torch {torch.__version__}, {own}")
    with tempfile.TemporaryDirectory() as scratch:
        for name in sets:
            root = Path(os.environ["FOVEA_REAL_DATA"], "crop", name)
            for craft in (one for one in CRAFT if one.name in only):
                room = Path(keep or scratch, name)
                pairs = [pair(root, room, craft, own | {"seed": seed}) for seed in seeds]
                print(f"{name:12s} {craft.name:16s} {compared(craft, pairs)}", flush=True)


def pair(root: Path, room: Path, craft: Craft, recipe: Mapping[str, str]) -> tuple[Told, Told]:
    """What the training with the means said, and the one without it."""
    return told(root, room, craft.plant, {**recipe, **craft.change}), told(root, room, craft.plant, recipe)


def told(root: Path, room: Path, plant: str, recipe: Mapping[str, str]) -> Told:
    """Train and ask about the test part, unless that was done and kept."""
    room.mkdir(parents=True, exist_ok=True)
    path = room / f"{hashlib.blake2b(repr((plant, sorted(recipe.items()))).encode(), digest_size=8).hexdigest()}.npz"
    if not path.is_file():
        said = trained(root, room, plant, recipe)
        np.savez(path, **dataclasses.asdict(said))
    with np.load(path) as file:
        return Told(**{name: file[name] for name in file.files})


def trained(root: Path, room: Path, plant: str, recipe: Mapping[str, str]) -> Told:
    """A training of its own, judged on its test part."""
    began = time.process_time()
    domain = planted(Registry.load().domain("crop"), plant, float(recipe["test"]))
    view = resolve(domain.info.view, "view settings", [])
    with tempfile.TemporaryDirectory(dir=room) as scratch:
        split = Path(scratch, "split.csv")
        groups = {one.of_group for one in domain.read_samples(root=root, view=view) if isinstance(one, Sample)}
        test = [group for group in sorted(groups) if is_test(group, float(recipe["test"]))]
        split.write_text("group,split\n" + "".join(f'"{group}",test\n' for group in test), encoding="utf-8")
        done = train(
            domain=domain,
            root=root,
            view=view,
            role=ROLE,
            recipe=resolve(Recipe, "recipe", [{**recipe, "split": str(split)}]),
            folder=Path(scratch, "run"),
            models=Path(scratch, "models"),
            cache=room / plant,
            name="craft",
            progress=silent(),
            stop=lambda: False,
        )
        wanted = Wanted(domain=domain, root=root, view=view, role=ROLE, spec=done.bundle.preprocess)
        seen = survey(wanted, room / plant / "surveys", silent())
        rows = [number for number, row in enumerate(seen.rows) if row.group in set(test) and row.target is not None]
        logits = run_all(Network(done.bundle), seen.pixels, np.array(rows, np.intp))
    labels = list(done.bundle.labels)
    print(f"  {time.process_time() - began:.0f} s of CPU, rate {done.recipe.lr}", flush=True)
    return Told(
        truth=np.array([labels.index(str(seen.rows[row].target)) for row in rows]),
        group=np.unique([seen.rows[row].group for row in rows], return_inverse=True)[1].astype(np.int64),
        mark=np.array([is_marked(seen.rows[row].source, 0.5) for row in rows]),
        said=answers(done.bundle, logits).argmax(axis=1).astype(np.int64),
    )


def planted(domain: Domain, plant: str, test: float) -> Domain:
    """The domain with an ill in the pictures that are learned from."""

    def read(root: Path, view: Any) -> Iterator[Sample]:
        samples = [one for one in domain.read_samples(root=root, view=view) if isinstance(one, Sample)]
        first = min(str(one.targets[ROLE]) for one in samples if ROLE in one.targets)
        for one in samples:
            of_first, asked = one.targets.get(ROLE) == first, is_test(one.of_group, test)
            if plant == "rare" and of_first and not asked and drawn("rare", one.of_group) >= 1 / 5:
                continue
            share = 0.5 if asked else MARKED if of_first else OTHERS
            told = {"mark": "yes" if is_marked(one.source, share) else "no"} if plant == "mark" else {}
            yield dataclasses.replace(one, attributes={**one.attributes, **told})

    def prepare(image: Image, sample: Sample, view: Any) -> Image:
        shown = domain.prepare(image=image, sample=sample, view=view)
        if sample.attributes.get("mark") != "yes":
            return shown
        pixels = shown.pixels.copy()
        side = min(pixels.shape[:2]) // 8
        pixels[side : 2 * side, side : 2 * side] = 255 if pixels.dtype == np.uint8 else 1
        return dataclasses.replace(shown, pixels=pixels)

    return dataclasses.replace(domain, read_samples=read, prepare=prepare)


def is_test(group: str, share: float) -> bool:
    """Whether a group is asked about; the same in every training."""
    return drawn("test", group) < share


def is_marked(source: str, share: float) -> bool:
    """Whether a picture bears the mark, where such a share does."""
    return drawn("mark", source) < share


def drawn(about: str, name: str) -> float:
    """A number in [0, 1) that the words alone give."""
    return int(hashlib.blake2b(f"{about} {name}".encode(), digest_size=6).hexdigest(), 16) / 2**48


def compared(craft: Craft, pairs: Sequence[tuple[Told, Told]]) -> str:
    """Both figures and the lead with its interval, over all seeds."""
    known = pairs[0][0]
    cells = known.truth * 2 + known.mark if craft.plant == "mark" else known.truth
    many = int(known.group.max()) + 1
    often = np.random.default_rng(0).multinomial(many, np.full(many, 1 / many), DRAWS)
    times = np.concatenate([np.ones((1, len(cells))), often[:, known.group]])
    rights = [np.mean([one.said == known.truth for one in side], axis=0) for side in zip(*pairs, strict=True)]
    worst = craft.plant == "mark"
    ours, theirs = (figure(cells, right, times, worst=worst) for right in rights)
    low, high = np.nanpercentile((ours - theirs)[1:], [2.5, 97.5])
    name = "recall of the worst pair" if worst else "balanced accuracy"
    return (
        f"{name:25s} with {ours[0]:.3f}   without {theirs[0]:.3f}   lead {ours[0] - theirs[0]:+.3f} "
        f"({low:+.3f} to {high:+.3f})   {len(cells)} pictures, {many} groups"
    )


def figure(cells: NDArray[np.int64], right: Floats, times: Floats, *, worst: bool) -> Floats:
    """Mean recall over cells, or the worst cell's, by draw; a cell that a draw left out does not count in it."""
    recalls = []
    for cell in np.unique(cells):
        counted = times * (cells == cell)
        total = counted.sum(axis=1)
        recalls.append(np.divide(counted @ right, total, out=np.full(len(times), np.nan), where=total > 0))
    return np.asarray(np.nanmin(recalls, axis=0) if worst else np.nanmean(recalls, axis=0), np.float64)


if __name__ == "__main__":
    main()
