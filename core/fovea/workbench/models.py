"""Models: training, judging, and asking one about single pictures."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fovea.engine.evaluate import Evaluation, evaluate
from fovea.engine.recipe import Recipe
from fovea.errors import BundleRefused, DataError, FoveaError, Stopped, UnknownName, UsageError
from fovea.plugin import Domain, Sample
from fovea.progress import Progress
from fovea.registry import Registry
from fovea.serving.bundle import Bundle, check_name, open_bundle
from fovea.serving.score import Job, Outcome, Scorer
from fovea.settings import parse, resolve
from fovea.store.store import Store
from fovea.store.values import LineUp, Run
from fovea.workbench.config import Config
from fovea.workbench.sites import need_folder, split_settings, view_of
from fovea.workbench.views import Answer, Judged, ModelView, TrainedView

if TYPE_CHECKING:
    from fovea.engine.train import Trained

SUFFIX = ".fovea"


def every_model(config: Config) -> Iterator[ModelView]:
    """The bundles below the home folder, by name; one that cannot be used is told with its fault."""
    for path in sorted(config.models.glob(f"*{SUFFIX}")):
        try:
            yield _view(open_bundle(path))
        except BundleRefused as refused:
            yield ModelView(name=path.stem, path=path, fault=refused.fault)


def find_model(config: Config, name: str) -> Bundle:
    """A bundle by its name, or by the path of its folder.

    Raises:
        UnknownName: there is none.
        BundleRefused: it cannot be used.
    """
    inside = config.models / f"{name}{SUFFIX}"
    if inside.is_dir():
        return open_bundle(inside)
    if name.endswith(SUFFIX) and Path(name).is_dir():
        return open_bundle(Path(name))
    raise UnknownName("model", name, [path.stem for path in sorted(config.models.glob(f"*{SUFFIX}"))])


def refuse_replaced(line_up: Sequence[LineUp], site: str) -> None:
    """A model that was trained again under its name serves a site only once somebody says so.

    Raises:
        UsageError: the bundle on disk is not the one that was put to use.
        BundleRefused: it cannot be used at all.
    """
    for entry in line_up:
        if open_bundle(entry.path).digest != entry.digest:
            raise UsageError(
                f"model '{entry.name}' was trained again since it was put to use at '{site}'; "
                f"to go on with the new one, run: fovea site use {site} {entry.name}"
            )


def model_view(bundle: Bundle) -> ModelView:
    """A bundle with its card."""
    return replace(_view(bundle), card=bundle.card)


def _view(bundle: Bundle) -> ModelView:
    return ModelView(
        name=bundle.name,
        path=bundle.path,
        domain=bundle.domain,
        role=bundle.role,
        kind=bundle.kind,
        labels=bundle.labels,
        created=bundle.created,
        digest=bundle.digest,
        figures=bundle.figures,
    )


def only_role(domain: Domain, role: str) -> str:
    """The role meant: the one named, or the only one there is.

    Raises:
        UsageError: the domain has several, or none.
    """
    roles = sorted(domain.info.tasks)
    if role or len(roles) == 1:
        return role or roles[0]
    told = f"say --role (there is: {', '.join(roles)})" if roles else "it learns nothing"
    raise UsageError(f"which role of the domain '{domain.info.name}'? {told}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a training is asked for, as it was typed; empty texts are filled in from the domain."""

    folder: Path
    name: str = ""
    role: str = ""
    settings: Sequence[str] = ()
    recipe: Sequence[str] = ()


def train(
    config: Config, store: Store, domain: Domain, wish: Wish, *, progress: Progress, stop: Callable[[], bool]
) -> TrainedView:
    """Train one role; a training of the same name and recipe that was cut off goes on where it was."""
    from fovea.engine.train import train as walk  # torch is loaded here and nowhere else

    need_folder(wish.folder)
    role, began = only_role(domain, wish.role), time.monotonic()
    asked = resolve(Recipe, "recipe", [parse(wish.recipe, "recipe")])
    view = view_of(domain, split_settings(wish.settings)["view"])
    run = _begin(config, store, domain, role=role, name=wish.name or f"{domain.info.name}-{role}", asked=asked)
    with _told(store, run):
        trained = walk(
            domain=domain,
            root=wish.folder,
            view=view,
            role=role,
            recipe=asked,
            folder=run.folder,
            models=config.models,
            name=str(run.environment["bundle"]),
            progress=progress,
            stop=stop,
        )
    done = _finished(run, trained)
    store.update_run(done)
    return TrainedView(
        name=trained.bundle.name,
        run=run.name,
        path=trained.bundle.path,
        judged=judged(trained.evaluation),
        recipe=done.recipe,
        seconds=time.monotonic() - began,
    )


