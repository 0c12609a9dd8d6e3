"""One pass over a site's results, keeping what a report shows: counts, extents, and the few pictures to look at."""

from __future__ import annotations

from dataclasses import dataclass, field

from fovea.plugin import Place, Result, SiteView
from fovea_crop.judging import Extent, Said, Tally, Top, clean, day_of, latest_visit, said
from fovea_crop.settings import CropPolicy

TELLING = 2
"""Pictures kept of each disease of each field."""
UNCERTAIN = 12
"""Uncertain pictures kept of the whole site."""
CELLS = 500
"""Most points on the map; above, places are pooled more coarsely."""


@dataclass(slots=True)
class FieldSeen:
    """What was seen of one field."""

    tally: Tally = field(default_factory=Tally)
    extent: Extent = field(default_factory=Extent)
    visits: dict[str, tuple[Tally, Extent]] = field(default_factory=dict)
    telling: dict[str, Top[tuple[Result, Said]]] = field(default_factory=dict)

    def latest(self, policy: CropPolicy) -> Tally:
        """The latest visit with enough sure pictures, else all pictures."""
        day = latest_visit({day: tally for day, (tally, _) in self.visits.items()}, policy)
        return self.visits[day][0] if day else self.tally


@dataclass(slots=True)
class Cells:
    """Pictures pooled by place: 10^-digits degrees a cell, one digit fewer whenever there are too many cells."""

    digits: int = 5
    tallies: dict[tuple[float, float], Tally] = field(default_factory=dict)

    def add(self, place: Place, one: Said) -> None:
        """Count one picture in its cell."""
        self._at((place.latitude, place.longitude)).add(one)
        while len(self.tallies) > CELLS and self.digits > 0:
            self._coarser()

    def _at(self, place: tuple[float, float]) -> Tally:
        return self.tallies.setdefault((round(place[0], self.digits), round(place[1], self.digits)), Tally())

    def _coarser(self) -> None:
        finer, self.tallies, self.digits = self.tallies, {}, self.digits - 1
        for place, tally in finer.items():
            cell = self._at(place)
            cell.standings += tally.standings
            cell.labels += tally.labels
            cell.confidence += tally.confidence


@dataclass(slots=True)
class Survey:
    """What was seen of a site."""

    whole: FieldSeen = field(default_factory=FieldSeen)
    fields: dict[str, FieldSeen] = field(default_factory=dict)
    cells: Cells = field(default_factory=Cells)
    uncertain: Top[tuple[Result, Said]] = field(default_factory=lambda: Top(UNCERTAIN))

    def worst_first(self, policy: CropPolicy) -> list[tuple[str, FieldSeen]]:
        """Fields by the share of diseased pictures at their latest visit, largest first, ties by name."""
        return sorted(self.fields.items(), key=lambda pair: (-(pair[1].latest(policy).share or 0.0), pair[0]))


def survey(site: SiteView, policy: CropPolicy) -> Survey:
    """Take in every result of a site once. What is kept grows with fields, visits and labels, not with pictures."""
    seen = Survey()
    for result in site.results():
        one = said(result, policy)
        of_field = seen.fields.setdefault(result.sample.of_unit, FieldSeen())
        for part in (seen.whole, of_field):
            _add(part, result, one)
        name = f"{clean(result.sample.source)}#{result.sample.part}"
        if one.standing == "diseased":
            of_field.telling.setdefault(one.label, Top(TELLING)).add(one.probability, name, (result, one))
        elif one.standing in {"uncertain", "blurred"}:
            seen.uncertain.add(-one.probability, name, (result, one))
        if result.sample.place is not None:
            seen.cells.add(result.sample.place, one)
    return seen


def _add(part: FieldSeen, result: Result, one: Said) -> None:
    part.tally.add(one)
    part.extent.add(result.sample)
    if day := day_of(result.sample):
        tally, extent = part.visits.setdefault(day, (Tally(), Extent()))
        tally.add(one)
        extent.add(result.sample)
