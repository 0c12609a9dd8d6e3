"""What a plugin may answer: one function a kind of answer, each returning the fault in words, or nothing.

A fault reads on from ``plugin 'wheat' failed in read_samples:`` and says what is wanted instead.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from fovea.plugin import (
    LEVELS,
    Action,
    Box,
    Chart,
    Decision,
    Domain,
    DomainInfo,
    Evidence,
    Exporter,
    Figures,
    Fitted,
    Gallery,
    Image,
    Mask,
    Measures,
    Place,
    PlaceMap,
    PolicySettings,
    Report,
    Sample,
    Stream,
    Table,
    TaskSpec,
    Text,
    Timeline,
    Unreadable,
    ViewSettings,
)

_LONGEST = 60  # characters of a foreign value that a sentence repeats
_NAME = re.compile(r"[a-z][a-z0-9-]*")
_BLOCKS = (Text, Figures, Table, Chart, Gallery, PlaceMap, Timeline)
_KINDS = ("classify", "multilabel", "regress", "segment", "detect", "anomaly")


def shown(value: object) -> str:
    """A value as it may stand in a sentence: short, on one line."""
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _a(value: object) -> str:
    return f"{type(value).__name__} {shown(value)}"


def time_fault(time: Any, what: str) -> str | None:
    """What is wrong with a time that may be None: it must carry its zone."""
    if time is None:
        return None
    if not isinstance(time, datetime):
        return f"{what} has time {shown(time)}, want a datetime with a zone"
    return f"{what} has time {time} without a zone; give it one" if time.utcoffset() is None else None


def info_fault(info: Any) -> str | None:
    """What is wrong with a :class:`DomainInfo`."""
    if not isinstance(info, DomainInfo):
        return f"info is {_a(info)}, want a DomainInfo"
    name: Any = info.name
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return f"the name {shown(name)} must be lower-case letters, digits and hyphens"
    for part, base in (("view", ViewSettings), ("policy", PolicySettings)):
        given: Any = getattr(info, part)
        if not (isinstance(given, type) and issubclass(given, base)):
            return f"{part} is {_a(given)}, want a subclass of {base.__name__}"
    return _tasks_fault(info.tasks)


def _tasks_fault(tasks: Any) -> str | None:
    if not isinstance(tasks, Mapping):
        return f"tasks is {_a(tasks)}, want a mapping of role to TaskSpec"
    for role, task in tasks.items():
        if not isinstance(task, TaskSpec):
            return f"task '{role}' is {_a(task)}, want a TaskSpec"
        if task.kind not in _KINDS:
            return f"task '{role}' is of kind {shown(task.kind)}, want one of {', '.join(_KINDS)}"
        if task.mask and task.kind != "anomaly":
            return f"task '{role}' has a mask {shown(task.mask)} and is of kind {task.kind}, want it only for anomaly"
    return None


def extras_fault(domain: Domain) -> tuple[str, str] | None:
    """Which of ``exports``, ``streams`` and ``actions`` holds what it must not, and what."""
    for part, kind in (("exports", Exporter), ("streams", Stream), ("actions", Action)):
        extras: Any = getattr(domain, part)
        if not isinstance(extras, Mapping):
            return part, f"is {_a(extras)}, want a mapping of name to {kind.__name__}"
        for name, value in extras.items():
            if not isinstance(value, kind):
                return f"{part}['{name}']", f"is {_a(value)}, want a value of {kind.__name__}"
    return None


def _source_fault(source: Any) -> str | None:
    if not isinstance(source, str) or not source:
        return f"a sample's source is {_a(source)}, want a text"
    if source.startswith("/") or ".." in source.split("/"):
        return f"source {shown(source)} must be relative and stay below the root"
    return None


MASK = "a Mask whose source lies below the root and whose classes map all numbers or all colours (255,0,0) to names"


def is_mask(target: Any) -> bool:
    """Whether a target is a mask that can be read: values of one sort (``"3"`` or ``"255,0,0"``), each with a name."""
    if not isinstance(target, Mask) or _source_fault(target.source):
        return False
    classes: Any = target.classes
    if not isinstance(classes, Mapping) or not all(
        isinstance(one, str) and one for pair in classes.items() for one in pair
    ):
        return False
    parts = [value.split(",") for value in classes]
    highest = {1: 65535, 3: 255}.get(len(parts[0]) if parts else 0, -1)
    numbers = [int(one) if one.isascii() and one.isdecimal() else highest + 1 for part in parts for one in part]
    return highest > 0 and len({len(part) for part in parts}) == 1 and max(numbers) <= highest


_KIND_OF_TARGET: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "classify": (lambda t: isinstance(t, str) and bool(t), "text"),
    "multilabel": (
        lambda t: isinstance(t, frozenset) and all(isinstance(label, str) for label in t),
        "a frozenset of texts",
    ),
    "regress": (
        lambda t: all(isinstance(v, (int, float)) and math.isfinite(v) for v in (t if isinstance(t, tuple) else (t,))),
        "a finite number or a tuple of them",
    ),
    "segment": (is_mask, MASK),
    "detect": (lambda t: isinstance(t, tuple) and all(isinstance(box, Box) for box in t), "a tuple of Box"),
    "anomaly": (lambda t: isinstance(t, str) and bool(t), "text"),
}


def _target_fault(sample: Sample, info: DomainInfo) -> str | None:
    for role, task in info.tasks.items():
        name = info.target(role)
        if name not in sample.targets:
            continue
        right, wanted = _KIND_OF_TARGET[task.kind]
        answer = sample.targets[name]
        if not right(answer):
            word = "label" if task.kind in {"classify", "anomaly"} else "target"
            return f"{sample.source} has {word} {shown(answer)}, want {wanted}"
    for mask in (task.mask for task in info.tasks.values() if task.mask in sample.targets):
        if not is_mask(sample.targets[mask]):
            return f"{sample.source} has mask {shown(sample.targets[mask])}, want {MASK}"
    return None


def _attributes_fault(attributes: Mapping[str, object], what: str) -> str | None:
    for name, value in attributes.items():
        if isinstance(value, str):
            continue
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            return f"{what} has {name} = {shown(value)}, want a text or a finite number"
    return None


def sample_fault(sample: Sample, info: DomainInfo) -> str | None:
    """What is wrong with a sample."""
    if fault := _source_fault(sample.source):
        return fault
    for name in ("part", "group", "unit"):
        value = getattr(sample, name)
        if not isinstance(value, str):
            return f"{sample.source} has {name} {_a(value)}, want text (the empty text where there is none)"
    if fault := time_fault(sample.time, sample.source):
        return fault
    return _target_fault(sample, info) or _attributes_fault(sample.attributes, sample.source)


def record_fault(record: Any) -> str | None:
    """What is wrong with a record."""
    if not isinstance(record.time, datetime) or record.time.utcoffset() is None:
        return f"record '{record.kind}' has time {shown(record.time)}, want one with a zone"
    return _attributes_fault(record.values, f"record '{record.kind}' of {record.time.isoformat()}")


def image_fault(image: Any, source: str) -> str | None:
    """What is wrong with an answer of ``load_images`` or ``prepare``."""
    if not isinstance(image, Image):
        return f"answered {_a(image)} for {source}, want an Image"
    if fault := _pixels_fault(image.pixels, source):
        return fault
    if image.valid is not None and image.valid.shape != image.pixels.shape[:2]:
        return f"valid of {source} has shape {image.valid.shape}, want {image.pixels.shape[:2]}"
    return None if 0 < image.scale <= 1 else f"scale of {source} is {image.scale:g}, want more than 0 and at most 1"


def _pixels_fault(pixels: Any, source: str) -> str | None:
    import numpy as np

    if not isinstance(pixels, np.ndarray):
        return f"the pixels of {source} are {type(pixels).__name__}, want a numpy array"
    if not (pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] == 3)) or pixels.size == 0:  # noqa: PLR2004
        return f"the pixels of {source} have shape {pixels.shape}, want (height, width) or (height, width, 3)"
    if pixels.dtype != np.uint8:
        if pixels.dtype != np.float32:
            return f"the pixels of {source} are {pixels.dtype}, want uint8, or float32 in [0, 1]"
        if not (pixels.min() >= 0 and pixels.max() <= 1):  # also False where a pixel is not a number
            return f"the pixels of {source} reach from {pixels.min():g} to {pixels.max():g}, want [0, 1]"
    return None


def loaded_fault(answer: object, source: str) -> str | None:
    """What is wrong with an answer of ``load_images``."""
    return None if isinstance(answer, Unreadable) else image_fault(answer, source)


def measures_fault(answer: Any, source: str) -> str | None:
    """What is wrong with an answer of ``measure``."""
    if not isinstance(answer, Measures):
        return f"answered {_a(answer)} for {source}, want Measures"
    values: Mapping[str, Any] = answer.values
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            return f"measure '{name}' of {source} is {shown(value)}, want a finite number"
    names = [region.name for region in answer.regions or ()]
    if len(set(names)) < len(names):
        return f"two regions of {source} have the same name; name each once"
    return None


def decision_fault(answer: Any) -> str | None:
    """What is wrong with an answer of ``decide``."""
    if not isinstance(answer, Decision):
        return f"yielded {_a(answer)}, want a Decision"
    key: Any = answer.key
    if not isinstance(key, str) or not key:
        return f"a decision on {shown(answer.subject)} has key {shown(key)}, want a text"
    if answer.level not in LEVELS:
        return f"decision '{answer.key}' has level {shown(answer.level)}, want one of {', '.join(LEVELS)}"
    if answer.state not in ("open", "closed"):
        return f"decision '{answer.key}' has state {shown(answer.state)}, want open or closed"
    for time in (answer.start, answer.end):
        if fault := time_fault(time, f"decision '{answer.key}'"):
            return fault
    return _rest_fault(answer) or _attributes_fault(answer.figures, f"decision '{answer.key}'")


def _rest_fault(decision: Decision) -> str | None:
    texts: tuple[Any, ...] = (decision.subject, decision.label, decision.reason)
    if not all(isinstance(text, str) for text in texts):
        return f"decision '{decision.key}' has a subject, label or reason that is no text"
    evidence: Any = decision.evidence
    if not isinstance(evidence, tuple) or not all(isinstance(one, Evidence) for one in evidence):
        return f"decision '{decision.key}' has evidence {shown(evidence)}, want a tuple of Evidence"
    place: Any = decision.place
    if place is not None and not isinstance(place, Place):
        return f"decision '{decision.key}' has place {shown(place)}, want a Place"
    return None


def report_fault(answer: Any) -> str | None:
    """What is wrong with an answer of ``report`` or of an action."""
    if not isinstance(answer, Report):
        return f"answered {_a(answer)}, want a Report"
    blocks: tuple[Any, ...] = answer.blocks
    for block in blocks:
        if not isinstance(block, _BLOCKS):
            return f"the report holds {_a(block)}, want blocks such as Text, Table or Gallery"
        if isinstance(block, Table) and any(len(row) != len(block.columns) for row in block.rows):
            return f"table '{block.title}' has a row that is not as long as its columns ({len(block.columns)})"
        if isinstance(block, Chart) and any(len(s.values) != len(block.categories) for s in block.series):
            return f"chart '{block.title}' has a series that is not as long as its categories ({len(block.categories)})"
    return None


def fitted_fault(answer: object) -> str | None:
    """What is wrong with an answer of ``fit``."""
    if not isinstance(answer, Fitted):
        return f"answered {_a(answer)}, want Fitted"
    values: Mapping[str, Any] = answer.values
    for name, value in values.items():
        if not (isinstance(value, str) or (isinstance(value, (int, float)) and math.isfinite(value))):
            return f"value '{name}' is {shown(value)}, want text or a finite number"
    return None


def faults_fault(answer: Any) -> str | None:
    """What is wrong with an answer of an export's ``check``."""
    if isinstance(answer, (list, tuple)) and all(isinstance(fault, str) for fault in answer):
        return None
    return f"answered {_a(answer)}, want a list of faults, empty where there is none"


def augment_fault(answer: object) -> str | None:
    """What is wrong with an answer of ``augmentations``."""
    return None if callable(answer) else f"answered {_a(answer)}, want an Augment such as albumentations([...]) makes"


def domains_fault(answer: object) -> str | None:
    """What is wrong with an answer of the hook ``fovea_domains``."""
    if not isinstance(answer, (list, tuple)):
        return f"answered {_a(answer)}, want a list of Domain"
    strangers = [item for item in answer if not isinstance(item, Domain)]
    return f"the list holds {_a(strangers[0])}, want Domain values" if strangers else None


def near(name: str, known: Iterable[str]) -> str:
    """The known name most like ``name``, or all of them where none is like it."""
    import difflib

    return (difflib.get_close_matches(name, sorted(known), n=1) or [", ".join(sorted(known))])[0]
