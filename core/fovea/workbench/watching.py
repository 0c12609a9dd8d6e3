"""Watching a site's streams: what the supervisor is to work with, and what is done beside."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fovea.batch import Patience, run_batch
from fovea.batch.key import key_of
from fovea.errors import DataError, SettingsError, UsageError
from fovea.live import Chore, Orders, Source, SourceStatus, Supervisor, WatchSummary, sources_of
from fovea.plugin import Domain
from fovea.progress import silent
from fovea.serving.score import open_bundles
from fovea.store.store import Store
from fovea.store.values import Site, short_digest
from fovea.workbench import sites, streams
from fovea.workbench.config import Config

_log = logging.getLogger("fovea.live")

DELIVER_S = 1.0
"""Seconds between two rounds of telling listeners: an alarm must not wait for the end of a watch."""

ASK_S = 5.0
"""Seconds between two looks at whether the site's streams are others now."""

_BATCH_S = (0.5, 10.0)
"""Least and most seconds between two batches over what files arrived; in between, a quarter of the quiet time."""


def watch(
    config: Config,
    store: Store,
    domain: Domain,
    site: Site,
    *,
    deliver: Callable[[], object],
    show: Callable[[tuple[SourceStatus, ...]], None],
    stop: Callable[[], bool],
) -> WatchSummary:
    """Watch a site's streams until they end or a stop is asked for.

    Raises:
        UsageError: the site has no stream.
        SettingsError: an address will not do.
        BundleRefused: a bundle is damaged or made for something else.
        PluginError: the domain cannot be sent to another process.
    """
    sources: tuple[Source, ...] = ()
    while True:
        addresses = _addresses(store, site)
        try:
            sources = sources_of(domain, addresses, os.environ)
        except SettingsError as error:
            if not sources:
                raise
            _log.warning("%s; the streams are watched as they were", error)  # one wrong address must not end the rest
        chores = [Chore(name="telling listeners", run=_told(deliver), every_s=DELIVER_S, on_arrival=False)]
        if any(source.kind == "files" for source in sources):
            chores.append(_batches(config, store, domain, site))
        desk = _Desk(config, store, domain, site)
        changed = _NowAndThen(lambda: streams.of(store, site) != addresses)  # noqa: B023 - asked in this round only
        supervisor = Supervisor(
            store=store,
            site=site,
            sources=sources,
            orders=desk.orders,
            changed=desk.has_changed,
            chores=chores,
            show=show,
        )
        summary = supervisor.run(lambda: stop() or changed())  # noqa: B023 - the same
        if stop() or not changed.was:
            return summary


def _addresses(store: Store, site: Site) -> Mapping[str, str]:
    addresses = streams.of(store, site)
    if not addresses:
        hint = f"name one: fovea site set {site.name} stream.NAME=ADDRESS"
        raise UsageError(f"'{site.name}' has no stream to watch; {hint}")
    return addresses


@dataclass(slots=True)
class _NowAndThen:
    """A question that is asked again only after a while; once it was answered yes, it stays so."""

    ask: Callable[[], bool]
    was: bool = False
    _due: float = 0.0

    def __call__(self) -> bool:
        if not self.was and time.monotonic() >= self._due:
            self.was, self._due = self.ask(), time.monotonic() + ASK_S
        return self.was


class _Desk:
    """Knows what the streams are worked with, and when that is no longer so."""

    def __init__(self, config: Config, store: Store, domain: Domain, site: Site) -> None:
        self._config, self._store, self._domain, self._site = config, store, domain, site
        self._signature = ""

    def orders(self) -> Orders:
        self._signature = self._now()
        job = sites.job_of(self._store, self._domain, self._site)
        policies = sites.policies_of(self._store, self._domain, self._site)
        return Orders(
            job=job,
            policy=policies.site,
            policies=dict(policies.units),
            key=key_of(job, policies, open_bundles(job)),
            clips=self._config.clips / self._site.name,
        )

    def has_changed(self) -> bool:
        return self._now() != self._signature

    def _now(self) -> str:
        """Of all that is set at the site; cheap, since it is asked every few seconds."""
        number = self._site.id
        settings = [{**self._store.settings(site=number, kind=kind)} for kind in ("view", "policy")]
        line_up = [[entry.role, entry.digest] for entry in self._store.line_up(number)]
        return short_digest([settings, line_up, self._store.fitted_versions(number)])


def _told(deliver: Callable[[], object]) -> Callable[[Callable[[], bool]], bool]:
    def tell(_: Callable[[], bool]) -> bool:
        deliver()
        return False

    return tell


def _batches(config: Config, store: Store, domain: Domain, site: Site) -> Chore:
    """Work through the files that arrived, unit by unit as they fall quiet."""
    quiet = domain.info.quiet_s

    def work(stop: Callable[[], bool]) -> bool:
        try:
            done = run_batch(
                store=store,
                site=site,
                job=sites.job_of(store, domain, site),
                policy=sites.policies_of(store, domain, site),
                workers=config.workers,
                progress=silent(),
                stop=stop,
                patience=Patience(fresh_s=quiet),
            )
        except DataError:  # nothing has arrived yet
            return False
        return done.held > 0

    every = min(max(quiet / 4, _BATCH_S[0]), _BATCH_S[1])
    return Chore(name="batch over what arrived", run=work, every_s=every, on_arrival=True)
