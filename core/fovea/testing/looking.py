"""From the folder to measures: reading, loading, preparing and measuring, each done twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import zip_longest

from fovea.errors import FoveaError
from fovea.plugin import Fitted, Image, Record, Sample, Unreadable
from fovea.serving.pictures import Broken, Seen, Viewing, look, name_of
from fovea.testing.outcome import Step
from fovea.testing.same import copy_of, same_image
from fovea.testing.subject import Found, Subject, samples_of, sources_of, units_of


def check_reading(subject: Subject, first: Sequence[Sample | Record]) -> Found:
    """Read again, the folder gives the same samples in the same order; some of them have answers."""
    samples = samples_of(first)
    if not samples:
        yield f"finds no picture below {subject.root}; give a folder with some, or settings that fit it"
        return
    for one, other in zip_longest(first, subject.read()):
        if one != other:
            about = _source(one) or _source(other)
            yield f"read again, the folder gives another item at {about}; the same folder must read the same"
            break
    names = {subject.domain.info.target(role) for role in subject.domain.info.tasks}
    if names and not any(names & set(sample.targets) for sample in samples):
        wanted = ", ".join(sorted(names))
        yield Step(name="read_samples", note=f"no sample has an answer for {wanted}: nothing can be learned from it")


def _source(item: object) -> str:
    return str(getattr(item, "source", "")) or type(item).__name__


def check_loading(subject: Subject, samples: Sequence[Sample]) -> Found:
    """Every source loads or says why not, never smaller than asked for."""
    codes: Counter[str] = Counter()
    seen = 0
    for parts in sources_of(samples):
        try:
            for sample, answer in zip(parts, _load(subject, parts), strict=False):
                seen += 1
                if isinstance(answer, Unreadable):
                    codes[answer.code] += 1
                elif subject.side and answer.scale < 1 and min(answer.pixels.shape[:2]) < subject.side:
                    yield f"made {name_of(sample)} smaller than the side asked for, {subject.side} pixels"
        except FoveaError as error:
            yield str(error)
    if seen and codes.total() == seen:
        yield f"no picture could be loaded: {_counted(codes)}"
    elif codes:
        yield Step(name="load_images", note=f"{codes.total()} of {seen} could not be loaded: {_counted(codes)}")


def _load(subject: Subject, parts: Sequence[Sample]) -> Iterator[Image | Unreadable]:
    answers = subject.domain.load_images(root=subject.root, samples=parts, view=subject.view, side=subject.side)
    yield from answers


def _counted(codes: Counter[str]) -> str:
    return ", ".join(f"{code} {count}" for code, count in codes.most_common())


def check_preparing(subject: Subject, samples: Sequence[Sample]) -> Found:
    """``prepare`` answers the same for the same picture, and leaves what it was given as it is."""
    for parts in sources_of(samples):
        try:
            for sample, answer in zip(parts, _load(subject, parts), strict=False):
                if isinstance(answer, Image):
                    yield from _prepare_twice(subject, sample, answer)
        except FoveaError:
            continue  # told by the step that loads


def _prepare_twice(subject: Subject, sample: Sample, image: Image) -> Found:
    before = copy_of(image)
    try:
        first = copy_of(subject.domain.prepare(image=image, sample=sample, view=subject.view))
        if not same_image(image, before):
            yield f"changed the picture it was given ({name_of(sample)}); work on a copy of its pixels"
        second = subject.domain.prepare(image=copy_of(before), sample=sample, view=subject.view)
    except FoveaError as error:
        yield str(error)
        return
    if not same_image(first, second):
        yield f"answered {name_of(sample)} differently the second time; it must depend on its arguments only"


def check_measuring(subject: Subject, samples: Sequence[Sample]) -> Found:
    """Measures are finite and the same when a unit is looked at again."""
    for members in units_of(samples).values():
        first, second = _viewing(subject), _viewing(subject)
        try:
            for one, other in zip(first.see(members), second.see(members), strict=True):
                yield from _compared(one, other)
            first.finish()
            second.finish()
        except FoveaError as error:
            yield str(error)
        finally:
            first.close()
            second.close()


def _compared(one: Seen | Broken, other: Seen | Broken) -> Found:
    if isinstance(one, Broken) or isinstance(other, Broken):
        broken = one if isinstance(one, Broken) else other
        fault = broken.error if isinstance(broken, Broken) else None
        if fault is not None and fault.function == "measure":  # the others are told by their own steps
            yield str(fault)
    elif same_image(one.image, other.image) and one.measures != other.measures:
        yield f"measured {name_of(one.sample)} differently the second time; keep nothing but the unit's own past"


def _viewing(subject: Subject) -> Viewing:
    return Viewing(domain=subject.domain, root=subject.root, view=subject.view, fitted=Fitted(), side=subject.side)


def first_look(subject: Subject, sample: Sample) -> Seen:
    """One sample as the domain sees it. Raises PluginError."""
    seen = look(
        domain=subject.domain,
        root=subject.root,
        samples=[sample],
        view=subject.view,
        fitted=Fitted(),
        side=subject.side,
    )
    return next(iter(list(seen)))
