"""A stranger's plugin: a field is judged by tiles of its orthophoto, photos of its plants, its soil and the weather.

A site's folder holds a folder a field, with orthophotos (``.tif``, cut into square tiles) and photos named after the
stage of growth (``north/flowering-01.jpg``). ``soil.csv`` (field, date, nitrate) and ``weather.csv`` (an hour a row,
for every field) lie beside them.

The rule is a toy: rust needs a susceptible stage, rust on some leaves already, and a spell of wet, mild hours. Rich
soil shortens that spell by an hour, an open stand, which dries sooner, prolongs it by one.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import fmean
from zoneinfo import ZoneInfo

from fovea.plugin import (
    PICTURES,
    Chart,
    Column,
    Decision,
    Domain,
    DomainInfo,
    Entry,
    Evidence,
    Exporter,
    Figure,
    Figures,
    Fitted,
    Image,
    Measures,
    PathPattern,
    Place,
    PlaceMap,
    Point,
    PolicySettings,
    Prediction,
    Preprocess,
    Record,
    Region,
    Report,
    Result,
    Sample,
    Series,
    SiteView,
    Span,
    Table,
    TaskSpec,
    Timeline,
    Unreadable,
    ViewSettings,
    ZoneName,
    find_files,
    hookimpl,
    load_pictures,
    per_picture,
    read_exif,
)

HOUR = timedelta(hours=1)
FULL = Preprocess(size=8, fit="squash", decode="full")


class View(ViewSettings):
    """What changes pixels, measures or predictions."""

    zone: ZoneName = "UTC"
    tile_px: int = 32
    leaf_saturation: int = 80
    smallest_leaf: float = 0.01


class Policy(PolicySettings):
    """What changes decisions only."""

    susceptible: str = "flowering"
    rust_share: float = 0.2
    wet_hours: int = 6
    mild_from: float = 15.0
    mild_to: float = 25.0
    rich_nitrate: float = 60.0
    bare_share: float = 0.3


# What lies in the folder


def read_samples(root: Path, view: View) -> Iterator[Sample | Record]:
    """A field is a unit; the tiles of an orthophoto are parts of one source, in rows from the top."""
    for path in find_files(root, PICTURES):
        taken = read_exif(root / path, zone=ZoneInfo(view.zone))
        named = PathPattern("{field}/{stage}-{number}").read(path) or {}
        unit = path.rpartition("/")[0].partition("/")[0]
        one = Sample(source=path, unit=unit, group=unit, time=taken.time, place=taken.place)
        if path.endswith(".tif") and taken.width:
            tiles = tiles_of(taken.width, taken.height, view.tile_px)
            yield from (replace(one, part=part, order=float(number)) for number, part in enumerate(tiles))
        else:
            yield replace(one, targets={"stage": named["stage"]} if "stage" in named else {})
    for row in rows_of(root / "soil.csv"):
        day = datetime.fromisoformat(row["date"]).replace(tzinfo=ZoneInfo(view.zone))
        yield Record(kind="soil", unit=row["field"], time=day, values={"nitrate": float(row["nitrate"])})
    for row in rows_of(root / "weather.csv"):
        values = {"wetness": float(row["wetness"]), "temperature": float(row["temperature"])}
        yield Record(kind="weather", time=datetime.fromisoformat(row["hour"]), values=values)


def rows_of(path: Path) -> Iterator[dict[str, str]]:
    """The rows of a table by column, none where there is no such table."""
    if path.exists():
        with path.open(newline="", encoding="utf-8") as table:
            yield from csv.DictReader(table)


def tiles_of(width: int, height: int, side: int) -> dict[str, tuple[slice, slice]]:
    """Where the tiles of a page lie, by part: ``r0c3`` is the fourth of the first row."""
    return {
        f"r{top // side}c{left // side}": (slice(top, top + side), slice(left, left + side))
        for top in range(0, height, side)
        for left in range(0, width, side)
    }


# Pixels


def load_images(root: Path, samples: Sequence[Sample], view: View, side: int | None) -> Iterator[Image | Unreadable]:
    """Photos as ever; an orthophoto is decoded once, and cut."""
    if not samples[0].part:
        yield from load_pictures(root=root, samples=samples, view=view, side=side)
        return
    (page,) = load_pictures(root=root, samples=[replace(samples[0], part="")], view=view, side=None)
    if isinstance(page, Unreadable):
        yield from (page for _ in samples)
        return
    tiles = tiles_of(page.pixels.shape[1], page.pixels.shape[0], view.tile_px)
    yield from (replace(page, pixels=page.pixels[tiles[sample.part]]) for sample in samples)


def look(image: Image, sample: Sample, view: View, fitted: Fitted) -> Measures:
    """Name what each role looks at: a tile, or the photo and the leaves in it."""
    import cv2
    import numpy as np

    saturation = cv2.cvtColor(np.ascontiguousarray(image.pixels), cv2.COLOR_RGB2HSV)[:, :, 1]
    colourful = (saturation > view.leaf_saturation).astype(np.uint8)
    share = float(colourful.mean())
    if sample.part:
        tile = Region(name="tile", left=0, top=0, right=1, bottom=1)
        return Measures(values={"plant_share": share}, regions=(tile,))
    count, _, boxes, _ = cv2.connectedComponentsWithStats(colourful)
    height, width = colourful.shape
    leaves = [box for box in boxes[1:count].tolist() if box[4] >= view.smallest_leaf * width * height]
    regions = [
        Region(name=f"leaf-{n}", left=x / width, top=y / height, right=(x + w) / width, bottom=(y + h) / height)
        for n, (x, y, w, h, _) in enumerate(leaves, start=1)
    ]
    photo = Region(name="photo", left=0, top=0, right=1, bottom=1)
    return Measures(values={"plant_share": share, "leaves": float(len(leaves))}, regions=(photo, *regions))


# Decisions


@dataclass(slots=True)
class Field:
    """What is known of a field so far."""

    name: str = ""
    tiles: list[Result] = field(default_factory=list)
    photos: list[Result] = field(default_factory=list)
    nitrate: float = 0.0
    spells: list[tuple[datetime, datetime]] = field(default_factory=list)

    def said(self, role: str) -> list[tuple[Sample, Prediction]]:
        """All that the model of a role said, with the sample it said it of."""
        seen = (*self.tiles, *self.photos)
        return [(result.sample, said) for result in seen for said in result.predictions.get(role, ())]

    def share(self, role: str, label: str) -> float:
        """The share of a role's answers that are ``label``, 0 where there are none."""
        said = [prediction.label for _, prediction in self.said(role)]
        return said.count(label) / len(said) if said else 0.0

    @property
    def place(self) -> Place | None:
        """The middle of its photos."""
        places = [result.sample.place for result in self.photos if result.sample.place]
        if not places:
            return None
        return Place(latitude=fmean(p.latitude for p in places), longitude=fmean(p.longitude for p in places))


