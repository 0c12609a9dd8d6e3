"""The report an agronomist reads: which fields need somebody, what was found there, what to look at first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import islice

from fovea.plugin import (
    Block,
    Case,
    Cell,
    Chart,
    Column,
    Decision,
    Figure,
    Figures,
    Gallery,
    Level,
    Picture,
    PlaceMap,
    Point,
    Report,
    Result,
    Series,
    SiteView,
    Span,
    Table,
    Text,
    Timeline,
)
from fovea_crop.judging import (
    HEALTHY,
    Said,
    Tally,
    clean,
    counted,
    day_of,
    in_words,
    interval,
    level_of,
    percent,
    readable,
)
from fovea_crop.records import FAULT
from fovea_crop.settings import CropPolicy
from fovea_crop.surveying import FieldSeen, Survey, survey

SHOWN = 12
"""Diseased pictures in the gallery."""
ROWS = 200
"""Most rows of a table of files or cases; the note says how many there are in all."""
BARS = 30
"""Most fields in a chart, the most diseased first."""

_UNSURE = "uncertain or blurred"


def report(site: SiteView, policy: CropPolicy) -> Report:
    """Everything from the site's view, in one pass over its results and one over its records."""
    seen = survey(site, policy)
    records, faults = _records(site)
    blocks = (
        _key_figures(site, seen, policy),
        _fields(site, seen, policy),
        *_gallery(seen, policy),
        *_uncertain(seen),
        *_by_field(seen, policy),
        *_by_date(seen),
        *_map(seen, policy),
        *_timeline(seen, policy),
        *_findings(site),
        *_cases(site.cases),
        *_quarantined(site),
        *records,
        *faults,
        _how_to_read(policy),
    )
    facts = {f"model for {role}": name for role, name in sorted(site.line_up.items())}
    facts |= {name: str(value) for name, value in policy.model_dump().items()}
    return Report(title=f"Crop disease: {site.title}", summary=_summary(site, seen, policy), blocks=blocks, facts=facts)


def _summary(site: SiteView, seen: Survey, policy: CropPolicy) -> str:
    levels = {name: _level(site, name, of_field, policy) for name, of_field in seen.fields.items()}
    wanted = [name for name, _ in seen.worst_first(policy) if levels[name] in {"warning", "alarm"}]
    tally = seen.whole.tally
    if not tally.pictures:
        said = "No picture has been worked on yet."
    elif tally.standings["silent"] == tally.pictures:
        said = f"{counted(tally.pictures, 'picture')}, and no model has looked at any yet: train one, then run a batch."
    elif wanted:
        worst = seen.fields[wanted[0]].latest(policy)
        said = (
            f"{len(wanted)} of {counted(len(seen.fields), 'field')} to be visited; first {wanted[0]}, where at "
            f"the latest visit {in_words(worst)} show disease, most of all {readable(worst.label)}."
        )
    else:
        said = f"No field reaches the warning share of {percent(policy.warn_share)}: {in_words(tally)}, over all fields"
        said += ", show disease." if tally.sure else "."
    rises = [d for made in site.decisions.values() for d in made if d.key.startswith("rise:") and d.state == "open"]
    if rises:
        said += f" On the rise: {'; '.join(d.subject for d in rises[:3])}{' and more' if len(rises) > 3 else ''}."  # noqa: PLR2004
    if tally.unsure:
        said += f" {counted(tally.unsure, 'picture')} uncertain or blurred: a person should look at those shown below."
    if site.quarantined:
        said += f" {counted(len(site.quarantined), 'file')} could not be read; the reasons are below."
    return said


def _field_decision(site: SiteView, name: str) -> Decision | None:
    return next((d for d in site.decisions.get(name, ()) if d.key == "field"), None)


def _level(site: SiteView, name: str, seen: FieldSeen, policy: CropPolicy) -> Level:
    decision = _field_decision(site, name)
    return decision.level if decision else level_of(seen.latest(policy), policy)


def _key_figures(site: SiteView, seen: Survey, policy: CropPolicy) -> Figures:
    tally = seen.whole.tally
    of_how_many = f"95 % interval {interval(tally)}, of {counted(tally.sure, 'sure picture')}" if tally.sure else ""
    alarming = sum(_level(site, name, f, policy) in {"warning", "alarm"} for name, f in seen.fields.items())
    return Figures(
        figures=(
            Figure(name="pictures", value=tally.pictures),
            Figure(name="fields", value=len(seen.fields)),
            Figure(name="fields to visit", value=alarming, level="warning" if alarming else "normal"),
            Figure(name="diseased", value=tally.share, note=of_how_many, share=True),
            Figure(name="mean confidence", value=tally.mean_confidence, note="of the sure pictures", share=True),
            Figure(name=_UNSURE, value=tally.unsure, level="notice" if tally.unsure else "normal"),
            Figure(name="not read", value=len(site.quarantined), level="notice" if site.quarantined else "normal"),
        )
    )


