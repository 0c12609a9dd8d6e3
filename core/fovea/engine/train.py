"""One training, walked from a folder of labelled pictures to a bundle: survey, split, learn, export, calibrate, judge.

The run's folder keeps every step's result, so that a training that was stopped or killed goes on where it was.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from fovea.engine.audited import Audits, end_audits
from fovea.engine.audits.doubts import add_notes
from fovea.engine.cards.page import write_card
from fovea.engine.certainty.calibrate import Kept, calibrated, temperature
from fovea.engine.certainty.promises import certain, wishes_of
from fovea.engine.certainty.tails import tail_of
from fovea.engine.explain import EXPLAINED, make_model, try_maps
from fovea.engine.export import Agreement, check_agreement, library_versions, write_files
from fovea.engine.judging.evaluate import Evaluation, assess, judge, run_all
from fovea.engine.judging.marked import marked_of
from fovea.engine.judging.masks import some_pixels
from fovea.engine.judging.resampling import Interval
from fovea.engine.learning.learned import Learned
from fovea.engine.learning.modes import learn
from fovea.engine.learning.side import fusion_of
from fovea.engine.learning.strangeness import graph_of, look_all, strange_of
from fovea.engine.pictures import data
from fovea.engine.prepared import Prepared, prepare, write_json
from fovea.engine.recipe import Recipe
from fovea.engine.room import held, threads
from fovea.errors import Stopped, UnknownName
from fovea.plugin import Domain, ViewSettings
from fovea.progress import Progress, watched
from fovea.serving.bundle import Bundle, check_name, write_bundle
from fovea.serving.fusion import Attributes
from fovea.serving.network import Network
from fovea.serving.preprocess import PREPROCESS_ID


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """What a training came to.

    Args:
        bundle: written and opened again.
        evaluation: on the part ``test``, which nothing else has looked at.
        folder: the run's.
        recipe: as it was carried out, without ``auto``.
        curves: figures by name, one mapping an epoch.
        agreement: of the served network with the trained one.
    """

    bundle: Bundle
    evaluation: Evaluation
    folder: Path
    recipe: Recipe
    curves: tuple[Mapping[str, float], ...]
    agreement: Agreement


def train(  # noqa: PLR0913 - one argument a fact, all by name
    *,
    domain: Domain,
    root: Path,
    view: ViewSettings,
    role: str,
    recipe: Recipe,
    folder: Path,
    models: Path,
    cache: Path,
    name: str,
    progress: Progress,
    stop: Callable[[], bool],
) -> Trained:
    """Train one role of a domain on the labelled pictures below ``root``.

    Args:
        domain: whose pictures, labels and augmentations.
        root: folder of the pictures.
        view: the domain's view settings.
        role: one of ``domain.info.tasks``.
        recipe: every setting; what ``auto`` becomes is written to ``folder/recipe.json``.
        folder: of the run; run again with the same folder to go on.
        models: where the bundle is written.
        cache: folder of squares and features, which trainings share.
        name: of the bundle.
        progress: told how far it is.
        stop: asked before every picture of the survey and before every batch.

    Raises:
        DataError: no pictures, no labels, one class only, a label in every picture, a value that is the same in all, or
            a class of a single group.
        UsageError: role, backbone, weights, loss or name do not fit, or the folder's run has other settings.
        WeightsMissing: the backbone's weights are not to be had.
        PluginError: the domain failed.
        Locked: another training holds the folder.
        Stopped: ``stop`` said so; run again to go on.
        FoveaError: the disk is full, or the loss became no number.
    """
    if role not in domain.info.tasks:
        raise UnknownName(f"role of the domain {domain.info.name}", role, sorted(domain.info.tasks))
    check_name(name)
    with held(folder, "training"):
        looking = watched(progress, lambda: _refuse_to_go_on(stop))
        run = prepare(domain, root, view, role, recipe=recipe, folder=folder, cache=cache, progress=looking)
        learned = learn(run, cache=cache, progress=progress, stop=stop)
        return _finish(run, learned, models=models, name=name)


def _refuse_to_go_on(stop: Callable[[], bool]) -> None:
    if stop():
        raise Stopped("the training was stopped before it learned anything: run it again to begin anew")


def _finish(run: Prepared, learned: Learned, *, models: Path, name: str) -> Trained:
    """Export, compare, calibrate on its own part, judge once on the test part, write."""
    folder = run.folder / "export"
    files = write_files(learned.whole, size=int(run.recipe.size), folder=folder, graph=graph_of(run, learned.whole))
    known = sorted({row.digest for row, part in zip(run.survey.rows, run.parts, strict=True) if part != "test"})
    files["learned.bin"] = folder / "learned.bin"
    files["learned.bin"].write_bytes(bytes.fromhex("".join(known)))
    draft = _describe(run, learned, name, folder)
    kept = run.pictures("calibration")
    compared = kept if len(kept) else run.pictures("train")
    agreement, draft = check_agreement(
        learned.whole, draft, run.survey.pixels[compared.rows[: 512 if run.survey.masks is None else 16]]
    )
    network = Network(draft)
    draft = _calibrated(run, draft, network, kept)
    evaluation, audits = _judge(run, draft, network)
    figures = {**evaluation.to_json(), "agreement": dataclasses.asdict(agreement), "epochs": len(learned.curves)}
    figures |= {"audits": audits.figures, "explained": _explained(run, learned, draft, network)}
    del figures["unreadable"], figures["curves"], figures["values"]  # long; they stay in the run
    draft = dataclasses.replace(draft, figures=figures)
    card = write_card(
        bundle=draft,
        info=run.wanted.domain.info,
        survey=run.survey,
        parts=run.parts,
        evaluation=evaluation,
        audits=audits.card,
    )
    bundle = write_bundle(draft, models=models, files=files, card=card)
    return Trained(
        bundle=bundle,
        evaluation=evaluation,
        folder=run.folder,
        recipe=learned.recipe,
        curves=learned.curves,
        agreement=agreement,
    )


def _explained(run: Prepared, learned: Learned, draft: Bundle, network: Network) -> Mapping[str, int] | None:
    """Whether maps of its answers prove better than none, on a few pictures of the part ``test``."""
    with threads(int(run.recipe.threads)):
        return try_maps(
            lambda: make_model(draft, learned.whole, network.run),
            run.survey.pixels,
            run.pictures("test").rows,
            run.beside,
            run.recipe.explained if draft.kind in EXPLAINED else 0,
        )


def _calibrated(run: Prepared, draft: Bundle, network: Network, kept: data.Pictures) -> Bundle:
    if draft.kind == "anomaly":
        distances = run_all(network, run.survey.pixels, kept.rows, beside=run.beside)[:, 0].astype(np.float64)
        groups = [run.survey.rows[row].group for row in kept.rows]
        return dataclasses.replace(draft, tail=tail_of(distances, kept.targets > 0, groups, run.recipe.false_alarms))
    if kept.masks is not None:
        return dataclasses.replace(draft, temperature=temperature(*some_pixels(network, kept, run.beside)))
    learned = run.pictures("train").targets
    logits, strangeness = look_all(network, run.survey.pixels, kept.rows, run.beside)
    found = Kept(logits=logits, targets=kept.targets, groups=[run.survey.rows[row].group for row in kept.rows])
    draft = calibrated(
        draft,
        found,
        shares=learned.mean(axis=0).tolist() if draft.kind == "multilabel" else (),
        aim=run.recipe.operate_at,
        coverage=run.recipe.coverage,
    )
    return certain(draft, found, wishes_of(run.recipe), strange_of(run, network, found, strangeness))


def _describe(run: Prepared, learned: Learned, name: str, folder: Path) -> Bundle:
    return Bundle(
        name=name,
        domain=run.wanted.domain.info.name,
        role=run.wanted.role,
        kind=run.wanted.domain.info.tasks[run.wanted.role].kind,
        labels=run.labels,
        scale=run.scale,
        fusion=fusion_of(run, learned.whole.side),
        readout=learned.readout,
        preprocess=run.wanted.spec,
        preprocess_id=PREPROCESS_ID,
        recipe=learned.recipe.model_dump(mode="json"),
        view=run.wanted.view.model_dump(mode="json"),
        fingerprint=run.survey.fingerprint,
        weights_source=run.origin.source,
        weights_licence=run.origin.licence,
        versions=library_versions(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        path=folder,
    )


def _judge(run: Prepared, draft: Bundle, network: Network) -> tuple[Evaluation, Audits]:
    test = run.pictures("test")
    with (run.folder / "test_opened.txt").open("a", encoding="ascii") as log:
        log.write(f"{draft.created} {len(test)} pictures, fingerprint {draft.fingerprint}\n")
    if network.gauged:
        logits, strange = look_all(network, run.survey.pixels, test.rows, run.beside)
    else:
        logits, strange = run_all(network, run.survey.pixels, test.rows, test.masks, draft, run.beside), None
    rows = [run.survey.rows[row] for row in test.rows]
    evaluation = assess(
        rows=rows,
        logits=logits,
        strange=strange,
        bundle=draft,
        unreadable=run.survey.unreadable,
        precision=network.precision,
        marked=marked_of(run.wanted, rows),
    )
    if draft.fusion is not None:
        evaluation = dataclasses.replace(evaluation, without=_without(run, draft, network, test))
    audits = end_audits(run, draft, logits)
    add_notes(run.folder, audits.warnings)
    write_json(run.folder / "evaluation.json", {**evaluation.to_json(), "audits": audits.figures})
    return evaluation, audits


def _without(run: Prepared, draft: Bundle, network: Network, test: data.Pictures) -> Mapping[str, Interval]:
    """The figures on the part ``test`` with every attribute missing."""
    nothing: list[Attributes] = [{}] * len(run.survey.rows)
    logits = run_all(network, run.survey.pixels, test.rows, test.masks, draft, nothing)
    return judge(draft, [run.survey.rows[row] for row in test.rows], logits).figures
