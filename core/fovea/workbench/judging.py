"""How good models are: on a folder, against each other, at a new site; and the split a training was judged with."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fovea.engine.audits.check import DataCheck, check_data
from fovea.engine.judging.compare import Compared, compare
from fovea.engine.judging.evaluate import Seen, judged, look
from fovea.engine.judging.newsite import NewSite, known_of, new_site
from fovea.engine.judging.subgroups import values_of
from fovea.engine.judging.unknown import Strangers, strangers, with_unknown
from fovea.engine.pictures.split_file import TABLE
from fovea.engine.pictures.survey import Wanted
from fovea.errors import DataError
from fovea.plugin import PolicySettings, ViewSettings
from fovea.progress import Progress
from fovea.registry import Registry
from fovea.serving.bundle import Bundle
from fovea.serving.readings import Readout
from fovea.store.values import Run
from fovea.workbench.check_page import SHOWN, write_check
from fovea.workbench.config import Config
from fovea.workbench.evaluation_page import compared_report, evaluation_report, facts_of, write_page
from fovea.workbench.explaining import Explained, explain
from fovea.workbench.models import Wish, find_model, stoppable, understand
from fovea.workbench.pictures_page import draw
from fovea.workbench.sites import need_folder, settings_from
from fovea.workbench.units import judge_units
from fovea.workbench.views import Judged, judged_view

if TYPE_CHECKING:
    from fovea.engine.prepared import Prepared


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """What tells how good models are; see :attr:`fovea.workbench.Workbench.judging`.

    Every method reads a folder of labelled pictures and stores nothing but the page that it is asked for. All raise
    FoveaError; once ``stop`` says so, Stopped.
    """

    config: Config
    registry: Registry

    def evaluate(  # noqa: PLR0913 - one argument a fact, all by name
        self,
        *,
        model: str,
        folder: Path,
        settings: Sequence[str] = (),
        by: Sequence[str] = (),
        per_decision: bool = False,
        unknown: Path | None = None,
        page: Path | None = None,
        progress: Progress,
        stop: Callable[[], bool],
    ) -> Judged:
        """Judge a model on labelled pictures that it did not learn from.

        Args:
            model: its name.
            folder: of the pictures.
            settings: of the domain.
            by: attributes to judge by; see :func:`fovea.engine.judging.subgroups.subgroups`.
            per_decision: judge what the domain decides on whole units, too; see :mod:`fovea.workbench.units`.
            unknown: folder of pictures of something else, labelled or not, to be told from those.
            page: where to write it as an HTML page.
            progress: told picture by picture.
            stop: asked before every picture.
        """
        bundle, told = find_model(self.config, model), stoppable(progress, stop)
        view, policy = self._settings(bundle, folder, settings)
        seen = self._look(bundle, folder, view, told)
        evaluation = judged(seen, by)
        if unknown is not None:
            evaluation = with_unknown(evaluation, seen, self._strangers(bundle, unknown, view, told))
        made = judged_view(evaluation, bundle)
        if per_decision:
            units = judge_units(
                domain=self.registry.domain(bundle.domain),
                root=folder,
                view=view,
                policy=policy,
                bundle=bundle,
                learned={row.group for row, fresh in zip(seen.rows, seen.fresh, strict=True) if not fresh},
                progress=told,
            )
            made = replace(made, units=units)
        if page is None:
            return made
        title = f"{bundle.name}: how good it is on {folder.absolute().name}"
        drawn = draw(self.registry.domain(bundle.domain), folder, view, bundle, evaluation)
        report = evaluation_report(made, title=title, facts=facts_of(bundle), galleries=drawn.galleries)
        return replace(made, page=write_page(report, page, drawn.shown))

    def compare(
        self,
        *,
        before: str,
        after: str,
        folder: Path,
        settings: Sequence[str] = (),
        page: Path | None = None,
        progress: Progress,
        stop: Callable[[], bool],
    ) -> Compared:
        """Judge two models on the same pictures, that neither learned from."""
        told = stoppable(progress, stop)
        bundles = [find_model(self.config, name) for name in (before, after)]
        first, second = (
            self._look(bundle, folder, self._settings(bundle, folder, settings)[0], told) for bundle in bundles
        )
        made = compare(first, second)
        if page is not None:
            write_page(compared_report(made, before, after, folder.absolute().name, bundles), page)
        return made

    def new_site(
        self,
        *,
        domain: str,
        folder: Path,
        by: str,
        role: str = "",
        settings: Sequence[str] = (),
        recipe: Sequence[str] = (),
        progress: Progress,
        stop: Callable[[], bool],
    ) -> NewSite:
        """Leave out each value of an attribute in turn, on features of the recipe's backbone. Loads torch."""
        from fovea.engine.prepared import prepare

        need_folder(folder)
        answering, told = self.registry.domain(domain), stoppable(progress, stop)
        asked = understand(answering, Wish(folder=folder, role=role, settings=settings, recipe=recipe))
        self.config.home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.config.home, prefix=".new-site-") as room:
            run = prepare(
                answering,
                folder,
                asked.view,
                asked.role,
                recipe=asked.recipe,
                folder=Path(room),
                cache=self.config.cache,
                progress=told,
            )
            features = _features(run, self.config.cache, told)
        kind = answering.info.tasks[asked.role].kind
        rows = run.survey.rows
        return new_site(known_of(kind, run.labels, rows, features), by, values_of(rows, by))

    def check_data(
        self,
        *,
        domain: str,
        folder: Path,
        role: str = "",
        settings: Sequence[str] = (),
        page: Path | None = None,
        progress: Progress,
        stop: Callable[[], bool],
    ) -> DataCheck:
        """Look for what would spoil a training; see :func:`fovea.engine.audits.check.check_data`. Loads torch."""
        need_folder(folder)
        answering = self.registry.domain(domain)
        asked = understand(answering, Wish(folder=folder, role=role, settings=settings))
        spec = answering.info.tasks[asked.role].preprocess
        wanted = Wanted(domain=answering, root=folder, view=asked.view, role=asked.role, spec=spec)
        checked = check_data(wanted, stoppable(progress, stop), most=SHOWN)
        if page is not None:
            write_check(checked, page, title=f"What would spoil a training on {folder.absolute().name}")
        return checked.found

    def explain(
        self,
        *,
        model: str,
        paths: Sequence[Path],
        out: Path,
        progress: Progress,
        stop: Callable[[], bool],
        **asked: Any,
    ) -> Explained:
        """Where in pictures a model's answers come from; for ``asked`` see :mod:`fovea.workbench.explaining`.

        Loads torch. What was drawn before a stop stays in ``out``.
        """
        bundle, told = find_model(self.config, model), stoppable(progress, stop)
        return explain(self.registry, bundle, paths, out=out, progress=told, **asked)

    def _settings(self, bundle: Bundle, folder: Path, settings: Sequence[str]) -> tuple[ViewSettings, PolicySettings]:
        need_folder(folder)
        return settings_from(self.registry.domain(bundle.domain), settings, view=[bundle.view])

    def _strangers(self, bundle: Bundle, folder: Path, view: ViewSettings, progress: Progress) -> Strangers:
        need_folder(folder)
        domain = self.registry.domain(bundle.domain)
        wanted = Wanted(domain=domain, root=folder, view=view, role=bundle.role, spec=bundle.preprocess)
        return strangers(wanted, bundle, progress)

    def _look(self, bundle: Bundle, folder: Path, view: ViewSettings, progress: Progress) -> Seen:
        domain = self.registry.domain(bundle.domain)
        return look(domain=domain, root=folder, view=view, bundle=bundle, progress=progress)


def _features(run: Prepared, cache: Path, progress: Progress) -> NDArray[np.float32]:
    """The mean of every depth's map for each surveyed picture, and what is known beside it, (n, ...)."""
    from fovea.engine.learning.probe import columns, features_of
    from fovea.engine.networks.depths import inside
    from fovea.engine.pictures.facts import table_of

    within = inside(run.whole.network, int(run.recipe.size))
    rows = run.survey.rows
    digests = [row.digest for row in rows]
    every = features_of(run, within, cache).features(run.survey.pixels, np.arange(len(rows)), digests, progress)
    readout = Readout(stages=within.stages, channels=within.channels, pools=("mean",))
    chosen = every[:, columns(within, readout, every.shape[1])].astype(np.float32)
    return np.column_stack([chosen, table_of(run.columns, rows)])


def split_of(run: Run) -> bytes:
    """The split of a training as a table that another can import. Raises DataError where it has none yet."""
    try:
        return (run.folder / TABLE).read_bytes()
    except FileNotFoundError:
        raise DataError(f"the training {run.name} has no split: it ended before it had seen its pictures") from None