def _fields(site: SiteView, seen: Survey, policy: CropPolicy) -> Table:
    rows: list[tuple[Cell, ...]] = []
    levels: list[Level] = []
    for name, of_field in seen.worst_first(policy):
        tally = of_field.tally
        found = ", ".join(f"{readable(label)} {count}" for label, count in tally.diseases())
        rows.append(
            (
                name, of_field.latest(policy).share, found, tally.pictures, tally.unsure,
                tally.share, interval(tally), tally.mean_confidence,
            )
        )  # fmt: skip
        levels.append(_level(site, name, of_field, policy))
    columns = (
        Column(name="field"),
        Column(name="latest share", form="share"),
        Column(name="diseases found"),
        *(Column(name=name, form="number") for name in ("pictures", _UNSURE)),
        Column(name="share", form="share"),
        Column(name="95 % interval"),
        Column(name="mean confidence", form="share"),
    )
    note = (
        "Share: diseased of sure pictures, over all visits, with its 95 % interval (Wilson 1927). Latest share: at the "
        f"latest visit with at least {counted(policy.least_pictures, 'sure picture')}; the level follows from it."
    )
    return Table(
        title="Fields, the most diseased first", columns=columns, rows=tuple(rows), levels=tuple(levels), note=note
    )


def _picture(result: Result, one: Said, level: Level) -> Picture:
    sample = result.sample
    where = ", ".join(
        text for text in (sample.of_unit, str(sample.attributes.get("plant", "")), day_of(sample)) if text
    )
    return Picture(
        source=sample.source,
        part=sample.part,
        caption=f"{readable(one.label)}: {where}",
        badge=f"{one.probability:.2f}",
        level=level,
    )


def _gallery(seen: Survey, policy: CropPolicy) -> Iterator[Gallery]:
    """The most telling pictures: of each field in turn, the worst first, one of each disease before a second."""
    kept = [list(top) for _, of_field in seen.worst_first(policy) for _, top in sorted(of_field.telling.items())]
    turns = (tops[turn] for turn in range(max(map(len, kept), default=0)) for tops in kept if turn < len(tops))
    pictures = tuple(_picture(result, one, "warning") for result, one in islice(turns, SHOWN))
    if pictures:
        yield Gallery(
            title="Look at these first", pictures=pictures, note="The surest picture of each disease and field."
        )


def _uncertain(seen: Survey) -> Iterator[Gallery]:
    pictures = tuple(_picture(result, one, "notice") for result, one in seen.uncertain)
    if pictures:
        note = f"{counted(seen.whole.tally.unsure, 'picture')} {_UNSURE}, in no share; these are the least sure."
        yield Gallery(title="What is uncertain", pictures=pictures, note=note)


def _by_field(seen: Survey, policy: CropPolicy) -> Iterator[Chart]:
    shown = [(name, f.tally) for name, f in seen.worst_first(policy) if f.tally.sure or f.tally.unsure][:BARS]
    if not shown:
        return
    labels = [HEALTHY, *(label for label, _ in seen.whole.tally.diseases())]
    series = [(readable(label), tuple(float(t.labels[label]) for _, t in shown)) for label in labels]
    series.append((_UNSURE, tuple(float(t.unsure) for _, t in shown)))
    yield Chart(
        title="Diseases by field",
        kind="stacked",
        categories=tuple(name for name, _ in shown),
        series=tuple(Series(name=name, values=values) for name, values in series if any(values)),
        unit="pictures",
        note=f"The {BARS} most diseased of {len(seen.fields)} fields." if len(seen.fields) > BARS else "",
    )


def _by_date(seen: Survey) -> Iterator[Chart]:
    days = sorted(seen.whole.visits)
    diseases = [label for label, _ in seen.whole.tally.diseases()]
    if len(days) < 2 or not diseases:  # noqa: PLR2004 - one day is no course
        return
    tallies = [seen.whole.visits[day][0] for day in days]
    yield Chart(
        title="Diseases by date",
        kind="line",
        categories=tuple(days),
        series=tuple(
            Series(name=readable(label), values=tuple(tally.share_of(label) for tally in tallies)) for label in diseases
        ),
        share=True,
        note="Share of the sure pictures of all fields on that day; the fields visited may differ from day to day.",
    )


def _map(seen: Survey, policy: CropPolicy) -> Iterator[PlaceMap]:
    points = [
        Point(
            latitude=latitude,
            longitude=longitude,
            name=f"{readable(tally.label)}: {in_words(tally)}",
            level=_place_level(tally, policy),
            size=min(3.0, 0.7 + 0.1 * tally.pictures),
        )
        for (latitude, longitude), tally in sorted(seen.cells.tallies.items())
    ]
    if points:
        without = seen.whole.tally.pictures - seen.whole.extent.located
        note = f"{counted(without, 'picture')} without a place." if without else ""
        yield PlaceMap(title="Where", points=tuple(points), note=note)


