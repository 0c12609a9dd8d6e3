"""The model card: what a model was trained on, how good it is where, and what it must not be used for.

Written for the person who decides whether to use it, not for the one who trained it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from fovea.engine.cards.beside import beside
from fovea.engine.cards.certainty import certainty
from fovea.engine.cards.explained import explained
from fovea.engine.cards.places import everywhere
from fovea.engine.cards.skill import head, plain, skill
from fovea.engine.judging.evaluate import Evaluation
from fovea.engine.pictures.split import PARTS, Part
from fovea.engine.pictures.survey import Survey
from fovea.engine.pictures.targets import ALL, NONE, NORMAL, strata
from fovea.plugin import DomainInfo
from fovea.serving.bundle import Bundle

_SHOWN = 20


def write_card(
    *,
    bundle: Bundle,
    info: DomainInfo,
    survey: Survey,
    parts: Sequence[Part],
    evaluation: Evaluation,
    audits: Sequence[str] = (),
) -> str:
    """The card as Markdown.

    Args:
        bundle: what is described.
        info: of its domain.
        survey: what it was trained and judged on.
        parts: the part of the split of each row of the survey.
        evaluation: on the part ``test``.
        audits: lines on what it may have learned instead, see :func:`fovea.engine.audits.telling.card_lines`.
    """
    sections = (
        _head(bundle, info),
        skill(bundle, evaluation),
        _confusion(evaluation),
        beside(bundle, evaluation),
        certainty(bundle, evaluation),
        everywhere(evaluation),
        audits,
        explained(bundle),
        _pictures(bundle, survey, parts),
        _unreadable(survey),
        _making(bundle),
    )
    return "\n".join(line for section in sections for line in (*section, "")).rstrip() + "\n"


def _head(bundle: Bundle, info: DomainInfo) -> Iterator[str]:
    yield f"# {bundle.name}"
    yield ""
    names = ", ".join(map(plain, bundle.labels))
    yield head(bundle, names)
    yield f"Domain: {info.title} (`{info.name}`), role `{bundle.role}`. Made {bundle.created}."
    yield ""
    yield f"**Intended use.** {info.intended_use}"
    yield ""
    yield f"**Must not be used for.** {info.limits}"
    yield ""
    yield (
        "It answers whatever it is shown. A picture of something else, or from another camera, place or season than "
        "those it learned from, gets an answer too, and a worse one than the figures below say."
        + (" It marks those that it finds strange." if bundle.certainty and bundle.certainty.familiar else "")
    )


def _confusion(evaluation: Evaluation) -> Iterator[str]:
    if len(evaluation.labels) > _SHOWN or not evaluation.confusion:
        return
    yield "## What it takes for what"
    yield ""
    yield "Rows: the true label. Columns: what it said."
    yield ""
    yield "| |" + "".join(f" {plain(label)} |" for label in evaluation.labels)
    yield "|---|" + "---|" * len(evaluation.labels)
    for label, row in zip(evaluation.labels, evaluation.confusion, strict=True):
        yield f"| {plain(label)} |" + "".join(f" {count} |" for count in row)


def _pictures(bundle: Bundle, survey: Survey, parts: Sequence[Part]) -> Iterator[str]:
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    groups: defaultdict[str, set[str]] = defaultdict(set)
    named = strata(bundle.kind, [row.target for row in survey.rows])
    for row, names, part in zip(survey.rows, named, parts, strict=True):
        for name in names:
            counts[name][part] += 1
            groups[name].add(row.group)
    yield "## What it was trained on"
    yield ""
    yield f"{len(survey.rows)} pictures, split by group so that no group is both learned from and judged on."
    yield ""
    yield "| label | groups |" + "".join(f" {part} |" for part in PARTS)
    yield "|---|---|" + "---|" * len(PARTS)
    for name, told in _rows(bundle, counts):
        yield f"| {plain(told)} | {len(groups[name])} |" + "".join(f" {counts[name][part]} |" for part in PARTS)
    yield ""
    yield f"Fingerprint of the pictures and labels: `{bundle.fingerprint}`."


def _rows(bundle: Bundle, counts: Mapping[str, object]) -> list[tuple[str, str]]:
    """What the pictures are counted by, with the words for it."""
    if bundle.kind == "regress":
        return [(ALL, "with a value")]
    if bundle.kind == "anomaly":
        return [(label, label) for label in sorted(counts, key=lambda one: (one != NORMAL, one))]
    none = [(NONE, "none of them")] if NONE in counts else []
    return [*((label, label) for label in bundle.labels), *none]


def _unreadable(survey: Survey) -> Iterator[str]:
    yield "## What was left out"
    yield ""
    yield f"{survey.unlabelled} pictures without a label, {len(survey.unreadable)} that could not be read."
    if survey.unreadable:
        yield ""
    for fault in survey.unreadable[:_SHOWN]:
        yield f"- `{plain(fault.source)}`: {plain(fault.reason)} ({fault.code})"
    if len(survey.unreadable) > _SHOWN:
        yield f"- and {len(survey.unreadable) - _SHOWN} more, in the survey's `survey.json`"
    if survey.strange:
        told = ", ".join(f"{plain(value)} ({count})" for value, count in survey.strange.items())
        yield ""
        yield f"Pixels of masks whose value is no class, here with the number of masks that have them: {told}."


def _making(bundle: Bundle) -> Iterator[str]:
    recipe = bundle.recipe
    yield "## How it was made"
    yield ""
    yield f"Backbone `{recipe['backbone']}`, first weights: {bundle.weights_source}."
    if bundle.weights_licence:
        yield f"Licence of the first weights: {bundle.weights_licence}."
    yield ""
    yield "| setting | value |"
    yield "|---|---|"
    for name, value in _settings(recipe):
        yield f"| {name} | {value} |"
    yield ""
    yield "Made with " + ", ".join(f"{name} {version}" for name, version in bundle.versions.items()) + "."


def _settings(recipe: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for name, value in recipe.items():
        yield name.replace("_", " "), plain(f"{value:.4g}" if isinstance(value, float) else str(value))
