"""What helps with a training: rates tried, labels doubted, runs side by side."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fovea.engine.audits.doubts import Doubt, told
from fovea.engine.pictures.survey import Row
from fovea.errors import UsageError
from fovea.plugin import Chart, Report, Series
from fovea.progress import Progress
from fovea.registry import Registry
from fovea.report import to_html
from fovea.store.values import Run
from fovea.workbench.before import Asked
from fovea.workbench.config import Config
from fovea.workbench.models import Wish, stoppable, understand
from fovea.workbench.sites import need_folder

FIRST = 40
"""Doubtful pictures that are told, where nobody says how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RatesTried:
    """A learning rate range test.

    Args:
        rates: from low to high.
        losses: the running mean of the loss at each.
        rate: what is suggested: where the loss fell most steeply.
        usual: what ``lr=auto`` would take.
        fell: whether the loss fell anywhere; where it did not, ``rate`` is the usual one.
        page: the curve on a page (HTML), where one was asked for.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    rate: float
    usual: float
    fell: bool
    page: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubtful:
    """A picture whose label is probably wrong; ``sure`` as in :class:`fovea.engine.audits.doubts.Doubt`."""

    source: str
    part: str
    region: str
    given: str
    said: str
    sure: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubts:
    """Labels to look at again.

    Args:
        pictures: how many labelled ones were asked about.
        found: how many are doubtful.
        first: the most doubtful of them.
        contradictions: the same picture with different labels: of each, its names with their labels.
    """

    pictures: int
    found: int
    first: tuple[Doubtful, ...]
    contradictions: tuple[tuple[tuple[str, str], ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsCompared:
    """Trainings side by side; every tuple is in the order of ``names``.

    Args:
        names: of the runs.
        recipe: the settings that are not the same in all of them; None where a run knows no such setting.
        figures: (value, low, high) by figure; None where a run has none of that name.
        same_data: whether they learned from the same pictures and labels; None where one of them is not finished.
        curves: by figure, its value after each epoch.
    """

    names: tuple[str, ...]
    recipe: Mapping[str, tuple[Any, ...]]
    figures: Mapping[str, tuple[tuple[float, float, float] | None, ...]]
    same_data: bool | None
    curves: Mapping[str, tuple[tuple[float | None, ...], ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Craft:
    """Everything that helps with a training.

    Args:
        config: where things are kept.
        registry: the plugins.
        find_run: a training by its name; raises UnknownName.
    """

    config: Config
    registry: Registry
    find_run: Callable[[str], Run]

    def lr_find(
        self,
        *,
        domain: str,
        folder: Path,
        role: str = "",
        settings: Sequence[str] = (),
        recipe: Sequence[str] = (),
        page: Path | None = None,
        progress: Progress,
        stop: Callable[[], bool] = lambda: False,
    ) -> RatesTried:
        """Try learning rates on a training that is not begun; see :func:`fovea.engine.learning.lr_find.range_test`.

        Args:
            domain: whose pictures.
            folder: of the pictures.
            role: what to learn, where the domain has several roles.
            settings: of the domain, as they are typed.
            recipe: of the training, as it is typed.
            page: where to write the curve as a page (HTML), None writes none.
            progress: told how far it is.
            stop: asked before every picture and every batch.
        """
        wish = Wish(folder=folder, role=role, settings=settings, recipe=recipe)
        asked = understand(self.registry.domain(domain), wish)
        need_folder(asked.folder)
        tried = _tried(self.config, asked, progress, stop)
        if page is not None:
            page.write_text(_page(tried), encoding="utf-8")
        return dataclasses.replace(tried, page=page)

    def doubts(
        self,
        *,
        domain: str,
        folder: Path,
        role: str = "",
        settings: Sequence[str] = (),
        recipe: Sequence[str] = (),
        most: int = FIRST,
        progress: Progress,
        stop: Callable[[], bool] = lambda: False,
    ) -> Doubts:
        """Look for labels that are probably wrong; see :func:`fovea.engine.learning.held_out.look_again`.

        The backbone is the starter, which needs no download, unless the recipe names another.
        """
        from fovea.engine.learning.held_out import look_again  # torch is loaded here

        named = any(text.startswith("backbone=") for text in recipe)
        whole = tuple(recipe) if named else ("backbone=starter", *recipe)
        wish = Wish(folder=folder, role=role, settings=settings, recipe=whole)
        asked = understand(self.registry.domain(domain), wish)
        need_folder(asked.folder)
        found = look_again(
            asked.domain,
            asked.folder,
            asked.view,
            asked.role,
            recipe=asked.recipe,
            cache=self.config.cache,
            progress=stoppable(progress, stop),
        )
        return Doubts(
            pictures=len(found.rows),
            found=len(found.doubts),
            first=tuple(_doubtful(found.rows[one.place], one) for one in found.doubts[:most]),
            contradictions=tuple(
                tuple((_name(row), told(row.target)) for row in same) for same in found.contradictions
            ),
        )

    def compare(self, names: Sequence[str]) -> RunsCompared:
        """Put trainings side by side. Raises UnknownName, UsageError."""
        return compare([self.find_run(name) for name in names])


def _tried(config: Config, asked: Asked, progress: Progress, stop: Callable[[], bool]) -> RatesTried:
    from fovea.engine.learning.full import course_of  # torch is loaded here
    from fovea.engine.learning.lr_find import range_test
    from fovea.engine.prepared import prepare
    from fovea.engine.room import threads

    config.runs.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".lr-find-", dir=config.runs) as folder:
        run = prepare(
            asked.domain,
            asked.folder,
            asked.view,
            asked.role,
            recipe=asked.recipe,
            folder=Path(folder),
            cache=config.cache,
            progress=stoppable(progress, stop),
        )
        with threads(int(run.recipe.threads)):
            test = range_test(course_of(run), recipe=run.recipe, progress=progress, stop=stop)
    return RatesTried(rates=test.rates, losses=test.losses, rate=test.rate, usual=test.usual, fell=test.fell)


def _page(tried: RatesTried) -> str:
    chart = Chart(
        title="Loss by learning rate",
        kind="line",
        categories=tuple(f"{rate:.1e}" for rate in tried.rates),
        series=(Series(name="loss", values=tried.losses),),
        note=f"Suggested: {tried.rate:.2g}, where it falls most steeply. Taken otherwise: {tried.usual:.2g}.",
    )
    report = Report(title="Learning rates tried", blocks=(chart,))
    return to_html(report, thumbnail=lambda _: None, made=datetime.now(UTC))


def _doubtful(row: Row, one: Doubt) -> Doubtful:
    return Doubtful(
        source=row.source, part=row.part, region=row.region, given=one.given, said=one.said, sure=round(one.sure, 4)
    )


def _name(row: Row) -> str:
    return " ".join(filter(None, row.name))


def compare(runs: Sequence[Run]) -> RunsCompared:
    """Put trainings side by side.

    Raises:
        UsageError: fewer than two, or one of them twice.
    """
    names = tuple(run.name for run in runs)
    if len(names) < 2 or len(set(names)) < len(names):  # noqa: PLR2004
        raise UsageError("compare at least two different runs; they are listed by: fovea runs list")
    settings = dict.fromkeys(name for run in runs for name in run.recipe)
    recipe = {name: tuple(run.recipe.get(name) for run in runs) for name in settings}
    finished = all(run.fingerprint for run in runs)
    return RunsCompared(
        names=names,
        recipe={name: values for name, values in recipe.items() if any(value != values[0] for value in values)},
        figures=_figures(runs),
        same_data=len({run.fingerprint for run in runs}) == 1 if finished else None,
        curves=_curves(runs),
    )


def _figures(runs: Sequence[Run]) -> dict[str, tuple[tuple[float, float, float] | None, ...]]:
    told = [run.figures.get("figures", {}) for run in runs]
    names = dict.fromkeys(name for figures in told for name in figures)
    return {name: tuple(_interval(figures.get(name)) for figures in told) for name in names}


def _interval(figure: Any) -> tuple[float, float, float] | None:
    return None if figure is None else (figure["value"], figure["low"], figure["high"])


def _curves(runs: Sequence[Run]) -> dict[str, tuple[tuple[float | None, ...], ...]]:
    epochs = [run.curves.get("epochs", []) for run in runs]
    numbers = (int, float)
    names = dict.fromkeys(n for run in epochs for one in run for n, v in one.items() if isinstance(v, numbers))
    return {name: tuple(tuple(one.get(name) for one in run) for run in epochs) for name in names if name != "seconds"}
