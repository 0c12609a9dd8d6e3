"""Guards around a plugin's functions: they check every answer and say whose fault it is and what to mend.

A guarded domain is a :class:`Domain` like any other, so nobody downstream knows of guards. Guards are frozen
values of module-level functions and therefore pickle, as spawned workers need.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fovea.errors import FoveaError, PluginError
from fovea.plugin import (
    PARAMETERS,
    Decision,
    Domain,
    DomainInfo,
    Fitted,
    Image,
    Measures,
    PerPicture,
    Record,
    Sample,
    Unreadable,
)
from fovea.registry import checks


@contextmanager
def blamed(info: DomainInfo, part: str) -> Iterator[None]:
    """Whatever a plugin raises inside becomes a :class:`PluginError` under its name.

    An error that Fovea itself raised (from the feed, say) passes as it is. The texts of foreign exceptions are
    left out for a domain that calls itself confidential: a parser's message may quote a patient.
    """
    try:
        yield
    except FoveaError:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a plugin raises is told under its name
        text = "" if info.confidential else " ".join(str(error).split())[:200]
        fault = f"raised {type(error).__name__}" + (f": {text}" if text else "")
        raise PluginError(info.name, part, fault) from (None if info.confidential else error)


@dataclass(frozen=True, slots=True)
class _Guard:
    """What every guard knows: the domain it speaks of, the part's name, and the plugin's own function."""

    info: DomainInfo
    part: str
    function: Callable[..., Any]

    def refuse(self, fault: str | None) -> None:
        if fault:
            raise PluginError(self.info.name, self.part, fault)

    def judge(self, check: Callable[..., str | None], *facts: Any) -> None:
        """Refuse what the check finds; an answer so odd that the check itself fails on it is the plugin's fault."""
        with blamed(self.info, self.part):
            fault = check(*facts)
        self.refuse(fault)

    def stream(self, **arguments: Any) -> Iterator[Any]:
        """Iterate over the plugin's answers, blaming it for what it raises on the way."""
        with blamed(self.info, self.part):
            answers = iter(self.function(**arguments))
        while True:
            with blamed(self.info, self.part):
                try:
                    answer = next(answers)
                except StopIteration:
                    return
            yield answer


@dataclass(frozen=True, slots=True)
class _Once:
    """Guards a function that answers once."""

    guard: _Guard
    check: Callable[[Any], str | None] | None = None

    def __call__(self, *positional: Any, **arguments: Any) -> Any:
        with blamed(self.guard.info, self.guard.part):
            answer = self.guard.function(*positional, **arguments)
        if self.check is not None:
            self.guard.judge(self.check, answer)
        return answer


@dataclass(frozen=True, slots=True)
class _ReadSamples:
    guard: _Guard

    def __call__(self, *, root: Path, view: Any) -> Iterator[Sample | Record]:
        seen: set[int] = set()  # hashes, not keys: a large site must fit
        for item in self.guard.stream(root=root, view=view):
            if isinstance(item, Record):
                self.guard.judge(checks.record_fault, item)
            elif isinstance(item, Sample):
                self.guard.judge(checks.sample_fault, item, self.guard.info)
                self._once(item, seen)
            else:
                self.guard.refuse(f"yielded {type(item).__name__}, want Sample or Record")
            yield item

    def _once(self, sample: Sample, seen: set[int]) -> None:
        key = hash(sample.key)
        if key in seen:
            part = f" part {sample.part}" if sample.part else ""
            self.guard.refuse(f"{sample.source}{part} was yielded twice; give each sample its own source and part")
        seen.add(key)


@dataclass(frozen=True, slots=True)
class _LoadImages:
    guard: _Guard

    def __call__(
        self, *, root: Path, samples: Sequence[Sample], view: Any, side: int | None
    ) -> Iterator[Image | Unreadable]:
        wanted = f"want one answer for each of the {len(samples)} samples of {samples[0].source}"
        given = 0
        for answer in self.guard.stream(root=root, samples=samples, view=view, side=side):
            if given == len(samples):
                self.guard.refuse(f"gave more than {given} answers; {wanted}")
            self.guard.judge(checks.loaded_fault, answer, samples[given].source)
            given += 1
            yield answer
        if given < len(samples):
            self.guard.refuse(f"gave {given} answers; {wanted}")


@dataclass(frozen=True, slots=True)
class _Prepare:
    guard: _Guard

    def __call__(self, *, image: Image, sample: Sample, view: Any) -> Image:
        with blamed(self.guard.info, self.guard.part):
            answer = self.guard.function(image=image, sample=sample, view=view)
        if answer is not image:  # an unchanged picture was checked when it was loaded
            self.guard.judge(checks.image_fault, answer, sample.source)
        checked: Image = answer
        return checked


