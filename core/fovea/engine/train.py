"""One training, walked from a folder of labelled pictures to a bundle: survey, split, learn, export, calibrate, judge.

The run's folder keeps every step's result, so that a training that was stopped or killed goes on where it was.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fovea.engine import data, loop
from fovea.engine.backbones import Origin
from fovea.engine.calibrate import Kept, calibrated
from fovea.engine.card import write_card
from fovea.engine.draws import identify
from fovea.engine.evaluate import Evaluation, assess, run_all
from fovea.engine.export import Agreement, check_agreement, library_versions, write_files
from fovea.engine.network import Whole, look_at_machine, make
from fovea.engine.recipe import Recipe, resolve
from fovea.engine.room import held, threads
from fovea.engine.split import Part, split
from fovea.engine.survey import Survey, Wanted, survey
from fovea.engine.targets import refuse_ragged, strata, unbound
from fovea.engine.task import Task, task_of
from fovea.errors import DataError, Stopped, UnknownName, UsageError
from fovea.plugin import Domain, Kind, ViewSettings
from fovea.progress import Progress, watched
from fovea.serving.bundle import Bundle, Scale, check_name, write_bundle
from fovea.serving.network import Network
from fovea.serving.preprocess import PREPROCESS_ID
from fovea.settings import digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """What a training came to.

    Args:
        bundle: written and opened again.
        evaluation: on the part ``test``, which nothing else has looked at.
        folder: the run's.
        recipe: as it was carried out, without ``auto``.
        curves: figures by name, one mapping an epoch.
        agreement: of the served network with the trained one.
    """

    bundle: Bundle
    evaluation: Evaluation
    folder: Path
    recipe: Recipe
    curves: tuple[Mapping[str, float], ...]
    agreement: Agreement


def train(  # noqa: PLR0913 - one argument a fact, all by name
    *,
    domain: Domain,
    root: Path,
    view: ViewSettings,
    role: str,
    recipe: Recipe,
    folder: Path,
    models: Path,
    name: str,
    progress: Progress,
    stop: Callable[[], bool],
) -> Trained:
    """Train one role of a domain on the labelled pictures below ``root``.

    Args:
        domain: whose pictures, labels and augmentations.
        root: folder of the pictures.
        view: the domain's view settings.
        role: one of ``domain.info.tasks``.
        recipe: every setting; what ``auto`` becomes is written to ``folder/recipe.json``.
        folder: of the run; run again with the same folder to go on.
        models: where the bundle is written.
        name: of the bundle.
        progress: told how far it is.
        stop: asked before every picture of the survey and before every batch.

    Raises:
        DataError: no pictures, no labels, one class only, a label in every picture, a value that is the same in all, or
            a class of a single group.
        UsageError: role, backbone, weights, loss or name do not fit, or the folder's run has other settings.
        WeightsMissing: the backbone's weights are not to be had.
        PluginError: the domain failed.
        Locked: another training holds the folder.
        Stopped: ``stop`` said so; run again to go on.
        FoveaError: the disk is full, or the loss became no number.
    """
    if role not in domain.info.tasks:
        raise UnknownName(f"role of the domain {domain.info.name}", role, sorted(domain.info.tasks))
    check_name(name)
    with held(folder, "training"):
        looking = watched(progress, lambda: _refuse_to_go_on(stop))
        run = _prepare(domain, root, view, role, recipe, folder, looking)
        with threads(int(run.recipe.threads)):
            curves = loop.fit(_course(run), recipe=run.recipe, folder=folder, progress=progress, stop=stop)
        return _finish(run, models=models, name=name, curves=curves)


def _refuse_to_go_on(stop: Callable[[], bool]) -> None:
    if stop():
        raise Stopped("the training was stopped before it learned anything: run it again to begin anew")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    wanted: Wanted
    recipe: Recipe
    folder: Path
    task: Task
    survey: Survey
    labels: tuple[str, ...]
    parts: tuple[Part, ...]
    whole: Whole
    origin: Origin
    scale: Scale | None

    def pictures(self, part: Part) -> data.Pictures:
        rows = np.flatnonzero([p == part for p in self.parts])
        chosen = [self.survey.rows[row] for row in rows]
        return data.Pictures(
            pixels=self.survey.pixels,
            rows=rows,
            targets=self.task.encode([row.target for row in chosen], self.labels, self.scale),
            ids=identify(row.name for row in chosen),
        )


def _prepare(
    domain: Domain, root: Path, view: ViewSettings, role: str, recipe: Recipe, folder: Path, progress: Progress
) -> _Run:
    """All that comes before learning, cheapest refusals first."""
    spec, task = domain.info.tasks[role], task_of(domain.info.tasks[role].kind)
    machine = look_at_machine(recipe.device)
    recipe = resolve(_as_begun(folder / "recipe.json", recipe), spec.preprocess, machine, spec.kind)
    _refuse_other_recipe(folder / "recipe.json", recipe)
    preprocess = dataclasses.replace(spec.preprocess, size=int(recipe.size))
    make(recipe, task=task, preprocess=preprocess, outputs=2)  # a missing weights file is told before the survey
    wanted = Wanted(domain=domain, root=root, view=view, role=role, spec=preprocess, leave_out=recipe.leave_out)
    seen = survey(wanted, folder, progress)
    labels = _labels(seen, task, spec.kind, domain.info.target(role))
    parts = _frozen_split(folder / "split.json", seen, recipe, spec.kind)
    learned = [row.target for row, part in zip(seen.rows, parts, strict=True) if part == "train"]
    scale = task.scale_of(learned, labels)
    _write_json(folder / "recipe.json", recipe.model_dump(mode="json"))
    whole, origin = make(recipe, task=task, preprocess=preprocess, outputs=len(labels))
    return _Run(
        wanted=wanted,
        recipe=recipe,
        folder=folder,
        task=task,
        survey=seen,
        labels=labels,
        parts=parts,
        whole=whole,
        origin=origin,
        scale=scale,
    )


def _labels(seen: Survey, task: Task, kind: Kind, target: str) -> tuple[str, ...]:
    if kind == "regress":
        refuse_ragged([row.source for row in seen.rows], [row.target for row in seen.rows])
    return task.read_labels([row.target for row in seen.rows], target)


def _as_begun(path: Path, recipe: Recipe) -> Recipe:
    """The recipe with the number of threads that its run was begun with: other threads, other last digits."""
    if recipe.threads != "auto" or not path.is_file():
        return recipe
    return recipe.model_copy(update={"threads": json.loads(path.read_text(encoding="ascii"))["threads"]})


def _refuse_other_recipe(path: Path, recipe: Recipe) -> None:
    if not path.is_file():
        return
    plain = recipe.model_dump(mode="json")
    before = json.loads(path.read_text(encoding="ascii"))
    other = sorted(name for name in plain if plain[name] != before.get(name, plain[name]))
    if other:
        told = ", ".join(f"{name} was {before.get(name)} and is now {plain[name]}" for name in other)
        raise UsageError(f"the run in {path.parent} was begun with another recipe ({told}): give another folder")


def _frozen_split(path: Path, seen: Survey, recipe: Recipe, kind: Kind) -> tuple[Part, ...]:
    """The split of the folder, with a part for every group that is new since."""
    frozen: dict[str, Part] = json.loads(path.read_text(encoding="ascii")) if path.is_file() else {}
    groups, labels = [row.group for row in seen.rows], strata(kind, [row.target for row in seen.rows])
    if len(set(groups)) == 1:
        raise DataError(
            f"all {len(groups)} pictures are of one group, '{groups[0]}', so that they cannot be both learned and "
            "tested: add pictures of another group (plant, patient, day)"
        )
    parts = split(
        groups=groups,
        labels=labels,
        fractions=recipe.fractions,
        seed=recipe.seed,
        frozen=frozen,
        unbound=unbound(kind, labels),
    )
    _write_json(path, {**frozen, **parts})
    return tuple(parts[row.group] for row in seen.rows)


def _course(run: _Run) -> loop.Course:
    recipe, domain = run.recipe, run.wanted.domain
    learned, kept = run.pictures("train"), run.pictures("validation")
    shares = run.task.shares(learned.targets) if recipe.class_balance == "sampler" else None
    weights = run.task.weights(learned.targets) if recipe.class_balance == "weights" else None
    in_loss = None if weights is None else torch.from_numpy(weights).to(recipe.device)
    cuts = data.even_cuts(len(learned), recipe.batch_size)

    def batches(epoch: int, first: int) -> Iterator[data.Batch]:
        return data.training_batches(
            learned,
            cuts=cuts[first:],
            order=data.order_of(learned, seed=recipe.seed, epoch=epoch, shares=shares),
            salts=(recipe.seed, epoch),
            augments=(lambda: domain.augmentations(role=run.wanted.role, size=int(recipe.size)))
            if recipe.augment
            else None,
            domain=domain,
            threads=8 if recipe.device == "cuda" else 1,
        )

    return loop.Course(
        network=run.whole,
        batches=batches,
        steps=len(cuts),
        validate=lambda network: _validate(network, kept, run, weights),
        loss=lambda logits, targets: run.task.loss(
            logits, targets, name=recipe.loss, weights=in_loss, smoothing=recipe.label_smoothing
        ),
        key=digest(recipe, run.survey.fingerprint, {"parts": run.parts, "names": [r.name for r in run.survey.rows]}),
    )


@torch.no_grad()
def _validate(
    network: torch.nn.Module, kept: data.Pictures, run: _Run, weights: NDArray[np.float32] | None
) -> Mapping[str, float]:
    if not len(kept):
        return {}
    network.eval()
    with loop.autocast(run.recipe):
        logits = [
            network(pixels.to(run.recipe.device)).float().cpu()
            for pixels, _ in data.plain_batches(kept, run.recipe.batch_size)
        ]
    return run.task.score(
        torch.cat(logits),
        torch.from_numpy(kept.targets),
        name=run.recipe.loss,
        weights=None if weights is None else torch.from_numpy(weights),
    )


def _finish(run: _Run, *, models: Path, name: str, curves: Sequence[Mapping[str, float]]) -> Trained:
    """Export, compare, calibrate on its own part, judge once on the test part, write."""
    folder = run.folder / "export"
    files = write_files(run.whole, size=int(run.recipe.size), folder=folder)
    learned = sorted({row.digest for row, part in zip(run.survey.rows, run.parts, strict=True) if part != "test"})
    files["learned.bin"] = folder / "learned.bin"
    files["learned.bin"].write_bytes(bytes.fromhex("".join(learned)))
    draft = _describe(run, name, folder)
    kept = run.pictures("calibration")
    compared = kept if len(kept) else run.pictures("train")
    agreement, draft = check_agreement(run.whole, draft, run.survey.pixels[compared.rows[:512]])
    network = Network(draft)
    draft = _calibrated(run, draft, network, kept)
    evaluation = _judge(run, draft, network)
    figures = {**evaluation.to_json(), "agreement": dataclasses.asdict(agreement), "epochs": len(curves)}
    del figures["unreadable"]
    draft = dataclasses.replace(draft, figures=figures)
    card = write_card(
        bundle=draft,
        info=run.wanted.domain.info,
        survey=run.survey,
        parts=run.parts,
        evaluation=evaluation,
    )
    bundle = write_bundle(draft, models=models, files=files, card=card)
    return Trained(
        bundle=bundle,
        evaluation=evaluation,
        folder=run.folder,
        recipe=run.recipe,
        curves=tuple(curves),
        agreement=agreement,
    )


def _calibrated(run: _Run, draft: Bundle, network: Network, kept: data.Pictures) -> Bundle:
    learned = run.pictures("train").targets
    return calibrated(
        draft,
        Kept(
            logits=run_all(network, run.survey.pixels, kept.rows),
            targets=kept.targets,
            groups=[run.survey.rows[row].group for row in kept.rows],
        ),
        shares=learned.mean(axis=0).tolist() if draft.kind == "multilabel" else (),
        aim=run.recipe.operate_at,
    )


def _describe(run: _Run, name: str, folder: Path) -> Bundle:
    return Bundle(
        name=name,
        domain=run.wanted.domain.info.name,
        role=run.wanted.role,
        kind=run.wanted.domain.info.tasks[run.wanted.role].kind,
        labels=run.labels,
        scale=run.scale,
        preprocess=run.wanted.spec,
        preprocess_id=PREPROCESS_ID,
        recipe=run.recipe.model_dump(mode="json"),
        view=run.wanted.view.model_dump(mode="json"),
        fingerprint=run.survey.fingerprint,
        weights_source=run.origin.source,
        weights_licence=run.origin.licence,
        versions=library_versions(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        path=folder,
    )


def _judge(run: _Run, draft: Bundle, network: Network) -> Evaluation:
    test = run.pictures("test")
    with (run.folder / "test_opened.txt").open("a", encoding="ascii") as log:
        log.write(f"{draft.created} {len(test)} pictures, fingerprint {draft.fingerprint}\n")
    evaluation = assess(
        rows=[run.survey.rows[row] for row in test.rows],
        logits=run_all(network, run.survey.pixels, test.rows),
        bundle=draft,
        unreadable=run.survey.unreadable,
        precision=network.precision,
    )
    _write_json(run.folder / "evaluation.json", evaluation.to_json())
    return evaluation


def _write_json(path: Path, content: Any) -> None:
    beside = path.with_name(f".{path.name}")
    beside.write_text(json.dumps(content, indent=2), encoding="ascii")
    beside.replace(path)
