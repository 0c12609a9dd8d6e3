"""What one prediction is worth under a policy, and counts of that: shared by decisions, report and exports."""

from __future__ import annotations

import heapq
import math
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, Literal, TypeAlias, TypeVar

from fovea.plugin import Level, Place, Result, Sample
from fovea_crop.settings import CropPolicy

ROLE = "disease"
HEALTHY = "healthy"
UNCERTAIN = "uncertain"

Standing: TypeAlias = Literal["diseased", "healthy", "no plant", "uncertain", "blurred", "silent"]
"""What a picture counts as; ``silent`` where no model has spoken. Only the first two count in a share."""

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What one picture says under a policy."""

    standing: Standing
    label: str = ""
    probability: float = 0.0


def said(result: Result, policy: CropPolicy) -> Said:
    """What a result is worth: a label is believed where it is probable enough and the picture sharp enough."""
    best = result.best(ROLE)
    if best is None or not best.label:
        return Said(standing="silent")
    standing: Standing = "diseased"
    if result.measures.values.get("sharpness", math.inf) < policy.least_sharpness:
        standing = "blurred"
    elif best.probability < policy.sure:
        standing = "uncertain"
    elif means(best.label, policy.no_plant):
        standing = "no plant"
    elif means(best.label, policy.healthy):
        standing = "healthy"
    return Said(standing=standing, label=best.label, probability=best.probability)


def means(label: str, names: Sequence[str]) -> bool:
    """Whether a label is one of ``names`` or ends with one as a word, whatever the letter case and underscores.

    >>> means("Apple___healthy", ("healthy",)), means("unhealthy", ("healthy",))
    (True, False)
    """
    words = f" {_words(label)}"
    return any(words.endswith(f" {_words(name)}") for name in names if _words(name))


def _words(text: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", text.lower()))


def readable(label: str) -> str:
    """A label as a person reads it.

    >>> readable("Apple___Cedar_apple_rust")
    'Apple, Cedar apple rust'
    """
    return label.replace("___", ", ").replace("_", " ").strip()


def day_of(sample: Sample) -> str:
    """The date of the visit (``2026-05-01``), or the empty text where nobody knows."""
    day = sample.attributes.get("date")
    return str(day) if day else sample.time.date().isoformat() if sample.time else ""


@dataclass(slots=True)
class Tally:
    """Pictures counted by what they say."""

    standings: Counter[Standing] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)
    confidence: float = 0.0

    def add(self, one: Said) -> None:
        """Count one more picture; ``labels`` and ``confidence`` hold the diseased and the healthy ones."""
        self.standings[one.standing] += 1
        if one.standing in {"diseased", "healthy"}:
            self.labels[one.label if one.standing == "diseased" else HEALTHY] += 1
            self.confidence += one.probability

    @property
    def pictures(self) -> int:
        """All pictures, silent ones included."""
        return self.standings.total()

    @property
    def sure(self) -> int:
        """Pictures that count in a share."""
        return self.standings["diseased"] + self.standings["healthy"]

    @property
    def diseased(self) -> int:
        """Sure pictures of any disease."""
        return self.standings["diseased"]

    @property
    def unsure(self) -> int:
        """Pictures that a model spoke of, but not well enough to be believed."""
        return self.standings["uncertain"] + self.standings["blurred"]

    @property
    def share(self) -> float | None:
        """Diseased of sure pictures, None without any."""
        return self.diseased / self.sure if self.sure else None

    @property
    def mean_confidence(self) -> float | None:
        """Mean probability of the labels of the sure pictures, None without any."""
        return self.confidence / self.sure if self.sure else None

    def share_of(self, label: str) -> float | None:
        """Pictures of one label of the sure pictures, None without any."""
        return self.labels[label] / self.sure if self.sure else None

    def diseases(self) -> list[tuple[str, int]]:
        """Diseases with their counts, the most frequent first, ties by name."""
        found = [(label, count) for label, count in self.labels.items() if label != HEALTHY]
        return sorted(found, key=lambda pair: (-pair[1], pair[0]))

    @property
    def label(self) -> str:
        """The most frequent disease, else ``healthy``, else ``uncertain``."""
        diseases = self.diseases()
        return diseases[0][0] if diseases else HEALTHY if self.sure else UNCERTAIN


def level_of(tally: Tally, policy: CropPolicy) -> Level:
    """How much a share of diseased pictures matters; few pictures raise no more than a notice."""
    if not tally.diseased or tally.share is None:
        return "notice" if tally.unsure > tally.sure else "normal"
    if tally.sure < policy.least_pictures or tally.share < policy.warn_share:
        return "notice"
    return "alarm" if tally.share >= policy.alarm_share else "warning"


def latest_visit(visits: Mapping[str, Tally], policy: CropPolicy) -> str:
    """The date of the latest visit with enough sure pictures; the empty text where none has.

    A field is what it was when somebody last looked properly: over all visits, an outbreak that has just begun hides
    behind the healthy weeks before it, and one that is over goes on.
    """
    return max((day for day, tally in visits.items() if tally.sure >= policy.least_pictures), default="")


def wilson(count: int, total: int) -> tuple[float, float]:
    """The 95 % interval of a share, by Wilson's score (J. Am. Stat. Assoc. 22, 1927, 209-212).

    It takes pictures for independent draws. Several shots of one plant are not, so the true interval is wider.

    >>> [round(end, 3) for end in wilson(3, 10)]
    [0.108, 0.603]
    """
    if not total:
        return 0.0, 1.0
    z = 1.959964  # the normal distribution's 97.5 % point
    share, square = count / total, z * z / total
    middle = (share + square / 2) / (1 + square)
    half = z * math.sqrt(share * (1 - share) / total + square / (4 * total)) / (1 + square)
    return middle - half if count else 0.0, middle + half if count < total else 1.0


def in_words(tally: Tally) -> str:
    """A tally's share as part of a sentence: ``12 of 40 sure pictures (30 %, 95 % interval 18 to 45 %)``."""
    if tally.share is None:
        return f"none of {counted(tally.pictures, 'picture')} is sure"
    share = f"{percent(tally.share)}, 95 % interval {interval(tally)}"
    return f"{tally.diseased} of {counted(tally.sure, 'sure picture')} ({share})"


