"""Sites: how one is added, which settings hold there, and what a batch over it needs to know."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from fovea.batch.work import Policies
from fovea.errors import BundleRefused, DataError, SettingsError, UsageError
from fovea.live import sources_of
from fovea.plugin import Domain, Fitted, PolicySettings, Sample, ViewSettings
from fovea.registry import Registry
from fovea.serving.bundle import find_version, open_bundle, version_of
from fovea.serving.score import Job, Wanted
from fovea.settings import parse, resolve, together
from fovea.store.store import Store
from fovea.store.values import LineUp, Site
from fovea.workbench import streams
from fovea.workbench.config import read_toml
from fovea.workbench.views import SiteSummary

Layer = Mapping[str, Any]
Kind = Literal["view", "policy"]
_KINDS: tuple[Kind, ...] = ("view", "policy")
EXAMPLES = 3
_WANT = "view.NAME=VALUE, policy.NAME=VALUE or stream.NAME=ADDRESS"


class SiteAbout(BaseModel):
    """``[site]`` in ``site.toml``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(default="", description="short name")
    title: str = Field(default="", description="name for people")
    domain: str = Field(default="", description="the domain that reads the folder")


class SiteFile(BaseModel):
    """``site.toml`` in a site's folder: read once, when the site is added."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    site: SiteAbout = Field(SiteAbout(), description="what it is called")
    view: Mapping[str, Any] = Field(default_factory=dict, description="view settings")
    policy: Mapping[str, Any] = Field(default_factory=dict, description="policy settings")
    stream: Mapping[str, str] = Field(default_factory=dict, description="addresses of streams by name")


def view_of(domain: Domain, *layers: Layer) -> ViewSettings:
    """View settings of a domain from these layers over its defaults."""
    return resolve(domain.info.view, f"settings of '{domain.info.name}'", layers, prefix="view.")


def policy_of(domain: Domain, *layers: Layer) -> PolicySettings:
    """Policy settings of a domain from these layers over its defaults."""
    return resolve(domain.info.policy, f"settings of '{domain.info.name}'", layers, prefix="policy.")


def need_folder(path: Path) -> None:
    """Raises DataError where ``path`` is no folder."""
    if not path.is_dir():
        fault = f"{path} is a file, not a folder" if path.exists() else f"there is no folder {path}"
        raise DataError(f"{fault}; name the folder that holds the pictures")


def split_settings(texts: Iterable[str]) -> dict[Kind, dict[str, Any]]:
    """``view.NAME=VALUE`` and ``policy.NAME=VALUE`` texts, by kind.

    Raises:
        SettingsError: for texts that are neither.
    """
    texts = list(texts)
    wrong = [text for text in texts if not _is_whole(text)]
    if wrong:
        raise SettingsError("", [f"{text}: want {_WANT}" for text in wrong])
    told = parse(texts, "")
    return {kind: {n.partition(".")[2]: v for n, v in told.items() if n.startswith(f"{kind}.")} for kind in _KINDS}


def _is_whole(text: str) -> bool:
    kind, _, rest = text.strip().partition(".")
    return kind in _KINDS and "=" in rest


def settings_from(
    domain: Domain, texts: Sequence[str], *, view: Sequence[Layer] = (), policy: Sequence[Layer] = ()
) -> tuple[ViewSettings, PolicySettings]:
    """View and policy settings of a domain from these texts over these layers.

    Raises:
        SettingsError: naming every mistake of both.
    """
    told = split_settings(text for text in texts if _is_whole(text))
    views, policies, _ = together(
        lambda: view_of(domain, *view, told["view"]),
        lambda: policy_of(domain, *policy, told["policy"]),
        lambda: split_settings(texts),
    )
    return views, policies


def add_site(
    store: Store, registry: Registry, *, root: Path, name: str, domain: str, title: str, settings: Sequence[str]
) -> SiteSummary:
    """Add a site after reading its folder once, so that a wrong pattern shows before anything is stored.

    A site that has streams may have an empty folder.
    """
    need_folder(root)
    flagged, settings = streams.split(settings)
    path = root / "site.toml"
    told = resolve(SiteFile, "", [read_toml(path)], prefix=f"{path}: ")
    domain = domain or told.site.domain
    if not domain:
        raise UsageError(f"which domain reads {root}? say --domain (there is: {', '.join(sorted(registry.domains))})")
    answering = registry.domain(domain)
    addresses = streams.changed(told.stream, flagged)
    (view, _), _ = together(
        lambda: settings_from(answering, settings, view=[told.view], policy=[told.policy]),
        lambda: sources_of(answering, addresses, os.environ),
    )
    summary = _summary(answering, root, view, may_be_empty=bool(addresses))
    name = name or told.site.name or _slug(root.name)
    title = title or told.site.title or name
    site = store.add_site(name=name, title=title, domain=domain, root=root.absolute())
    flags = split_settings(settings)
    layers: dict[Kind, Layer] = {"view": told.view, "policy": told.policy}
    for kind in _KINDS:
        if chosen := {**layers[kind], **flags[kind]}:
            store.put_settings(site=site.id, kind=kind, data=chosen)
    if addresses:
        store.put_settings(site=site.id, kind="stream", data=addresses)
    return SiteSummary(site=site, **summary)


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "site"


def _summary(domain: Domain, root: Path, view: ViewSettings, *, may_be_empty: bool = False) -> dict[str, Any]:
    units: Counter[str] = Counter()
    labels: Counter[str] = Counter()
    examples: list[str] = []
    records = 0
    for item in domain.read_samples(root=root, view=view):
        if not isinstance(item, Sample):
            records += 1
            continue
        units[item.of_unit] += 1
        labels.update(target for target in item.targets.values() if isinstance(target, str))
        if len(examples) < EXAMPLES:
            told = ", ".join(f"{name} {target}" for name, target in item.targets.items()) or "no label"
            examples.append(f"{item.source}: unit {item.of_unit}, group {item.of_group}, {told}")
    if not units and not may_be_empty:
        hint = "; or name a stream: --set stream.NAME=ADDRESS" if domain.streams else ""
        raise DataError(f"the domain '{domain.info.name}' finds no picture below {root}; is it the right folder?{hint}")
    return {
        "samples": sum(units.values()),
        "records": records,
        "units": dict(units.most_common()),
        "labels": dict(labels.most_common()),
        "examples": tuple(examples),
    }


def change_settings(store: Store, registry: Registry, site: Site, texts: Sequence[str], unit: str) -> None:
    """Set some settings of a site or unit; the others stay. Nothing is stored unless all of them hold."""
    domain = registry.domain(site.domain)
    views, policies = _layers(store, site, "view", unit), _layers(store, site, "policy", unit)
    flagged, texts = streams.split(texts)
    if flagged and unit:
        raise UsageError("a stream is the site's: set it without --unit")
    addresses = streams.changed(streams.of(store, site), flagged)
    together(
        lambda: settings_from(domain, texts, view=views, policy=policies),
        lambda: sources_of(domain, addresses, os.environ) if flagged else (),
    )
    if flagged:
        store.put_settings(site=site.id, kind="stream", data=addresses)
    told = split_settings(texts)
    for kind in _KINDS:
        if told[kind]:
            before = store.settings(site=site.id, kind=kind).get(unit, {})
            store.put_settings(site=site.id, kind=kind, data={**before, **told[kind]}, unit=unit)


def _layers(store: Store, site: Site, kind: Kind, unit: str = "") -> list[Layer]:
    """Default < bundle < site < unit; the default is the class's own."""
    bundles = _views(serving(store, site)) if kind == "view" else []
    return [*bundles, *_stored(store, site, kind, unit)]


