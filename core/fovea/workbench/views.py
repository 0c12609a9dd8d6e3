"""What the workbench hands to apps: frozen values, made of plain ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fovea.batch import BatchSummary
from fovea.plugin import Param, Report
from fovea.registry import Broken, Loaded
from fovea.report import to_json, to_text
from fovea.store.values import Site


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginList:
    """The plugins that loaded, and those that were left out, with the reason."""

    loaded: tuple[Loaded, ...]
    broken: tuple[Broken, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingView:
    """One setting of a domain, as its class declares it."""

    name: str
    type: str
    default: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionView:
    """One verb of a domain."""

    verb: str
    help: str
    params: tuple[Param, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainView:
    """What a domain is and which parts of the contract it brings itself (the others are the defaults)."""

    name: str
    title: str
    intended_use: str
    limits: str
    roles: Mapping[str, str]
    parts: Mapping[str, bool]
    exports: Mapping[str, str]
    streams: Mapping[str, str]
    actions: tuple[ActionView, ...]
    view: tuple[SettingView, ...]
    policy: tuple[SettingView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteSummary:
    """A site that was just added, and what its adapter reads there.

    ``units`` and ``labels`` count samples; ``examples`` are the first sources with what was read of them.
    """

    site: Site
    samples: int
    records: int
    units: Mapping[str, int]
    labels: Mapping[str, int]
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelView:
    """A bundle below the home folder; ``fault`` says why it cannot be used, empty where it can."""

    name: str
    path: Path
    domain: str = ""
    role: str = ""
    kind: str = ""
    labels: tuple[str, ...] = ()
    created: str = ""
    digest: str = ""
    figures: Mapping[str, Any] | None = None
    card: str = ""
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Figures of a model: each headline is (value, low, high) with its 95 % interval by group."""

    figures: Mapping[str, tuple[float, float, float]]
    baselines: Mapping[str, float]
    classes: tuple[Mapping[str, Any], ...]
    confusion: tuple[tuple[int, ...], ...]
    labels: tuple[str, ...]
    pictures: int
    groups: int
    unreadable: int
    learned: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedView:
    """A training that is done: its bundle, its run, its figures on pictures it never saw."""

    name: str
    run: str
    path: Path
    judged: Judged
    recipe: Mapping[str, Any]
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a model says of one picture; ``fault`` stands in its place where it could not be read."""

    path: str
    part: str
    label: str
    probability: float
    scores: Mapping[str, float]
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFiles:
    """A report on disk."""

    title: str
    summary: str
    html: Path
    json: Path
    csv: tuple[Path, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A file in a domain's own format, and the faults that its check found when it opened it again."""

    path: Path
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionResult:
    """What a domain's verb answered."""

    report: Report

    def text(self, width: int, *, colour: bool) -> str:
        """For a terminal of ``width`` columns."""
        return to_text(self.report, width=width, colour=colour)

    @property
    def json(self) -> str:
        """As one JSON document."""
        return to_json(self.report)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoResult:
    """The whole walk: a trained model, a processed site, a report."""

    trained: TrainedView
    batch: BatchSummary
    report: ReportFiles
