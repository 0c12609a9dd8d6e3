"""The one ``score``: samples in, outcomes out, never an exception for a bad picture or a faulty plugin.

The embedded pool, several machines and the service all call it; it runs without torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from fovea.errors import BundleRefused, DataError, PluginError
from fovea.plugin import (
    Domain,
    Fitted,
    Image,
    Measures,
    Prediction,
    Region,
    Result,
    Sample,
    TaskSpec,
    Unreadable,
    ViewSettings,
    nothing_measured,
)
from fovea.serving import areas
from fovea.serving.answers import KINDS, answers, predict
from fovea.serving.bundle import Bundle, Precision, open_bundle
from fovea.serving.pictures import Broken, Seen, Viewing, is_per_picture, regions_for
from fovea.store.values import Scored

if TYPE_CHECKING:
    from fovea.serving.network import Network

Wanted: TypeAlias = Literal["auto", "fp32", "bf16"]


def _nothing() -> Mapping[str, ViewSettings]:
    return {}


def _nothing_fitted() -> Mapping[str, Fitted]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """All that a picture's answers depend on besides the picture; it pickles, and is sent to every worker.

    Args:
        domain: as the registry gives it.
        root: the site's folder.
        view: view settings of the site.
        fitted: fitted numbers of the site.
        bundles: bundle folder by role; empty where the domain works without a model.
        precision: of the networks; ``auto`` is resolved per bundle and machine.
        unit_views: view settings of the units that have their own.
        unit_fitted: fitted numbers of the units that have their own.
    """

    domain: Domain
    root: Path
    view: ViewSettings
    fitted: Fitted = field(default_factory=Fitted)
    bundles: Mapping[str, Path] = field(default_factory=dict)
    precision: Wanted = "auto"
    unit_views: Mapping[str, ViewSettings] = field(default_factory=_nothing)
    unit_fitted: Mapping[str, Fitted] = field(default_factory=_nothing_fitted)

    def viewing(self, unit: str, side: int | None, *, measured: bool = True) -> Viewing:
        """A look at one unit, with its own settings; without ``measured`` the domain's ``measure`` is left out."""
        return Viewing(
            domain=self.domain if measured else replace(self.domain, measure=nothing_measured),
            root=self.root,
            view=self.unit_views.get(unit, self.view),
            fitted=self.fitted_of(unit),
            side=side,
        )

    def fitted_of(self, unit: str) -> Fitted:
        """The fitted numbers that hold for a unit."""
        return self.unit_fitted.get(unit, self.fitted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The answer for one sample: a result, or the fault that stands in its place."""

    sample: Sample
    result: Result | None = None
    fault: Unreadable | PluginError | None = None

    def scored(self) -> Scored:
        """The same, as the store takes it."""
        if self.result is None:
            return Scored(sample=self.sample, fault=self.fault)
        said = tuple(prediction for role in self.result.predictions.values() for prediction in role)
        return Scored(sample=self.sample, measures=self.result.measures, predictions=said)


def open_bundles(job: Job) -> Mapping[str, Bundle]:
    """The job's bundles by role, each verified and found to fit.

    Raises:
        BundleRefused: a bundle is damaged, or made for another domain, role or kind of task.
    """
    bundles = {role: open_bundle(path) for role, path in sorted(job.bundles.items())}
    for role, bundle in bundles.items():
        if fault := _misfit(job.domain, role, bundle):
            raise BundleRefused(str(bundle.path), fault)
    return bundles


def _misfit(domain: Domain, role: str, bundle: Bundle) -> str | None:
    name, tasks = domain.info.name, domain.info.tasks
    if bundle.domain != name:
        return f"it was trained for the domain '{bundle.domain}', not for '{name}'"
    if role not in tasks:
        return f"the domain '{name}' has no role '{role}' (there is: {', '.join(sorted(tasks)) or 'none'})"
    if bundle.role != role:
        return f"it serves the role '{bundle.role}', not '{role}'"
    if bundle.kind not in KINDS or tasks[role].kind != bundle.kind:
        told = f"its task is {bundle.kind} and the role '{role}' is {tasks[role].kind}"
        return f"{told}; this program scores {', '.join(KINDS)}"
    return None


def precisions(job: Job, bundles: Mapping[str, Bundle]) -> Mapping[str, Precision]:
    """What the job's precision comes to on this machine, by role.

    Raises:
        UsageError: the precision is not to be had for a bundle.
    """
    if not bundles:
        return {}
    from fovea.serving.network import resolve_precision

    return {role: resolve_precision(bundle, job.precision) for role, bundle in bundles.items()}


class Scorer:
    """A job with its networks loaded; made anew in each process, and not for two threads at once.

    Raises:
        BundleRefused: a bundle is damaged, or made for another domain, role or kind of task.
        UsageError: the precision is not to be had for a bundle.
    """

    def __init__(self, job: Job) -> None:
        bundles = open_bundles(job)
        resolved = precisions(job, bundles)
        self.job = job
        self._passes: dict[int | None, list[_Role]] = {}
        for role, bundle in bundles.items():
            spec = job.domain.info.tasks[role]
            self._passes.setdefault(bundle.preprocess.side, []).append(_Role(bundle, resolved[role], spec))

    @property
    def side(self) -> int | None:
        """The short side at which pictures are measured: the largest any bundle wants, None for full size."""
        sides = list(self._passes)
        return None if not sides or None in sides else max(side for side in sides if side is not None)

    def score(self, samples: Sequence[Sample]) -> list[Outcome]:
        """Answer each sample once, in order; consecutive samples of one unit are looked at together."""
        outcomes: list[Outcome] = []
        for unit, of_unit in groupby(samples, key=lambda sample: sample.of_unit):
            course = self.course(unit)
            outcomes += course.score(list(of_unit))
            course.close()
        return outcomes

    def course(self, unit: str) -> Course:
        """A unit that is scored piece by piece, while its ``measure`` is kept going."""
        return Course(self, unit)

    def predict(
        self, side: int | None, sample: Sample, image: Image, measures: Measures
    ) -> dict[str, tuple[Prediction, ...]] | Unreadable:
        """Predictions by role of the bundles that want this side, or why there are none."""
        said: dict[str, tuple[Prediction, ...]] = {}
        for role in self._passes.get(side, ()):
            try:
                predictions = role.predict(sample, image, measures)
            except DataError as error:
                return Unreadable(code="attribute", reason=f"{error}.")
            if predictions is None:
                return _NOT_FINITE
            if predictions:
                said[role.name] = predictions
        return said

    def other_sides(self) -> Iterator[int | None]:
        """The sides, besides :attr:`side`, at which pictures must be loaded again."""
        return (side for side in self._passes if side != self.side)


class Course:
    """One unit on its way through a :class:`Scorer`, kept between the unit's chunks so that ``measure`` goes on.

    Where ``measure`` itself fails on a picture, it starts anew and is shown the pictures before that one again:
    the others are answered as if the bad one had never been there, whoever looks and however often work stops.
    """

    def __init__(self, scorer: Scorer, unit: str) -> None:
        self._scorer, self.unit = scorer, unit
        self._viewing = scorer.job.viewing(unit, scorer.side)
        self._keeps_state = not is_per_picture(scorer.job.domain)
        self._shown: list[Sample] = []

    def replay(self, samples: Iterable[Sample]) -> None:
        """Bring ``measure`` to where it stands after these samples; nothing is scored."""
        for seen in self._viewing.see(samples):
            self._remember(seen)

    def score(self, samples: Sequence[Sample]) -> list[Outcome]:
        """Answer each sample once, in order; they follow the samples of the calls before."""
        outcomes: list[Outcome] = []
        while len(outcomes) < len(samples):
            self._score_until_broken(samples[len(outcomes) :], outcomes)
        for side in self._scorer.other_sides():
            self._look_again(side, outcomes)
        return outcomes

    def take(self, sample: Sample, image: Image) -> tuple[Outcome, Image | None]:
        """Answer a picture that a stream brought; with it as prepared, None where the plugin failed on it."""
        seen = self._viewing.take(sample, image)
        outcome = self._outcome(seen, self._scorer.side)
        for side in self._scorer.other_sides():
            if outcome.result is not None:
                outcome = self._outcome(seen, side, outcome.result)
        return outcome, seen.image if isinstance(seen, Seen) else None

    def show(self, sample: Sample, image: Image) -> Image | None:
        """Let ``measure`` see a picture that has its answer; it as prepared, None where the plugin failed on it."""
        seen = self._viewing.take(sample, image)
        return seen.image if isinstance(seen, Seen) else None

    def _score_until_broken(self, samples: Sequence[Sample], outcomes: list[Outcome]) -> None:
        for seen in self._viewing.see(samples):
            outcomes.append(self._outcome(seen, self._scorer.side))
            self._remember(seen)
            if self._keeps_state and isinstance(seen, Broken) and seen.error.function == "measure":
                shown, self._shown = self._shown, []
                self.replay(shown)
                return

    def _remember(self, seen: Seen | Broken) -> None:
        if self._keeps_state and isinstance(seen, Seen) and seen.image is not None:
            self._shown.append(seen.sample)

    def close(self) -> None:
        """Let go of the unit."""
        self._viewing.close()

    def _look_again(self, side: int | None, outcomes: list[Outcome]) -> None:
        left = [number for number, outcome in enumerate(outcomes) if outcome.result is not None]
        viewing = self._scorer.job.viewing(self.unit, side, measured=False)
        for number, seen in zip(left, viewing.see([outcomes[n].sample for n in left]), strict=True):
            outcomes[number] = self._outcome(seen, side, outcomes[number].result)

    def _outcome(self, seen: Seen | Broken, side: int | None, so_far: Result | None = None) -> Outcome:
        if isinstance(seen, Broken):
            return Outcome(sample=seen.sample, fault=seen.error)
        if seen.image is None:
            return Outcome(sample=seen.sample, fault=seen.fault)
        result = so_far or Result(sample=seen.sample, measures=seen.measures)
        predictions = self._scorer.predict(side, seen.sample, seen.image, result.measures)
        if isinstance(predictions, Unreadable):
            return Outcome(sample=seen.sample, fault=predictions)
        return Outcome(sample=seen.sample, result=replace(result, predictions={**result.predictions, **predictions}))


_NOT_FINITE = Unreadable(code="not-finite", reason="A network gave no finite answer for this picture.")


class _Role:
    """One role's network.

    Squares go through it one at a time: the answer then cannot depend on what else is in the batch, so a batch
    that was killed and resumed equals an undisturbed one bit for bit, and small units waste nothing on padding.
    On one CPU thread that costs little (measured over batches of 16, bf16: resnet18 4 %, mobilenet_v3_small 12 %).
    """

    def __init__(self, bundle: Bundle, precision: Precision, spec: TaskSpec) -> None:
        from fovea.serving.network import Network

        self.name, self._bundle, self._spec = bundle.role, bundle, spec
        self._network: Network = Network(bundle, threads=1, precision=precision)

    def predict(self, sample: Sample, image: Image, measures: Measures) -> tuple[Prediction, ...] | None:
        """One prediction a region; None where an answer is not finite. Raises DataError for an attribute."""
        answers = [self._one(sample, image, region) for region in regions_for(self._spec, measures)]
        finite = tuple(answer for answer in answers if answer is not None)
        return finite if len(finite) == len(answers) else None

    def _one(self, sample: Sample, image: Image, region: Region | None) -> Prediction | None:
        import numpy as np

        from fovea.serving.network import as_input
        from fovea.serving.preprocess import preprocess

        square = as_input(preprocess(image, self._bundle.preprocess, region))
        logits, strange = self._network.look(square[np.newaxis], [sample.attributes])
        (row,) = answers(self._bundle, logits)
        if not (np.isfinite(row).all() and (strange is None or np.isfinite(strange).all())):
            return None
        if self._bundle.kind == "segment":
            return areas.predict(self._bundle, row, image, region)
        name = region.name if region else ""
        return predict(self._bundle, row, name, None if strange is None else float(strange[0]))
