"""What the starter is worth as the start of a whole training, beside the same network at random start.

    FOVEA_REAL_DATA=/path/to/data python benchmarks/starter_full.py [keep=FOLDER] [folds=3] [SETTING=VALUE ...]

Both trainings of a pair are the engine's own in mode full, by its defaults for such a start, on the same split: test
parts are the outer folds, which no group straddles; validation and calibration come out of the rest. Each test part is
asked once, through the served network. In brackets stand 95 % intervals, drawn by group, of a lead on the same draws
for both; after each fold, of what was judged so far. ``keep`` holds what was answered: run again to go on. Ends with
status 1 where a lead is below 0.
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold

from fovea.engine.judging.evaluate import run_all
from fovea.engine.pictures.survey import Survey, Wanted, read_samples, survey
from fovea.engine.recipe import Recipe
from fovea.engine.train import train
from fovea.plugin import Domain, DomainInfo, Preprocess, Sample, TaskSpec
from fovea.progress import silent
from fovea.registry import Registry
from fovea.serving.answers import answers
from fovea.serving.network import Network
from fovea.settings import parse, resolve

STARTS = ("starter", "none")
DRAWS = 1000
BALANCED, AREA = "balanced accuracy", "AUC"

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Subject:
    """Labelled pictures as a domain reads them, and the figure that judges them."""

    name: str
    domain: Domain
    root: Path
    figure: str

    @property
    def role(self) -> str:
        """The only one there is."""
        return next(iter(self.domain.info.tasks))

    def wanted(self, spec: Preprocess) -> Wanted:
        """All its pictures, as squares of this kind."""
        view = resolve(self.domain.info.view, "view settings", [])
        return Wanted(domain=self.domain, root=self.root, view=view, role=self.role, spec=spec)


@dataclass(frozen=True)
class Held:
    """Of each picture (n): the true class, its group, its fold; and by start the probabilities (n, classes)."""

    truth: NDArray[np.int64]
    group: NDArray[np.int64]
    fold: NDArray[np.int64]
    said: Mapping[str, Floats]


def main() -> None:
    """Train in pairs, judge, print a table."""
    if "FOVEA_REAL_DATA" not in os.environ:
        sys.exit("set FOVEA_REAL_DATA to the folder of real pictures")
    given = dict(word.split("=", 1) for word in sys.argv[1:])
    keep, folds = given.pop("keep", ""), int(given.pop("folds", "3"))
    own = parse([f"{name}={value}" for name, value in given.items()], "recipe")
    torch.set_num_threads(1)
    print(f"{time.strftime('%Y-%m-%d')}, {platform.machine()}, one thread, {folds} folds, torch {torch.__version__}")
    with tempfile.TemporaryDirectory() as scratch:
        room, leads = Path(keep or scratch), [0.0]
        every = list(subjects(Path(os.environ["FOVEA_REAL_DATA"])))
        for number in range(folds):
            for subject in every:
                learn(subject, room / subject.name, (number, folds), own)
            print(f"by {number + 1} of {folds} folds:")
            leads = [tell(subject, answered(subject, room / subject.name, number + 1, folds)) for subject in every]
    sys.exit(min(leads) < 0)


def subjects(root: Path) -> Iterator[Subject]:
    """Leaves on a bench by run of the camera, leaves in the field each alone, films of children by patient."""
    crop = Registry.load().domain("crop")
    yield Subject("lab_apple", crop, root / "crop" / "lab_apple", BALANCED)
    yield Subject("field_bean", crop, root / "crop" / "field_bean", BALANCED)
    yield Subject("chest_xray", films(), root / "medical" / "chest_xray", AREA)


def films() -> Domain:
    """Bacterial against viral pneumonia, by patient; changed for training as the core changes any picture."""

    def read(root: Path, view: object) -> Iterator[Sample]:
        del view
        for line in (root / "labels.csv").read_text(encoding="utf-8").splitlines()[1:]:
            file, _, kind, group, *_ = line.split(",")
            if kind in ("bacteria", "virus"):
                yield Sample(source=file, targets={"kind": kind}, group=group)

    info = DomainInfo(
        name="films",
        title="Films",
        intended_use="Measures the starter.",
        limits="Nothing else.",
        tasks={"kind": TaskSpec(kind="classify")},
    )
    return Domain(info=info, read_samples=read)


def dealt(subject: Subject, folds: int) -> tuple[list[Sample], Held]:
    """The labelled pictures, with nothing said of them yet."""
    samples = [one for one in read_samples(subject.wanted(Preprocess())) if subject.role in one.targets]
    truth, group = (
        np.unique(words, return_inverse=True)[1].astype(np.int64)
        for words in ([str(one.targets[subject.role]) for one in samples], [one.of_group for one in samples])
    )
    fold = np.zeros(len(samples), np.int64)
    outer = StratifiedGroupKFold(folds, shuffle=True, random_state=0)
    for number, (_, test) in enumerate(outer.split(truth, truth, group)):
        fold[test] = number
    return samples, Held(truth, group, fold, {})


def learn(subject: Subject, room: Path, fold: tuple[int, int], own: Mapping[str, str]) -> None:
    """Keep what both starts' networks say of a fold that they did not learn from, unless it was kept before."""
    room.mkdir(parents=True, exist_ok=True)
    number, folds = fold
    samples, held = dealt(subject, folds)
    test = [samples[place] for place in np.flatnonzero(held.fold == number)]
    for start in STARTS:
        if not kept(room, fold, start).is_file():
            np.save(kept(room, fold, start), trained(subject, room, start, test, 1 / folds, own))


