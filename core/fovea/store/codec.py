"""Plugin values to JSON text and back: the one place that knows how the store spells them.

JSON is canonical (sorted keys, no spaces, ASCII), so that equal values have equal text and digest. What is empty
or at its default is left out. Times carry microseconds since 1970 in UTC and the name of their zone.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fovea.errors import StoreError
from fovea.plugin import (
    Areas,
    Box,
    Decision,
    Evidence,
    Mask,
    Measures,
    Place,
    Prediction,
    Record,
    Region,
    Sample,
    Target,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_OFFSET = re.compile(r"([+-])(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{6}))?)?")


def dump(value: object, what: str = "value") -> str:
    """Canonical JSON text.

    Raises:
        StoreError: a number that is not finite, or a value that JSON does not know.
    """
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, default=_plain)
    except (ValueError, TypeError) as error:
        raise StoreError(
            f"this {what} cannot be stored: {error}; wanted are finite numbers, texts and lists"
        ) from error


def load(text: str) -> Any:
    """The value of JSON text."""
    return json.loads(text)


def digest(text: str) -> str:
    """SHA-256 of ASCII text, 64 hexadecimal digits."""
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def utc_now() -> datetime:
    """The moment it is."""
    return datetime.now(UTC)


def micros(moment: datetime) -> int:
    """Microseconds since 1970 in UTC.

    Raises:
        StoreError: the moment has no zone.
    """
    if moment.tzinfo is None:
        raise StoreError(f"the time {moment.isoformat(sep=' ')} has no zone: give one, such as UTC")
    return (moment - _EPOCH) // _MICROSECOND


def moment(microseconds: int, zone: str = "UTC") -> datetime:
    """The moment in its zone."""
    return (_EPOCH + timedelta(microseconds=microseconds)).astimezone(_zone(zone))


def zone_name(moment: datetime) -> str:
    """Name of the moment's zone, or its offset (``+02:00``) where the zone has no name that can be found again."""
    key = getattr(moment.tzinfo, "key", None)
    if moment.tzinfo is UTC or key == "UTC":
        return "UTC"
    if key:
        return str(key)
    offset = moment.utcoffset() or timedelta()
    size = abs(offset)
    text = f"{'-' if offset < timedelta() else '+'}{size.seconds // 3600:02}:{size.seconds // 60 % 60:02}"
    rest = size.seconds % 60 + size.microseconds / 1e6
    return text if not rest else f"{text}:{rest:02.0f}" if not size.microseconds else f"{text}:{rest:09.6f}"


def _zone(name: str) -> tzinfo:
    if name == "UTC":
        return UTC
    if (found := _OFFSET.fullmatch(name)) is not None:
        hours, minutes, seconds, micro = (int(part or 0) for part in found.groups()[1:])
        size = timedelta(hours=hours, minutes=minutes, seconds=seconds, microseconds=micro)
        return timezone(-size if found[1] == "-" else size)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise StoreError(f"the time zone '{name}' is not known on this machine: install tzdata") from error


def _plain(value: object) -> object:
    item = getattr(value, "item", None)  # a number of numpy's
    if callable(item):
        return item()
    raise TypeError(f"a {type(value).__name__} is no JSON value")


def _lean(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None and value not in ("", {}, [], 0.0)}


def dump_moment(value: datetime | None) -> list[Any] | None:
    """[microseconds, zone name]; None stays None."""
    return None if value is None else [micros(value), zone_name(value)]


def load_moment(value: list[Any] | None) -> datetime | None:
    """The reverse of :func:`dump_moment`."""
    return None if value is None else moment(value[0], value[1])


def _dump_place(place: Place | None) -> list[float | None] | None:
    return None if place is None else [place.latitude, place.longitude, place.altitude]


def _load_place(value: list[Any] | None) -> Place | None:
    return None if value is None else Place(latitude=value[0], longitude=value[1], altitude=value[2])


def _dump_box(box: Box) -> list[Any]:
    return [box.label, box.left, box.top, box.right, box.bottom]


def _load_box(value: list[Any]) -> Box:
    return Box(label=value[0], left=value[1], top=value[2], right=value[3], bottom=value[4])


def _dump_target(target: Any) -> list[Any]:
    """A tagged list: JSON alone cannot tell a tuple from a set, nor boxes that are none from values that are none."""
    if isinstance(target, str):
        return ["label", target]
    if isinstance(target, frozenset | set):
        return ["labels", sorted(target)]
    if isinstance(target, Mask):
        return ["mask", target.source, dict(target.classes)]
    if isinstance(target, tuple | list):
        boxes = [_dump_box(one) for one in target if isinstance(one, Box)]
        return ["boxes", *boxes] if boxes else ["values", *target]
    return ["value", target]


_TARGETS: Mapping[str, Callable[..., Target]] = {
    "label": lambda label: label,
    "labels": frozenset,
    "mask": lambda source, classes: Mask(source=source, classes=classes),
    "boxes": lambda *boxes: tuple(_load_box(box) for box in boxes),
    "values": lambda *values: values,
    "value": lambda value: value,
}


def dump_facts(sample: Sample) -> str:
    """What a picture's answers may depend on: everything but source, part and the known answers."""
    facts = {
        "time": dump_moment(sample.time),
        "order": sample.order,
        "unit": sample.unit,
        "place": _dump_place(sample.place),
        "attributes": dict(sample.attributes),
    }
    return dump(_lean(facts), f"sample {sample.source!r}")


