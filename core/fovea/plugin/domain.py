"""The contract: a domain is a frozen value made of plain functions.

What *answers* has exactly one owner, and its failure is raised under the domain's name. Only ``info`` and
``read_samples`` have no default. The core calls every function by keyword, so the parameter names below are part
of the contract. Generators let state live in local variables: a camera's frames, a study's images and a plant's
photos are the same thing to the engine, a sequence that belongs together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from fovea.plugin import defaults
from fovea.plugin.augment import Augment
from fovea.plugin.blocks import Report
from fovea.plugin.decisions import READ_AND_SIGN, Decision, Workflow
from fovea.plugin.settings import PolicySettings, ViewSettings
from fovea.plugin.values import (
    Entry,
    Fitted,
    Image,
    Kind,
    Measures,
    Record,
    Sample,
    Unreadable,
    _empty,
)

Units: TypeAlias = Mapping[str, Sequence[Entry]]
ReadSamples: TypeAlias = Callable[..., Iterable[Sample | Record]]
LoadImages: TypeAlias = Callable[..., Iterable[Image | Unreadable]]
Prepare: TypeAlias = Callable[..., Image]
Augmentations: TypeAlias = Callable[..., Augment]
Measure: TypeAlias = Callable[..., Iterable[Measures]]
Fit: TypeAlias = Callable[..., Fitted]
Decide: TypeAlias = Callable[..., Iterable[Decision]]
MakeReport: TypeAlias = Callable[..., Report]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocess:
    """How a prepared image becomes the square that a network sees: plain data, carried in the bundle.

    Args:
        size: side of the square in pixels.
        fit: ``crop`` keeps the middle square, ``letterbox`` pads with grey, ``squash`` gives up the proportions.
        decode: ``scaled`` lets a JPEG be decoded at a reduced size, never below twice ``size``; ``full`` never.
        mean: subtracted from RGB values in [0, 1].
        std: divides them.
    """

    size: int = 224
    fit: Literal["crop", "letterbox", "squash"] = "crop"
    decode: Literal["scaled", "full"] = "scaled"
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)

    @property
    def side(self) -> int | None:
        """The ``side`` that ``load_images`` is asked for: the short side in pixels, None for full size."""
        return 2 * self.size if self.decode == "scaled" else None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSpec:
    """What one role of a domain learns.

    Args:
        kind: the task.
        target: the name under which :attr:`Sample.targets` holds its answers; empty means the role's own name.
        on: prefix of the regions it runs on (from ``measure``); empty means the whole picture.
        mask: of ``anomaly``: the name under which :attr:`Sample.targets` holds a :class:`Mask` of what is strange in a
            picture (its class ``background`` is what is not). Nothing is learned from it; an evaluation judges by it
            whether the right places are hot.
        preprocess: how its pictures reach the network, unless the recipe says otherwise.
    """

    kind: Kind
    target: str = ""
    on: str = ""
    mask: str = ""
    preprocess: Preprocess = Preprocess()


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainInfo:
    """What a domain is, in words and settings.

    Args:
        name: lower-case letters, digits and hyphens; unique among all plugins.
        title: for people.
        intended_use: whom it serves and for what, in one or two sentences.
        limits: what it must not be used for.
        tasks: the roles.
        view: settings that change pixels, measures or predictions.
        policy: settings that change decisions only.
        keep: seconds of prepared frames kept (before, after) a finding.
        quiet_s: seconds without a sample after which a unit of a stream ends.
        workflow: the states of a finding and who may move it.
        confidential: True keeps the texts of unexpected exceptions out of messages and logs, since a parser may
            quote a patient's data in them.
    """

    name: str
    title: str
    intended_use: str
    limits: str
    tasks: Mapping[str, TaskSpec] = field(default_factory=_empty)
    view: type[ViewSettings] = ViewSettings
    policy: type[PolicySettings] = PolicySettings
    keep: tuple[float, float] = (0.0, 0.0)
    quiet_s: float = 60.0
    workflow: Workflow = READ_AND_SIGN
    confidential: bool = False

    def target(self, role: str) -> str:
        """The target name of a role."""
        return self.tasks[role].target or role


@dataclass(frozen=True, slots=True, kw_only=True)
class Exporter:
    """A format of the domain.

    Args:
        title: for people.
        suffix: of the file, with its dot.
        write: ``(site: SiteView, target: Path, policy) -> None``.
        check: ``(path: Path) -> Sequence[str]``: re-opens what was written and returns its faults.
    """

    title: str
    suffix: str
    write: Callable[..., None]
    check: Callable[..., Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A file that a stream received.

    Args:
        name: relative path under which it enters the site's inbox; never taken from inside the file.
        content: its bytes.
        acknowledge: called by the core once the file is safely in the inbox; the sender may then forget it.
    """

    name: str
    content: bytes
    acknowledge: Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A way for pictures to arrive by themselves.

    Args:
        kind: ``frames`` yields (Sample, Image) pairs; ``files`` yields :class:`Arrival` values.
        open: ``(url: str, view) -> Iterator``; ends when the source ends, raises where it breaks. A frame's sample
            needs a ``part`` of its own and a ``time``; its ``source`` becomes the stream's name at the site, and so
            does its ``unit`` where it has none. A source that is opened again may bring what it brought before.
        rehearse: ``(folder: Path) -> context manager of the url``: serves a folder on loopback, for tests.
        silent_s: seconds without a frame after which a source of frames is taken for lost and opened anew.
    """

    kind: Literal["frames", "files"]
    open: Callable[..., Iterator[tuple[Sample, Image]] | Iterator[Arrival]]
    rehearse: Callable[..., AbstractContextManager[str]]
    silent_s: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Param:
    """One argument of an action: positional where ``required``, an option otherwise."""

    name: str
    help: str
    kind: Literal["text", "number", "path", "flag"] = "text"
    required: bool = False
    default: str | float | bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """A verb of the domain: ``fovea DOMAIN VERB``.

    Args:
        help: one line for ``--help``.
        params: its arguments.
        run: ``(arguments: Mapping[str, Any], view, policy) -> Report``.
        example: arguments with which the conformance kit runs it; the text ``{folder}`` stands for the folder.
    """

    help: str
    run: Callable[..., Report]
    params: tuple[Param, ...] = ()
    example: Mapping[str, Any] = field(default_factory=_empty)


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """A plugin's answers. The type of each function is in the comment beside it.

    Args:
        info: name, tasks, settings.
        read_samples: **the dataset adapter**: walks a folder, yields samples with targets, group, unit, time,
            place, attributes, and the records found beside them. Pictures are not opened further than needed.
        load_images: ``samples`` are parts of *one* source in order; exactly one answer each; the source is opened
            once. ``side`` is the least short side wanted in pixels (None: full size).
        prepare: on **every** path, before anything else sees the pixels: privacy masks. Pure.
        augmentations: **the augmentations**, training only: what is valid in the domain.
        measure: a generator over one unit's pictures in order, in lock-step: one answer for each picture before
            the next is asked for. Wrap a function of one picture in :func:`per_picture` and the engine may spread
            a unit over workers.
        fit: numbers learned without gradients from held-out units' entries. ``units`` maps a unit to its entries in
            order: all of a site's units, or just the one whose numbers are wanted. A result that lies inside a
            reviewed finding (same unit, taken between its start and end; of a finding without times, a picture of
            its evidence) carries the verdict given last as the target ``review``: ``"true"``, ``"false"`` or
            ``"unsure"``; so a false alarm can be learned from. The same entries must give the same numbers.
        decide: a generator over one unit's entries in time order; pure, so that it can be replayed.
        report: **the reporting**: typed blocks, which the core renders.
        exports: domain formats by name.
        streams: by URL scheme.
        actions: the domain's own verbs.
    """

    info: DomainInfo
    read_samples: ReadSamples  # (root: Path, view) -> Iterable[Sample | Record]
    load_images: LoadImages = defaults.load_pictures  # (root, samples, view, side) -> Iterable[Image | Unreadable]
    prepare: Prepare = defaults.unchanged  # (image: Image, sample: Sample, view) -> Image
    augmentations: Augmentations = defaults.gentle  # (role: str, size: int) -> Augment
    measure: Measure = defaults.nothing_measured  # (pairs: Iterable[tuple[Sample, Image]], view, fitted)
    fit: Fit = defaults.nothing_fitted  # (units: Units, view, policy) -> Fitted
    decide: Decide = defaults.most_frequent_label  # (entries: Iterable[Entry], policy, fitted) -> Iterable[Decision]
    report: MakeReport = defaults.count_labels  # (site: SiteView, policy) -> Report
    exports: Mapping[str, Exporter] = field(default_factory=_empty)
    streams: Mapping[str, Stream] = field(default_factory=_empty)
    actions: Mapping[str, Action] = field(default_factory=_empty)


PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "read_samples": ("root", "view"),
    "load_images": ("root", "samples", "view", "side"),
    "prepare": ("image", "sample", "view"),
    "augmentations": ("role", "size"),
    "measure": ("pairs", "view", "fitted"),
    "fit": ("units", "view", "policy"),
    "decide": ("entries", "policy", "fitted"),
    "report": ("site", "policy"),
}
"""What the core passes to each function of a domain, by keyword."""