def decide(entries: Iterable[Entry], policy: Policy, fitted: Fitted) -> Iterator[Decision]:
    """How the stand is, and whether it must be treated."""
    known = Field()
    for entry in entries:
        take(known, entry, policy)
    if known.said("cover"):
        yield stand(known, policy)
    if known.photos:
        yield infection(known, policy)


def take(known: Field, entry: Entry, policy: Policy) -> None:
    """Add one entry to what is known; entries come in order of time, so a spell grows hour by hour."""
    if isinstance(entry, Result):
        known.name = entry.sample.unit
        (known.tiles if entry.sample.part else known.photos).append(entry)
    elif isinstance(entry, Record) and entry.kind == "soil":
        known.nitrate = float(entry.values["nitrate"])
    elif isinstance(entry, Record) and is_wet(entry, policy):
        goes_on = bool(known.spells) and known.spells[-1][1] == entry.time
        start = known.spells.pop()[0] if goes_on else entry.time
        known.spells.append((start, entry.time + HOUR))


def is_wet(hour: Record, policy: Policy) -> bool:
    """An hour in which rust can enter a leaf."""
    mild = policy.mild_from <= float(hour.values["temperature"]) <= policy.mild_to
    return mild and float(hour.values["wetness"]) >= 0.5


def stand(known: Field, policy: Policy) -> Decision:
    """Whether the plants cover the field, by the tiles of its orthophoto."""
    bare = [(sample, said) for sample, said in known.said("cover") if said.label == "bare"]
    share = known.share("cover", "bare")
    return Decision(
        key="stand",
        subject=f"stand of field {known.name}",
        label="open" if share > policy.bare_share else "closed",
        level="notice" if share > policy.bare_share else "normal",
        reason=f"{len(bare)} of {len(known.said('cover'))} tiles are bare",
        evidence=tuple(Evidence(source=sample.source, part=sample.part, region="tile") for sample, _ in bare[:3]),
        figures={"bare_share": share},
    )