def kept(room: Path, fold: tuple[int, int], start: str) -> Path:
    """Where the probabilities of one fold lie, (n, classes)."""
    return room / f"{fold[1]}-{fold[0]}-{start}.npy"


def answered(subject: Subject, room: Path, done: int, folds: int) -> Held:
    """All pictures of the first ``done`` folds, and what was said of them."""
    _, held = dealt(subject, folds)
    said = {start: np.zeros((len(held.truth), held.truth.max() + 1)) for start in STARTS}
    for start, number in ((start, number) for start in STARTS for number in range(done)):
        said[start][held.fold == number] = np.load(kept(room, (number, folds), start))
    among = held.fold < done
    group = np.unique(held.group[among], return_inverse=True)[1].astype(np.int64)
    return Held(held.truth[among], group, held.fold[among], {start: told[among] for start, told in said.items()})


def trained(
    subject: Subject, room: Path, start: str, test: Sequence[Sample], share: float, own: Mapping[str, str]
) -> Floats:
    """Learn from the other folds; probabilities of the pictures of this one, (n, classes), in their order."""
    began = time.process_time()
    with tempfile.TemporaryDirectory(dir=room) as scratch:
        split = Path(scratch, "split.csv")
        split.write_text("group,split\n" + "".join(f'"{name}",test\n' for name in {one.of_group for one in test}))
        asked = {"backbone": "starter", "weights": start, "threads": "1", "audit": "no", **own}
        recipe = resolve(Recipe, "recipe", [{**asked, "test": str(share), "split": str(split)}])
        wanted = subject.wanted(Preprocess())
        done = train(
            domain=wanted.domain,
            root=wanted.root,
            view=wanted.view,
            role=subject.role,
            recipe=recipe,
            folder=Path(scratch, "run"),
            models=Path(scratch, "models"),
            cache=room / "cache",
            name="starter-full",
            progress=silent(),
            stop=lambda: False,
        )
        seen = survey(subject.wanted(done.bundle.preprocess), room / "cache" / "surveys", silent())
        logits = run_all(Network(done.bundle), seen.pixels, places(seen, test))
    told = ", ".join(f"{name} {getattr(done.recipe, name)}" for name in ("size", "epochs", "lr", "precision", "seed"))
    print(f"  {subject.name}, {start}: {time.process_time() - began:.0f} s of CPU, {told}", flush=True)
    return answers(done.bundle, logits).astype(np.float64)


def places(seen: Survey, samples: Sequence[Sample]) -> NDArray[np.intp]:
    """The rows of these samples."""
    row = {(one.source, one.part): number for number, one in enumerate(seen.rows)}
    return np.array([row[one.source, one.part] for one in samples], np.intp)


def tell(subject: Subject, held: Held) -> float:
    """Print both figures and the lead with its interval; the lead."""
    many = held.group.max() + 1
    drawn = np.random.default_rng(0).multinomial(many, np.full(many, 1 / many), DRAWS)
    times = np.concatenate([np.ones((1, len(held.group))), drawn[:, held.group]]).astype(np.float64)
    judge = area if subject.figure == AREA else balanced
    ours, theirs = (np.array([judge(held, held.said[start], weight) for weight in times]) for start in STARTS)
    lead = ours - theirs
    low, high = np.nanpercentile(lead[1:], [2.5, 97.5])
    print(
        f"{subject.name:12s}{subject.figure:18s} starter {ours[0]:.3f}   random start {theirs[0]:.3f}   "
        f"lead {lead[0]:+.3f} ({low:+.3f} to {high:+.3f})   {len(held.truth)} pictures, {many} groups",
        flush=True,
    )
    return float(lead[0])


def balanced(held: Held, said: Floats, weight: Floats) -> float:
    """Mean over the classes of the share that is told right, all folds together."""
    right = said.argmax(axis=1) == held.truth
    of_class = [held.truth == label for label in np.unique(held.truth)]
    return float(np.mean([weight[mask] @ right[mask] / weight[mask].sum() for mask in of_class if weight[mask].sum()]))


def area(held: Held, said: Floats, weight: Floats) -> float:
    """Mean of the folds' areas under the ROC curve of the second class."""
    counted = [(held.fold == fold) & (weight > 0) for fold in np.unique(held.fold)]
    both = [among for among in counted if len(np.unique(held.truth[among])) > 1]
    return float(
        np.mean([roc_auc_score(held.truth[one], said[one, 1], sample_weight=weight[one]) for one in both])
        if both
        else np.nan
    )


if __name__ == "__main__":
    main()
