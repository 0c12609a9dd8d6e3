"""The audits of one training: leaks before the split, shortcuts after the judgement, and where both are kept."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fovea.engine.audits.leaks import Leaks, Pair, find_leaks, gathered
from fovea.engine.audits.readers import READ, question
from fovea.engine.audits.shortcuts import Shortcuts, audit_shortcuts
from fovea.engine.audits.telling import card_lines, figures, first_capital, leak_warnings, shortcut_warnings
from fovea.engine.survey import Survey
from fovea.plugin import Kind
from fovea.progress import Progress
from fovea.serving.answers import answers
from fovea.serving.bundle import Bundle
from fovea.settings import digest

if TYPE_CHECKING:
    from fovea.engine.prepared import Prepared
    from fovea.engine.recipe import Recipe

_KEPT = "leaks.json"


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


def audited(seen: Survey, recipe: Recipe, kind: Kind, folder: Path, progress: Progress) -> tuple[Survey, Leaks | None]:
    """The survey with what the leak audit found; with ``leaks=group`` groups that share a picture are one in it.

    What was found once is taken from the run's folder where the pictures are still the same.
    """
    if not recipe.audit and recipe.leaks == "tell":
        return seen, None
    leaks = _found(seen, kind, folder / _KEPT, progress)
    if recipe.leaks == "tell":
        return seen, leaks
    rows = tuple(dataclasses.replace(row, group=group) for row, group in zip(seen.rows, leaks.groups, strict=True))
    return dataclasses.replace(seen, rows=rows), leaks


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


def _found(seen: Survey, kind: Kind, path: Path, progress: Progress) -> Leaks:
    key = digest(kind, {"rows": [(*row.name, row.digest, row.group, str(row.target)) for row in seen.rows]})
    kept = _kept(path, key)
    if kept is None:
        leaks = find_leaks(seen.pixels, seen.rows, kind, progress)
        pairs = [asdict(pair) for pair in dict.fromkeys((*leaks.pairs, *leaks.contradictions))]
        content = {"key": key, "pairs": pairs, "unlooked": leaks.unlooked, "crops": leaks.crops}
        path.write_text(json.dumps(content, indent=2), encoding="ascii")
        return leaks
    leaks = gathered(seen.rows, [Pair(**pair) for pair in kept["pairs"]], kind)
    return dataclasses.replace(leaks, unlooked=kept["unlooked"], crops=kept["crops"])


def _kept(path: Path, key: str) -> dict[str, Any] | None:
    try:
        kept: dict[str, Any] = json.loads(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return kept if kept.get("key") == key else None
