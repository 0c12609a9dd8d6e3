"""What people said of findings, brought back to the pictures that the findings are about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from fovea.plugin import Case, Entry, Result, Sample
from fovea.store.values import Ended

REVIEW = "review"
"""The name of the target that carries the verdict."""

VERDICTS = ("true", "false", "unsure")


def last_verdict(case: Case) -> str:
    """The verdict given last, in small letters; empty where nobody gave one."""
    given = (review.verdict.strip().casefold() for review in reversed(case.reviews))
    return next((verdict for verdict in given if verdict), "")


def with_reviews(entries: Iterable[Entry | Ended], cases: Sequence[Case]) -> Iterator[Entry]:
    """The entries of one unit, its results with the target ``review`` where they lie inside a reviewed finding.

    Of two reviewed findings over one picture the one reviewed last speaks. Marks of a stream's end are left out.

    Args:
        entries: of the unit, in order.
        cases: of the unit.
    """
    spoken = [case for case in sorted(cases, key=_when) if last_verdict(case) in VERDICTS]
    for entry in entries:
        if isinstance(entry, Result):
            inside = [case for case in spoken if _inside(entry.sample, case)]
            yield _told(entry, last_verdict(inside[-1])) if inside else entry
        elif not isinstance(entry, Ended):
            yield entry


def _when(case: Case) -> datetime:
    return max((review.time for review in case.reviews if review.verdict), default=case.opened)


def _inside(sample: Sample, case: Case) -> bool:
    """Between the finding's first and last moment; of a finding without times, the pictures of its evidence."""
    about = case.decision
    if about.start is None or about.end is None:
        return any((one.source, one.part) == sample.key for one in about.evidence)
    return sample.time is not None and about.start <= sample.time <= about.end


def _told(result: Result, verdict: str) -> Result:
    sample = replace(result.sample, targets={**result.sample.targets, REVIEW: verdict})
    return replace(result, sample=sample)
