"""Pictures worth a look on a page: those answered worst, or the maps of an ``anomaly`` model drawn over theirs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

from fovea.plugin import Domain, Gallery, Image, Picture, Preprocess, Region, ViewSettings
from fovea.serving.bundle import Bundle
from fovea.serving.network import as_input
from fovea.serving.preprocess import cut, preprocess, resize, thumbnail

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fovea.engine.judging.evaluate import Evaluation
    from fovea.engine.judging.heat import Hot
    from fovea.engine.judging.worst import Worst

_SIDE, _FINE, _NARROWEST = 420, 448, 32
_FROM, _TO = 0.5, 2.0
"""Colours begin at, and are brightest from, so many times the distance from which a picture is called an anomaly."""
_MARK = (64, 224, 255)
_NOTE = (
    "A picture is called an anomaly from a distance of {threshold:.3g} on. Coloured: how far each place is from "
    "normal, from half of that on, brightest from twice that on. "
)


_WORST = MappingProxyType(
    {
        "classify": "Wrong, those first whose label it held least likely: look whether the label is right before you "
        "blame it.",
        "multilabel": "Wrong in a label, those first whose labels it held least likely: look whether they are right "
        "before you blame it.",
        "regress": "The farthest off first: look whether the value is right before you blame it.",
        "segment": "Farthest from its mask first: look whether the mask is right before you blame it.",
    }
)

Name: TypeAlias = tuple[str, str, str]
"""Source, part and region."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """Galleries for a page, and the JPEGs of their pictures."""

    galleries: tuple[Gallery, ...] = ()
    shown: Mapping[Picture, bytes]


def draw(domain: Domain, root: Path, view: ViewSettings, bundle: Bundle, found: Evaluation) -> Drawn:
    """Open the pictures that are worth a look once more; one that is gone is left out.

    Args:
        domain: of the bundle.
        root: folder of the pictures.
        view: as they were seen.
        bundle: that they were judged with.
        found: what it came to.

    Raises:
        PluginError: the domain failed.
    """
    if not found.worst and not (found.hot and bundle.tail):
        return Drawn(shown={})
    from fovea.engine.judging.marked import again
    from fovea.engine.pictures.survey import Wanted, read_samples

    wanted = Wanted(domain=domain, root=root, view=view, role=bundle.role, spec=bundle.preprocess)
    looked: list[Hot | Worst] = [*found.worst, *found.hot]
    wished = {_name(one): one for one in looked}
    shown: dict[Name, tuple[Picture, bytes]] = {}
    for sample, image, region in again(wanted, read_samples(wanted), {name[:2] for name in wished}):
        name = (*sample.key, region.name if region else "")
        if name in wished:
            shown[name] = _shown(bundle, wished[name], fine_view(image, bundle.preprocess, region))
    galleries = _of_worst(bundle, found.worst, shown) if found.worst else _of_hot(bundle, found.hot, shown)
    return Drawn(galleries=tuple(one for one in galleries if one.pictures), shown=dict(shown.values()))


def _shown(bundle: Bundle, one: Hot | Worst, square: NDArray[np.uint8]) -> tuple[Picture, bytes]:
    from fovea.engine.judging.worst import Worst

    if isinstance(one, Worst):
        return _answered(bundle, one), thumbnail(Image(pixels=square), _SIDE)
    threshold = bundle.tail.threshold if bundle.tail else 1.0
    return _picture(one), thumbnail(Image(pixels=_drawing(square, one, threshold)), _SIDE)


def _of_worst(bundle: Bundle, found: Sequence[Worst], shown: Mapping[Name, tuple[Picture, bytes]]) -> Iterator[Gallery]:
    pictures = [shown[_name(one)][0] for one in found if _name(one) in shown]
    yield Gallery(title="Answered worst", pictures=tuple(pictures), note=_WORST[bundle.kind])


def _of_hot(bundle: Bundle, found: Sequence[Hot], shown: Mapping[Name, tuple[Picture, bytes]]) -> Iterator[Gallery]:
    from fovea.engine.judging.heat import SHOWN

    by_distance = sorted((one for one in found if _name(one) in shown), key=lambda one: -one.distance)
    note = _NOTE.format(threshold=bundle.tail.threshold if bundle.tail else 0)
    note += "Outlined: what people marked. " if any(one.marked is not None for one in found) else ""
    missed = [one for one in reversed(by_distance) if one.missed]
    for title, some, order in (
        ("The strangest pictures", by_distance, "The strangest first."),
        ("Anomalies it missed", missed, "The least strange first."),
    ):
        yield Gallery(title=title, pictures=tuple(shown[_name(one)][0] for one in some[:SHOWN]), note=note + order)


def _name(one: Hot | Worst) -> Name:
    return one.source, one.part, one.region


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


def _answered(bundle: Bundle, one: Worst) -> Picture:
    words = f"{one.said}, {one.truth} worst" if bundle.kind == "segment" else f"is {one.truth}, said {one.said}"
    return Picture(source=one.source, part=_part(one), caption=words)


def _part(one: Hot | Worst) -> str:
    return " ".join(part for part in (one.part, one.region) if part)


def _picture(one: Hot) -> Picture:
    from fovea.engine.pictures.targets import NORMAL

    is_normal = one.label == NORMAL
    told = (
        "false alarm" if is_normal and one.called else "missed" if one.missed else "found" if one.called else "normal"
    )
    return Picture(
        source=one.source,
        part=_part(one),
        caption=f"{one.label}, distance {one.distance:.3g}",
        badge=told,
        level="normal" if is_normal != one.called else "warning",
    )
