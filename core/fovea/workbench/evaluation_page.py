"""An evaluation as a page that a person can look at, made of a report's blocks."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from fovea.engine.cards import certainty as card_certainty
from fovea.engine.cards.skill import MEANINGS, SHARES
from fovea.engine.judging.compare import Compared
from fovea.errors import FoveaError
from fovea.plugin import Block, Column, Figure, Figures, Gallery, Picture, Report, Table
from fovea.report import to_html
from fovea.serving.bundle import Bundle, version_of
from fovea.workbench import evaluation_blocks as blocks
from fovea.workbench.views import Judged
from fovea.workbench.wording import count, named, said, whole

_HEADS = MappingProxyType(
    {
        "classify": ("balanced_accuracy", "accuracy", "macro_f1", "ece"),
        "multilabel": ("macro_average_precision", "macro_auroc", "macro_f1", "ece"),
        "regress": ("mae", "r2", "spearman", "coverage"),
        "segment": ("miou", "mean_dice", "share_mae", "ece"),
        "anomaly": ("auroc", "recall", "false_alarms", "aupro"),
    }
)
_BY = MappingProxyType({"majority": "of the commonest", "mean": "of the mean", "chance": "by chance"})
_OF_ALARM = ("sensitivity", "specificity", "balanced_accuracy", "ece")


def evaluation_report(
    judged: Judged,
    *,
    title: str,
    facts: Mapping[str, str],
    compared: Compared | None = None,
    before: str = "",
    galleries: Sequence[Gallery] = (),
) -> Report:
    """Everything that was judged, the most telling first.

    Args:
        judged: what is told.
        title: of the page.
        facts: what produced it, by name.
        compared: with another model on the same pictures.
        before: that model's name.
        galleries: pictures worth a look.
    """
    parts: list[Block] = [
        Figures(figures=tuple(_headline(judged, name) for name in _first(judged))),
        *blocks.of_labels(judged),
        *blocks.confusion(judged),
        *blocks.values(judged),
        *galleries,
        *blocks.unmarked(judged),
        *blocks.curves(judged.curves),
        *blocks.calibration(judged),
        *blocks.risk(judged),
        *blocks.beside(judged, _first(judged)),
        *blocks.subgroups(judged),
        *blocks.units(judged.units),
        *blocks.explained(judged),
        *([] if compared is None else blocks.changed(compared, before)),
        _all_figures(judged),
    ]
    return Report(title=title, summary=_summary(judged), blocks=tuple(parts), facts=facts)


def compared_report(compared: Compared, before: str, after: str, folder: str, bundles: Sequence[Bundle]) -> Report:
    """Two models side by side; ``bundles`` are theirs."""
    better, worse = (
        [named(name) for name, one in compared.changes.items() if one.verdict == verdict]
        for verdict in ("better", "worse")
    )
    told = [f"{word} in {', '.join(names)}" for word, names in (("better", better), ("worse", worse)) if names]
    left = f" {count(compared.learned, 'picture')} left out: one of the two learned from their group."
    facts = {
        f"{when}: {name}": fact
        for when, bundle in zip(("before", "after"), bundles, strict=True)
        for name, fact in facts_of(bundle).items()
    }
    return Report(
        title=f"{after} against {before} on {folder}",
        summary=f"{after} is {'; '.join(told) if told else 'neither surely better nor surely worse'}."
        f"{left if compared.learned else ''}",
        blocks=tuple(blocks.changed(compared, before, after)),
        facts=facts,
    )


def facts_of(bundle: Bundle) -> dict[str, str]:
    """What a page says of the model that it is about."""
    return {
        "model": version_of(bundle.name, bundle.digest),
        "for": f"{bundle.domain} {bundle.role} ({bundle.kind})",
        "made": bundle.created,
        "backbone": str(bundle.recipe.get("backbone", "")),
        "first weights": bundle.weights_source,
        "learned from": f"pictures with the fingerprint {bundle.fingerprint}",
    }


def write_page(report: Report, path: Path, shown: Mapping[Picture, bytes] = MappingProxyType({})) -> Path:
    """Write a report as one HTML page, whole or not at all; ``shown`` are the JPEGs of its pictures.

    Raises:
        FoveaError: it cannot be written there.
    """
    page = to_html(report, thumbnail=shown.get, made=datetime.now(UTC))
    beside = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(page, encoding="utf-8", errors="backslashreplace")
        os.replace(beside, path)
    except OSError as error:
        raise FoveaError(f"the page could not be written to {path}: {error.strerror or error}") from None
    return path


def _summary(judged: Judged) -> str:
    told = f"Judged on {count(judged.pictures, 'picture')} of {count(judged.groups, 'group')} that took no part in "
    left = [
        f"{count(judged.learned, 'picture')} left out because the model learned from their group"
        if judged.learned
        else "",
        f"{count(judged.unreadable, 'picture')} that could not be read" if judged.unreadable else "",
    ]
    rest = "; ".join(one for one in left if one)
    ending = f" Not judged: {rest}." if rest else ""
    return f"{told}the training. Each range holds the true figure with 95 % confidence (groups drawn anew).{ending}"


def _first(judged: Judged) -> tuple[str, ...]:
    """The figures that come first."""
    heads = _OF_ALARM if "sensitivity" in judged.figures else _HEADS.get(judged.kind, tuple(judged.figures)[:4])
    return tuple(name for name in heads if name in judged.figures)


def _without_looking(name: str) -> str:
    """What the figure of a baseline is called."""
    how, _, figure = name.partition("_")
    return f"{named(figure)} {_BY.get(how, how)}"


def _headline(judged: Judged, name: str) -> Figure:
    value, low, high = judged.figures[name]
    note = whole(f"{said(name, low)} to {said(name, high)}")
    baseline = {"accuracy": "majority_accuracy", "balanced_accuracy": "majority_balanced_accuracy", "mae": "mean_mae"}
    baseline |= {"macro_average_precision": "chance_macro_average_precision"}
    if (other := judged.baselines.get(baseline.get(name, ""))) is not None:
        note += f"; without looking {said(name, other)}"
    is_share = name in SHARES | card_certainty.SHARES
    return Figure(name=named(name), value=round(value, 6), note=note, share=is_share)


def _all_figures(judged: Judged) -> Table:
    meanings = {
        **card_certainty.MEANINGS,
        **MEANINGS.get(judged.kind, {}),
        "ece_before": "the same, before calibration",
    }
    rows = [
        (
            named(name),
            said(name, told[0]),
            whole(f"{said(name, told[1])} to {said(name, told[2])}"),
            meanings.get(name, ""),
        )
        for name, told in judged.figures.items()
    ]
    rows += [
        (_without_looking(name), said(name.partition("_")[2], value), "", "of an answer that needs no picture")
        for name, value in judged.baselines.items()
    ]
    columns = ("figure", "value", "95 % range", "what it means")
    return Table(title="All figures", columns=tuple(Column(name=name) for name in columns), rows=tuple(rows))
