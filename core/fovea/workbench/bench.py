"""The one object that apps hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self

from fovea.batch import BatchSummary, run_batch
from fovea.cases import allowed, move
from fovea.delivery import Delivered
from fovea.errors import DataError, UnknownName, UsageError
from fovea.live import SourceStatus, WatchSummary
from fovea.plugin import Case, Domain
from fovea.progress import Progress
from fovea.registry import Registry
from fovea.report import to_text
from fovea.scaffold import NewPlugin, new_plugin
from fovea.serving.score import Wanted
from fovea.settings import together
from fovea.store.store import Store
from fovea.store.values import AuditHead, FaultRow, LineUp, Run, Site
from fovea.workbench import fitting, models, reports, sites, telling, watching
from fovea.workbench.config import Config, listener_settings
from fovea.workbench.craft import Craft
from fovea.workbench.judging import Judging, split_of
from fovea.workbench.views import (
    ActionResult,
    Answer,
    DemoResult,
    DomainView,
    EventView,
    Exported,
    FitView,
    Judged,
    ModelView,
    PluginList,
    ReportFiles,
    SiteSummary,
    TrainedView,
    domain_view,
)


def never() -> bool:
    """Nobody asks for a stop."""
    return False


class Workbench:
    """Everything an app can ask for. Made in ``main``, passed down, closed.

    Args:
        config: where things are kept, or what tells it when it is first wanted.
        registry: the plugins; None loads those that are installed.
    """

    def __init__(self, config: Config | Callable[[], Config], *, registry: Registry | None = None) -> None:
        self._config = config
        self._registry = registry
        self._store: Store | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the database go."""
        if self._store is not None:
            self._store.close()
            self._store = None

    @property
    def config(self) -> Config:
        """Where things are kept. Raises SettingsError naming every mistake."""
        if not isinstance(self._config, Config):
            self._config = self._config()
        return self._config

    @property
    def registry(self) -> Registry:
        """The plugins, loaded when first wanted."""
        if self._registry is None:
            self._registry = Registry.load()
        return self._registry

    @property
    def store(self) -> Store:
        """The database, opened when first wanted."""
        if self._store is None:
            self._store = Store.open(self.config.database)
        return self._store

    def _of_site(self, name: str) -> tuple[Domain, Site]:
        site = self.store.site(name)
        return self.registry.domain(site.domain), site

    # Plugins

    def plugins(self) -> PluginList:
        """The plugins that loaded, and those that were left out, with the reason."""
        return PluginList(loaded=self.registry.loaded, broken=self.registry.broken)

    def domain(self, name: str) -> DomainView:
        """What a domain is. Raises UnknownName."""
        return domain_view(self.registry.domain(name))

    def new_plugin(self, name: str, *, folder: Path | None = None) -> NewPlugin:
        """Write a plugin project to start from; see :func:`fovea.scaffold.new_plugin`. Raises UsageError."""
        return new_plugin(name, folder, self.registry)

    def act(self, domain: str, verb: str, arguments: Mapping[str, Any], settings: Sequence[str] = ()) -> ActionResult:
        """Run a domain's verb. Raises UnknownName, UsageError, PluginError."""
        answering = self.registry.domain(domain)
        if verb not in answering.actions:
            raise UnknownName(f"verb of the domain {domain}", verb, sorted(answering.actions))
        action = answering.actions[verb]
        missing = [param.name for param in action.params if param.required and param.name not in arguments]
        if missing:
            raise UsageError(f"'{domain} {verb}' wants {', '.join(missing)}")
        given = {param.name: param.default for param in action.params} | dict(arguments)
        told = sites.split_settings(settings)
        view, policy = sites.view_of(answering, told["view"]), sites.policy_of(answering, told["policy"])
        return ActionResult(report=action.run(arguments=given, view=view, policy=policy))

    # Sites

    def add_site(
        self, *, root: Path, name: str = "", domain: str = "", title: str = "", settings: Sequence[str] = ()
    ) -> SiteSummary:
        """Add a site; a ``site.toml`` in its folder is read for what is not given."""
        return sites.add_site(
            self.store, self.registry, root=root, name=name, domain=domain, title=title, settings=settings
        )

    def sites(self) -> tuple[Site, ...]:
        """Every site."""
        return self.store.sites()

    def site(self, name: str) -> Site:
        """One site. Raises UnknownName."""
        return self.store.site(name)

    def site_settings(self, name: str) -> Mapping[str, Any]:
        """The settings that hold at a site (``view``, ``policy``) and those that units have of their own."""
        return sites.settings_of(self.store, self.registry, self.store.site(name))

    def change_settings(self, name: str, settings: Sequence[str], unit: str = "") -> None:
        """Set some settings of a site or of one unit. Raises SettingsError naming every mistake."""
        sites.change_settings(self.store, self.registry, self.store.site(name), settings, unit)

    def use(self, site: str, model: str) -> LineUp:
        """Let a model serve its role at a site. Raises UnknownName, BundleRefused, UsageError."""
        place, bundle = self.store.site(site), models.find_model(self.config, model)
        if bundle.domain != place.domain:
            raise UsageError(f"model '{bundle.name}' is for the domain {bundle.domain}, '{site}' is of {place.domain}")
        path = bundle.path.absolute()
        self.store.set_bundle(site=place.id, role=bundle.role, name=bundle.name, path=path, digest=bundle.digest)
        return next(entry for entry in self.store.line_up(place.id) if entry.role == bundle.role)

    def line_up(self, site: str) -> tuple[LineUp, ...]:
        """The models that serve a site."""
        return self.store.line_up(self.store.site(site).id)

    def outdated(self, site: str) -> tuple[LineUp, ...]:
        """Those of them of which there is a newer version by now."""
        return tuple(entry for entry in self.line_up(site) if models.is_outdated(self.config, entry))

    # Models

    def backbones(self, search: str = "") -> tuple[Any, ...]:
        """The backbones a training may start from, those with ``search`` in their names. Loads torch."""
        from fovea.engine.networks.backbones import backbones

        return backbones(search)

    def pretrain(self, folder: Path, *, progress: Progress, stop: Callable[[], bool], **plan: Any) -> Any:
        """Learn weights from drawn pictures; see :mod:`fovea.engine.pretraining.pretrain`, for ``plan`` its Plan."""
        from fovea.engine.pretraining.pretrain import Plan, pretrain

        return pretrain(folder, Plan(**plan), progress=progress, stop=stop)

    def models(self) -> tuple[ModelView, ...]:
        """The models below the home folder."""
        return tuple(models.every_model(self.config))

    def model(self, name: str) -> ModelView:
        """One model with its card. Raises UnknownName, BundleRefused."""
        return models.model_view(models.find_model(self.config, name))

    def train(
        self,
        *,
        domain: str,
        folder: Path,
        name: str = "",
        role: str = "",
        settings: Sequence[str] = (),
        recipe: Sequence[str] = (),
        progress: Progress,
        stop: Callable[[], bool],
    ) -> TrainedView:
        """Learn a role from labelled pictures; see :func:`fovea.engine.train.train` for what it raises."""
        wish = models.Wish(folder=folder, name=name, role=role, settings=settings, recipe=recipe)
        answering = self.registry.domain(domain)
        config, asked, _ = together(
            lambda: self.config, lambda: models.understand(answering, wish), self.listener_settings
        )
        return models.train(config, self.store, asked, progress=progress, stop=stop)

    @property
    def judging(self) -> Judging:
        """What tells how good models are: on a folder, against each other, at a new site."""
        return Judging(config=self.config, registry=self.registry)

    @property
    def craft(self) -> Craft:
        """What helps with a training: rates tried, labels doubted, runs side by side."""
        return Craft(config=self.config, registry=self.registry, find_run=self.run)

    def evaluate(
        self, *, model: str, folder: Path, progress: Progress, stop: Callable[[], bool] = never, **asked: Any
    ) -> Judged:
        """Judge a model on labelled pictures that it did not learn from; for ``asked`` see :class:`Judging`."""
        return self.judging.evaluate(model=model, folder=folder, progress=progress, stop=stop, **asked)

    def predict(
        self, *, model: str, paths: Sequence[Path], progress: Progress, stop: Callable[[], bool] = never
    ) -> tuple[Answer, ...]:
        """What a model says of files and folders; nothing is stored. Raises Stopped once ``stop`` says so."""
        bundle = models.find_model(self.config, model)
        return models.ask(self.registry, bundle, paths, models.stoppable(progress, stop))

    def runs(self) -> tuple[Run, ...]:
        """Every training, oldest first."""
        return self.store.runs()

    def run(self, name: str) -> Run:
        """One training. Raises UnknownName."""
        return self.store.run(name)

    def split(self, name: str) -> bytes:
        """The split of a training as a table (CSV) that another can import. Raises UnknownName, DataError."""
        return split_of(self.store.run(name))

    # Work

    def batch(
        self,
        site: str,
        *,
        workers: int | None = None,
        precision: Wanted = "auto",
        progress: Progress,
        stop: Callable[[], bool],
    ) -> BatchSummary:
        """Work through a site's pictures; see :func:`fovea.batch.run_batch`."""
        domain, place = self._of_site(site)
        if domain.info.tasks and not self.store.line_up(place.id):
            raise UsageError(f"no model serves '{site}' yet; run: fovea site use {site} MODEL")
        self.listener_settings()  # a mistake in them is told before the work, not after
        done = run_batch(
            store=self.store,
            site=place,
            job=sites.job_of(self.store, domain, place, precision),
            policy=sites.policies_of(self.store, domain, place),
            workers=self.config.workers if workers is None else workers,
            progress=progress,
            stop=stop,
        )
        telling.tell_quietly(self.store, self.registry, self.config)
        return done

    def watch(
        self, site: str, *, show: Callable[[tuple[SourceStatus, ...]], None], stop: Callable[[], bool]
    ) -> WatchSummary:
        """Watch a site's streams until they end or ``stop``; see :func:`fovea.workbench.watching.watch`."""
        domain, place = self._of_site(site)
        self.listener_settings()  # as in a batch
        tell = partial(telling.tell_quietly, self.store, self.registry, self.config)
        summary = watching.watch(self.config, self.store, domain, place, deliver=tell, show=show, stop=stop)
        tell()
        return summary

    def fit(self, site: str, *, unit: str = "", keep: bool = False, actor: str = "") -> FitView:
        """Learn the domain's own numbers from what is stored, with what they would change; kept only if asked to."""
        domain, place = self._of_site(site)
        return fitting.fit(self.store, domain, place, unit=unit, kept=keep, actor=actor)

    def report(self, site: str, *, folder: Path | None = None) -> ReportFiles:
        """Write a site's report. Raises DataError where no batch has run."""
        domain, place = self._of_site(site)
        return reports.write_report(self.config, self.store, domain, place, folder)

    def report_text(self, site: str, *, width: int, colour: bool) -> str:
        """A site's report for a terminal."""
        domain, place = self._of_site(site)
        return to_text(reports.make_report(self.config, self.store, domain, place)[0], width=width, colour=colour)

    def export(self, site: str, export: str, target: Path | None = None) -> Exported:
        """Write a site in one of its domain's formats, and check what was written."""
        domain, place = self._of_site(site)
        return reports.export(self.config, self.store, domain, place, name=export, target=target)

    def quarantine(self, site: str) -> tuple[FaultRow, ...]:
        """What could not be worked with, and why."""
        return self.store.quarantined(self.store.site(site).id)

    def retry(self, site: str, source: str | None = None, *, actor: str = "") -> int:
        """Let the next batch try quarantined pictures again; how many."""
        return self.store.retry(site=self.store.site(site).id, source=source, actor=actor)

    # Cases

    def cases(self, *, site: str | None = None, state: str | None = None) -> tuple[Case, ...]:
        """Findings under review, oldest first."""
        return self.store.cases(site=None if site is None else self.store.site(site).id, state=state)

    def case(self, number: int) -> Case:
        """One case. Raises UnknownName."""
        return self.store.case(number)

    def case_verbs(self, number: int) -> tuple[str, ...]:
        """What may be done with a case now."""
        workflow = self.registry.domain(self.store.case_site(number).domain).info.workflow
        return tuple(step.verb for step in allowed(workflow, self.store.case(number)))

    def move(self, number: int, *, verb: str, actor: str, role: str = "", verdict: str = "", note: str = "") -> Case:
        """Add a review to a case, as its domain's workflow allows. Raises UnknownName, UsageError."""
        workflow = self.registry.domain(self.store.case_site(number).domain).info.workflow
        moved = move(
            store=self.store,
            workflow=workflow,
            number=number,
            verb=verb,
            actor=actor,
            role=role,
            verdict=verdict,
            note=note,
        )
        telling.tell_quietly(self.store, self.registry, self.config)
        return moved

    # Events

    def listener_settings(self) -> Mapping[str, Mapping[str, Any]]:
        """What each listener is told of its settings. Raises SettingsError where some belong to no listener."""
        broken = [plugin.name for plugin in self.registry.broken]
        return listener_settings(self.config, listeners=self.registry.listeners(), left_out=broken)

    def deliver(self) -> Delivered:
        """Tell the listeners what is due to them; see :func:`fovea.delivery.deliver`."""
        self.listener_settings()
        return telling.tell(self.store, self.registry, self.config)

    def events(self, *, dead: bool = False) -> tuple[EventView, ...]:
        """Events that listeners have not heard yet, or those that were given up on, oldest first."""
        return telling.listed(self.store, self.registry, dead=dead)

    def retry_events(self, listener: str | None = None, *, actor: str = "") -> int:
        """Give events that were given up on another life; how many. Raises UnknownName."""
        return telling.retry(self.store, self.registry, listener, actor=actor)

    # Audit

    def audit_head(self) -> AuditHead:
        """The audit chain's last link, to be kept elsewhere."""
        return self.store.audit_head()

    def verify_audit(self, head: AuditHead | None = None) -> str | None:
        """The first fault of the audit chain, None where it holds."""
        return self.store.verify_audit(head)

    # The whole walk

    def demo(
        self,
        domain: str,
        *,
        data: Path,
        recipe: Sequence[str] = (),
        progress: Progress,
        stop: Callable[[], bool],
    ) -> DemoResult:
        """Train on ``data/train``, work through ``data/site``, report. Run again, it goes on where it was."""
        if not (data / "train").is_dir() or not (data / "site").is_dir():
            raise DataError(f"{data} holds no sample data; make it first: python sample_data/make.py {data}")
        name = f"demo-{domain}"
        trained = self.train(
            domain=domain, folder=data / "train", name=name, recipe=recipe, progress=progress, stop=stop
        )
        root = (data / "site").absolute()
        known = next((site for site in self.sites() if site.root == root), None)
        site = known or self.add_site(root=root, domain=domain).site
        self.use(site.name, name)
        done = self.batch(site.name, progress=progress, stop=stop)
        return DemoResult(trained=trained, batch=done, report=self.report(site.name))
