"""What people marked in the pictures that an ``anomaly`` bundle is judged on: the masks beside their labels.

Nothing is learned from them. The pictures are opened once more for it, since a survey keeps no masks of this kind.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fovea.engine.pictures import masks
from fovea.engine.pictures.survey import Fault, Row, Wanted, read_samples, units
from fovea.engine.pictures.targets import NORMAL
from fovea.plugin import BACKGROUND, UNTOLD, Fitted, Image, Mask, Region, Sample
from fovea.plugin.imaging import Refused
from fovea.serving.areas import believed
from fovea.serving.pictures import is_per_picture, look, regions_for

ORDINARY, STRANGE = 0, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """What was marked in n pictures.

    Args:
        places: uint8 (n, size, size): ORDINARY, STRANGE, or UNTOLD where nobody knows.
        faults: masks that could not be used, each with its reason.
    """

    places: NDArray[np.uint8]
    faults: tuple[Fault, ...] = ()

    def only(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> Marked:
        """Of some of the pictures."""
        return Marked(places=self.places[rows], faults=self.faults)


def marked_of(wanted: Wanted, rows: Sequence[Row]) -> Marked | None:
    """The masks of some pictures; None where the role names none, or none of them has any.

    A normal picture without a mask is ordinary all over; of any other picture without one nobody knows.

    Raises:
        PluginError: the domain failed.
    """
    name = wanted.domain.info.tasks[wanted.role].mask
    keys = {(row.source, row.part) for row in rows}
    samples = read_samples(wanted) if name else []
    if not any(isinstance(one.targets.get(name), Mask) for one in samples if one.key in keys):
        return None
    where = {row.name: place for place, row in enumerate(rows)}
    places = np.full((len(rows), wanted.spec.size, wanted.spec.size), UNTOLD, np.uint8)
    faults: list[Fault] = []
    for sample, image, region in again(wanted, samples, keys):
        place = where.get((*sample.key, region.name if region else ""))
        if place is None:
            continue
        try:
            places[place] = _laid(wanted, sample, image, region, rows[place])
        except Refused as refused:
            faults.append(Fault(source=sample.source, part=sample.part, code=masks.CODE, reason=refused.reason))
    return Marked(places=places, faults=tuple(faults))


def again(
    wanted: Wanted, samples: Sequence[Sample], keys: Collection[tuple[str, str]]
) -> Iterator[tuple[Sample, Image, Region | None]]:
    """Look once more at some of a folder's pictures: each with each region that the role looks at.

    Args:
        wanted: which folder, seen how.
        samples: all of them.
        keys: those wanted, as ``Sample.key``.

    Raises:
        PluginError: the domain failed.
    """
    task, alone = wanted.domain.info.tasks[wanted.role], is_per_picture(wanted.domain)
    for unit in units(wanted, [one for one in samples if not alone or one.key in keys]):
        if not any(one.key in keys for one in unit):
            continue
        seeing = look(
            domain=wanted.domain,
            root=wanted.root,
            samples=unit,
            view=wanted.view,
            fitted=Fitted(),
            side=wanted.spec.side,
        )
        for seen in seeing:
            if seen.image is not None and seen.sample.key in keys:
                for region in regions_for(task, seen.measures):
                    yield seen.sample, seen.image, region


def _laid(wanted: Wanted, sample: Sample, image: Image, region: Region | None, row: Row) -> NDArray[np.uint8]:
    """The square of one picture's marks. Raises Refused where its mask cannot be used."""
    mask = sample.targets.get(wanted.domain.info.tasks[wanted.role].mask)
    if not isinstance(mask, Mask):
        seen = believed(image, wanted.spec, region) & (row.target == NORMAL)
        return np.where(seen, np.uint8(ORDINARY), np.uint8(UNTOLD))
    names = masks.ordered(mask.classes.values())
    laid = masks.lay(masks.read_mask(wanted.root, mask, names, wanted.view), image, wanted.spec, region)
    kinds = np.full(UNTOLD + 1, UNTOLD, np.uint8)
    kinds[: len(names)] = [ORDINARY if one == BACKGROUND else STRANGE for one in names]
    return np.asarray(kinds[laid.places], np.uint8)
