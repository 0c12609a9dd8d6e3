"""What a card says of the attributes that a model reads beside its pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from fovea.engine.cards.skill import NAMES, plain
from fovea.engine.judging.evaluate import Evaluation
from fovea.engine.judging.resampling import Interval
from fovea.plugin import Kind
from fovea.serving.bundle import Bundle
from fovea.serving.fusion import Column

_SHOWN = 8
_FIGURE: Mapping[Kind, str] = MappingProxyType(
    {
        "classify": "balanced_accuracy",
        "multilabel": "macro_average_precision",
        "regress": "mae",
        "segment": "miou",
        "anomaly": "auroc",
    }
)


def beside(bundle: Bundle, evaluation: Evaluation) -> Iterator[str]:
    """The section; nothing for a model that reads pixels alone."""
    if bundle.fusion is None:
        return
    yield "## What it reads beside the picture"
    yield ""
    yield (
        "Attributes that come with a picture count beside what is seen. One that is missing, or has a value that was "
        "never learned from, is taken as unknown; a number that comes as a text that is none is refused."
    )
    yield ""
    yield "| attribute | as | missing where it learned |"
    yield "|---|---|---|"
    for column in bundle.fusion.columns:
        yield f"| {plain(column.name)} | {_told(column)} | {column.missing:.0%} |"
    name = _FIGURE[bundle.kind]
    if name in evaluation.without and name in evaluation.figures:
        called = NAMES.get(name, name.replace("_", " "))
        yield ""
        yield (
            f"With them the {called} is {_interval(evaluation.figures[name])}, with every one of them missing "
            f"{_interval(evaluation.without[name])}, on the same pictures."
        )


def _told(column: Column) -> str:
    if not column.values:
        return f"number, usually {column.mean - column.deviation:.4g} to {column.mean + column.deviation:.4g}"
    return f"one of {_listed(column.values)}"


def _listed(values: Sequence[str]) -> str:
    more = f" and {len(values) - _SHOWN} more" if len(values) > _SHOWN else ""
    return ", ".join(map(plain, values[:_SHOWN])) + more


def _interval(figure: Interval) -> str:
    return f"{figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f})"
