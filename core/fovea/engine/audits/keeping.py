"""What the leak audit found before the split of a training, and where it is kept."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fovea.engine.audits.leaks import Leaks, Pair, find_leaks, gathered
from fovea.engine.pictures.survey import Survey
from fovea.plugin import Kind
from fovea.progress import Progress
from fovea.settings import digest

if TYPE_CHECKING:
    from fovea.engine.recipe import Recipe

_KEPT = "leaks.json"


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


def _found(seen: Survey, kind: Kind, path: Path, progress: Progress) -> Leaks:
    key = digest(kind, {"rows": [(*row.name, row.digest, row.group, str(row.target)) for row in seen.rows]})
    kept = _kept(path, key)
    if kept is None:
        leaks = find_leaks(seen.pixels, seen.rows, kind, progress)
        pairs = [asdict(pair) for pair in dict.fromkeys((*leaks.pairs, *leaks.contradictions))]
        content = {"key": key, "pairs": pairs, "unlooked": leaks.unlooked, "thorough": leaks.thorough}
        path.write_text(json.dumps(content, indent=2), encoding="ascii")
        return leaks
    leaks = gathered(seen.rows, [Pair(**pair) for pair in kept["pairs"]], kind)
    return dataclasses.replace(leaks, unlooked=kept["unlooked"], thorough=kept.get("thorough", True))


def _kept(path: Path, key: str) -> dict[str, Any] | None:
    try:
        kept: dict[str, Any] = json.loads(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return kept if kept.get("key") == key else None