@contextmanager
def _told(store: Store, run: Run) -> Iterator[None]:
    """A training that does not come to its end is told so in the list of runs."""
    try:
        yield
    except FoveaError as error:
        state = "stopped" if isinstance(error, Stopped) else "failed"
        store.update_run(replace(run, state=state, ended=datetime.now(UTC)))
        raise


def _finished(run: Run, trained: Trained) -> Run:
    return replace(
        run,
        state="finished",
        ended=datetime.now(UTC),
        recipe=trained.recipe.model_dump(mode="json"),
        figures=trained.evaluation.to_json(),
        curves={"epochs": [dict(epoch) for epoch in trained.curves]},
        environment={**run.environment, **trained.bundle.versions},
        fingerprint=trained.bundle.fingerprint,
    )


def _begin(config: Config, store: Store, domain: Domain, *, role: str, name: str, asked: Recipe) -> Run:
    """The run to go on with, or a new one. A run that failed is not gone on with: its recipe did not do."""
    check_name(name)
    recipe = asked.model_dump(mode="json")
    for run in reversed(store.runs()):
        same = run.environment.get("bundle") == name and run.environment.get("asked") == recipe
        if same and run.role == role and run.domain == domain.info.name and run.state in ("running", "stopped"):
            store.update_run(replace(run, state="running", ended=None))
            return run
    started = datetime.now(UTC)
    run_name = f"{name}-{started:%Y%m%d-%H%M%S-%f}"
    run = Run(
        name=run_name,
        domain=domain.info.name,
        role=role,
        state="running",
        folder=config.runs / run_name,
        started=started,
        recipe=recipe,
        environment={"bundle": name, "asked": recipe},
    )
    store.add_run(run)
    return run


def judge(registry: Registry, bundle: Bundle, *, folder: Path, settings: Sequence[str], progress: Progress) -> Judged:
    """Judge a bundle on a folder of labelled pictures, read as the bundle's own training data were."""
    need_folder(folder)
    domain = registry.domain(bundle.domain)
    view = view_of(domain, bundle.view, split_settings(settings)["view"])
    return judged(evaluate(domain=domain, root=folder, view=view, bundle=bundle, progress=progress))


def judged(evaluation: Evaluation) -> Judged:
    """An evaluation as apps see it."""
    return Judged(
        figures={name: (i.value, i.low, i.high) for name, i in evaluation.figures.items()},
        baselines=evaluation.baselines,
        classes=tuple(evaluation.to_json()["classes"]),
        confusion=evaluation.confusion,
        labels=evaluation.labels,
        pictures=evaluation.pictures,
        groups=evaluation.groups,
        unreadable=len(evaluation.unreadable),
        learned=evaluation.learned,
    )


def ask(registry: Registry, bundle: Bundle, paths: Sequence[Path], progress: Progress) -> tuple[Answer, ...]:
    """What a bundle says of these files, and of every picture in these folders."""
    domain = registry.domain(bundle.domain)
    view = view_of(domain, bundle.view)
    answers: list[Answer] = []
    progress.start("predict", None)
    for root, samples in _below(domain, paths, view):
        job = Job(domain=domain, root=root, view=view, bundles={bundle.role: bundle.path})
        scorer = Scorer(job)
        for start in range(0, len(samples), _AT_ONCE):
            chunk = samples[start : start + _AT_ONCE]
            answers.extend(_answer(root, bundle.role, outcome) for outcome in scorer.score(chunk))
            progress.advance(len(chunk))
    progress.finish()
    return tuple(answers)


_AT_ONCE = 16


def _below(domain: Domain, paths: Sequence[Path], view: Any) -> Iterator[tuple[Path, Sequence[Sample]]]:
    """Each root with its samples; files of one folder are asked about together."""
    files: dict[Path, list[Sample]] = {}
    for path in paths:
        if path.is_dir():
            found = [s for s in domain.read_samples(root=path, view=view) if isinstance(s, Sample)]
            if not found:
                raise DataError(f"the domain '{domain.info.name}' finds no picture below {path}")
            yield path, found
        elif path.exists():
            files.setdefault(path.absolute().parent, []).append(Sample(source=path.name))
        else:
            raise DataError(f"there is no file or folder {path}")
    yield from files.items()


def _answer(root: Path, role: str, outcome: Outcome) -> Answer:
    sample = outcome.sample
    best = outcome.result.best(role) if outcome.result else None
    fault = "" if outcome.fault is None else getattr(outcome.fault, "reason", "") or str(outcome.fault)
    scores: Mapping[str, float] = best.scores if best else {}
    return Answer(
        path=str(root / sample.source),
        part=sample.part,
        label=best.label if best else "",
        probability=best.probability if best else 0.0,
        scores=scores,
        fault=fault,
    )
