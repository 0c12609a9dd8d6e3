"""Why a model answers as it does: maps of single pictures, each drawn on a sheet, and all on one page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from fovea.errors import FoveaError, UsageError
from fovea.plugin import Domain, Fitted, Image, Region, Sample
from fovea.progress import Progress
from fovea.registry import Registry
from fovea.serving.bundle import Bundle
from fovea.serving.fusion import Attributes
from fovea.serving.network import as_input
from fovea.serving.pictures import Broken, Seen, Viewing, regions_for
from fovea.serving.preprocess import preprocess
from fovea.workbench.models import below
from fovea.workbench.pictures_page import fine_view
from fovea.workbench.sites import view_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fovea.engine.explain import Explanation, Model

    Square: TypeAlias = NDArray[np.uint8]

_AT_ONCE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """One map of one picture, or why there is none.

    Args:
        path: of the picture.
        part: of the picture, where it has several.
        region: of the picture, where the model looks at several.
        label: what is explained; the value's name for a task of kind ``regress``; empty where nothing is.
        said: what the model says of it: a probability, or the value.
        shown: whether the map is better than what needs no trained network.
        score: how faithful it is: near 0.14 for places at random, about 1 for the right ones.
        rival: the best of those it must beat.
        rival_score: of that one.
        method: how the map was made.
        reason: why it is shown or hidden, or why there is none.
        sheet: the drawing (PNG), None where there is none.
        fault: True where the picture could not be looked at.
    """

    path: str
    part: str = ""
    region: str = ""
    label: str = ""
    said: float = 0.0
    shown: bool = False
    score: float = 0.0
    rival: str = ""
    rival_score: float = 0.0
    method: str = ""
    reason: str = ""
    sheet: Path | None = None
    fault: bool = False

    @property
    def name(self) -> str:
        """The picture's name, with its part and region where it has any."""
        return self.path + "".join(f" [{one}]" for one in (self.part, self.region) if one)


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """What an explaining came to.

    Args:
        page: the maps on one HTML page.
        maps: in the order of the pictures.
        caution: a sentence where most maps are hidden, empty otherwise.
        kind: of the model's task.
    """

    page: Path
    maps: tuple[Why, ...]
    caution: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What the network sees of a picture, and the same as finely as it is drawn; None where it cannot be looked at.

    ``beside`` is what is known beside the picture; ``pictures`` is 1 where it is the last of its picture, 0 otherwise.
    """

    known: Why
    square: Square | None = None
    fine: Square | None = None
    pictures: int = 1
    beside: Attributes = field(default_factory=dict)


def explain(
    registry: Registry,
    bundle: Bundle,
    paths: Sequence[Path],
    *,
    out: Path,
    labels: Sequence[str] = (),
    method: str = "auto",
    progress: Progress,
) -> Explained:
    """Explain a model's answers for these files, and for every picture in these folders.

    Args:
        registry: for the model's domain.
        bundle: the model.
        paths: files and folders.
        out: folder that the sheets and the page are written to; made where absent.
        labels: to explain in every picture; empty: what the model says of it.
        method: one of :data:`fovea.engine.explain.METHODS`.
        progress: told picture by picture.

    Raises:
        UsageError: the model's answers are maps already, ``out`` is a file, or there is no such label or method.
        DataError: there is no such file, or no picture in a folder.
        PluginError: the domain failed to read a folder.
        FoveaError: ``out`` cannot be written to.
    """
    from fovea.engine.explain import model_of  # torch is loaded here, and nowhere above
    from fovea.workbench.explaining_page import Sheets

    domain, model = registry.domain(bundle.domain), model_of(bundle, method)
    try:
        out.mkdir(parents=True, exist_ok=True)
        sheets = Sheets(out, bundle)
        for some in _by_eights(_look_at(domain, bundle, paths, progress)):
            for looked, found in _explained(model, some, labels):
                sheets.add(looked, found)
                progress.advance(looked.pictures)
        progress.finish()
        return sheets.finish()
    except FileExistsError:
        raise UsageError(f"{out} is a file: name a folder for the maps") from None
    except OSError as error:
        raise FoveaError(f"the maps could not be written to {out}: {error.strerror or error}") from None


def _explained(
    model: Model, some: Sequence[Looked], labels: Sequence[str]
) -> Iterator[tuple[Looked, list[Explanation]]]:
    import numpy as np

    from fovea.engine.explain import explain_with

    squares = [looked.square for looked in some if looked.square is not None]
    beside = [looked.beside for looked in some if looked.square is not None]
    wanted = [labels] * len(squares) if labels else None
    found = explain_with(model, np.stack(squares), wanted, beside=beside) if squares else ()
    place = 0
    for looked in some:
        yield looked, [one for one in found if looked.square is not None and one.picture == place]
        place += looked.square is not None


def _look_at(domain: Domain, bundle: Bundle, paths: Sequence[Path], progress: Progress) -> Iterator[Looked]:
    """Everything the model looks at, in order; memory holds a few pictures."""
    view = view_of(domain, bundle.view)
    found = list(below(domain, paths, view))
    progress.start("explain", sum(len(samples) for _, samples in found))
    for root, samples in found:
        for _, of_unit in groupby(samples, key=lambda sample: sample.of_unit):
            viewing = Viewing(domain=domain, root=root, view=view, fitted=Fitted(), side=bundle.preprocess.side)
            for seen in viewing.see(list(of_unit)):
                yield from _seen(root, seen, domain, bundle)
            viewing.close()


def _seen(root: Path, seen: Seen | Broken, domain: Domain, bundle: Bundle) -> Iterator[Looked]:
    known = _named(root, seen.sample)
    if isinstance(seen, Broken):
        yield Looked(known=replace(known, reason=str(seen.error), fault=True))
    elif seen.image is None:
        yield Looked(known=replace(known, reason=seen.fault.reason if seen.fault else "it cannot be read", fault=True))
    else:
        regions = regions_for(domain.info.tasks[bundle.role], seen.measures)
        for region in regions:
            looked = _looked(known, seen.image, bundle, region)
            yield replace(looked, pictures=int(region is regions[-1]), beside=seen.sample.attributes)
        if not regions:
            yield Looked(known=replace(known, reason="the domain finds nothing in it that the model looks at"))


def _named(root: Path, sample: Sample) -> Why:
    return Why(path=str(root / sample.source), part=sample.part)


def _looked(known: Why, image: Image, bundle: Bundle, region: Region | None) -> Looked:
    """Both views through the one preprocessing, so that a map lies on the drawing as on the square."""
    spec, fine = bundle.preprocess, fine_view(image, bundle.preprocess, region)
    named = replace(known, region=region.name if region else "")
    return Looked(known=named, square=as_input(preprocess(image, spec, region)), fine=fine)


def _by_eights(items: Iterator[Looked]) -> Iterator[list[Looked]]:
    waiting: list[Looked] = []
    for item in items:
        waiting.append(item)
        if len(waiting) == _AT_ONCE:
            yield waiting
            waiting = []
    if waiting:
        yield waiting
