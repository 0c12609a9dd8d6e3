"""What a domain does where its plugin says nothing: sound for labelled folders of photos."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fovea.plugin.augment import Augment, albumentations
from fovea.plugin.blocks import Chart, Column, Figure, Figures, Report, Series, Table
from fovea.plugin.decisions import Decision, Evidence
from fovea.plugin.settings import PolicySettings, ViewSettings
from fovea.plugin.site import SiteView
from fovea.plugin.values import Entry, Fitted, Image, Measures, Prediction, Result, Sample, Unreadable


def load_pictures(
    root: Path, samples: Sequence[Sample], view: ViewSettings, side: int | None
) -> Iterator[Image | Unreadable]:
    """Decode photos (JPEG, PNG, TIFF, WebP, BMP) within the view's limits; see :mod:`fovea.plugin.imaging`."""
    from fovea.plugin import imaging  # opencv is not loaded before a picture is wanted

    yield from imaging.load_pictures(root=root, samples=samples, view=view, side=side)


def unchanged(image: Image, sample: Sample, view: ViewSettings) -> Image:  # noqa: ARG001 - the contract's names
    """The picture as it is."""
    return image


def gentle(role: str, size: int) -> Augment:  # noqa: ARG001 - the contract's names
    """Small changes that hold in nearly every domain; no flips, since left and right may matter."""
    return albumentations(
        [
            ("Affine", {"scale": (0.9, 1.1), "translate_percent": 0.05, "rotate": (-10, 10), "p": 0.7}),
            ("RandomBrightnessContrast", {"brightness_limit": 0.15, "contrast_limit": 0.15, "p": 0.5}),
        ]
    )


@dataclass(frozen=True, slots=True)
class PerPicture:
    """A ``measure`` made of a function of one picture: it keeps nothing between pictures.

    The engine sees from this type that a unit's pictures may be measured in any order and by several workers.
    """

    function: Callable[..., Measures]

    def __call__(self, pairs: Iterable[tuple[Sample, Image]], view: Any, fitted: Fitted) -> Iterator[Measures]:
        """One answer of the function for each pair, in lock-step."""
        for sample, image in pairs:
            yield self.function(image=image, sample=sample, view=view, fitted=fitted)


def per_picture(function: Callable[..., Measures]) -> PerPicture:
    """Make a ``measure`` from ``(image, sample, view, fitted) -> Measures``."""
    return PerPicture(function)


def _no_measures(image: Image, sample: Sample, view: Any, fitted: Fitted) -> Measures:  # noqa: ARG001
    return Measures()


nothing_measured = per_picture(_no_measures)


def nothing_fitted(units: object, view: object, policy: object) -> Fitted:  # noqa: ARG001 - the contract's names
    """Nothing to learn."""
    return Fitted()


def most_frequent_label(
    entries: Iterable[Entry],
    policy: PolicySettings,  # noqa: ARG001 - the contract's names
    fitted: Fitted,  # noqa: ARG001
) -> Iterator[Decision]:
    """One decision a unit and role: the label said most often, for review where pictures disagree by half.

    Of several labels of one picture (``multilabel``) each counts; a role that says values (``regress``)
    decides nothing.
    """
    results = [entry for entry in entries if isinstance(entry, Result)]
    for role in sorted({role for result in results for role in result.predictions}):
        yield from _of_role(role, results)


def _of_role(role: str, results: Sequence[Result]) -> Iterator[Decision]:
    said = [(result, best) for result in results if (best := result.best(role)) is not None]
    counts = Counter(label for _, best in said for label in best.labels)
    if not counts:
        return
    label, count = counts.most_common(1)[0]
    telling = sorted((pair for pair in said if label in pair[1].labels), key=lambda pair: -_sure(pair[1], label))
    times = [result.sample.time for result, _ in said if result.sample.time is not None]
    yield Decision(
        key=role,
        subject=said[0][0].sample.of_unit,
        label=label,
        start=min(times, default=None),
        end=max(times, default=None),
        reason=f"{count} of {len(said)} pictures say {label}",
        review=count * 2 <= len(said) and len(said) > 1,
        evidence=tuple(Evidence(source=r.sample.source, part=r.sample.part) for r, _ in telling[:3]),
        figures={"share": count / len(said), "pictures": float(len(said))},
    )


def _sure(said: Prediction, label: str) -> float:
    return said.scores.get(label, said.probability)


def count_labels(site: SiteView, policy: PolicySettings) -> Report:  # noqa: ARG001 - the contract's names
    """How many pictures carry which label, by role, and what each unit was decided to be.

    A role that says values (``regress``), and one that said no label of any picture, gets the means of its figures.
    """
    counts: dict[str, Counter[str]] = {}
    sums: dict[str, Counter[str]] = {}
    pictures = 0
    for result in site.results():
        pictures += 1
        for role in result.predictions:
            if (best := result.best(role)) is not None:
                counts.setdefault(role, Counter())[best.label or _NONE] += 1
                sums.setdefault(role, Counter()).update(best.scores)
    figures = Figures(
        figures=(
            Figure(name="pictures", value=pictures),
            Figure(name="units decided", value=len(site.decisions)),
            Figure(name="unreadable", value=len(site.quarantined), level="notice" if site.quarantined else "normal"),
        )
    )
    charts = [
        Chart(
            title=f"Pictures by {role}",
            kind="bar",
            categories=tuple(label for label, _ in count.most_common()),
            series=(Series(name="pictures", values=tuple(float(n) for _, n in count.most_common())),),
        )
        for role, count in sorted(counts.items())
        if set(count) != {_NONE}
    ]
    means = [_means(role, sums[role], count[_NONE]) for role, count in sorted(counts.items()) if set(count) == {_NONE}]
    return Report(title=site.title, blocks=(figures, *charts, *means, _decided(site)))


_NONE = "none"


def _means(role: str, sums: Mapping[str, float], pictures: int) -> Table:
    return Table(
        title=f"Mean {role} of {pictures} pictures",
        columns=(Column(name="figure"), Column(name="mean", form="number")),
        rows=tuple((name, total / pictures) for name, total in sums.items()),
    )


def _decided(site: SiteView) -> Table:
    decisions = [(unit, decision) for unit, made in sorted(site.decisions.items()) for decision in made]
    timed = any(decision.start or decision.end for _, decision in decisions)  # a stream says the same thing often
    when = (Column(name="from", form="time"), Column(name="to", form="time")) if timed else ()
    return Table(
        title="Decisions",
        columns=(Column(name="unit"), *when, Column(name="label"), Column(name="reason"), Column(name="review")),
        rows=tuple(
            (unit, *((d.start, d.end) if timed else ()), d.label, d.reason, "yes" if d.review else "")
            for unit, d in decisions
        ),
        levels=tuple(d.level for _, d in decisions),
    )
