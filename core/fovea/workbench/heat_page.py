"""The maps of an ``anomaly`` model drawn over their pictures: the strangest, and the anomalies it missed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from fovea.plugin import Domain, Gallery, Image, Picture, Preprocess, Region, ViewSettings
from fovea.serving.bundle import Bundle
from fovea.serving.network import as_input
from fovea.serving.preprocess import cut, preprocess, resize, thumbnail

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fovea.engine.judging.heat import Hot

_SIDE, _FINE, _NARROWEST = 420, 448, 32
_FROM, _TO = 0.5, 2.0
"""Colours begin at, and are brightest from, so many times the distance from which a picture is called an anomaly."""
_MARK = (64, 224, 255)
_NOTE = (
    "A picture is called an anomaly from a distance of {threshold:.3g} on. Coloured: how far each place is from "
    "normal, from half of that on, brightest from twice that on. "
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """Galleries for a page, and the JPEGs of their pictures."""

    galleries: tuple[Gallery, ...] = ()
    shown: Mapping[Picture, bytes]


def draw_hot(domain: Domain, root: Path, view: ViewSettings, bundle: Bundle, hot: Sequence[Hot]) -> Drawn:
    """Open the pictures once more and draw their maps over them; one that is gone is left out.

    Args:
        domain: of the bundle.
        root: folder of the pictures.
        view: as they were seen.
        bundle: that they were judged with.
        hot: its maps.

    Raises:
        PluginError: the domain failed.
    """
    if not hot or bundle.tail is None:
        return Drawn(shown={})
    from fovea.engine.judging.heat import SHOWN
    from fovea.engine.judging.marked import again
    from fovea.engine.pictures.survey import Wanted, read_samples

    wanted = Wanted(domain=domain, root=root, view=view, role=bundle.role, spec=bundle.preprocess)
    found = {(one.source, one.part, one.region): one for one in hot}
    pictures: dict[tuple[str, str, str], tuple[Picture, bytes]] = {}
    for sample, image, region in again(wanted, read_samples(wanted), {(one.source, one.part) for one in hot}):
        name = (*sample.key, region.name if region else "")
        if name in found:
            drawing = _drawing(fine_view(image, bundle.preprocess, region), found[name], bundle.tail.threshold)
            pictures[name] = (_picture(found[name]), thumbnail(Image(pixels=drawing), _SIDE))
    by_distance = sorted((name for name in found if name in pictures), key=lambda name: -found[name].distance)
    missed = [name for name in reversed(by_distance) if found[name].missed]
    note = _NOTE.format(threshold=bundle.tail.threshold)
    note += "Outlined: what people marked. " if any(one.marked is not None for one in hot) else ""
    sorts = [("The strangest pictures", by_distance, "The strangest first.")]
    sorts += [("Anomalies it missed", missed, "The least strange first.")] if missed else []
    return Drawn(
        galleries=tuple(
            Gallery(title=title, pictures=tuple(pictures[one][0] for one in names[:SHOWN]), note=note + order)
            for title, names, order in sorts
        ),
        shown=dict(pictures.values()),
    )


def fine_view(image: Image, spec: Preprocess, region: Region | None) -> NDArray[np.uint8]:
    """What the network sees, as finely as it is drawn, and in its own proportions where it is squashed."""
    fine = as_input(preprocess(image, replace(spec, size=max(_FINE, spec.size)), region))
    if spec.fit != "squash":
        return fine
    height, width = (cut(image.pixels, region) if region else image.pixels).shape[:2]
    factor = fine.shape[0] / max(height, width)
    return as_input(resize(fine, (max(round(width * factor), _NARROWEST), max(round(height * factor), _NARROWEST))))


def _drawing(square: NDArray[np.uint8], one: Hot, threshold: float) -> NDArray[np.uint8]:
    import cv2
    import numpy as np

    from fovea.engine.judging.marked import STRANGE
    from fovea.engine.judging.overlay import fitted, overlay

    picture = fitted(square if square.ndim == 3 else np.repeat(square[..., None], 3, axis=2), _SIDE)  # noqa: PLR2004
    heat = np.asarray((one.heat / max(threshold, 1e-12) - _FROM) / (_TO - _FROM), np.float32)
    hot = np.ascontiguousarray(overlay(picture, heat))
    if one.marked is not None:
        where = cv2.resize((one.marked == STRANGE).astype(np.uint8), hot.shape[1::-1], interpolation=cv2.INTER_NEAREST)
        lines, _ = cv2.findContours(where, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(hot, lines, -1, _MARK, 1, cv2.LINE_AA)
    return hot


def _picture(one: Hot) -> Picture:
    from fovea.engine.pictures.targets import NORMAL

    is_normal = one.label == NORMAL
    told = (
        "false alarm" if is_normal and one.called else "missed" if one.missed else "found" if one.called else "normal"
    )
    return Picture(
        source=one.source,
        part=" ".join(part for part in (one.part, one.region) if part),
        caption=f"{one.label}, distance {one.distance:.3g}",
        badge=told,
        level="normal" if is_normal != one.called else "warning",
    )
