"""The model card: what a model was trained on, how good it is where, and what it must not be used for.

Written for the person who decides whether to use it, not for the one who trained it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from fovea.engine.evaluate import Evaluation, Interval
from fovea.engine.split import PARTS, Part
from fovea.engine.survey import Survey
from fovea.plugin import DomainInfo
from fovea.serving.bundle import Bundle

_SHOWN = 20


def write_card(
    *, bundle: Bundle, info: DomainInfo, survey: Survey, parts: Sequence[Part], evaluation: Evaluation
) -> str:
    """The card as Markdown.

    Args:
        bundle: what is described.
        info: of its domain.
        survey: what it was trained and judged on.
        parts: the part of the split of each row of the survey.
        evaluation: on the part ``test``.
    """
    sections = (
        _head(bundle, info),
        _skill(bundle, evaluation),
        _confusion(evaluation),
        _pictures(bundle, survey, parts),
        _unreadable(survey),
        _making(bundle),
    )
    return "\n".join(line for section in sections for line in (*section, "")).rstrip() + "\n"


def _head(bundle: Bundle, info: DomainInfo) -> Iterator[str]:
    yield f"# {bundle.name}"
    yield ""
    yield f"Says which of {len(bundle.labels)} labels a picture shows: {', '.join(map(_plain, bundle.labels))}."
    yield f"Domain: {info.title} (`{info.name}`), role `{bundle.role}`. Made {bundle.created}."
    yield ""
    yield f"**Intended use.** {info.intended_use}"
    yield ""
    yield f"**Must not be used for.** {info.limits}"
    yield ""
    yield (
        "It answers with one of its labels whatever it is shown. A picture of something else, or from another camera, "
        "place or season than those it learned from, gets an answer too, and a worse one than the figures below say."
    )


def _skill(bundle: Bundle, evaluation: Evaluation) -> Iterator[str]:
    figures = evaluation.figures
    yield "## How good it is"
    yield ""
    yield (
        f"Judged once on {evaluation.pictures} pictures of {evaluation.groups} groups that took no part in the "
        "training. In brackets: the range in which the true figure lies with 95 % confidence, found by drawing groups "
        "anew."
    )
    yield ""
    yield "| figure | value | what it means |"
    yield "|---|---|---|"
    yield f"| accuracy | {_share(figures['accuracy'])} | share of pictures given their true label |"
    yield f"| balanced accuracy | {_share(figures['balanced_accuracy'])} | the same, every label counted alike |"
    yield f"| macro F1 | {_number(figures['macro_f1'])} | 1 is perfect; counts misses and false calls of every label |"
    yield f"| log loss | {_number(figures['log_loss'])} | 0 is perfect; punishes being sure and wrong |"
    yield f"| calibration error | {_share(figures['ece'])} | how far its probabilities are from how often it is right |"
    yield ""
    baselines = evaluation.baselines
    yield (
        f"Always saying the most frequent label would reach {baselines['majority_accuracy']:.1%} "
        f"({baselines['majority_balanced_accuracy']:.1%} balanced). Before calibration (temperature "
        f"{bundle.temperature:.2f}) the calibration error was {_share(figures['ece_before'])}."
    )
    yield ""
    yield "| label | pictures judged | found (recall) | right when said (precision) |"
    yield "|---|---|---|---|"
    for of in evaluation.classes:
        shares = f"{of.recall:.1%} | {of.precision:.1%}" if of.support else "- | -"
        yield f"| {_plain(of.label)} | {of.support} | {shares} |"


def _confusion(evaluation: Evaluation) -> Iterator[str]:
    if len(evaluation.labels) > _SHOWN:
        return
    yield "## What it takes for what"
    yield ""
    yield "Rows: the true label. Columns: what it said."
    yield ""
    yield "| |" + "".join(f" {_plain(label)} |" for label in evaluation.labels)
    yield "|---|" + "---|" * len(evaluation.labels)
    for label, row in zip(evaluation.labels, evaluation.confusion, strict=True):
        yield f"| {_plain(label)} |" + "".join(f" {count} |" for count in row)


def _pictures(bundle: Bundle, survey: Survey, parts: Sequence[Part]) -> Iterator[str]:
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    groups: defaultdict[str, set[str]] = defaultdict(set)
    for row, part in zip(survey.rows, parts, strict=True):
        counts[row.target][part] += 1
        groups[row.target].add(row.group)
    yield "## What it was trained on"
    yield ""
    yield f"{len(survey.rows)} pictures, split by group so that no group is both learned from and judged on."
    yield ""
    yield "| label | groups |" + "".join(f" {part} |" for part in PARTS)
    yield "|---|---|" + "---|" * len(PARTS)
    for label in bundle.labels:
        yield f"| {_plain(label)} | {len(groups[label])} |" + "".join(f" {counts[label][part]} |" for part in PARTS)
    yield ""
    yield f"Fingerprint of the pictures and labels: `{bundle.fingerprint}`."


def _unreadable(survey: Survey) -> Iterator[str]:
    yield "## What was left out"
    yield ""
    yield f"{survey.unlabelled} pictures without a label, {len(survey.unreadable)} that could not be read."
    if survey.unreadable:
        yield ""
    for fault in survey.unreadable[:_SHOWN]:
        yield f"- `{_plain(fault.source)}`: {_plain(fault.reason)} ({fault.code})"
    if len(survey.unreadable) > _SHOWN:
        yield f"- and {len(survey.unreadable) - _SHOWN} more, in the run's `survey.json`"


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
        yield name.replace("_", " "), _plain(f"{value:.4g}" if isinstance(value, float) else str(value))


def _plain(text: str) -> str:
    """One line that breaks out of no table cell and no code mark; bytes that are no text are shown as numbers."""
    shown = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return " ".join(shown.replace("|", "/").replace("`", "'").split())


def _share(figure: Interval) -> str:
    return f"{figure.value:.1%} ({figure.low:.1%} to {figure.high:.1%})"


def _number(figure: Interval) -> str:
    return f"{figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f})"
