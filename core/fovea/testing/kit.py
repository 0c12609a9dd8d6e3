"""The check itself: one step after the other, each tried whatever became of the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

from fovea.errors import FoveaError, PluginError, UsageError
from fovea.plugin import READ_AND_SIGN, Record, Sample, Workflow
from fovea.registry import Registry, own_parts
from fovea.testing import changing, learning, listening, looking, pickling, streaming, working
from fovea.testing.outcome import Conformance, Step
from fovea.testing.subject import Found, Subject, samples_of, subject
from fovea.workbench.bench import Workbench
from fovea.workbench.config import Config

FAULTS = 3
"""Faults told of one step; the others are counted."""

Check: TypeAlias = tuple[str, Callable[[], Found]]


def check(module: Any, folder: Path, *, settings: Sequence[str], domain: str) -> Conformance:
    """Every step on every part; see :func:`fovea.testing.check_plugin`."""
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}; name one that holds pictures of the domain")
    try:
        registry = Registry.of(module)
    except PluginError as error:  # its fault says by itself which plugin failed in what
        return Conformance(domain=domain or str(getattr(module, "__name__", "?")), steps=_loading(error.fault))
    if not domain and not registry.domains and registry.listeners():  # a listener, and nothing else
        return Conformance(domain=registry.listeners()[0], steps=(*_loading(""), *_heard(registry, READ_AND_SIGN)))
    name = domain or _only(registry)
    checked = subject(registry, registry.domain(name), folder, settings)
    heard = _heard(registry, checked.domain.info.workflow)
    return Conformance(domain=name, steps=(*_loading(""), *_steps(checked), *heard))


def _heard(registry: Registry, workflow: Workflow) -> list[Step]:
    return _tried("listener", lambda: listening.check_listening(registry, workflow)) if registry.listeners() else []


def _loading(fault: str) -> tuple[Step, ...]:
    return (Step(name="loading", fault=fault),)


def _only(registry: Registry) -> str:
    names = sorted(registry.domains)
    if len(names) != 1:
        raise UsageError(
            f"the plugin provides {len(names)} domains; say which (there is: {', '.join(names) or 'none'})"
        )
    return names[0]


def _steps(checked: Subject) -> tuple[Step, ...]:
    items: list[Sample | Record] = []

    def read() -> Found:
        items.extend(checked.read())
        yield from looking.check_reading(checked, items)

    steps = [*_tried("read_samples", read)]
    samples = samples_of(items)
    if not samples:
        return tuple(steps)
    for name, check in _checks_of_pixels(checked, samples):
        steps += _tried(name, check)
    with TemporaryDirectory(prefix="fovea-conformance-") as folder:
        steps += _steps_of_a_site(checked, samples, Path(folder))
    return tuple(steps)


def _checks_of_pixels(checked: Subject, samples: Sequence[Sample]) -> list[Check]:
    return [
        ("load_images", lambda: looking.check_loading(checked, samples)),
        ("prepare", lambda: looking.check_preparing(checked, samples)),
        ("measure", lambda: looking.check_measuring(checked, samples)),
        ("pickling", lambda: pickling.check_pickling(checked, samples)),
        ("augmentations", lambda: changing.check_augmentations(checked, samples)),
    ]


def _steps_of_a_site(checked: Subject, samples: Sequence[Sample], folder: Path) -> list[Step]:
    steps: list[Step] = []
    with Workbench(Config(home=folder, workers=0), registry=checked.registry) as bench:
        try:
            place = working.new_place(checked, bench.store, folder, samples)
        except FoveaError as error:
            steps.append(Step(name="site", fault=str(error)))
        else:
            for name, check in _checks_of_site(place):
                steps += _tried(name, check)
        for name, check in _checks_of_actions(checked, bench):
            steps += _tried(name, check)
    return steps


def _checks_of_site(place: working.Place) -> list[Check]:
    def exported(name: str) -> Check:
        return f"export {name}", lambda: working.check_export(place, name)

    def streamed(scheme: str) -> Check:
        return f"stream {scheme}", lambda: streaming.check_stream(place, scheme)

    own = own_parts(place.subject.domain)["fit"]
    fitted: list[Check] = [("fit", lambda: learning.check_fitting(place))] if own else []
    return [
        ("batch", lambda: working.check_batch(place)),
        ("decide", lambda: working.check_deciding(place)),
        *fitted,
        ("report", lambda: working.check_report(place)),
        *(exported(name) for name in sorted(place.subject.domain.exports)),
        *(streamed(scheme) for scheme in sorted(place.subject.domain.streams)),
    ]


def _checks_of_actions(checked: Subject, bench: Workbench) -> list[Check]:
    def acted(verb: str) -> Check:
        return f"action {verb}", lambda: working.check_action(checked, bench, verb)

    return [acted(verb) for verb in sorted(checked.domain.actions)]


def _tried(name: str, check: Callable[[], Found]) -> list[Step]:
    """The steps that a check comes to: its faults, the first few in full, and its notes; one that holds otherwise."""
    faults: dict[str, None] = {}
    notes: list[Step] = []
    try:
        for found in check():
            if isinstance(found, Step):
                notes.append(found)
            else:
                faults[found] = None
    except FoveaError as error:
        faults[str(error)] = None
    told = [Step(name=name, fault=fault) for fault in list(faults)[:FAULTS]]
    if len(faults) > FAULTS:
        told.append(Step(name=name, fault=f"and {len(faults) - FAULTS} more of the kind"))
    return [*(told or ([] if notes else [Step(name=name)])), *notes]