def dump_answers(sample: Sample) -> str:
    """Targets and group: what training needs and no result depends on."""
    targets = {name: _dump_target(target) for name, target in sample.targets.items()}
    return dump(_lean({"targets": targets, "group": sample.group}), f"sample {sample.source!r}")


def load_sample(source: str, part: str, facts: str, answers: str) -> Sample:
    """The reverse of :func:`dump_facts` and :func:`dump_answers`."""
    data, known = load(facts), load(answers)
    return Sample(
        source=source,
        part=part,
        targets={name: _TARGETS[value[0]](*value[1:]) for name, value in known.get("targets", {}).items()},
        group=known.get("group", ""),
        unit=data.get("unit", ""),
        time=load_moment(data.get("time")),
        order=data.get("order", 0.0),
        place=_load_place(data.get("place")),
        attributes=data.get("attributes", {}),
    )


def dump_record(record: Record) -> str:
    """A record without what stands in columns (kind, unit, key); the time's zone stays here."""
    data = {
        "time": dump_moment(record.time),
        "values": dict(record.values),
        "source": record.source,
        "place": _dump_place(record.place),
    }
    return dump(_lean(data), f"record {record.kind!r}")


def load_record(kind: str, unit: str, key: str, text: str) -> Record:
    """The reverse of :func:`dump_record`."""
    data = load(text)
    time = data["time"]
    return Record(
        kind=kind,
        time=moment(time[0], time[1]),
        values=data.get("values", {}),
        unit=unit,
        key=key,
        source=data.get("source", ""),
        place=_load_place(data.get("place")),
    )


def dump_measures(measures: Measures) -> str:
    """Values and regions; no regions at all (None) and none to look at (``()``) stay two things."""
    regions = None if measures.regions is None else [_dump_region(region) for region in measures.regions]
    data: dict[str, Any] = {"values": dict(measures.values)} if measures.values else {}
    return dump(data if regions is None else data | {"regions": regions}, "set of measures")


def _dump_region(region: Region) -> list[Any]:
    return [region.name, region.left, region.top, region.right, region.bottom]


def load_measures(text: str) -> Measures:
    """The reverse of :func:`dump_measures`."""
    data = load(text)
    regions = data.get("regions")
    return Measures(
        values=data.get("values", {}),
        regions=None if regions is None else tuple(_load_region(region) for region in regions),
    )


def _load_region(value: list[Any]) -> Region:
    return Region(name=value[0], left=value[1], top=value[2], right=value[3], bottom=value[4])


_FLAGS = ("alarm", "review", "unknown")


def dump_prediction(prediction: Prediction) -> str:
    """All but role, region and bundle, which stand in columns."""
    data = {
        "label": prediction.label,
        "probability": prediction.probability,
        "scores": dict(prediction.scores),
        "areas": _dump_areas(prediction.areas),
        **{name: True for name in _FLAGS if getattr(prediction, name)},
    }
    possible = {} if prediction.possible is None else {"possible": list(prediction.possible)}
    return dump(_lean(data) | possible, f"prediction of '{prediction.role}'")


def load_prediction(role: str, region: str, bundle: str, text: str) -> Prediction:
    """The reverse of :func:`dump_prediction`."""
    data = load(text)
    return Prediction(
        role=role,
        label=data.get("label", ""),
        probability=data.get("probability", 0.0),
        scores=data.get("scores", {}),
        region=region,
        bundle=bundle,
        areas=_load_areas(data.get("areas")),
        possible=None if data.get("possible") is None else tuple(data["possible"]),
        **{name: data.get(name, False) for name in _FLAGS},
    )


def _dump_areas(areas: Areas | None) -> list[Any] | None:
    if areas is None:
        return None
    place = [areas.left, areas.top, areas.right, areas.bottom]
    return [areas.width, areas.height, list(areas.labels), areas.runs, *place]


def _load_areas(value: list[Any] | None) -> Areas | None:
    if value is None:
        return None
    width, height, labels, runs, left, top, right, bottom = value
    return Areas(
        width=width, height=height, labels=tuple(labels), runs=runs, left=left, top=top, right=right, bottom=bottom
    )


def dump_decision(decision: Decision) -> str:
    """All of a decision."""
    data = {
        "key": decision.key,
        "subject": decision.subject,
        "label": decision.label,
        "level": decision.level,
        "state": decision.state,
        "start": dump_moment(decision.start),
        "end": dump_moment(decision.end),
        "place": _dump_place(decision.place),
        "reason": decision.reason,
        "review": decision.review or None,
        "evidence": [[e.source, e.part, e.region, e.note] for e in decision.evidence],
        "figures": dict(decision.figures),
    }
    return dump(_lean(data), f"decision {decision.key!r}")


def load_decision(text: str) -> Decision:
    """The reverse of :func:`dump_decision`."""
    data = load(text)
    return Decision(
        key=data.get("key", ""),
        subject=data.get("subject", ""),
        label=data.get("label", ""),
        level=data.get("level", "normal"),
        state=data.get("state", "closed"),
        start=load_moment(data.get("start")),
        end=load_moment(data.get("end")),
        place=_load_place(data.get("place")),
        reason=data.get("reason", ""),
        review=data.get("review", False),
        evidence=tuple(Evidence(source=e[0], part=e[1], region=e[2], note=e[3]) for e in data.get("evidence", ())),
        figures=data.get("figures", {}),
    )