def infection(known: Field, policy: Policy) -> Decision:
    """Whether rust will spread; only what the answer rests on is told, so that nothing else can change it."""
    stages = Counter(said.label for _, said in known.said("stage"))
    stage = stages.most_common(1)[0][0] if stages else "unknown"
    rust = known.share("disease", "rust")
    told = Decision(key="infection", subject=f"field {known.name}", label="none", place=known.place)
    told = replace(told, figures={"rust_share": rust})
    if stage != policy.susceptible:
        return replace(told, reason=f"it is {stage}, and only {policy.susceptible} plants catch rust")
    if rust < policy.rust_share:
        return replace(told, reason=f"rust on {rust:.0%} of the leaves is too little to spread")
    return at_risk(known, policy, told)


def at_risk(known: Field, policy: Policy, told: Decision) -> Decision:
    """The answer where all but the weather is given."""
    start, end = max(known.spells, key=lambda spell: spell[1] - spell[0], default=(None, None))
    hours = (end - start) / HOUR if start and end else 0.0
    needed = policy.wet_hours - (known.nitrate > policy.rich_nitrate)
    needed += known.share("cover", "bare") > policy.bare_share
    treat = hours >= needed
    sick = [(sample, said) for sample, said in known.said("disease") if said.label == "rust"]
    sick.sort(key=lambda pair: -pair[1].probability)
    return replace(
        told,
        label="treat" if treat else "watch",
        level="warning" if treat else "notice",
        start=start,
        end=end,
        reason=f"leaves were wet for {hours:.0f} hours on end, and {needed} are enough",
        evidence=tuple(Evidence(source=sample.source, region=said.region) for sample, said in sick[:3]),
        figures={**told.figures, "wet_hours": hours, "needed_hours": float(needed)},
    )


# Reporting


def report(site: SiteView, policy: Policy) -> Report:
    """What to do where, then what it rests on."""
    leaves: Counter[tuple[str, str]] = Counter()
    pictures = 0
    for result in site.results():
        pictures += 1
        leaves.update((result.sample.unit, said.label) for said in result.predictions.get("disease", ()))
    hours = [record for record in site.records() if record.kind == "weather"]
    decided = [(unit, one) for unit, made in sorted(site.decisions.items()) for one in made]
    figures = (
        Figure(name="pictures", value=pictures),
        Figure(name="leaves", value=leaves.total()),
        Figure(name="leaves with rust", value=sum(n for (_, label), n in leaves.items() if label == "rust")),
        Figure(name="hours of weather", value=len(hours)),
        Figure(name="to treat", value=sum(one.label == "treat" for _, one in decided)),
        Figure(name="not read", value=len(site.quarantined)),
    )
    blocks = (Figures(figures=figures), table(decided), chart(leaves), wet_hours(hours, policy))
    return Report(title=site.title, blocks=(*blocks, fields_map(decided)))


