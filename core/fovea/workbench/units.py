"""How a domain's decisions compare with the labels of the units they are on: a field, a study, a camera's day.

A figure per picture says little about alarms: 60 pictures of a study, each right in 99 of 100, give nearly every second
normal study a false one. So the domain decides here on each unit by the same code as in a batch, and what it decided
stands beside the labels of the unit's pictures. Which labels should raise a finding only a reader can say: the table
tells for each label how many of its units were flagged.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from fovea.errors import DataError, PluginError, UsageError
from fovea.plugin import Decision, Domain, Entry, Fitted, PolicySettings, Record, Result, Sample, ViewSettings
from fovea.progress import Progress
from fovea.serving.bundle import Bundle
from fovea.serving.deciding import decide
from fovea.serving.score import Job, Scorer
from fovea.workbench.views import UnitsJudged, UnitsOf

_DEVIATE = 1.959964
_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Decided:
    truth: frozenset[str]
    said: frozenset[str]
    flagged: bool


def judge_units(
    *,
    domain: Domain,
    root: Path,
    view: ViewSettings,
    policy: PolicySettings,
    bundle: Bundle,
    learned: Collection[str],
    progress: Progress,
) -> UnitsJudged:
    """Let the domain decide on every unit that has a labelled picture, and compare.

    Numbers that a site was fitted with are not known here: a domain decides with its settings alone.

    Args:
        domain: who decides.
        root: folder of the pictures.
        view: the domain's view settings.
        policy: its policy settings.
        bundle: of kind ``classify`` or ``multilabel``, the only one that speaks.
        learned: groups that the bundle learned from; units with one of them are left out.
        progress: told picture by picture.

    Raises:
        UsageError: the bundle tells no labels.
        DataError: no unit is left.
        PluginError: the domain failed.
    """
    if bundle.kind not in ("classify", "multilabel"):
        raise UsageError(f"decisions are compared with labels, and a task of kind {bundle.kind} has none")
    items = list(domain.read_samples(root=root, view=view))
    records = [item for item in items if isinstance(item, Record)]
    labelled = _units(domain, bundle, items)
    fresh = {unit: of for unit, of in labelled.items() if not any(sample.of_group in learned for sample in of)}
    if not fresh:
        raise DataError(
            f"the model learned from all {len(labelled)} units with a label, so that no decision on them can be "
            "judged: show it other ones"
        )
    scorer = Scorer(Job(domain=domain, root=root, view=view, bundles={bundle.role: bundle.path}))
    progress.start("decide on units", sum(map(len, fresh.values())))
    decided: list[_Decided] = []
    faults: list[str] = []
    for unit, samples in fresh.items():
        try:
            decisions = _decide(scorer, samples, [one for one in records if one.unit in (unit, "")], policy)
        except PluginError as error:
            faults.append(f"{unit}: {error}")
        else:
            decided.append(_compared(domain, bundle, samples, decisions))
        progress.advance(len(samples))
    progress.finish()
    return UnitsJudged(
        labels=_by_label(decided), units=len(decided), left_out=len(labelled) - len(fresh), faults=tuple(faults)
    )


def _units(domain: Domain, bundle: Bundle, items: Sequence[Sample | Record]) -> Mapping[str, list[Sample]]:
    units: dict[str, list[Sample]] = {}
    for item in items:
        if isinstance(item, Sample):
            units.setdefault(item.of_unit, []).append(item)
    target = domain.info.target(bundle.role)
    return {
        unit: sorted(samples, key=lambda sample: (sample.time or _BEFORE_ALL, sample.order, *sample.key))
        for unit, samples in units.items()
        if any(sample.targets.get(target) is not None for sample in samples)
    }


def _decide(
    scorer: Scorer, samples: Sequence[Sample], records: Sequence[Record], policy: PolicySettings
) -> list[Decision]:
    results = [outcome.result for outcome in scorer.score(samples) if outcome.result is not None]
    ordered: list[Record | Result] = sorted([*records, *results], key=_moment)
    entries: list[Entry] = [*ordered]
    return decide(domain=scorer.job.domain, entries=entries, policy=policy, fitted=Fitted())


def _moment(entry: Record | Result) -> datetime:
    """When; of one moment the record comes first, since sorting keeps the order of equals."""
    return entry.time if isinstance(entry, Record) else entry.sample.time or _BEFORE_ALL


def _compared(domain: Domain, bundle: Bundle, samples: Sequence[Sample], decisions: Sequence[Decision]) -> _Decided:
    truth: set[str] = set()
    for sample in samples:
        target = sample.targets.get(domain.info.target(bundle.role))
        truth |= {target} if isinstance(target, str) else target if isinstance(target, frozenset) else set()
    return _Decided(
        truth=frozenset(truth),
        said=frozenset(decision.label for decision in decisions),
        flagged=any(decision.is_finding for decision in decisions),
    )


def _by_label(decided: Sequence[_Decided]) -> tuple[UnitsOf, ...]:
    labels = sorted({label for one in decided for label in one.truth})
    rows = [(label, [one for one in decided if label in one.truth]) for label in labels]
    if bare := [one for one in decided if not one.truth]:
        rows.append(("", bare))
    return tuple(
        UnitsOf(
            label=label,
            units=len(having),
            flagged=wilson(sum(one.flagged for one in having), len(having)),
            said=_said(label, having),
            said_elsewhere=_said(label, [one for one in decided if label not in one.truth]),
        )
        for label, having in rows
    )


def _said(label: str, units: Sequence[_Decided]) -> tuple[float, float, float] | None:
    return wilson(sum(label in one.said for one in units), len(units)) if label and units else None


def wilson(count: int, number: int) -> tuple[float, float, float]:
    """A share of ``number`` (> 0) with its 95 % interval (Wilson, JASA 22, 1927).

    >>> [round(one, 3) for one in wilson(9, 10)]
    [0.9, 0.596, 0.982]
    """
    share, square = count / number, _DEVIATE**2 / number
    middle = (share + square / 2) / (1 + square)
    reach = _DEVIATE / (1 + square) * math.sqrt(share * (1 - share) / number + square / (4 * number))
    return share, max(0.0, middle - reach), min(1.0, middle + reach)
