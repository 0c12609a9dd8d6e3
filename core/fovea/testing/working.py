"""A batch over the author's pictures in a store of its own, and all that is made from what it leaves behind."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zlib import crc32

from fovea.batch import BatchSummary, run_batch
from fovea.errors import FoveaError
from fovea.plugin import Decision, Entry, Fitted, Prediction, Report, Result, Sample, SiteView
from fovea.progress import silent
from fovea.report import to_csv, to_html, to_json, to_text
from fovea.serving.deciding import decide
from fovea.store.store import Store
from fovea.store.values import Ended, Site
from fovea.testing.outcome import Step
from fovea.testing.subject import Found, Subject
from fovea.workbench import sites
from fovea.workbench.bench import Workbench
from fovea.workbench.reports import look_at_site

WIDTH = 100
"""Columns of the terminal that a report is rendered for."""

BUNDLE = "0" * 16
"""Stands where a prediction names the bundle that said it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A site in a store of its own, and the labels that its pictures carry, by role."""

    subject: Subject
    store: Store
    site: Site
    folder: Path
    labels: dict[str, tuple[str, ...]]


def new_place(subject: Subject, store: Store, folder: Path, samples: Sequence[Sample]) -> Place:
    """Add the subject's folder as a site. Raises FoveaError."""
    added = sites.add_site(
        store,
        subject.registry,
        root=subject.root,
        name="conformance",
        domain=subject.domain.info.name,
        title="Conformance",
        settings=subject.settings,
    )
    labels = {role: _labels(subject, role, samples) for role in subject.domain.info.tasks}
    return Place(subject=subject, store=store, site=added.site, folder=folder, labels=labels)


def _labels(subject: Subject, role: str, samples: Sequence[Sample]) -> tuple[str, ...]:
    """The labels found for a role, or two made-up ones where there are none; none for tasks without labels."""
    if subject.domain.info.tasks[role].kind != "classify":
        return ()
    answers = {sample.targets.get(subject.domain.info.target(role)) for sample in samples}
    return tuple(sorted(answer for answer in answers if isinstance(answer, str))) or ("one", "other")


def check_batch(place: Place) -> Found:
    """A batch without models runs through, and finds nothing left to do when it runs again."""
    first = _batch(place)
    yield from first.faults
    if first.quarantined:
        yield Step(name="batch", note=f"{sum(first.quarantined.values())} pictures went to quarantine")
    again = _batch(place)
    if again.scored or again.new_quarantined:
        yield f"run again, it answered {again.scored + again.new_quarantined} pictures that had their answer"


def _batch(place: Place) -> BatchSummary:
    subject = place.subject
    return run_batch(
        store=place.store,
        site=place.site,
        job=sites.job_of(place.store, subject.domain, place.site),
        policy=sites.policies_of(place.store, subject.domain, place.site),
        workers=0,
        progress=silent(),
        stop=lambda: False,
    )


def check_deciding(place: Place) -> Found:
    """``decide`` says the same of the same entries, without predictions and with made-up ones."""
    view, _ = look_at_site(place.store, place.subject.domain, place.site)
    units = dict.fromkeys(result.sample.of_unit for result in view.results())
    for unit in units:
        for said, word in ((False, "without"), (True, "with")):
            try:
                first, again = (_decide(place, unit, said=said) for _ in range(2))
            except FoveaError as error:
                yield f"{error} (unit {unit}, {word} predictions)"
                continue
            where = f"unit {unit}, {word} predictions"
            if [d.key for d in first] != [d.key for d in again]:
                yield f"decided again, the keys are others ({where}); build a key from what the decision is about"
            elif first != again:
                yield f"decided again, a decision is another ({where}); it must depend on its arguments only"


def _decide(place: Place, unit: str, *, said: bool) -> list[Decision]:
    entries, policy = entries_of(place, unit, said=said), place.subject.policy
    return decide(domain=place.subject.domain, entries=entries, policy=policy, fitted=Fitted())


def entries_of(place: Place, unit: str, *, said: bool) -> Iterator[Entry | Ended]:
    """What the batch found out about a unit; with made-up predictions where ``said``."""
    key = place.store.batches(place.site.id)[-1].key
    for entry in place.store.entries(site=place.site.id, unit=unit, key=key):
        yield _with_predictions(place, entry) if said and isinstance(entry, Result) else entry


