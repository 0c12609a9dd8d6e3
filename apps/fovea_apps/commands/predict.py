"""``fovea predict``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fovea_apps.options import as_json, examples
from fovea_apps.session import QUARANTINED, Session, answer
from fovea_apps.signals import stoppable

if TYPE_CHECKING:
    from fovea.workbench import Answer


@click.command(name="predict", epilog=examples("fovea predict leaves photo.jpg", "fovea predict leaves photos --json"))
@click.argument("model")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(path_type=Path))
@as_json
@click.pass_context
def command(context: click.Context, *, model: str, paths: tuple[Path, ...], as_json: bool) -> None:
    """Say what single pictures or folders show. Nothing is stored."""
    session = context.ensure_object(Session)
    with session.bench() as bench, session.progress() as progress, stoppable(word="") as stop:
        answers = bench.predict(model=model, paths=paths, progress=progress, stop=stop)
    answer(answers, as_json=as_json, show=_show)
    unreadable = sum(bool(one.fault) for one in answers)
    if unreadable:
        session.hint(f"{unreadable} of {len(answers)} could not be worked with")
        context.exit(QUARANTINED)


def _show(answers: tuple[Answer, ...]) -> None:
    from fovea_apps import output

    valued = any(one.kind in ("regress", "segment") for one in answers)
    columns = {
        "picture": [f"{one.path} [{one.part}]" if one.part else one.path for one in answers],
        "value" if valued else "label": [one.fault or (_values(one) if valued else one.label) for one in answers],
        "probability": [output.NOTHING if one.fault or not one.label else f"{one.probability:.3f}" for one in answers],
        "note": [_doubts(one) for one in answers],
    }
    if valued:
        del columns["probability"]
    if not any(columns["note"]):
        del columns["note"]
    output.table(tuple(columns), list(zip(*columns.values(), strict=True)), numbers=("probability",))


def _doubts(one: Answer) -> str:
    """What the model says of its own answer."""
    others = [label for label in one.possible or () if label not in (one.label, *one.labels)]
    notes = {
        "alarm": one.alarm,
        "unlike what it learned from": one.unknown,
        "a person should look": one.review,
        f"may be {', '.join(others)}": others,
        "no label is likely enough": one.possible == () and one.label,
    }
    return "; ".join(note for note, holds in notes.items() if holds)


def _values(one: Answer) -> str:
    """``severity 0.31 (0.12 to 0.50)``: each value, with its interval where the model tells one."""
    from fovea_apps.judged import figure

    bounds = {f"{name} {end}" for name in one.scores for end in ("low", "high")}
    return ", ".join(
        f"{name} {figure((value, one.scores[f'{name} low'], one.scores[f'{name} high']))}"
        if f"{name} low" in one.scores
        else f"{name} {figure(value)}"
        for name, value in one.scores.items()
        if name not in bounds
    )
