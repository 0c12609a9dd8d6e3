"""What the audits of a training came to, once there is a model to judge them by."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fovea.engine.audits.readers import READ, question
from fovea.engine.audits.shortcuts import Shortcuts, audit_shortcuts
from fovea.engine.audits.telling import card_lines, figures, first_capital, leak_warnings, shortcut_warnings
from fovea.engine.prepared import Prepared
from fovea.serving.answers import answers
from fovea.serving.bundle import Bundle


@dataclass(frozen=True, slots=True, kw_only=True)
class Audits:
    """What the audits of a training came to.

    Args:
        card: lines of the card's section, none where nothing was audited.
        figures: plain values for the evaluation.
        warnings: one sentence each.
    """

    card: tuple[str, ...]
    figures: Mapping[str, Any]
    warnings: tuple[str, ...]


def end_audits(run: Prepared, bundle: Bundle, logits: NDArray[np.float32]) -> Audits:
    """Find shortcuts beside the judged model, and put all into words.

    Args:
        run: what it learned from.
        bundle: calibrated.
        logits: of the served network on the test pictures, (tests, outputs).
    """
    grouped, rows, parts = run.recipe.leaks == "group", run.survey.rows, run.parts
    asked = run.recipe.audit and bundle.kind in READ and len(logits)
    found = _shortcuts(run, bundle, logits) if asked else None
    told: dict[str, Any] = {"leaks": run.leaks, "shortcuts": found, "rows": rows, "parts": parts, "grouped": grouped}
    return Audits(card=tuple(card_lines(**told)), figures=figures(**told), warnings=tuple(_warnings(run, found)))


def _warnings(run: Prepared, found: Shortcuts | None) -> Iterator[str]:
    """What is told of the run. Of contradictions only those that are not noted already, of pixels that are the same."""
    if run.leaks is not None:
        near = tuple(pair for pair in run.leaks.contradictions if pair.kind == "near")
        leaks, grouped = dataclasses.replace(run.leaks, contradictions=near), run.recipe.leaks == "group"
        yield from map(first_capital, leak_warnings(leaks, run.parts, grouped=grouped))
    if found is not None:
        yield from map(first_capital, shortcut_warnings(found))


def _shortcuts(run: Prepared, bundle: Bundle, logits: NDArray[np.float32]) -> Shortcuts:
    return audit_shortcuts(
        pixels=run.survey.pixels,
        rows=run.survey.rows,
        asked=[question(bundle.kind, run.survey.rows, run.labels, run.parts)],
        root=run.wanted.root,
        said=np.asarray(answers(bundle, logits), float)[:, : len(run.labels)],
        seed=run.recipe.seed,
    )
