"""What goes into the store and comes out of it: frozen values, never rows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, TypeAlias

from fovea.errors import PluginError
from fovea.plugin import Decision, Event, Measures, Prediction, Sample, Unreadable

Fault: TypeAlias = Unreadable | PluginError
Faults: TypeAlias = Mapping[str, Fault]
Decided: TypeAlias = Mapping[str, Sequence[Decision]]
Data: TypeAlias = Mapping[str, Any]
"""JSON-ready facts by name."""
Settings: TypeAlias = Literal["view", "policy", "stream"]
WorkKind: TypeAlias = Literal["score", "decide"]
MAX_ATTEMPTS = 3
"""A chunk that was tried this often without an answer is split; a single picture is then quarantined."""


def _nothing() -> Mapping[str, Any]:
    return {}


def short_digest(value: object) -> str:
    """16 hexadecimal digits of the SHA-256 of the value's canonical JSON."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A named place with folders or streams of pictures."""

    id: int
    name: str
    title: str
    domain: str
    root: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One entry of the append-only settings; ``unit`` is empty at site level."""

    kind: Settings
    unit: str
    data: Mapping[str, Any]
    actor: str
    time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LineUp:
    """The bundle that serves one role of a site."""

    role: str
    name: str
    path: Path
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One training with its recipe and figures; the mappings are JSON-ready."""

    name: str
    domain: str
    role: str
    state: str
    folder: Path
    started: datetime
    ended: datetime | None = None
    recipe: Mapping[str, Any] = field(default_factory=_nothing)
    figures: Mapping[str, Any] = field(default_factory=_nothing)
    curves: Mapping[str, Any] = field(default_factory=_nothing)
    environment: Mapping[str, Any] = field(default_factory=_nothing)
    fingerprint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchKey:
    """Everything that a batch's answers depend on besides the pictures and records.

    Args:
        bundles: digest of the bundle by role; empty where the domain works without a model.
        view_digest: of the view settings of all units together.
        fitted_digest: of the fitted numbers of all units together; empty where nothing is fitted.
        policy_digest: of the policy settings of all units together.
        precision: of the network, as fixed when the batch was made.
    """

    bundles: Mapping[str, str] = field(default_factory=_nothing)
    view_digest: str = ""
    fitted_digest: str = ""
    policy_digest: str = ""
    precision: str = "auto"

    def precision_of(self, role: str) -> str:
        """The precision of one role's network, where ``precision`` names it (``disease:bf16 stage:fp32``)."""
        told = dict(part.split(":", 1) for part in self.precision.split() if ":" in part)
        return told.get(role, self.precision)

    @property
    def result_key(self) -> str:
        """Digest of what measures and predictions depend on."""
        return short_digest([dict(self.bundles), self.view_digest, self.fitted_digest, self.precision])

    @property
    def decision_key(self) -> str:
        """Digest of what decisions depend on: the result key and the policy."""
        return short_digest([self.result_key, self.policy_digest])


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One pass over a site under one key.

    ``scan`` numbers the walk over the folder: every :meth:`Store.open_batch` begins a new one. ``state`` is
    ``open``, ``finished`` or ``superseded`` (another key was opened on the same site before this one finished).
    """

    id: int
    site: int
    key: BatchKey
    scan: int
    state: str
    opened: datetime
    finished: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileStat:
    """What tells that a file is still the same: ``os.stat`` figures."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanned:
    """A sample met by a scan; ``stat`` is None where its source is a stream."""

    sample: Sample
    stat: FileStat | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanCount:
    """What one call of ``record_scan`` found; ``records`` counts records that are new or changed."""

    new: int = 0
    changed: int = 0
    known: int = 0
    records: int = 0

    def __add__(self, other: ScanCount) -> ScanCount:
        return ScanCount(
            new=self.new + other.new,
            changed=self.changed + other.changed,
            known=self.known + other.known,
            records=self.records + other.records,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkCount:
    """What one call of ``plan`` added: pictures to score in ``chunks``, and units to decide without scoring."""

    pictures: int = 0
    chunks: int = 0
    units: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A piece of work held by ``owner`` until its time runs out; ``fence`` tells it from any later lease.

    Args:
        id: of the work.
        batch: id of the batch.
        site: id of the site.
        kind: ``score`` (samples to answer) or ``decide`` (units to decide).
        owner: who holds it.
        fence: grows with every lease of the same work.
        attempt: 1 on the first try.
        place: orders the chunks of one unit.
        samples: to score, in order; empty for ``decide``.
        sample_ids: the store's own numbers of ``samples``.
        units: the units the samples belong to, or the units to decide.
    """

    id: int
    batch: int
    site: int
    kind: WorkKind
    owner: str
    fence: int
    attempt: int
    place: int = 0
    samples: tuple[Sample, ...] = ()
    sample_ids: tuple[int, ...] = ()
    units: tuple[str, ...] = ()

    @property
    def unit(self) -> str:
        """The unit where there is just one (always so for in-order batches), else the empty text."""
        return self.units[0] if len(self.units) == 1 else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """The answer for one sample: measures and predictions, or the fault that sends it to quarantine."""

    sample: Sample
    measures: Measures = field(default_factory=Measures)
    predictions: tuple[Prediction, ...] = ()
    fault: Fault | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """What a stream brought for one unit: an answered frame, a tick, or its end; exactly one of the three.

    Args:
        unit: whose it is.
        scored: a frame with its answer.
        tick: the moment of a second without a frame.
        ended: the moment at which the unit ended.
    """

    unit: str
    scored: Scored | None = None
    tick: datetime | None = None
    ended: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchCounts:
    """How far a batch is.

    Args:
        todo: work that nobody holds.
        leased: work somebody holds.
        done: work finished.
        pictures: pictures answered by this batch, quarantined ones included.
        waiting: pictures that are not answered yet.
        quarantined: pictures this batch sent to quarantine.
        units: units decided by this batch.
        faulty_units: units whose ``decide`` failed in this batch.
        decisions: decisions this batch made or changed, withdrawn ones included.
    """

    todo: int = 0
    leased: int = 0
    done: int = 0
    pictures: int = 0
    waiting: int = 0
    quarantined: int = 0
    units: int = 0
    faulty_units: int = 0
    decisions: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRow:
    """A part, or a unit where ``source`` is empty, that could not be worked with, and why.

    ``plugin`` and ``function`` name the part of the contract to mend; both are empty where the file is at fault.
    """

    source: str
    part: str
    unit: str
    code: str
    reason: str
    plugin: str
    function: str
    time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRevision:
    """One state that a decision has been in; what it said is kept when it is withdrawn."""

    unit: str
    decision: Decision
    revision: int
    withdrawn: bool
    batch: int
    time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """Stands between a unit's entries where its stream fell silent or ended: what follows is a new stretch."""

    time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """An event due to one listener; ``attempts`` counts the failed ones so far."""

    event: Event
    listener: str
    attempts: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """One link of the audit chain; ``digest`` covers all other fields, ``previous`` among them."""

    number: int
    time: datetime
    actor: str
    role: str
    action: str
    subject: str
    facts: Mapping[str, Any]
    previous: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditHead:
    """The last link: exported and kept elsewhere, it shows later that nothing was cut off."""

    number: int
    digest: str
