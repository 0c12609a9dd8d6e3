"""The values that go between a plugin and the core: frozen, plain, and the same on every path.

A folder, a film, a stream and a study all become sequences of :class:`Sample`; what is known of a sample
without a network is :class:`Measures`; what a model says of it is :class:`Prediction`; the three together are a
:class:`Result`. Texts are never None: an absent part, unit or group is the empty text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from fovea.plugin.areas import Areas

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Pixels: TypeAlias = "NDArray[np.uint8] | NDArray[np.float32]"
"""uint8 in 0..255, or float32 in [0, 1]; (height, width, 3) in RGB order, or (height, width) for grey."""

JOIN = " + "
"""Stands between the labels of a ``multilabel`` answer; no label of such a task may hold it."""

Attribute: TypeAlias = str | float
Target: TypeAlias = "str | frozenset[str] | float | tuple[float, ...] | Mask | tuple[Box, ...]"
"""The known answer for a role: a label, labels, a value, several values, a mask, or boxes.

For a task of kind ``anomaly`` it is ``"normal"``, which is what is learned from, or any other label: an anomaly.
"""


def _empty() -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where something is, on the ground.

    Degrees of WGS 84; metres above the ellipsoid or the sea, as the device says.
    """

    latitude: float
    longitude: float
    altitude: float | None = None

    def __post_init__(self) -> None:
        if not (-90 <= self.latitude <= 90 and -180 <= self.longitude <= 180):  # noqa: PLR2004 - degrees
            msg = f"place {self.latitude}, {self.longitude} is not on the globe"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A named rectangle of a picture, in fractions of its width and height, so that it holds at every scale."""

    name: str
    left: float
    top: float
    right: float
    bottom: float

    def __post_init__(self) -> None:
        if not self.name:
            msg = "a region needs a name; the empty name means the whole picture"
            raise ValueError(msg)
        if not (0 <= self.left < self.right <= 1 and 0 <= self.top < self.bottom <= 1):
            wanted = "0 <= left < right <= 1 and 0 <= top < bottom <= 1"
            msg = f"region '{self.name}' must lie inside the picture, with {wanted}"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mask:
    """A picture of answers beside the sample: one palette index or colour a class.

    Args:
        source: the mask's file, relative to the root: a PNG or BMP of the picture's own size.
        classes: pixel value (``"255,0,0"``, or ``"3"`` for a palette's index or a grey level) to class name; several
            values may have one name. The class ``background`` is what shows nothing. A value that is not here is taken
            for unlabelled: it is neither learned nor judged.
    """

    source: str
    classes: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A labelled rectangle that a person drew, in fractions of width and height."""

    label: str
    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One source and part: what is learned from or predicted on.

    Args:
        source: path relative to the root with forward slashes (bytes that are not UTF-8 as surrogates), or the
            stream's own name.
        part: frame, page, tile or instance inside the source; empty where the source is one picture.
        targets: the known answers by target name; without an entry where the answer is unknown.
        group: what must never straddle a split (patient, plant, camera-day); empty means the source by itself.
        unit: what is decided together (study, field, camera); empty means the source by itself.
        time: when it was taken, with a zone; None where nobody knows.
        order: position inside the unit where time is absent or equal (slice number, frame number).
        place: where it was taken.
        attributes: further facts, numbers or texts, that a model or a report may use.
    """

    source: str
    part: str = ""
    targets: Mapping[str, Target] = field(default_factory=_empty)
    group: str = ""
    unit: str = ""
    time: datetime | None = None
    order: float = 0.0
    place: Place | None = None
    attributes: Mapping[str, Attribute] = field(default_factory=_empty)

    @property
    def key(self) -> tuple[str, str]:
        """(source, part): unique below one root."""
        return self.source, self.part

    @property
    def of_group(self) -> str:
        """The group, or the source where none is given."""
        return self.group or self.source

    @property
    def of_unit(self) -> str:
        """The unit, or the source where none is given."""
        return self.unit or self.source


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A dated fact that is no picture: an hour of weather, a soil test, a lab value.

    ``key`` tells two records of one kind, unit and time apart; a record that comes again replaces its elder.
    """

    kind: str
    time: datetime
    values: Mapping[str, Attribute]
    unit: str = ""
    key: str = ""
    source: str = ""
    place: Place | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """The pixels of one sample.

    Args:
        pixels: see :data:`Pixels`; never empty.
        scale: this picture's size as a share of the stored one, in (0, 1].
        spacing_mm: distance of pixel centres of *this* picture, (between rows, between columns), in millimetres.
        valid: bool (height, width), False where pixels must not be believed (masked, padded); None means all.
    """

    pixels: Pixels
    scale: float = 1.0
    spacing_mm: tuple[float, float] | None = None
    valid: NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """The answer for a sample whose pixels cannot be had; the sample goes to quarantine with it.

    Args:
        code: one short word a program can count, such as ``truncated``, ``empty``, ``bomb``, ``format``.
        reason: one sentence for a person, without names of patients or paths.
    """

    code: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """What the domain sees in a picture without a network.

    Args:
        values: finite numbers by name; say the unit in the name (``blur_px``, ``lesion_share``).
        regions: where the network looks: None the whole picture, ``()`` nowhere (the network is skipped).
    """

    values: Mapping[str, float] = field(default_factory=_empty)
    regions: tuple[Region, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What a bundle says of a sample, or of a region in it.

    Args:
        role: the bundle's role.
        label: the answer for ``classify``. For ``multilabel`` the labels that reached their operating point, joined
            by ``" + "``, so that a report that counts and shows ``label`` needs no second way; empty where none
            did. :attr:`labels` takes them apart. Empty for ``regress``. For ``segment`` the label that covers
            most, ``background`` only where nothing else is shown.
        probability: calibrated probability of ``label``, in [0, 1]: for ``multilabel`` that of the surest label said,
            0 where none is, so that :meth:`Result.best` is the region that says most; 0 for ``regress``. For
            ``segment`` the mean over the pixels that show it.
        scores: calibrated probability by label (``classify``; ``multilabel``, where they do not sum to 1, whether said
            or not). For ``regress`` the value by its name, in the target's unit, and where the bundle can tell them
            ``NAME low`` and ``NAME high``, between which the true value lies at the bundle's coverage (9 of 10 cases
            unless its recipe says otherwise). For ``segment`` the share of the pixels that show each label; the shares
            sum to 1.
        region: name of the region, empty for the whole picture.
        bundle: digest of the bundle that said it.
        areas: which part of the picture shows which label (``segment``), None otherwise.
        possible: the labels that cannot be ruled out at the coverage that the bundle states, the most probable first
            (``classify``, ``multilabel``); ``()`` where none is likely enough, None where the bundle does not tell.
        alarm: whether ``label`` is one that raises an alarm, at the bundle's operating point or threshold
            (``classify``, ``anomaly``).
        review: whether the picture is among the share that a person should look at (``classify``).
        unknown: whether the picture is unlike those that the bundle learned from.
    """

    role: str
    label: str = ""
    probability: float = 0.0
    scores: Mapping[str, float] = field(default_factory=_empty)
    region: str = ""
    bundle: str = ""
    areas: Areas | None = None
    possible: tuple[str, ...] | None = None
    alarm: bool = False
    review: bool = False
    unknown: bool = False

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels said: of ``multilabel`` any number, otherwise at most one."""
        if not self.label or self.label in self.scores:
            return (self.label,) if self.label else ()
        return tuple(self.label.split(JOIN))


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A sample with all that was found out about it."""

    sample: Sample
    measures: Measures = field(default_factory=Measures)
    predictions: Mapping[str, tuple[Prediction, ...]] = field(default_factory=_empty)

    def best(self, role: str) -> Prediction | None:
        """The most probable prediction of a role over its regions, an alarm first; None where the role said nothing."""
        return max(self.predictions.get(role, ()), key=lambda p: (p.alarm, p.probability), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A second of stream time without a frame, so that silence can be decided on."""

    time: datetime


Entry: TypeAlias = Result | Record | Tick
"""What ``decide`` is fed, one unit at a time and in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """Numbers and arrays that ``fit`` learned without gradients; kept per unit, versioned, apart from the bundle."""

    values: Mapping[str, Attribute] = field(default_factory=_empty)
    arrays: Mapping[str, NDArray[np.generic]] = field(default_factory=_empty)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened, told to every listener at least once and in order per subject.

    Args:
        id: the same text however often it is delivered, so that a listener can drop a second delivery.
        kind: such as ``batch.finished``, ``finding.opened``, ``finding.closed``, ``case.signed``.
        subject: what it is about; events of one subject keep their order.
        site: the site's name.
        time: when it happened, with a zone.
        facts: further facts by name; JSON-ready.
    """

    id: str
    kind: str
    subject: str
    site: str
    time: datetime
    facts: Mapping[str, object] = field(default_factory=_empty)


Kind: TypeAlias = Literal["classify", "multilabel", "regress", "segment", "detect", "anomaly"]