def interval(tally: Tally) -> str:
    """The 95 % interval of a tally's share (``18 to 45 %``), the empty text without a sure picture."""
    if not tally.sure:
        return ""
    low, high = wilson(tally.diseased, tally.sure)
    return f"{low * 100:.0f} to {percent(high)}"


def percent(share: float) -> str:
    """A share as a person reads it.

    >>> percent(0.296)
    '30 %'
    """
    return f"{share * 100:.0f} %"


def counted(number: int, noun: str) -> str:
    """A number with its noun.

    >>> counted(1, "field"), counted(3, "field")
    ('1 field', '3 fields')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def clean(text: str) -> str:
    r"""Text that every database and file can hold: bytes of a name that are not UTF-8 become ``\xNN``.

    >>> clean("caf\udce9")
    'caf\\xe9'
    """
    return os.fsencode(text).decode("utf-8", "backslashreplace")


@dataclass(slots=True)
class Top(Generic[Item]):
    """The items of the highest scores, at most ``size``; of equal scores the lower key stays."""

    size: int
    _heap: list[tuple[float, _Backwards, int, Item]] = field(default_factory=list)
    _offered: int = 0

    def add(self, score: float, key: str, item: Item) -> None:
        """Offer one item."""
        self._offered += 1  # items are never compared with each other
        heapq.heappush(self._heap, (score, _Backwards(key), self._offered, item))
        if len(self._heap) > self.size:
            heapq.heappop(self._heap)

    def __iter__(self) -> Iterator[Item]:
        return (one[-1] for one in sorted(self._heap, key=lambda one: (-one[0], one[1].text)))


@dataclass(frozen=True, slots=True)
class _Backwards:
    text: str

    def __lt__(self, other: _Backwards) -> bool:
        return self.text > other.text


@dataclass(slots=True)
class Extent:
    """When and where pictures were taken: first and last time, and the mean of their places."""

    first: datetime | None = None
    last: datetime | None = None
    located: int = 0
    latitudes: float = 0.0
    longitudes: float = 0.0

    def add(self, sample: Sample) -> None:
        """Widen by one sample."""
        if sample.time is not None:
            self.first = min(self.first or sample.time, sample.time)
            self.last = max(self.last or sample.time, sample.time)
        if sample.place is not None:
            self.located += 1
            self.latitudes += sample.place.latitude
            self.longitudes += sample.place.longitude

    @property
    def middle(self) -> Place | None:
        """Mean of the places, None without any. Not for fields that straddle the 180th meridian."""
        if not self.located:
            return None
        return Place(latitude=self.latitudes / self.located, longitude=self.longitudes / self.located)
