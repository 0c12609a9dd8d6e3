"""All that comes before learning: survey, labels, frozen split, and the recipe without ``auto``."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from fovea.engine.audits.doubts import note_contradictions
from fovea.engine.audits.keeping import audited
from fovea.engine.audits.leaks import Leaks
from fovea.engine.certainty.promises import check_positive, wishes_of
from fovea.engine.draws import identify
from fovea.engine.network import Whole, is_slow_in_bf16, look_at_machine, make
from fovea.engine.networks.backbones import Origin, as_learned
from fovea.engine.pictures import data
from fovea.engine.pictures.facts import columns_of, table_of
from fovea.engine.pictures.masks import counts
from fovea.engine.pictures.split import Part, split
from fovea.engine.pictures.split_file import imported, keep_split
from fovea.engine.pictures.survey import Survey, Wanted, survey
from fovea.engine.pictures.targets import refuse_ragged, strata, unbound
from fovea.engine.recipe import Recipe, resolve
from fovea.engine.tasks import anomaly
from fovea.engine.tasks.shape import Task, task_of
from fovea.errors import DataError, UsageError
from fovea.plugin import Domain, Kind, Preprocess, TaskSpec, ViewSettings
from fovea.progress import Progress
from fovea.serving.fusion import Attributes, Column
from fovea.serving.readings import Scale


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What a training learns from, and what it will be asked.

    Args:
        wanted: which pictures, seen how.
        recipe: without ``auto``.
        folder: of the run.
        task: what is learned.
        survey: every labelled picture.
        labels: in the order of the outputs.
        parts: the part of the split of each row of the survey.
        whole: the network, before it has learned.
        origin: of its first weights.
        scale: of the targets, where they have a unit.
        columns: what is known beside a picture and learned from, attribute by attribute.
        leaks: what the leak audit found; None where none was made.
    """

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
    columns: tuple[Column, ...] = ()
    leaks: Leaks | None = None

    def pictures(self, part: Part) -> data.Pictures:
        """The pictures of one part of the split, with their encoded targets."""
        rows = np.flatnonzero([p == part for p in self.parts])
        chosen, masks = [self.survey.rows[row] for row in rows], self.survey.masks
        return data.Pictures(
            pixels=self.survey.pixels,
            rows=rows,
            targets=self.task.encode([row.target for row in chosen], self.labels, self.scale)
            if masks is None
            else counts(masks, rows, len(self.labels)),
            ids=identify(row.name for row in chosen),
            masks=masks,
            facts=table_of(self.columns, chosen) if self.columns else None,
        )

    @property
    def beside(self) -> list[Attributes]:
        """What is known beside each row of the survey."""
        return [row.attributes for row in self.survey.rows]


def prepare(
    domain: Domain,
    root: Path,
    view: ViewSettings,
    role: str,
    *,
    recipe: Recipe,
    folder: Path,
    cache: Path,
    progress: Progress,
) -> Prepared:
    """All that comes before learning, cheapest refusals first.

    Raises:
        DataError, UsageError, WeightsMissing, PluginError: see :func:`fovea.engine.train.train`.
    """
    spec, task = domain.info.tasks[role], task_of(domain.info.tasks[role].kind)
    recipe, preprocess = _resolved(recipe, task, spec, folder / "recipe.json")
    wanted = Wanted(domain=domain, root=root, view=view, role=role, spec=preprocess, leave_out=recipe.leave_out)
    seen = survey(wanted, cache / "surveys", progress)
    note_contradictions(folder, seen.rows, progress)
    labels = _labels(seen, task, wanted, recipe)
    seen, leaks = audited(seen, recipe, spec.kind, folder, progress)
    parts = _frozen_split(folder / "split.json", seen, recipe, spec.kind)
    learned = [row for row, part in zip(seen.rows, parts, strict=True) if part == "train"]
    columns = columns_of(recipe.attributes, seen.rows, learned)
    scale = task.scale_of([row.target for row in learned], labels)
    write_json(folder / "recipe.json", recipe.model_dump(mode="json"))
    whole, origin = make(recipe, task=task, preprocess=preprocess, outputs=len(labels))
    return Prepared(
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
        columns=columns,
        leaks=leaks,
    )


def _resolved(given: Recipe, task: Task, spec: TaskSpec, path: Path) -> tuple[Recipe, Preprocess]:
    """The recipe without ``auto``, and how its network sees; what the run was begun with holds.

    Raises:
        UsageError: the run was begun with another recipe, or it does not fit the task.
        WeightsMissing: told here, before any picture is looked at.
    """
    begun = _as_begun(path, given)
    recipe = resolve(begun, spec.preprocess, look_at_machine(given.device), spec.kind)
    preprocess = replace(as_learned(spec.preprocess, recipe.backbone, recipe.weights), size=int(recipe.size))
    whole, _ = make(recipe, task=task, preprocess=preprocess, outputs=2)
    if begun.precision == "auto" and recipe.device == "cpu" and recipe.mode != "probe" and is_slow_in_bf16(whole):
        recipe = recipe.model_copy(update={"precision": "fp32"})
    _refuse_other_recipe(path, recipe)
    return recipe, preprocess


def _labels(seen: Survey, task: Task, wanted: Wanted, recipe: Recipe) -> tuple[str, ...]:
    info, role = wanted.domain.info, wanted.role
    if info.tasks[role].kind == "regress":
        refuse_ragged([row.source for row in seen.rows], [row.target for row in seen.rows])
    labels = task.read_labels([row.target for row in seen.rows], info.target(role))
    check_positive(wishes_of(recipe).positive, labels)
    return labels


def _as_begun(path: Path, recipe: Recipe) -> Recipe:
    """The recipe with what its run was begun with: threads and precision (others make other digits), the rate found."""
    if not path.is_file():
        return recipe
    begun = json.loads(path.read_text(encoding="ascii"))
    open_ = {
        "threads": recipe.threads == "auto",
        "precision": recipe.precision == "auto",
        "lr": recipe.lr == "find",
    }
    return recipe.model_copy(update={name: begun[name] for name, is_open in open_.items() if is_open})


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
    frozen: dict[str, Part] = (
        json.loads(path.read_text(encoding="ascii")) if path.is_file() else imported(recipe.split, seen.rows, path)
    )
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
    if kind == "anomaly":
        parts = anomaly.only_judged(parts, groups, [row.target for row in seen.rows])
    write_json(path, {**frozen, **parts})
    keep_split(path, seen.rows, parts)
    return tuple(parts[row.group] for row in seen.rows)


def write_json(path: Path, content: Any) -> None:
    """Write plain JSON values; what was there before stays until the new file is complete."""
    beside = path.with_name(f".{path.name}")
    beside.write_text(json.dumps(content, indent=2), encoding="ascii")
    beside.replace(path)
