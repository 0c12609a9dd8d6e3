"""One picture after the other, as the domain sees it: load, prepare, measure, in lock-step.

Training's survey and the batch look through the same code, so that a model is used on what it was trained on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from fovea.errors import FoveaError, PluginError
from fovea.plugin import (
    Domain,
    Fitted,
    Image,
    Measures,
    PerPicture,
    Region,
    Sample,
    TaskSpec,
    Unreadable,
    ViewSettings,
)
from fovea.registry.guard import blamed

_NONE_LEFT = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A sample after the domain has looked at it.

    Args:
        sample: what was looked at.
        image: the prepared picture; None where there is a fault.
        measures: what the domain saw; empty where there is a fault.
        fault: why the pixels cannot be had.
    """

    sample: Sample
    image: Image | None
    measures: Measures
    fault: Unreadable | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """A sample on which the plugin itself failed."""

    sample: Sample
    error: PluginError


def look(
    *,
    domain: Domain,
    root: Path,
    samples: Iterable[Sample],
    view: ViewSettings,
    fitted: Fitted,
    side: int | None,
) -> Iterator[Seen]:
    """Look at the samples of one unit, in order; memory holds one picture at a time.

    Consecutive samples of one source are loaded by one call of ``load_images``, and one ``measure`` sees the
    readable pictures of the whole sequence. ``side`` is the least short side in pixels, None for full size.

    Raises:
        PluginError: where ``load_images``, ``prepare`` or ``measure`` raises or breaks the contract.
    """
    viewing = Viewing(domain=domain, root=root, view=view, fitted=fitted, side=side)
    try:
        for seen in viewing.see(samples):
            if isinstance(seen, Broken):
                raise seen.error
            yield seen
        viewing.finish()
    finally:
        viewing.close()


def is_per_picture(domain: Domain) -> bool:
    """True where a unit's pictures may be measured in any order, because ``measure`` keeps nothing between them."""
    return isinstance(domain.measure, PerPicture) or getattr(domain.measure, "per_picture", False) is True


def regions_for(spec: TaskSpec, measures: Measures) -> tuple[Region | None, ...]:
    """Where a role's network looks in one picture; None stands for the whole picture.

    >>> leaf = Region(name="leaf-1", left=0, top=0, right=0.5, bottom=1)
    >>> regions_for(TaskSpec(kind="classify"), Measures(regions=(leaf,)))
    (None,)
    >>> [region.name for region in regions_for(TaskSpec(kind="classify", on="leaf"), Measures(regions=(leaf,)))]
    ['leaf-1']
    >>> regions_for(TaskSpec(kind="classify"), Measures(regions=()))
    ()
    """
    if measures.regions is None:
        return (None,)
    if not spec.on:
        return (None,) if measures.regions else ()
    return tuple(region for region in measures.regions if region.name.startswith(spec.on))


class Viewing:
    """A look at one unit that can be kept open: the same ``measure`` goes on with the samples of the next call.

    A fault of the plugin costs the sample it happened on (and, in ``load_images``, the rest of that source in
    this call); ``measure`` then starts anew with the next picture, so that what follows does not depend on who
    looks.
    """

    def __init__(self, *, domain: Domain, root: Path, view: ViewSettings, fitted: Fitted, side: int | None) -> None:
        self._domain, self._root, self._view, self._fitted, self._side = domain, root, view, fitted, side
        self._measuring: _Measuring | None = None

    def see(self, samples: Iterable[Sample]) -> Iterator[Seen | Broken]:
        """Look at these samples, which follow those of the calls before; one answer each, never an exception."""
        for _, of_source in groupby(samples, key=lambda sample: sample.source):
            for sample, answer in self._load(list(of_source)):
                yield self._seen(sample, answer)
                del answer  # or two pictures would be held while the next is decoded

    def take(self, sample: Sample, image: Image) -> Seen | Broken:
        """Look at a picture that a stream brought, which follows those before; never an exception."""
        return self._seen(sample, image)

    def finish(self) -> None:
        """Tell ``measure`` that the unit is over.

        Raises:
            PluginError: where it answers once more.
        """
        measuring, self._measuring = self._measuring, None
        if measuring is not None:
            measuring.finish()

    def close(self) -> None:
        """Let go of ``measure`` without asking it anything."""
        measuring, self._measuring = self._measuring, None
        if measuring is not None:
            measuring.close()

    def _load(self, samples: Sequence[Sample]) -> Iterator[tuple[Sample, Image | Unreadable | PluginError]]:
        count = 0
        try:
            with blamed(self._domain.info, "load_images"):
                for loaded in self._answers(samples):
                    yield samples[count], loaded
                    del loaded  # or two pictures would be held while the next is decoded
                    count += 1
        except FoveaError as error:
            fault = self._own("load_images", error)
            for sample in samples[count:]:
                yield sample, fault

    def _answers(self, samples: Sequence[Sample]) -> Iterator[Image | Unreadable]:
        answers = iter(self._domain.load_images(root=self._root, samples=samples, view=self._view, side=self._side))
        for number, sample in enumerate(samples, start=1):
            yield self._loaded(answers, sample, last=number == len(samples))

    def _loaded(self, answers: Iterator[object], sample: Sample, *, last: bool) -> Image | Unreadable:
        answer = next(answers, _NONE_LEFT)
        if answer is _NONE_LEFT:
            raise self._fault(
                "load_images", f"it gave no answer for {name_of(sample)}; yield one Image or Unreadable for each sample"
            )
        if not isinstance(answer, Image | Unreadable):
            raise self._fault(
                "load_images", f"it gave {_a(answer)} for {name_of(sample)}; yield an Image or an Unreadable"
            )
        if last and next(answers, _NONE_LEFT) is not _NONE_LEFT:
            raise self._fault(
                "load_images",
                f"it gave more answers than it was given samples, the last of them {name_of(sample)}; "
                "yield one Image or Unreadable for each sample",
            )
        return answer

    def _seen(self, sample: Sample, answer: Image | Unreadable | PluginError) -> Seen | Broken:
        if isinstance(answer, PluginError):
            return Broken(sample=sample, error=answer)
        if isinstance(answer, Unreadable):
            return Seen(sample=sample, image=None, measures=Measures(), fault=answer)
        try:
            image = self._prepared(answer, sample)
            return Seen(sample=sample, image=image, measures=self._measured(sample, image), fault=None)
        except FoveaError as error:
            return Broken(sample=sample, error=self._own("measure", error))

    def _prepared(self, image: Image, sample: Sample) -> Image:
        with blamed(self._domain.info, "prepare"):
            prepared: object = self._domain.prepare(image=image, sample=sample, view=self._view)
        if not isinstance(prepared, Image):
            raise self._fault("prepare", f"it gave {_a(prepared)} for {name_of(sample)}; return an Image")
        return prepared

    def _measured(self, sample: Sample, image: Image) -> Measures:
        if self._measuring is None:
            self._measuring = _Measuring(self._domain, self._view, self._fitted)
        try:
            with blamed(self._domain.info, "measure"):
                return self._measuring.measure(sample, image)
        except FoveaError:
            self.close()
            raise

    def _fault(self, function: str, fault: str) -> PluginError:
        return PluginError(self._domain.info.name, function, fault)

    def _own(self, function: str, error: FoveaError) -> PluginError:
        return error if isinstance(error, PluginError) else self._fault(function, str(error))


