"""``fovea check-data``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fovea_apps.options import as_json, examples, html, labelled_folder, role, settings
from fovea_apps.session import Session, answer
from fovea_apps.signals import stoppable

if TYPE_CHECKING:
    from fovea.workbench import DataCheck, DoublePicture

_SHOWN = 12
_EPILOG = examples("fovea check-data crop photos", "fovea check-data medical films --role finding --json")


@click.command(name="check-data", epilog=_EPILOG)
@labelled_folder
@role("What would be learned")
@html
@settings
@as_json
@click.pass_obj
def command(
    session: Session,
    *,
    domain: str,
    folder: Path,
    role: str,
    html: Path | None,
    settings: tuple[str, ...],
    as_json: bool,
) -> None:
    """Look for what would spoil a training: pictures that come twice, and answers that the backdrop gives away."""
    with session.bench() as bench, session.progress() as progress, stoppable(word="") as stop:
        found = bench.judging.check_data(
            domain=domain, folder=folder, role=role, settings=settings, page=html, progress=progress, stop=stop
        )
    answer(found, as_json=as_json, show=show_check)
    if html is not None:
        session.hint(f"the page: {html}")


def show_check(found: DataCheck) -> None:
    """Print what the audits found."""
    from fovea_apps import output

    output.title(f"On {output.count(found.pictures, 'picture')} of {output.count(found.groups, 'group')}")
    _show_doubles("The same picture with two answers:", found.contradictions, answers=True)
    _show_doubles("The same picture or subject in two groups:", found.doubles, answers=False)
    if not found.doubles and not found.contradictions:
        output.line("No picture comes twice in different groups.")
    if found.readers:
        _show_readers(found)
    if found.unreadable:
        output.line(f"Left out as unreadable: {output.count(found.unreadable, 'picture')}.")
    for sentence in found.notes:
        output.line(sentence)
    for sentence in found.warnings:
        output.line()
        output.prose(f"**Warning.** {sentence}.")


def _show_doubles(title: str, doubles: tuple[DoublePicture, ...], *, answers: bool) -> None:
    from fovea_apps import output

    if not doubles:
        return
    output.line(title)
    for one in doubles[:_SHOWN]:
        output.line(f"- {one.names[0]}")
        output.line(f"  {one.names[1]}")
        output.line(f"  {one.how}; agreement {one.score:.2f}{_between(one, answers=answers)}")
    if len(doubles) > _SHOWN:
        output.line(f"and {len(doubles) - _SHOWN} more; --json tells them all")
    output.line()


def _between(one: DoublePicture, *, answers: bool) -> str:
    """The answers or groups of the two; none where each picture is a group by itself."""
    if answers:
        return f"; answers: {one.answers[0]} / {one.answers[1]}"
    return "" if one.groups == one.names else f"; groups: {one.groups[0]} / {one.groups[1]}"


def _show_readers(found: DataCheck) -> None:
    from fovea_apps import output
    from fovea_apps.judged import figure

    probe = figure(found.probe)
    output.line(f"A quick probe of the whole pictures reaches a {found.figure} of {probe}. Beside it:")
    output.table(
        ("a reader of", "reaches", "share of the probe's skill", "most by"),
        [(one.sees, figure(one.figure), figure(one.share), one.by) for one in found.readers],
    )
