"""What a training came to, as a page: its figures, and those of the version that had the name before."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fovea.engine.judging.compare import Compared, compare
from fovea.engine.judging.evaluate import Seen, run_all, unlearned
from fovea.engine.pictures.split_file import UNKNOWN
from fovea.engine.pictures.survey import Survey, Wanted, survey
from fovea.engine.recipe import Recipe
from fovea.errors import FoveaError
from fovea.plugin import Domain, ViewSettings
from fovea.progress import silent
from fovea.serving.bundle import SUFFIX, Bundle, open_bundle, version_of
from fovea.serving.network import Network
from fovea.workbench.config import Config
from fovea.workbench.evaluation_page import evaluation_report, facts_of, write_page
from fovea.workbench.pictures_page import draw
from fovea.workbench.views import Judged, judged_view

if TYPE_CHECKING:
    from fovea.engine.train import Trained

PAGE = "evaluation.html"
"""In a run's folder: how good its model is, to be looked at."""

_ANSWERS = ("classify", "multilabel", "regress")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A training whose settings were all found to be right."""

    domain: Domain
    folder: Path
    name: str
    role: str
    view: ViewSettings
    recipe: Recipe


def show_training(config: Config, asked: Asked, trained: Trained, elder: str) -> Judged:
    """Write the page of a training into its run's folder.

    Args:
        config: where models and surveys lie.
        asked: what was trained.
        trained: what it came to.
        elder: digest of the version that had the name before, empty where there was none.
    """
    bundle = trained.bundle
    made = judged_view(trained.evaluation, bundle)
    name = version_of(bundle.name, elder) if elder else ""
    compared = _against(config, asked, bundle, name) if name else None
    drawn = draw(asked.domain, asked.folder, asked.view, bundle, trained.evaluation)
    report = evaluation_report(
        made,
        title=f"{bundle.name}: how good it is",
        facts=facts_of(bundle),
        compared=compared,
        before=name,
        galleries=drawn.galleries,
    )
    return replace(made, page=write_page(report, trained.folder / PAGE, drawn.shown))


def unknown_of(folder: Path) -> tuple[str, ...]:
    """What the imported split of a run names and is not there."""
    try:
        return tuple((folder / UNKNOWN).read_text("utf-8", errors="surrogateescape").splitlines())
    except FileNotFoundError:
        return ()


def _against(config: Config, asked: Asked, bundle: Bundle, name: str) -> Compared | None:
    """The version before on the same pictures; None where it sees pictures otherwise, or too few are new to both."""
    try:
        elder = open_bundle(config.models / f"{name}{SUFFIX}")
        alike = elder.preprocess == bundle.preprocess and elder.view == bundle.view and elder.kind == bundle.kind
        if not alike or bundle.kind not in _ANSWERS:
            return None
        wanted = Wanted(
            domain=asked.domain,
            root=asked.folder,
            view=asked.view,
            role=asked.role,
            spec=bundle.preprocess,
            leave_out=asked.recipe.leave_out,
        )
        seen = survey(wanted, config.cache / "surveys", silent())
        return compare(_seen(elder, bundle, seen), _seen(bundle, bundle, seen))
    except FoveaError:
        return None


def _seen(of: Bundle, newest: Bundle, found: Survey) -> Seen:
    """What a bundle says of the pictures that the newest has not learned from."""
    places = np.flatnonzero(unlearned(found.rows, newest.learned))
    rows = tuple(found.rows[place] for place in places.tolist())
    network = Network(of)
    return Seen(
        bundle=of,
        rows=rows,
        logits=run_all(network, found.pixels, places, beside=[row.attributes for row in found.rows]),
        fresh=unlearned(rows, of.learned),
        unreadable=(),
        precision=network.precision,
    )
