"""What the workbench hands to apps: frozen values, made of plain ones."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from fovea.batch import BatchSummary
from fovea.engine.judging.curves import Curve, Points, Reliability, Scattered
from fovea.engine.judging.evaluate import Evaluation
from fovea.engine.judging.resampling import Interval
from fovea.engine.judging.subgroups import Subgroup
from fovea.fitting import Preview
from fovea.plugin import Attribute, Domain, Kind, Param, Report
from fovea.registry import Broken, Loaded, own_parts
from fovea.report import to_json, to_text
from fovea.serving.bundle import Bundle
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


def domain_view(domain: Domain) -> DomainView:
    """A guarded domain as apps see it."""
    info = domain.info
    return DomainView(
        name=info.name,
        title=info.title,
        intended_use=info.intended_use,
        limits=info.limits,
        roles={role: task.kind for role, task in info.tasks.items()},
        parts=own_parts(domain),
        exports={name: exporter.title for name, exporter in domain.exports.items()},
        streams={scheme: stream.kind for scheme, stream in domain.streams.items()},
        actions=tuple(ActionView(verb=v, help=a.help, params=a.params) for v, a in sorted(domain.actions.items())),
        view=_declared(info.view),
        policy=_declared(info.policy),
    )


def _typed(value: Any) -> str:
    """As it would be typed: texts as they are, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _declared(model: type[BaseModel]) -> tuple[SettingView, ...]:
    return tuple(
        SettingView(
            name=name,
            type=getattr(field.annotation, "__name__", str(field.annotation)),
            default=_typed(field.get_default(call_default_factory=True)),
            description=field.description or "",
        )
        for name, field in model.model_fields.items()
    )


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
    """A bundle below the home folder; ``fault`` says why it cannot be used, empty where it can.

    ``name`` is what it is called by: that of the model where this is the ``current`` version, ``NAME@DIGEST`` for the
    versions before.
    """

    name: str
    path: Path
    current: bool = True
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
    """Figures of a model: each headline is (value, low, high) with its 95 % interval by group.

    ``classes`` has one mapping a label (``classify``, ``multilabel``) or value (``regress``), a figure that cannot be
    told being None; ``confusion`` is empty but for ``classify``. ``curves``, ``reliability``, ``subgroups``, ``risk``,
    ``values`` and ``said`` are those of :class:`fovea.engine.judging.evaluate.Evaluation`; ``units`` are the units'
    decisions, where they were asked for; ``unmarked`` names masks that could not be used, each with its reason
    (``anomaly``); ``explained`` says how many ``maps`` of the model's answers were put to the test in training and how
    many were ``shown``, None where none were; ``without`` are the ``figures`` with every attribute that is read beside
    the pictures missing, empty where none is read; ``page`` is where it was all written to be looked at.
    """

    figures: Mapping[str, tuple[float, float, float]]
    baselines: Mapping[str, float]
    classes: tuple[Mapping[str, Any], ...]
    confusion: tuple[tuple[int, ...], ...]
    labels: tuple[str, ...]
    pictures: int
    groups: int
    unreadable: int
    learned: int
    kind: Kind = "classify"
    said: str = ""
    curves: tuple[Curve, ...] = ()
    reliability: Reliability | None = None
    subgroups: tuple[Subgroup, ...] = ()
    units: UnitsJudged | None = None
    risk: Points = ()
    values: tuple[Scattered, ...] = ()
    unmarked: tuple[str, ...] = ()
    explained: Mapping[str, int] | None = None
    without: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)
    page: Path | None = None


def judged_view(evaluation: Evaluation, bundle: Bundle) -> Judged:
    """An evaluation of a bundle as apps see it."""
    return Judged(
        figures=_plain(evaluation.figures),
        without=_plain(evaluation.without),
        baselines=evaluation.baselines,
        classes=tuple(evaluation.to_json()["classes"]),
        confusion=evaluation.confusion,
        labels=evaluation.labels,
        pictures=evaluation.pictures,
        groups=evaluation.groups,
        unreadable=len(evaluation.unreadable),
        learned=evaluation.learned,
        kind=evaluation.kind,
        said=evaluation.said,
        curves=evaluation.curves,
        reliability=evaluation.reliability,
        subgroups=evaluation.subgroups,
        risk=evaluation.risk,
        values=evaluation.values,
        explained=(bundle.figures or {}).get("explained"),
        unmarked=tuple(f"{fault.source}: {fault.reason}" for fault in evaluation.unmarked),
    )


def _plain(figures: Mapping[str, Interval]) -> dict[str, tuple[float, float, float]]:
    return {name: (one.value, one.low, one.high) for name, one in figures.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitsOf:
    """What was decided on the units that have a label.

    Args:
        label: of at least one of a unit's pictures; empty: units of which no picture has any.
        units: how many there are.
        flagged: share of them with a finding, with its 95 % interval.
        said: share of them with a decision of that label; None for the empty label.
        said_elsewhere: share of the other units with a decision of that label; None likewise, or where there are none.
    """

    label: str
    units: int
    flagged: tuple[float, float, float]
    said: tuple[float, float, float] | None
    said_elsewhere: tuple[float, float, float] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitsJudged:
    """How a domain's decisions compare with the labels of the units they are on.

    Args:
        labels: a label each.
        units: decided and labelled.
        left_out: because the model learned from one of their pictures or of its group.
        faults: units that could not be decided, a sentence each.
    """

    labels: tuple[UnitsOf, ...]
    units: int
    left_out: int
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedView:
    """A training that is done: its bundle, its run, its figures on pictures it never saw.

    ``before`` is what the version is called now that had the name before, empty where there was none; ``unknown`` are
    names in an imported split that no picture has; ``notes`` are sentences on what is odd in the data.
    """

    name: str
    run: str
    path: Path
    judged: Judged
    recipe: Mapping[str, Any]
    seconds: float
    before: str = ""
    unknown: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a model says of one picture; ``fault`` stands in its place where it could not be read.

    ``label``, ``probability`` and ``scores`` are those of :class:`fovea.plugin.Prediction`; ``labels`` takes a label of
    kind ``multilabel`` apart. ``possible``, ``alarm``, ``review`` and ``unknown`` are those of the prediction, too.
    """

    path: str
    part: str
    label: str
    probability: float
    scores: Mapping[str, float]
    fault: str = ""
    kind: str = "classify"
    labels: tuple[str, ...] = ()
    possible: tuple[str, ...] | None = None
    alarm: bool = False
    review: bool = False
    unknown: bool = False


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


@dataclass(frozen=True, slots=True, kw_only=True)
class EventView:
    """An event that one listener has not heard.

    ``state`` is ``due``, ``waiting`` (until ``again``), ``behind`` an elder of its subject, or ``dead``; ``failures``
    counts how often the listener failed on it, ``error`` is the last of them.
    """

    id: str
    kind: str
    subject: str
    site: str
    time: datetime
    listener: str
    state: str
    failures: int
    error: str
    again: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FitView:
    """Numbers that a domain learned at a site, and what they would change.

    ``unit`` is empty where they are the whole site's; ``arrays`` tells type and shape by name; ``kept`` is the digest
    of the version they were kept as, empty where they were not.
    """

    site: str
    unit: str
    values: Mapping[str, Attribute]
    arrays: Mapping[str, str]
    preview: Preview
    kept: str