def _place_level(tally: Tally, policy: CropPolicy) -> Level:
    """A place shows the disease found there, however few pictures it has: the field's level weighs their number."""
    if tally.share is None or tally.share < policy.warn_share:
        return "notice" if tally.diseased or tally.unsure else "normal"
    return "alarm" if tally.share >= policy.alarm_share else "warning"


def _timeline(seen: Survey, policy: CropPolicy) -> Iterator[Timeline]:
    spans = [
        Span(
            lane=name,
            start=extent.first,
            end=extent.last,
            name=f"{day}: {counted(tally.pictures, 'picture')}, {readable(tally.label)}",
            level=level_of(tally, policy),
        )
        for name, of_field in sorted(seen.fields.items())
        for day, (tally, extent) in sorted(of_field.visits.items())
        if extent.first is not None and extent.last is not None
    ]
    if spans:
        yield Timeline(title="Visits", spans=tuple(spans))


def _findings(site: SiteView) -> Iterator[Table]:
    kept = [(unit, d) for unit, made in sorted(site.decisions.items()) for d in made if d.level != "normal" or d.review]
    if kept:
        yield Table(
            title="What was concluded",
            columns=(
                Column(name="about"), Column(name="conclusion"), Column(name="level", form="level"),
                Column(name="state"), Column(name="why"), Column(name="review"),
            ),
            rows=tuple(
                (d.subject, readable(d.label), d.level, d.state, d.reason, "wanted" if d.review else "")
                for _, d in kept[:ROWS]
            ),
            levels=tuple(d.level for _, d in kept[:ROWS]),
            note=_of_all(kept),
        )  # fmt: skip


def _cases(cases: tuple[Case, ...]) -> Iterator[Table]:
    if cases:
        yield Table(
            title="Cases",
            columns=(
                Column(name="case", form="number"), Column(name="about"), Column(name="state"),
                Column(name="opened", form="time"), Column(name="last review"),
            ),
            rows=tuple(
                (case.number, case.decision.subject, case.state, case.opened, _last_review(case))
                for case in cases[:ROWS]
            ),
            levels=tuple(case.decision.level for case in cases[:ROWS]),
            note=_of_all(cases),
        )  # fmt: skip


def _last_review(case: Case) -> str:
    last = case.reviews[-1] if case.reviews else None
    return " ".join(text for text in (last.verb, "by", last.actor, last.verdict, last.note) if text) if last else ""


def _quarantined(site: SiteView) -> Iterator[Table]:
    if site.quarantined:
        yield Table(
            title="Files that could not be read",
            columns=(Column(name="file"), Column(name="part"), Column(name="code"), Column(name="reason")),
            rows=tuple((clean(q.source), q.part, q.code, q.reason) for q in site.quarantined[:ROWS]),
            note=_of_all(site.quarantined),
        )


def _of_all(kept: tuple[object, ...] | list[tuple[str, Decision]]) -> str:
    return f"The first {ROWS} of {len(kept)}." if len(kept) > ROWS else ""


def _records(site: SiteView) -> tuple[list[Table], list[Table]]:
    """Tables of the records by kind and field, and of the table lines that could not be read."""
    kinds: dict[tuple[str, str], tuple[int, datetime, datetime]] = {}
    faults: list[tuple[Cell, ...]] = []
    for record in site.records():
        if record.kind == FAULT:
            values = record.values
            faults.append((record.key, values.get("lines"), values.get("first_line"), values.get("why")))
            continue
        count, first, last = kinds.get((record.kind, record.unit), (0, record.time, record.time))
        kinds[record.kind, record.unit] = (count + 1, min(first, record.time), max(last, record.time))
    records = Table(
        title="Weather and soil read beside the pictures",
        columns=(
            Column(name="kind"), Column(name="field"), Column(name="rows", form="number"),
            Column(name="from", form="time"), Column(name="to", form="time"),
        ),
        rows=tuple((kind, unit or "all", *row) for (kind, unit), row in sorted(kinds.items())),
        note="They are kept with the fields; no decision rests on them yet.",
    )  # fmt: skip
    left_out = Table(
        title="Table lines that could not be read",
        columns=(
            Column(name="table"), Column(name="lines left out", form="number"),
            Column(name="first at line", form="number"), Column(name="why"),
        ),
        rows=tuple(faults),
    )  # fmt: skip
    return [records] if kinds else [], [left_out] if faults else []


def _how_to_read(policy: CropPolicy) -> Block:
    sure = (
        f"A picture is sure where the model's calibrated probability is at least {policy.sure:g} and its sharpness at "
        f"least {policy.least_sharpness:g}. Uncertain and blurred pictures, and those without a plant, count in no "
        "share."
    )
    share = (
        "A share counts pictures: it is the share of diseased plants only where plants were picked at random and "
        "photographed once; whoever photographs what looks ill sees a higher one. The interval takes pictures for "
        "independent, so with several shots of one plant the truth is wider."
    )
    return Text(title="How to read this", body=(sure, share, "Not a diagnosis, and no advice on treatment."))
