"""Fields and findings as GeoJSON (RFC 7946), for a map in any GIS.

One feature a field, whose polygon is the hull of its pictures' places (*not* the field's boundary), then one point a
picture that shows disease. Features without a place have a null geometry, as the standard has it.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeAlias

from fovea.plugin import Result, SiteView
from fovea_crop.deciding import figures
from fovea_crop.judging import Extent, Said, Tally, clean, day_of, level_of, said
from fovea_crop.settings import CropPolicy

Position: TypeAlias = tuple[float, float]
"""Longitude and latitude, in this order, in degrees of WGS 84."""

DIGITS = 7
"""Decimals of a degree: about a centimetre; the standard advises against more."""
_KEPT = 256


def write(site: SiteView, target: Path, policy: CropPolicy) -> None:
    """Write the collection, feature by feature; two passes over the results, nothing held but the fields."""
    with open(target, "w", encoding="utf-8") as file:
        file.write('{"type": "FeatureCollection", "features": [')
        for number, feature in enumerate(_features(site, policy)):
            file.write(",\n" if number else "\n")
            file.write(json.dumps(feature, allow_nan=False))
        file.write("\n]}\n")


def _features(site: SiteView, policy: CropPolicy) -> Iterator[Mapping[str, Any]]:
    fields: dict[str, tuple[Tally, Extent, list[Position]]] = {}
    for result in site.results():
        tally, extent, places = fields.setdefault(result.sample.of_unit, (Tally(), Extent(), []))
        tally.add(said(result, policy))
        extent.add(result.sample)
        if (position := _position(result)) is not None:
            places.append(position)
            if len(places) > _KEPT:
                places[:] = hull(places)
    for unit, (tally, extent, places) in sorted(fields.items()):
        yield _field(site, unit, tally, extent, places, policy)
    for result in site.results():
        one = said(result, policy)
        if one.standing == "diseased":
            yield _picture(result, one)


def _field(
    site: SiteView, unit: str, tally: Tally, extent: Extent, places: list[Position], policy: CropPolicy
) -> Mapping[str, Any]:
    decision = next((d for d in site.decisions.get(unit, ()) if d.key == "field"), None)
    properties: dict[str, Any] = {
        "kind": "field",
        "field": unit,
        "label": decision.label if decision else tally.label,
        "level": decision.level if decision else level_of(tally, policy),
        "first": extent.first.isoformat() if extent.first else None,
        "last": extent.last.isoformat() if extent.last else None,
        "geometry_is": "hull of the pictures' places, not the field's boundary",
    }
    return {
        "type": "Feature",
        "id": f"field:{unit}",
        "geometry": _outline(hull(places)),
        "properties": properties | figures(tally),
    }


def _picture(result: Result, one: Said) -> Mapping[str, Any]:
    sample, position = result.sample, _position(result)
    return {
        "type": "Feature",
        "id": f"picture:{clean(sample.source)}#{sample.part}",
        "geometry": {"type": "Point", "coordinates": list(position)} if position else None,
        "properties": {
            "kind": "picture",
            "field": sample.of_unit,
            "source": clean(sample.source),
            "part": sample.part,
            "label": one.label,
            "probability": one.probability,
            "plant": sample.attributes.get("plant"),
            "date": day_of(sample),
            "time": sample.time.isoformat() if sample.time else None,
        },
    }


def _position(result: Result) -> Position | None:
    place = result.sample.place
    return (round(place.longitude, DIGITS), round(place.latitude, DIGITS)) if place else None


def hull(places: Sequence[Position]) -> list[Position]:
    """Corners of the convex hull, counterclockwise (monotone chain: Andrew 1979). One or two where it is no area.

    >>> hull([(0, 0), (2, 0), (1, 1), (2, 2), (0, 2)])
    [(0, 0), (2, 0), (2, 2), (0, 2)]
    """
    ordered = sorted(set(places))
    if len(ordered) < 3:  # noqa: PLR2004 - a triangle is the least area
        return ordered
    return _half(ordered)[:-1] + _half(ordered[::-1])[:-1]


def _half(ordered: Sequence[Position]) -> list[Position]:
    half: list[Position] = []
    for place in ordered:
        while len(half) > 1 and _turn(half[-2], half[-1], place) <= 0:
            half.pop()
        half.append(place)
    return half


def _turn(a: Position, b: Position, c: Position) -> float:
    """Positive where a, b, c turn to the left."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _outline(corners: Sequence[Position]) -> Mapping[str, Any] | None:
    match len(corners):
        case 0:
            return None
        case 1:
            return {"type": "Point", "coordinates": list(corners[0])}
        case 2:
            return {"type": "LineString", "coordinates": [list(corner) for corner in corners]}
        case _:
            return {"type": "Polygon", "coordinates": [[list(corner) for corner in (*corners, corners[0])]]}


