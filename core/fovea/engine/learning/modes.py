"""How a training learns: ``full``, ``probe``, or ``auto``, which tries the quick one first."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np

from fovea.engine.learning import loop
from fovea.engine.learning.full import course_of, fit_full, validate
from fovea.engine.learning.learned import Learned
from fovea.engine.learning.mixing import Given
from fovea.engine.learning.normality import fit_anomaly
from fovea.engine.learning.probe import fit_probe, link_of
from fovea.engine.prepared import Prepared, write_json
from fovea.engine.recipe import Recipe
from fovea.engine.room import threads
from fovea.errors import DataError, Stopped
from fovea.progress import Progress, watched

_TIMED = 4
_LEAST_EPOCHS = 3
"""A training of fewer passes than that loses to a probe, and is not begun."""


def learn(run: Prepared, *, cache: Path, progress: Progress, stop: Callable[[], bool]) -> Learned:
    """Let the network learn as the recipe's mode says.

    Args:
        run: what is learned from.
        cache: folder of features.
        progress: told how far it is.
        stop: asked before every batch, and before every picture that is embedded.

    Raises:
        UsageError: the mode does not fit the task.
        DataError: mode ``auto`` without pictures for validation.
        Stopped: ``stop`` said so; run again to go on.
        FoveaError: the loss became no number.
    """
    if run.recipe.mode == "full" and run.recipe.loss != "none":
        return fit_full(run, progress=progress, stop=stop)
    looking = watched(progress, lambda: _refuse_to_go_on(stop))
    with threads(int(run.recipe.threads)):
        if run.recipe.loss == "none":  # a task that learns without a gradient
            return fit_anomaly(run, progress=looking)
        if run.recipe.mode == "probe":
            return fit_probe(run, cache=cache, progress=looking)
        return _auto(run, cache=cache, progress=looking, stop=stop)


def _refuse_to_go_on(stop: Callable[[], bool]) -> None:
    if stop():
        raise Stopped("the training was stopped: run it again to go on; features already made are kept")


def _auto(run: Prepared, *, cache: Path, progress: Progress, stop: Callable[[], bool]) -> Learned:
    """A probe first; then as many epochs of the whole network as the rest of the budget has room for.

    What was decided by the clock is written down, so that a training that was stopped goes on with the same plan.
    """
    link_of(run)
    if not len(run.pictures("validation")):
        raise DataError(
            "mode auto keeps what wins on validation: set validation above 0, so that there are pictures for it"
        )
    began = time.monotonic()
    fresh = copy.deepcopy(run.whole)
    probed = fit_probe(run, cache=cache, progress=progress)
    full = replace(run, whole=fresh)
    epochs = _planned(full, 60 * run.recipe.budget - (time.monotonic() - began))
    if epochs < _LEAST_EPOCHS:
        return probed
    recipe = run.recipe.model_copy(update={"mode": "full", "epochs": epochs})
    tuned = fit_full(replace(full, recipe=recipe), progress=progress, stop=stop)
    return max((probed, tuned), key=lambda one: _score(run, one))


def _score(run: Prepared, learned: Learned) -> float:
    """On validation. A probe's is that of its grid: the head that was kept has learned from validation, too."""
    if learned.readout is not None:
        return max(loop.score_of(figures, run.recipe, 0) for figures in learned.curves)
    figures = validate(learned.whole, run.pictures("validation"), replace(run, recipe=learned.recipe), None)
    return loop.score_of(figures, run.recipe, 0)


def _planned(run: Prepared, seconds: float) -> int:
    path = run.folder / "auto.json"
    if path.is_file():
        plan: Mapping[str, int] = json.loads(path.read_text(encoding="ascii"))
        return plan["epochs"]
    epochs = min(int(run.recipe.epochs), int(seconds / max(_seconds_an_epoch(run), 1e-6))) if seconds > 0 else 0
    write_json(path, {"epochs": epochs})
    return epochs


def _seconds_an_epoch(run: Prepared) -> float:
    """Measured on a few steps of a copy, which is thrown away; validation costs about a third of learning."""
    trial = replace(run, whole=copy.deepcopy(run.whole))
    course = course_of(trial)
    took = _seconds_a_step(course, run.recipe)
    kept = len(run.pictures("validation")) / max(len(run.pictures("train")), 1)
    return took * course.steps * (1 + kept / 3)


def _seconds_a_step(course: loop.Course, recipe: Recipe) -> float:
    """Median time of a few steps, the making of their batches included; the first one warms up."""
    network, times, began = course.network.to(recipe.device).train(), [], time.monotonic()
    for batch in islice(course.batches(0, 0), _TIMED):
        given = Given.of(batch, str(recipe.device))
        with loop.autocast(recipe):
            logits = given.logits(network)
        loss = course.loss(logits.float(), given.targets)
        loss.backward()  # type: ignore[no-untyped-call]
        loss.item()  # waits for the device
        times.append(time.monotonic() - began)
        began = time.monotonic()
    return float(np.median(times[1:] or times))
