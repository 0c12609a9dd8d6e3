"""What is concluded about one field from its pictures: one pass over the entries, then the decisions.

Keys are built from what a decision is about, so a replay updates and never doubles: ``field``, ``visit:DATE``,
``rise:DISEASE``, ``plant:PLANT``, ``look:SOURCE``. What is held grows with visits, plants and labels, not pictures.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from fovea.plugin import Decision, Entry, Evidence, Fitted, Result
from fovea_crop.judging import (
    Extent,
    Said,
    Tally,
    Top,
    clean,
    day_of,
    in_words,
    latest_visit,
    level_of,
    percent,
    readable,
    said,
    wilson,
)
from fovea_crop.settings import CropPolicy

SHOWN = 3
"""Pictures named as evidence of a decision."""


@dataclass(slots=True)
class _Seen:
    tally: Tally = field(default_factory=Tally)
    extent: Extent = field(default_factory=Extent)
    telling: dict[str, Top[Evidence]] = field(default_factory=dict)

    def add(self, result: Result, one: Said) -> None:
        self.tally.add(one)
        self.extent.add(result.sample)
        if one.standing == "diseased":
            top = self.telling.setdefault(one.label, Top(SHOWN))
            top.add(one.probability, _name(result), _evidence(result, one))

    def evidence(self, label: str) -> tuple[Evidence, ...]:
        return tuple(self.telling.get(label, ()))


@dataclass(slots=True)
class _Field:
    """All that is kept of one field while its entries pass."""

    looks: Top[tuple[Result, Said]]
    name: str = ""
    whole: _Seen = field(default_factory=_Seen)
    visits: dict[str, _Seen] = field(default_factory=dict)
    plants: dict[str, _Seen] = field(default_factory=dict)

    def add(self, result: Result, one: Said) -> None:
        self.name = result.sample.of_unit
        self.whole.add(result, one)
        if day := day_of(result.sample):
            self.visits.setdefault(day, _Seen()).add(result, one)
        if "plant" in result.sample.attributes:
            self.plants.setdefault(result.sample.of_group, _Seen()).add(result, one)
        if one.standing in {"uncertain", "blurred"}:
            self.looks.add(-one.probability, _name(result), (result, one))


def decide(entries: Iterable[Entry], policy: CropPolicy, fitted: Fitted) -> Iterator[Decision]:  # noqa: ARG001
    """Decisions on one field. Pure; records and ticks are passed over.

    * ``field``: how much of it is diseased; label and level are those of the latest visit with enough sure pictures.
    * ``visit:DATE``: the same for one visit; never more than a notice, since the field's decision raises the alarm.
    * ``rise:DISEASE``: its share rose between two visits by ``policy.rise`` or more; closed once a later visit shows
      no such rise.
    * ``plant:PLANT``: ``policy.plant_shots`` or more sure pictures of one plant show the same disease.
    * ``look:SOURCE``: one of the ``policy.look_at`` most uncertain pictures, for a person to look at.

    Nothing is decided where no model has spoken.
    """
    seen = _Field(looks=Top(policy.look_at))
    for entry in entries:
        if isinstance(entry, Result):
            seen.add(entry, said(entry, policy))
    if seen.whole.tally.pictures == seen.whole.tally.standings["silent"]:
        return
    yield _of_field(seen, policy)
    for day, visit in sorted(seen.visits.items()):
        yield _of_visit(seen.name, day, visit, policy)
    yield from _rises(seen, policy)
    for plant, shots in sorted(seen.plants.items()):
        yield from _of_plant(plant, shots, policy)
    for result, one in seen.looks:
        yield _to_look_at(result, one)


def _of_field(seen: _Field, policy: CropPolicy) -> Decision:
    whole, day = seen.whole, latest_visit({day: visit.tally for day, visit in seen.visits.items()}, policy)
    now = seen.visits[day] if day else whole
    level = level_of(now.tally, policy)
    why = reason(now.tally, policy)
    if day and len(seen.visits) > 1:
        why = f"on {day}: {why}; over all {len(seen.visits)} visits: {in_words(whole.tally)}"
    return Decision(
        key="field",
        subject=f"field {seen.name}",
        label=now.tally.label,
        level=level,
        state="open" if level in {"warning", "alarm"} else "closed",
        start=whole.extent.first,
        end=whole.extent.last,
        place=whole.extent.middle,
        reason=why,
        evidence=now.evidence(now.tally.label),
        figures=figures(whole.tally) | _prefixed("latest", now.tally),
    )


def _prefixed(name: str, tally: Tally) -> dict[str, float]:
    counts = {f"{name}_sure": float(tally.sure), f"{name}_diseased": float(tally.diseased)}
    return counts | ({} if tally.share is None else {f"{name}_share": tally.share})


def _of_visit(name: str, day: str, visit: _Seen, policy: CropPolicy) -> Decision:
    return Decision(
        key=f"visit:{day}",
        subject=f"field {name}, visit of {day}",
        label=visit.tally.label,
        level="normal" if level_of(visit.tally, policy) == "normal" else "notice",
        start=visit.extent.first,
        end=visit.extent.last,
        place=visit.extent.middle,
        reason=reason(visit.tally, policy),
        evidence=visit.evidence(visit.tally.label),
        figures=figures(visit.tally),
    )


def _rises(seen: _Field, policy: CropPolicy) -> Iterator[Decision]:
    """One decision for each disease that ever rose, on its latest rise."""
    visits = [(day, v) for day, v in sorted(seen.visits.items()) if v.tally.sure >= policy.least_pictures]
    latest: dict[str, int] = {}
    for number, ((_, before), (_, after)) in enumerate(pairwise(visits)):
        for disease, count in after.tally.diseases():
            if count / after.tally.sure - before.tally.labels[disease] / before.tally.sure >= policy.rise:
                latest[disease] = number
    for disease, number in sorted(latest.items()):
        (day_before, before), (day_after, after) = visits[number : number + 2]
        low, high = (v.tally.labels[disease] / v.tally.sure for v in (before, after))
        lasts = number == len(visits) - 2
        yield Decision(
            key=f"rise:{disease}",
            subject=f"field {seen.name}, {readable(disease)}",
            label=disease,
            level=("alarm" if high >= policy.alarm_share else "warning") if lasts else "notice",
            state="open" if lasts else "closed",
            start=before.extent.last,
            end=after.extent.last,
            place=after.extent.middle,
            reason=f"{readable(disease)} rose from {percent(low)} of {before.tally.sure} sure pictures on {day_before} "
            f"to {percent(high)} of {after.tally.sure} on {day_after}",
            evidence=after.evidence(disease),
            figures={"before": low, "after": high, "rise": high - low},
        )


def _of_plant(plant: str, shots: _Seen, policy: CropPolicy) -> Iterator[Decision]:
    diseases = shots.tally.diseases()
    if not diseases or diseases[0][1] < policy.plant_shots:
        return
    disease, count = diseases[0]
    yield Decision(
        key=f"plant:{plant}",
        subject=f"plant {plant}",
        label=disease,
        level="notice",
        start=shots.extent.first,
        end=shots.extent.last,
        place=shots.extent.middle,
        reason=f"{count} of {shots.tally.sure} sure pictures of this plant show {readable(disease)}",
        evidence=shots.evidence(disease),
        figures=figures(shots.tally),
    )


def _to_look_at(result: Result, one: Said) -> Decision:
    sample = result.sample
    why = "too blurred to believe" if one.standing == "blurred" else "not sure enough"
    return Decision(
        key=f"look:{_name(result)}",
        subject=f"picture {_name(result)}",
        label=one.label,
        start=sample.time,
        end=sample.time,
        place=sample.place,
        reason=f"{readable(one.label)} with probability {one.probability:.2f}: {why}; a person should look",
        review=True,
        evidence=(_evidence(result, one),),
        figures={"probability": one.probability},
    )


def reason(tally: Tally, policy: CropPolicy) -> str:
    """One sentence with the numbers behind a tally."""
    diseases = ", ".join(f"{readable(label)} {count}" for label, count in tally.diseases()[:3])
    parts = [f"{in_words(tally)} show disease{': ' + diseases if diseases else ''}" if tally.sure else in_words(tally)]
    if tally.unsure:
        parts.append(f"{tally.unsure} more uncertain or blurred")
    if tally.diseased and tally.sure < policy.least_pictures:
        parts.append(f"fewer than {policy.least_pictures} sure pictures raise no warning")
    return "; ".join(parts)


def figures(tally: Tally) -> dict[str, float]:
    """The numbers of a tally by name; shares and their interval only where a picture is sure."""
    named = {
        "pictures": float(tally.pictures),
        "sure": float(tally.sure),
        "diseased": float(tally.diseased),
        "uncertain": float(tally.standings["uncertain"]),
        "blurred": float(tally.standings["blurred"]),
        "no_plant": float(tally.standings["no plant"]),
        "silent": float(tally.standings["silent"]),
    }
    if tally.share is not None and tally.mean_confidence is not None:
        low, high = wilson(tally.diseased, tally.sure)
        named |= {"share": tally.share, "share_low": low, "share_high": high, "confidence": tally.mean_confidence}
        named |= {f"share:{label}": count / tally.sure for label, count in sorted(tally.labels.items())}
    return named


def _name(result: Result) -> str:
    source = clean(result.sample.source)
    return f"{source}#{result.sample.part}" if result.sample.part else source


def _evidence(result: Result, one: Said) -> Evidence:
    sample = result.sample
    return Evidence(source=sample.source, part=sample.part, note=f"{readable(one.label)}, {one.probability:.2f}")
