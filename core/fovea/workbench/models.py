"""Models: training, judging, and asking one about single pictures."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fovea.engine.audits.doubts import notes_of
from fovea.engine.recipe import Recipe
from fovea.errors import BundleRefused, DataError, FoveaError, Stopped, UnknownName, UsageError
from fovea.plugin import Domain, Sample
from fovea.progress import Progress, watched
from fovea.registry import Registry
from fovea.serving.bundle import SUFFIX, Bundle, check_name, digest_of, open_bundle, version_of
from fovea.serving.score import Job, Outcome, Scorer
from fovea.settings import parse, resolve, together
from fovea.store.store import Store
from fovea.store.values import LineUp, Run
from fovea.workbench.before import Asked, show_training, unknown_of
from fovea.workbench.config import Config
from fovea.workbench.sites import need_folder, settings_from, view_of
from fovea.workbench.views import Answer, ModelView, TrainedView

if TYPE_CHECKING:
    from fovea.engine.train import Trained


def every_model(config: Config) -> Iterator[ModelView]:
    """The bundles below the home folder, by name, of each the current version first and then the latest.

    One that cannot be used is told with its fault.
    """
    folders = [path for path in config.models.glob(f"*{SUFFIX}") if not (path.is_symlink() and path.exists())]
    views = sorted(map(_listed, folders), key=lambda view: view.created, reverse=True)
    yield from sorted(views, key=lambda view: (view.path.name.partition("@")[0], not view.current))


def _listed(path: Path) -> ModelView:
    try:
        return _view(open_bundle(path))
    except BundleRefused as refused:
        return ModelView(name=_handle(path), path=path, fault=refused.fault, current="@" not in _handle(path))


def _handle(path: Path) -> str:
    """What a bundle is called: its plain name where that leads to it, its version's name otherwise."""
    stem = path.name.removesuffix(SUFFIX)
    plain = stem.partition("@")[0]
    link = path.with_name(f"{plain}{SUFFIX}")
    return plain if link.is_symlink() and os.path.realpath(link) == os.path.realpath(path) else stem


def find_model(config: Config, name: str) -> Bundle:
    """A bundle by its name, by the name of one of its versions, or by the path of its folder.

    Raises:
        UnknownName: there is none.
        BundleRefused: it cannot be used.
    """
    inside = config.models / f"{name}{SUFFIX}"
    if inside.is_dir():
        return open_bundle(inside)
    if name.endswith(SUFFIX) and Path(name).is_dir():
        return open_bundle(Path(name))
    versions = config.models.glob(f"{escape(name)}@*{SUFFIX}")  # a training was killed before the name led there
    if latest := max(versions, key=lambda path: path.stat().st_mtime_ns, default=None):
        return open_bundle(latest)
    raise UnknownName("model", name, sorted({_handle(path) for path in config.models.glob(f"*{SUFFIX}")}))


def is_outdated(config: Config, entry: LineUp) -> bool:
    """Whether the name of a model that serves a site leads to another version by now."""
    current = config.models / f"{entry.name}{SUFFIX}"
    return entry.path.parent == config.models and digest_of(current) not in ("", entry.digest)


def model_view(bundle: Bundle) -> ModelView:
    """A bundle with its card."""
    return replace(_view(bundle), card=bundle.card)


