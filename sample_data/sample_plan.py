"""Which pictures the sample set consists of: a plan drawn from the seed, before anything is painted."""

# ruff: noqa: PLR2004 - the story of each field is told in plain numbers

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone

import numpy as np
from leaves import CONDITIONS, PHONES, Request, generator
from photo_file import Stamp

SITE_FIELDS = {
    "north-slope": (46.9841, 7.3712),
    "river-strip": (46.9763, 7.3655),
    "mill-field": (46.9798, 7.3834),
    "long-acre": (46.9902, 7.3801),
}
"""Fields of the demo farm: latitude and longitude of their middle, degrees."""

SITE_DATES = {
    "north-slope": ("2024-06-03", "2024-06-24"),
    "river-strip": ("2024-06-10", "2024-06-17", "2024-06-24"),
    "mill-field": ("2024-06-12", "2024-07-01"),
    "long-acre": ("2024-06-05", "2024-06-14", "2024-06-26"),
}

SUMMER_TIME = timezone(timedelta(hours=2))
ORIENTATIONS = (1, 3, 6, 8)
METRES_PER_DEGREE = 111_320.0


@dataclass(frozen=True)
class Shot:
    """One picture to make: where it goes, what it shows, what EXIF says."""

    path: str  # relative to the output folder
    request: Request
    stamp: Stamp


def _stamp(rng: np.random.Generator, day: date, place: tuple[float, float], orientation: int) -> Stamp:
    """A stamp at a random minute of a working day, at most a few metres from the place."""
    time = datetime(day.year, day.month, day.day, 7, tzinfo=SUMMER_TIME) + timedelta(
        seconds=int(rng.integers(0, 11 * 3600))
    )
    north, east = rng.normal(0, 1.5, 2) / METRES_PER_DEGREE
    return Stamp(time, place[0] + float(north), place[1] + float(east) * 1.46, orientation)


def _turned(rng: np.random.Generator) -> int:
    """An EXIF orientation: mostly upright, now and then a phone held sideways."""
    return int(rng.choice(ORIENTATIONS, p=[0.88, 0.03, 0.06, 0.03]))


def plan_train(plants: int, size: int, seed: int) -> list[Shot]:
    """Labelled pictures: `plants` plants for each condition, 2 to 4 shots each."""
    shots = []
    for group, condition in enumerate(CONDITIONS):
        for index in range(plants):
            # Numbers are dealt round-robin so that neither range nor order of ids tells the condition.
            plant = f"p{index * len(CONDITIONS) + (group + index) % len(CONDITIONS):04d}"
            rng = generator("train", seed, plant)
            place = (46.95 + rng.normal(0, 0.02), 7.42 + rng.normal(0, 0.03))
            day = date(2023, 5, 15) + timedelta(days=int(rng.integers(0, 110)))
            level = float(rng.beta(1.9, 1.15))
            for number in range(1, int(rng.choice((2, 3, 3, 3, 4))) + 1):
                severity = float(np.clip(level + rng.normal(0, 0.1), 0.02, 1.0))
                phone = int(rng.integers(len(PHONES)))
                request = Request(plant, str(number), condition, severity, phone, size, seed)
                stamp = _stamp(rng, day, place, _turned(rng))
                shots.append(Shot(f"train/{condition}/{plant}-{number}.jpg", request, stamp))
    return shots


def _situation(field: str, visit: int, where: tuple[float, float], rng: np.random.Generator) -> tuple[str, float]:
    """Condition and severity of a plant on the visit-th date; where is its place, metres from the middle.

    rng starts alike on every visit, so that a plant keeps its disease, which then gets worse.
    """
    if field == "north-slope":
        return ("healthy", 0.0) if rng.random() < 0.85 else ("leaf_spot", 0.15)
    if field == "river-strip":
        # Blight starts in the wet corner by the river and spreads from visit to visit.
        distance = float(np.hypot(where[0] + 18.0, where[1] + 12.0))
        sick = (18.0, 30.0, 48.0)[visit] - distance
        return ("late_blight", float(np.clip(0.1 + sick / 40.0, 0.08, 1.0))) if sick > 0 else ("healthy", 0.0)
    if field == "mill-field":
        level = float(np.clip(rng.normal(0.25 + 0.35 * visit, 0.15), 0.04, 0.95))
        return ("rust", level) if rng.random() < 0.75 else ("healthy", 0.0)
    condition = str(rng.choice(CONDITIONS, p=[0.4, 0.15, 0.15, 0.15, 0.15]))
    return condition, 0.0 if condition == "healthy" else float(rng.uniform(0.03, 0.18)) + 0.04 * visit


def plan_site(plants: int, size: int, seed: int) -> list[Shot]:
    """Unlabelled pictures: `plants` plants in each field, photographed again on every date."""
    shots = []
    for number, (field, middle) in enumerate(SITE_FIELDS.items()):
        for index in range(plants):
            plant = f"p{5000 + 100 * number + index:04d}"
            home = generator("site", seed, plant)
            where = (float(home.uniform(-35, 35)), float(home.uniform(-25, 25)))
            if field == "river-strip" and index % 3 == 0:  # always some plants inside the hot spot
                where = (-18.0 + float(home.normal(0, 6)), -12.0 + float(home.normal(0, 6)))
            east = where[0] / METRES_PER_DEGREE / np.cos(np.radians(middle[0]))
            place = (middle[0] + where[1] / METRES_PER_DEGREE, middle[1] + float(east))
            for visit, day in enumerate(SITE_DATES[field]):
                rng = generator("site", seed, plant, day)
                condition, severity = _situation(field, visit, where, generator("site", seed, plant, "fate"))
                wide = (index + visit) % 14 == 4  # some pictures straight from the camera, not scaled down
                phone = int(rng.integers(len(PHONES)))
                request = Request(plant, day, condition, severity, phone, size * 5 if wide else size, seed, wide)
                stamp = _stamp(rng, date.fromisoformat(day), place, _turned(rng))
                shots.append(Shot(f"site/{field}/{day}/{plant}-1.jpg", request, stamp))
    return shots