def check(path: Path) -> Sequence[str]:
    """Faults of a written file: against the standard, and of its own figures against its own features."""
    try:
        with open(path, encoding="utf-8") as file:
            collection = json.load(file, parse_constant=_refuse)
    except (OSError, ValueError) as error:
        return [f"it is no JSON: {error}"]
    features = collection.get("features") if isinstance(collection, dict) else None
    if not isinstance(features, list) or collection.get("type") != "FeatureCollection":
        return ["it is no FeatureCollection"]
    faults = [f"feature {number}: {fault}" for number, one in enumerate(features) for fault in _faults(one)]
    return faults or _disagreements([one["properties"] for one in features], [one["id"] for one in features])


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no JSON number")


def _faults(feature: object) -> Iterator[str]:
    if not isinstance(feature, dict) or feature.get("type") != "Feature" or "geometry" not in feature:
        yield "it is no Feature with a geometry"
        return
    properties = feature.get("properties")
    if not isinstance(feature.get("id"), str) or not isinstance(properties, dict):
        yield "it has no id or no properties"
    elif properties.get("kind") not in {"field", "picture"} or not isinstance(properties.get("field"), str):
        yield "its properties name no kind or no field"
    if feature["geometry"] is not None:
        yield from _geometry_faults(feature["geometry"])


def _geometry_faults(geometry: object) -> Iterator[str]:
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    coordinates = geometry.get("coordinates") if isinstance(geometry, dict) else None
    if kind not in {"Point", "LineString", "Polygon"} or not isinstance(coordinates, list) or not coordinates:
        yield "its geometry is no point, line or polygon"
        return
    ring = [coordinates] if kind == "Point" else coordinates[0] if kind == "Polygon" else coordinates
    if not isinstance(ring, list) or not all(_on_the_globe(position) for position in ring):
        yield "a position is no longitude and latitude"
    elif kind == "LineString" and len(ring) < 2:  # noqa: PLR2004 - a line has two ends
        yield "a line needs two positions"
    elif kind == "Polygon" and (len(ring) < 4 or ring[0] != ring[-1]):  # noqa: PLR2004 - a closed triangle has four
        yield "its ring is not closed"
    elif kind == "Polygon" and _area(ring) <= 0:
        yield "its ring is not counterclockwise"


def _on_the_globe(position: object) -> bool:
    if not isinstance(position, list) or len(position) not in {2, 3}:
        return False
    numbers = [p for p in position if isinstance(p, int | float) and not isinstance(p, bool) and math.isfinite(p)]
    return len(numbers) == len(position) and abs(numbers[0]) <= 180 and abs(numbers[1]) <= 90  # noqa: PLR2004


def _area(ring: Sequence[Sequence[float]]) -> float:
    """Twice the signed area (shoelace), taken from the first corner so that small fields keep their digits."""
    x, y = ring[0][0], ring[0][1]
    corners = [(place[0] - x, place[1] - y) for place in ring]
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(corners))


def _disagreements(properties: Sequence[Mapping[str, Any]], ids: Sequence[str]) -> list[str]:
    faults = [f"the id {name} comes {count} times" for name, count in Counter(ids).items() if count > 1]
    drawn = Counter(one["field"] for one in properties if one["kind"] == "picture")
    counted = {one["field"]: one.get("diseased") for one in properties if one["kind"] == "field"}
    faults += [f"pictures of field {name}, which has no feature" for name in sorted(set(drawn) - set(counted))]
    faults += [
        f"field {name} counts {number} diseased pictures, {drawn[name]} are drawn"
        for name, number in sorted(counted.items())
        if number != drawn[name]
    ]
    return faults