def table(decided: Sequence[tuple[str, Decision]]) -> Table:
    """Every decision."""
    return Table(
        title="Decisions",
        columns=(Column(name="field"), Column(name="about"), Column(name="says"), Column(name="because")),
        rows=tuple((unit, one.key, one.label, one.reason) for unit, one in decided),
        levels=tuple(one.level for _, one in decided),
    )


def chart(leaves: Counter[tuple[str, str]]) -> Chart:
    """Leaves by field and label."""
    fields, labels = sorted({unit for unit, _ in leaves}), sorted({label for _, label in leaves})
    series = tuple(Series(name=name, values=tuple(float(leaves[unit, name]) for unit in fields)) for name in labels)
    return Chart(title="Leaves", kind="stacked", categories=tuple(fields), series=series)


def wet_hours(hours: Sequence[Record], policy: Policy) -> Timeline:
    """When leaves were wet and the air mild."""
    known = Field()
    for hour in hours:
        take(known, hour, policy)
    spans = tuple(Span(lane="wet", start=start, end=end, name="wet leaves") for start, end in known.spells)
    return Timeline(title="Wet hours", spans=spans)


def fields_map(decided: Sequence[tuple[str, Decision]]) -> PlaceMap:
    """Where the fields lie."""
    placed = [(unit, one.level, one.place) for unit, one in decided if one.place]
    points = (Point(latitude=at.latitude, longitude=at.longitude, name=unit, level=how) for unit, how, at in placed)
    return PlaceMap(title="Fields", points=tuple(points))


# A format of the domain


def write_geojson(site: SiteView, target: Path, policy: Policy) -> None:
    """One point a field, with what to do there (RFC 7946: longitude first)."""
    features = [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [one.place.longitude, one.place.latitude]},
            "properties": {"field": unit, "label": one.label, "level": one.level, "reason": one.reason},
        }
        for unit, made in sorted(site.decisions.items())
        for one in made
        if one.place
    ]
    made = {"type": "FeatureCollection", "made": site.made.astimezone(UTC).isoformat(), "features": features}
    target.write_text(json.dumps(made), encoding="utf-8")


def check_geojson(path: Path) -> list[str]:
    """What a program that reads the file would stumble over."""
    try:
        features = json.loads(path.read_text(encoding="utf-8"))["features"]
        found = [(one["properties"], one["geometry"]["coordinates"]) for one in features]
    except (ValueError, KeyError, TypeError) as error:
        return [f"it is no collection of features: {type(error).__name__}"]
    lost = [f"field {told.get('field')} is not on the globe" for told, (x, y) in found if abs(x) > 180 or abs(y) > 90]
    return lost + [f"field {told.get('field')} has no label" for told, _ in found if not told.get("label")]


def domain() -> Domain:
    """The domain ``field``."""
    info = DomainInfo(
        name="field",
        title="Field",
        intended_use="Says which fields to treat against rust.",
        limits="A toy: no agronomist would go by it.",
        tasks={
            "cover": TaskSpec(kind="classify", on="tile", preprocess=FULL),
            "disease": TaskSpec(kind="classify", on="leaf", preprocess=FULL),
            "stage": TaskSpec(kind="classify", on="photo", preprocess=FULL),
        },
        view=View,
        policy=Policy,
    )
    return Domain(
        info=info,
        read_samples=read_samples,
        load_images=load_images,
        measure=per_picture(look),
        decide=decide,
        report=report,
        exports={"geojson": Exporter(title="GeoJSON", suffix=".geojson", write=write_geojson, check=check_geojson)},
    )


@hookimpl
def fovea_domains() -> Sequence[Domain]:
    """The one domain of this plugin."""
    return [domain()]