def _with_predictions(place: Place, result: Result) -> Result:
    """A result with a prediction for each role that has labels, the same every time."""
    seed = crc32("\0".join(result.sample.key).encode("utf-8", "surrogatepass"))
    said = {role: (_prediction(role, labels, seed),) for role, labels in place.labels.items() if labels}
    return replace(result, predictions=said)


def _prediction(role: str, labels: Sequence[str], seed: int) -> Prediction:
    best, sure = seed % len(labels), 1.0 if len(labels) == 1 else 0.55 + 0.4 * (seed % 97) / 97
    rest = (1.0 - sure) / max(len(labels) - 1, 1)
    scores = {label: sure if number == best else rest for number, label in enumerate(labels)}
    return Prediction(
        role=role,
        label=labels[best],
        probability=sure,
        scores=scores,
        bundle=BUNDLE,
        possible=(None, (), (labels[best],), tuple(labels))[seed % 4],
        alarm=seed % 5 == 0,
        review=seed % 6 == 0,
        unknown=seed % 11 == 0,
    )


def _views(place: Place) -> Iterator[tuple[str, SiteView, Any]]:
    """The site as the batch left it, and with made-up predictions and what is decided on them; with its pictures."""
    view, pictures = look_at_site(place.store, place.subject.domain, place.site)
    yield "without predictions", view, pictures
    units = dict.fromkeys(result.sample.of_unit for result in view.results())

    def results() -> Iterator[Result]:
        return (_with_predictions(place, result) for result in view.results())

    try:
        decisions = {unit: tuple(_decide(place, unit, said=True)) for unit in units}
    except FoveaError:
        return  # told by the step that decides
    yield "with predictions", replace(view, results=results, decisions=decisions), pictures


def check_report(place: Place) -> Found:
    """The report is made and renders to a page, JSON, tables and text."""
    for number, (word, view, pictures) in enumerate(_views(place)):
        try:
            report = place.subject.domain.report(site=view, policy=place.subject.policy)
        except FoveaError as error:
            yield f"{error} ({word})"
            continue
        yield from (f"{fault} ({word})" for fault in _rendered(report, pictures, place.folder / f"tables-{number}"))


def _rendered(report: Report, pictures: Any, folder: Path) -> Iterator[str]:
    renderings: dict[str, Callable[[], object]] = {
        "a page": lambda: to_html(report, thumbnail=pictures.thumbnail, made=datetime.now(UTC)),
        "JSON": lambda: json.loads(to_json(report)),
        "tables": lambda: to_csv(report, folder),
        "text": lambda: to_text(report, width=WIDTH),
    }
    for name, render in renderings.items():
        try:
            render()
        except Exception as error:  # noqa: BLE001 - whatever a block holds that a renderer cannot show
            yield f"does not render to {name}: {type(error).__name__}: {error}"


def check_export(place: Place, name: str) -> Found:
    """What an export writes stands its own check."""
    exporter = place.subject.domain.exports[name]
    for number, (word, view, _) in enumerate(_views(place)):
        target = place.folder / f"export-{number}{exporter.suffix}"
        try:
            exporter.write(site=view, target=target, policy=place.subject.policy)
            if not target.exists():
                yield f"wrote no file ({word})"
                continue
            said: Any = exporter.check(path=target)
        except FoveaError as error:
            yield f"{error} ({word})"
            continue
        if isinstance(said, (list, tuple)):
            yield from (f"its check says: {fault} ({word})" for fault in said)
        else:
            yield f"its check answered {type(said).__name__}, want a list of faults, empty where there is none"


def check_action(subject: Subject, bench: Workbench, verb: str) -> Found:
    """An action answers its own example with a report that renders."""
    action = subject.domain.actions[verb]
    kinds = {param.name: param.kind for param in action.params}
    if strangers := sorted(set(action.example) - set(kinds)):
        yield f"its example names what is no argument of it: {', '.join(strangers)}"
        return
    arguments = {name: _filled(value, kinds[name], subject.root) for name, value in action.example.items()}
    result = bench.act(subject.domain.info.name, verb, arguments, subject.settings)
    try:
        result.text(WIDTH, colour=False)
        json.loads(result.json)
    except Exception as error:  # noqa: BLE001 - whatever a block holds that a renderer cannot show
        yield f"its report does not render: {type(error).__name__}: {error}"


def _filled(value: Any, kind: str, folder: Path) -> Any:
    if isinstance(value, str):
        value = value.replace("{folder}", str(folder))
    return Path(value) if kind == "path" else value
