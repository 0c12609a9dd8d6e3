"""The check itself: one step after the other, each tried whatever became of the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

from fovea.errors import FoveaError, UsageError
from fovea.plugin import Record, Sample
from fovea.registry import Registry
from fovea.testing import changing, looking, pickling, working
from fovea.testing.outcome import Conformance, Step
from fovea.testing.subject import Found, Subject, samples_of, subject
from fovea.workbench.bench import Workbench
from fovea.workbench.config import Config

FAULTS = 3
"""Faults told of one step; the others are counted."""

Check: TypeAlias = tuple[str, Callable[[], Found]]


def check_plugin(module: Any, folder: Path, *, settings: Sequence[str] = (), domain: str = "") -> Conformance:
    """Run all of the contract that can be run without a trained model.

    Every function of the domain is called on the folder's pictures, most of them twice; a batch runs in a store
    of its own, which is thrown away. At most 200 samples of a unit are looked at, the batch takes all.

    Args:
        module: the plugin, or an object with its hook functions.
        folder: pictures as the domain reads them; a ``site.toml`` in it is read for its settings.
        settings: ``view.NAME=VALUE`` and ``policy.NAME=VALUE``, over those of the ``site.toml``.
        domain: which one, where the plugin provides several.

    Raises:
        UsageError: the folder is not there, or the plugin does not provide the domain.
        SettingsError: the settings are wrong.
    """
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}; name one that holds pictures of the domain")
    try:
        registry = Registry.of(module)
    except FoveaError as error:
        return Conformance(domain=domain or str(getattr(module, "__name__", "?")), steps=_loading(str(error)))
    name = domain or _only(registry)
    checked = subject(registry, registry.domain(name), folder, settings)
    return Conformance(domain=name, steps=(*_loading(""), *_steps(checked)))


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

    return [
        ("batch", lambda: working.check_batch(place)),
        ("decide", lambda: working.check_deciding(place)),
        ("report", lambda: working.check_report(place)),
        *(exported(name) for name in sorted(place.subject.domain.exports)),
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
