"""A check of labelled pictures as a page: the pictures that come twice side by side, and what gives answers away."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fovea.engine.audits.check import Checked, DataCheck, DoublePicture, PlainReader
from fovea.plugin import Block, Column, Figure, Figures, Gallery, Level, Picture, Report, Table, Text
from fovea.workbench.evaluation_page import write_page
from fovea.workbench.wording import count

SHOWN = 24
"""Pairs shown of each kind."""


def write_check(checked: Checked, path: Path, *, title: str) -> Path:
    """Write the page.

    Raises:
        FoveaError: it cannot be written there.
    """
    found = checked.found
    contrary = [_picture(one, one.answers) for one in found.contradictions[:SHOWN]]
    doubles = [_picture(one, one.groups) for one in found.doubles[:SHOWN]]
    blocks: list[Block] = [
        _headlines(found),
        *([Text(title="Warnings", body=_sentences(found.warnings), level="warning")] if found.warnings else []),
        *([_gallery("One picture, two answers", contrary, len(found.contradictions))] if contrary else []),
        *([_gallery("One picture or subject, two groups", doubles, len(found.doubles))] if doubles else []),
        *([_readers(found)] if found.readers else []),
        *([Text(title="What was not looked for", body=found.notes)] if found.notes else []),
    ]
    summary = (
        f"{count(found.pictures, 'picture')} of {count(found.groups, 'group')} were looked at; nothing was trained."
    )
    report = Report(title=title, summary=summary, blocks=tuple(blocks))
    return write_page(report, path, dict(zip([*contrary, *doubles], checked.shown, strict=True)))


def _sentences(warnings: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"{one}." for one in warnings)


def _headlines(found: DataCheck) -> Figures:
    return Figures(
        figures=(
            Figure(name="pairs in two groups", value=len(found.doubles)),
            Figure(name="pictures with two answers", value=len(found.contradictions)),
            Figure(name="warnings", value=len(found.warnings), level="warning" if found.warnings else "normal"),
        ),
    )


def _picture(one: DoublePicture, between: Sequence[object]) -> Picture:
    told = "" if between == one.names else f"; {between[0]} / {between[1]}"
    return Picture(
        source=one.names[0],
        caption=f"{one.how}{told}; agreement {one.score:.2f}; on the right {one.names[1]}, on the left",
        badge=one.kind,
        level="notice",
    )


def _gallery(title: str, pictures: Sequence[Picture], every: int) -> Gallery:
    note = f"The surest {len(pictures)} of {every}." if every > len(pictures) else ""
    return Gallery(title=title, pictures=tuple(pictures), note=note)


def _readers(found: DataCheck) -> Table:
    probe = None if found.probe is None else ("the whole pictures, by a quick probe", *found.probe, None, "")
    levels: list[Level] = ["normal"] if probe else []
    levels += ["warning" if one.warns else "normal" for one in found.readers]
    return Table(
        title="What plain readers reach",
        columns=(
            Column(name="a reader of"),
            Column(name=found.figure, form="number"),
            Column(name="from", form="number"),
            Column(name="to", form="number"),
            Column(name="share of the probe's skill", form="share"),
            Column(name="most by"),
        ),
        rows=(*([probe] if probe else []), *(_row(one) for one in found.readers)),
        levels=tuple(levels),
        note="Half of the skill or more, by the edge or by what is known beside the pixels, is a warning.",
    )


def _row(one: PlainReader) -> tuple[str | float | None, ...]:
    return (one.sees, *one.figure, None if one.share is None else one.share[0], one.by)