def _views(bundles: Mapping[str, Path]) -> list[Layer]:
    return [open_bundle(path).view for path in bundles.values()]


def _stored(store: Store, site: Site, kind: Kind, unit: str) -> list[Layer]:
    stored = store.settings(site=site.id, kind=kind)
    return [stored.get("", {}), *([stored[unit]] if unit and unit in stored else [])]


def serving(store: Store, site: Site) -> dict[str, Path]:
    """The bundles that serve a site, by role: those that were put to use, whatever was trained since.

    Raises:
        BundleRefused: one is gone or cannot be used.
        UsageError: another stands in its place, and itself is gone.
    """
    return {entry.role: _standing(entry, site) for entry in store.line_up(site.id)}


def _standing(entry: LineUp, site: Site) -> Path:
    found = find_version(entry.path, entry.digest)
    if found is not None:
        return found
    called = version_of(entry.name, entry.digest)
    there = open_bundle(entry.path)  # says so where it is damaged, or nothing is there
    raise UsageError(
        f"the model {called} that serves '{site.name}' is gone, and another stands in its place; "
        f"to go on with that one, run: fovea site use {site.name} {there.path}"
    )


def settings_of(store: Store, registry: Registry, site: Site) -> Mapping[str, Any]:
    """What holds at a site, and what single units have of their own; ``fault``: why that of a model is left out."""
    domain, fault = registry.domain(site.domain), ""
    try:
        bundles = _views(serving(store, site))
    except (BundleRefused, UsageError) as error:  # who asks may want to know just that
        bundles, fault = [], str(error)
    view, own = view_of(domain, *bundles, *_stored(store, site, "view", "")), _own_views(store, domain, site, bundles)
    policies = policies_of(store, domain, site)
    return {
        "fault": fault,
        "view": view,
        "policy": policies.site,
        "streams": streams.of(store, site),
        "units": {
            unit: {"view": own.get(unit, view), "policy": policies.of(unit)} for unit in sorted({*own, *policies.units})
        },
    }


def _own_views(store: Store, domain: Domain, site: Site, bundles: Sequence[Layer]) -> dict[str, ViewSettings]:
    units = [unit for unit in store.settings(site=site.id, kind="view") if unit]
    return {unit: view_of(domain, *bundles, *_stored(store, site, "view", unit)) for unit in units}


def job_of(store: Store, domain: Domain, site: Site, precision: Wanted = "auto") -> Job:
    """All that a site's predictions depend on. Raises BundleRefused, UsageError as :func:`serving` does."""
    fitted, bundles = store.fitted(site.id), serving(store, site)
    views = _views(bundles)
    return Job(
        domain=domain,
        root=site.root,
        view=view_of(domain, *views, *_stored(store, site, "view", "")),
        fitted=fitted.get("", Fitted()),
        bundles=bundles,
        precision=precision,
        unit_views=_own_views(store, domain, site, views),
        unit_fitted={unit: values for unit, values in fitted.items() if unit},
    )


def policies_of(store: Store, domain: Domain, site: Site) -> Policies:
    """All that a site's decisions depend on besides."""
    units = [unit for unit in store.settings(site=site.id, kind="policy") if unit]
    return Policies(
        site=policy_of(domain, *_layers(store, site, "policy")),
        units={unit: policy_of(domain, *_layers(store, site, "policy", unit)) for unit in units},
    )