@dataclass(slots=True)
class _Feed:
    """Hands the pictures to ``measure`` one at a time, and keeps count on both sides."""

    pairs: Iterator[tuple[Sample, Image]]
    guard: _Guard
    asked: int = 0
    answered: int = 0
    current: str = ""

    def __iter__(self) -> Iterator[tuple[Sample, Image]]:
        for sample, image in self.pairs:
            self.asked, self.current = self.asked + 1, sample.source
            yield sample, image
            if self.answered < self.asked:
                self.guard.refuse(f"asked for the next picture before it answered for {self.current}; {_LOCK_STEP}")

    def take(self, answer: object) -> None:
        self.answered += 1
        if self.answered > self.asked:
            about = f"answered twice for {self.current}" if self.asked else "answered before it was given a picture"
            self.guard.refuse(f"{about}; {_LOCK_STEP}")
        self.guard.judge(checks.measures_fault, answer, self.current)

    def end(self) -> None:
        if self.answered < self.asked:
            self.guard.refuse(f"ended without an answer for {self.current}; {_LOCK_STEP}")
        for sample, _ in self.pairs:  # what is left was never asked for
            self.guard.refuse(f"ended without an answer for {sample.source}; {_LOCK_STEP}")


_LOCK_STEP = "yield exactly one Measures for each picture before taking the next"


@dataclass(frozen=True, slots=True)
class _Measure:
    guard: _Guard

    @property
    def per_picture(self) -> bool:
        """True where the plugin's function keeps nothing between pictures."""
        return isinstance(self.guard.function, PerPicture)

    def __call__(self, *, pairs: Iterable[tuple[Sample, Image]], view: Any, fitted: Fitted) -> Iterator[Measures]:
        feed = _Feed(iter(pairs), self.guard)
        for answer in self.guard.stream(pairs=iter(feed), view=view, fitted=fitted):
            feed.take(answer)
            yield answer
        feed.end()


@dataclass(frozen=True, slots=True)
class _Decide:
    guard: _Guard

    def __call__(self, *, entries: Iterable[Any], policy: Any, fitted: Fitted) -> Iterator[Decision]:
        for answer in self.guard.stream(entries=entries, policy=policy, fitted=fitted):
            self.guard.judge(checks.decision_fault, answer)
            yield answer


@dataclass(frozen=True, slots=True)
class _Open:
    """Guards a stream's ``open``: what it raises on the way is the plugin's."""

    guard: _Guard

    def __call__(self, **arguments: Any) -> Iterator[Any]:
        return self.guard.stream(**arguments)


def _signature_fault(function: Any, given: tuple[str, ...]) -> str | None:
    """Why ``function`` cannot be called with exactly these keywords, or None where it can."""
    if not callable(function):
        return f"is {type(function).__name__}, want a function of ({', '.join(given)})"
    try:
        inspect.signature(function).bind(**dict.fromkeys(given))
    except TypeError as error:
        return f"cannot be called with ({', '.join(given)}): {error}; a domain's functions are called with these names"
    except ValueError:  # a builtin without a signature: the call itself will tell
        return None
    return None


def guard(domain: Domain) -> Domain:
    """The same domain with a guard around each of its functions.

    Raises:
        PluginError: at once, where ``info`` is wrong or a function asks for what it is not given (a view function
            that wants the policy, say).
    """
    if fault := checks.info_fault(domain.info):
        raise PluginError(str(getattr(domain.info, "name", "?")), "info", fault)
    for part, given in PARAMETERS.items():
        if fault := _signature_fault(getattr(domain, part), given):
            raise PluginError(domain.info.name, part, fault)
    if wrong := checks.extras_fault(domain):
        raise PluginError(domain.info.name, *wrong)

    def of(part: str, function: Callable[..., Any] | None = None) -> _Guard:
        return _Guard(domain.info, part, function or getattr(domain, part))

    return replace(
        domain,
        read_samples=_ReadSamples(of("read_samples")),
        load_images=_LoadImages(of("load_images")),
        prepare=_Prepare(of("prepare")),
        augmentations=_Once(of("augmentations"), checks.augment_fault),
        measure=_Measure(of("measure")),
        fit=_Once(of("fit"), checks.fitted_fault),
        decide=_Decide(of("decide")),
        report=_Once(of("report"), checks.report_fault),
        exports={
            name: replace(
                exporter,
                write=_Once(of(f"exports['{name}'].write", exporter.write)),
                check=_Once(of(f"exports['{name}'].check", exporter.check), checks.faults_fault),
            )
            for name, exporter in domain.exports.items()
        },
        streams={
            name: replace(stream, open=_Open(of(f"streams['{name}'].open", stream.open)))
            for name, stream in domain.streams.items()
        },
        actions={
            verb: replace(action, run=_Once(of(f"actions['{verb}'].run", action.run), checks.report_fault))
            for verb, action in domain.actions.items()
        },
    )


def own_parts(domain: Domain) -> Mapping[str, bool]:
    """For each function of a guarded domain: True where the plugin brings it, False where it is the default."""
    stock = {name: Domain.__dataclass_fields__[name].default for name in PARAMETERS}
    return {name: getattr(domain, name).guard.function is not stock[name] for name in PARAMETERS}


__all__ = ["blamed", "guard", "own_parts"]
