"""Sites: how one is added, which settings hold there, and what a batch over it needs to know."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from fovea.batch.work import Policies
from fovea.errors import DataError, SettingsError, UsageError
from fovea.plugin import Domain, Fitted, PolicySettings, Sample, ViewSettings
from fovea.registry import Registry
from fovea.serving.bundle import open_bundle
from fovea.serving.score import Job, Wanted
from fovea.settings import parse, resolve
from fovea.store.store import Store
from fovea.store.values import Site
from fovea.workbench.config import read_toml
from fovea.workbench.views import SiteSummary

Layer = Mapping[str, Any]
Kind = Literal["view", "policy"]
_KINDS: tuple[Kind, ...] = ("view", "policy")
EXAMPLES = 3


def view_of(domain: Domain, *layers: Layer) -> ViewSettings:
    """View settings of a domain from these layers over its defaults."""
    return resolve(domain.info.view, f"view settings of '{domain.info.name}'", layers)


def policy_of(domain: Domain, *layers: Layer) -> PolicySettings:
    """Policy settings of a domain from these layers over its defaults."""
    return resolve(domain.info.policy, f"policy settings of '{domain.info.name}'", layers)


def need_folder(path: Path) -> None:
    """Raises DataError where ``path`` is no folder."""
    if not path.is_dir():
        fault = f"{path} is a file, not a folder" if path.exists() else f"there is no folder {path}"
        raise DataError(f"{fault}; name the folder that holds the pictures")


def split_settings(texts: Iterable[str]) -> dict[Kind, dict[str, Any]]:
    """``view.NAME=VALUE`` and ``policy.NAME=VALUE`` texts, by kind.

    Raises:
        SettingsError: for a text that begins with neither.
    """
    told = parse(texts, "settings")
    wrong = [name for name in told if name.partition(".")[0] not in _KINDS or "." not in name]
    if wrong:
        raise SettingsError("settings", [f"{name}: want view.NAME=VALUE or policy.NAME=VALUE" for name in wrong])
    return {kind: {n.partition(".")[2]: v for n, v in told.items() if n.startswith(f"{kind}.")} for kind in _KINDS}


def add_site(
    store: Store, registry: Registry, *, root: Path, name: str, domain: str, title: str, settings: Sequence[str]
) -> SiteSummary:
    """Add a site after reading its folder once, so that a wrong pattern shows before anything is stored."""
    need_folder(root)
    told = read_toml(root / "site.toml")
    about = told.get("site", {})
    domain = domain or about.get("domain", "")
    if not domain:
        raise UsageError(f"which domain reads {root}? say --domain (there is: {', '.join(sorted(registry.domains))})")
    answering = registry.domain(domain)
    flags = split_settings(settings)
    chosen: dict[Kind, dict[str, Any]] = {kind: {**told.get(kind, {}), **flags[kind]} for kind in _KINDS}
    view = view_of(answering, chosen["view"])
    policy_of(answering, chosen["policy"])
    name = name or about.get("name", "") or _slug(root.name)
    title = title or about.get("title", "") or name
    summary = _summary(answering, root, view)
    site = store.add_site(name=name, title=title, domain=domain, root=root.absolute())
    for kind in _KINDS:
        if chosen[kind]:
            store.put_settings(site=site.id, kind=kind, data=chosen[kind])
    return SiteSummary(site=site, **summary)


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "site"


def _summary(domain: Domain, root: Path, view: ViewSettings) -> dict[str, Any]:
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
    if not units:
        raise DataError(f"the domain '{domain.info.name}' finds no picture below {root}; is it the right folder?")
    return {
        "samples": sum(units.values()),
        "records": records,
        "units": dict(units.most_common()),
        "labels": dict(labels.most_common()),
        "examples": tuple(examples),
    }


def change_settings(store: Store, registry: Registry, site: Site, texts: Sequence[str], unit: str) -> None:
    """Set some settings of a site or unit; the others stay. Nothing is stored unless all of them hold."""
    domain, told = registry.domain(site.domain), split_settings(texts)
    view_of(domain, *_layers(store, site, "view", unit), told["view"])
    policy_of(domain, *_layers(store, site, "policy", unit), told["policy"])
    for kind in _KINDS:
        if told[kind]:
            before = store.settings(site=site.id, kind=kind).get(unit, {})
            store.put_settings(site=site.id, kind=kind, data={**before, **told[kind]}, unit=unit)


def _layers(store: Store, site: Site, kind: Kind, unit: str = "") -> list[Layer]:
    """Default < bundle < site < unit; the default is the class's own."""
    stored = store.settings(site=site.id, kind=kind)
    bundles = [open_bundle(entry.path).view for entry in store.line_up(site.id)] if kind == "view" else []
    return [*bundles, stored.get("", {}), *([stored[unit]] if unit and unit in stored else [])]


def settings_of(store: Store, registry: Registry, site: Site) -> Mapping[str, Any]:
    """What holds at a site, and what single units have of their own."""
    domain = registry.domain(site.domain)
    job, policies = job_of(store, domain, site), policies_of(store, domain, site)
    return {
        "view": job.view,
        "policy": policies.site,
        "units": {
            unit: {"view": job.unit_views.get(unit, job.view), "policy": policies.of(unit)}
            for unit in sorted({*job.unit_views, *policies.units})
        },
    }


def job_of(store: Store, domain: Domain, site: Site, precision: Wanted = "auto") -> Job:
    """All that a site's predictions depend on."""
    fitted = store.fitted(site.id)
    units = [unit for unit in store.settings(site=site.id, kind="view") if unit]
    return Job(
        domain=domain,
        root=site.root,
        view=view_of(domain, *_layers(store, site, "view")),
        fitted=fitted.get("", Fitted()),
        bundles={entry.role: entry.path for entry in store.line_up(site.id)},
        precision=precision,
        unit_views={unit: view_of(domain, *_layers(store, site, "view", unit)) for unit in units},
        unit_fitted={unit: values for unit, values in fitted.items() if unit},
    )


def policies_of(store: Store, domain: Domain, site: Site) -> Policies:
    """All that a site's decisions depend on besides."""
    units = [unit for unit in store.settings(site=site.id, kind="policy") if unit]
    return Policies(
        site=policy_of(domain, *_layers(store, site, "policy")),
        units={unit: policy_of(domain, *_layers(store, site, "policy", unit)) for unit in units},
    )