class _Measuring:
    """Turns a ``measure`` that pulls its pictures into one that is handed them, and holds it to lock-step."""

    def __init__(self, domain: Domain, view: ViewSettings, fitted: Fitted) -> None:
        self._domain, self._view, self._fitted = domain, view, fitted
        self._feed = _Feed(domain.info.name)
        self._answers: Iterator[object] | None = None

    def measure(self, sample: Sample, image: Image) -> Measures:
        self._feed.give(sample, image)
        answer = next(self._started(), _NONE_LEFT)
        if self._feed.breach is not None:  # also where the plugin swallowed it
            raise self._feed.breach
        if answer is _NONE_LEFT:
            raise self._fault(f"it ended without an answer for {name_of(sample)}; yield one Measures for each picture")
        if self._feed.waiting:
            raise self._fault(
                f"it answered before it had asked for {name_of(sample)}; yield one Measures for each picture"
            )
        if not isinstance(answer, Measures):
            raise self._fault(f"it gave {_a(answer)} for {name_of(sample)}; yield a Measures")
        return answer

    def finish(self) -> None:
        self._feed.ended = True
        with blamed(self._domain.info, "measure"):
            left = next(self._started(), _NONE_LEFT)
        if left is not _NONE_LEFT:
            raise self._fault("it answered once more after the last picture; yield one Measures for each picture")

    def close(self) -> None:
        close = getattr(self._answers, "close", None)
        if close is not None:
            with suppress(Exception):  # it is being thrown away, often for a fault already told
                close()

    def _started(self) -> Iterator[object]:
        if self._answers is None:
            self._answers = iter(self._domain.measure(pairs=self._feed, view=self._view, fitted=self._fitted))
        return self._answers

    def _fault(self, fault: str) -> PluginError:
        return PluginError(self._domain.info.name, "measure", fault)


class _Feed:
    """The ``pairs`` of a ``measure``: gives out the one picture at hand, and none before it is answered for."""

    def __init__(self, domain: str) -> None:
        self._domain = domain
        self._pair: tuple[Sample, Image] | None = None
        self._last = ""
        self.ended = False
        self.breach: PluginError | None = None

    @property
    def waiting(self) -> bool:
        """True where the picture at hand was not asked for yet."""
        return self._pair is not None

    def give(self, sample: Sample, image: Image) -> None:
        self._pair, self._last = (sample, image), name_of(sample)

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> tuple[Sample, Image]:
        if self._pair is not None:
            pair, self._pair = self._pair, None
            return pair
        if self.ended:
            raise StopIteration
        self.breach = PluginError(
            self._domain,
            "measure",
            f"it asked for the next picture before answering for {self._last}; yield one Measures for each picture",
        )
        raise self.breach


def name_of(sample: Sample) -> str:
    """A sample's name in a sentence: its source, with the part where there is one."""
    source = sample.source.encode("utf-8", "backslashreplace").decode("utf-8")
    return f"{source}[{sample.part}]" if sample.part else source


def _a(answer: object) -> str:
    return "None" if answer is None else f"a value of type {type(answer).__name__}"