def _view(bundle: Bundle) -> ModelView:
    return ModelView(
        name=_handle(bundle.path),
        path=bundle.path,
        current="@" not in _handle(bundle.path),
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
        UnknownName: the domain has no such role.
        UsageError: it has several, or none.
    """
    roles = sorted(domain.info.tasks)
    if role and role not in roles:
        raise UnknownName(f"role of the domain {domain.info.name}", role, roles)
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


def understand(domain: Domain, wish: Wish) -> Asked:
    """What a wish comes to.

    Raises:
        SettingsError: naming every mistake in the recipe and in the settings of the domain.
        UsageError: the role or the name is none.
    """
    recipe, (view, _) = together(lambda: recipe_of(wish.recipe), lambda: settings_from(domain, wish.settings))
    role = only_role(domain, wish.role)
    name = wish.name or f"{domain.info.name}-{role}"
    check_name(name)
    return Asked(domain=domain, folder=wish.folder, name=name, role=role, view=view, recipe=recipe)


def recipe_of(texts: Sequence[str]) -> Recipe:
    """The recipe that ``NAME=VALUE`` texts make. Raises SettingsError."""
    whole = [text for text in texts if "=" in text]
    recipe, _ = together(
        lambda: resolve(Recipe, "", [parse(whole, "")], prefix="recipe."),
        lambda: parse(texts, "", prefix="recipe."),
    )
    return recipe


def train(config: Config, store: Store, asked: Asked, *, progress: Progress, stop: Callable[[], bool]) -> TrainedView:
    """Train one role; a training of the same name and recipe that was cut off goes on where it was."""
    from fovea.engine.train import train as walk  # torch is loaded here and nowhere else

    need_folder(asked.folder)
    began, elder = time.monotonic(), digest_of(config.models / f"{asked.name}{SUFFIX}")
    run = _begin(config, store, asked)
    with _told(store, run):
        trained = walk(
            domain=asked.domain,
            root=asked.folder,
            view=asked.view,
            role=asked.role,
            recipe=asked.recipe,
            folder=run.folder,
            models=config.models,
            cache=config.cache,
            name=asked.name,
            progress=progress,
            stop=stop,
        )
    done = _finished(run, trained)
    store.update_run(done)
    return TrainedView(
        name=trained.bundle.name,
        run=run.name,
        path=trained.bundle.path,
        judged=show_training(config, asked, trained, elder),
        recipe=done.recipe,
        seconds=time.monotonic() - began,
        before=version_of(asked.name, elder) if elder else "",
        unknown=unknown_of(run.folder),
        notes=notes_of(run.folder),
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
        figures={**trained.evaluation.to_json(), "notes": list(notes_of(run.folder))},
        curves={"epochs": [dict(epoch) for epoch in trained.curves]},
        environment={**run.environment, **trained.bundle.versions},
        fingerprint=trained.bundle.fingerprint,
    )


def _begin(config: Config, store: Store, asked: Asked) -> Run:
    """The run to go on with, or a new one. A run that failed is not gone on with: its recipe did not do."""
    recipe = asked.recipe.model_dump(mode="json")
    environment, of = {"bundle": asked.name, "asked": recipe}, (asked.domain.info.name, asked.role)
    for run in reversed(store.runs()):
        same = all(run.environment.get(name) == value for name, value in environment.items())
        if same and (run.domain, run.role) == of and run.state in ("running", "stopped"):
            store.update_run(replace(run, state="running", ended=None))
            return run
    started = datetime.now(UTC)
    run_name = f"{asked.name}-{started:%Y%m%d-%H%M%S-%f}"
    run = Run(
        name=run_name,
        domain=asked.domain.info.name,
        role=asked.role,
        state="running",
        folder=config.runs / run_name,
        started=started,
        recipe=recipe,
        environment=environment,
    )
    store.add_run(run)
    return run


def stoppable(progress: Progress, stop: Callable[[], bool]) -> Progress:
    """A progress for work that stores nothing: at the first item after a stop was asked for it raises Stopped."""

    def look() -> None:
        if stop():
            raise Stopped("stopped; nothing was stored: run it again for the whole answer")

    return watched(progress, look)


def ask(registry: Registry, bundle: Bundle, paths: Sequence[Path], progress: Progress) -> tuple[Answer, ...]:
    """What a bundle says of these files, and of every picture in these folders."""
    domain = registry.domain(bundle.domain)
    view = view_of(domain, bundle.view)
    answers: list[Answer] = []
    found = list(below(domain, paths, view))
    progress.start("predict", sum(len(samples) for _, samples in found))
    for root, samples in found:
        job = Job(domain=domain, root=root, view=view, bundles={bundle.role: bundle.path})
        scorer = Scorer(job)
        for start in range(0, len(samples), _AT_ONCE):
            chunk = samples[start : start + _AT_ONCE]
            answers.extend(_answer(root, bundle, outcome) for outcome in scorer.score(chunk))
            progress.advance(len(chunk))
    progress.finish()
    return tuple(answers)


_AT_ONCE = 16


def below(domain: Domain, paths: Sequence[Path], view: Any) -> Iterator[tuple[Path, Sequence[Sample]]]:
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


def _answer(root: Path, bundle: Bundle, outcome: Outcome) -> Answer:
    sample = outcome.sample
    best = outcome.result.best(bundle.role) if outcome.result else None
    fault = "" if outcome.fault is None else getattr(outcome.fault, "reason", "") or str(outcome.fault)
    scores: Mapping[str, float] = best.scores if best else {}
    return Answer(
        path=str(root / sample.source),
        part=sample.part,
        label=best.label if best else "",
        probability=best.probability if best else 0.0,
        scores=scores,
        fault=fault,
        kind=bundle.kind,
        labels=best.labels if best else (),
        possible=best.possible if best else None,
        alarm=best is not None and best.alarm,
        review=best is not None and best.review,
        unknown=best is not None and best.unknown,
    )
