"""The drawings of explanations: a sheet a picture, and a page with all of them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from fovea.engine.explain import Explanation, Gate, caution_of
from fovea.engine.explain.sheet import overlaid, sheet
from fovea.plugin import Column, Figure, Figures, Gallery, Image, Picture, Report, Table, Text
from fovea.report import to_html
from fovea.report.sheets import safe_name
from fovea.serving.bundle import Bundle, version_of
from fovea.serving.preprocess import thumbnail
from fovea.workbench.explaining import Explained, Looked, Why

_PAGE = "index.html"
_IN_PAGE = 60
_THUMBNAIL = 360
_ABOUT = (
    "A map shows which places of a picture an answer hangs on; it does not say that the answer is right, nor why those "
    "places matter. Each map was put to the test: its places were blurred out, and brought back alone, and what that "
    "does to the answer is its score (places at random: about 0.14). A map is shown only where it beats a blob in the "
    "middle, maps of saturation and of edges, and the same network before any training, each by at least {margin}."
)


class Sheets:
    """What is written, picture by picture.

    Args:
        out: a folder that is there.
        bundle: the model.
    """

    def __init__(self, out: Path, bundle: Bundle) -> None:
        self._out, self._bundle = out, bundle
        self._made: list[Why] = []
        self._drawn: dict[Picture, bytes] = {}
        self._pictures = self._sheets = 0

    def add(self, looked: Looked, found: Sequence[Explanation]) -> None:
        """Write the sheet of one picture. Raises OSError."""
        self._sheets += 1
        self._pictures += looked.pictures
        known = looked.known
        if looked.fine is None or not found:
            reason = known.reason or "the model says no label of it"
            self._made.append(replace(known, reason=reason))
            return
        path = self._out / f"{self._sheets:04d}-{safe_name(Path(known.path).stem)}.png"
        _write(path, sheet(known.name, looked.fine, found, is_value=self._is_value))
        for one in found:
            why = _why(known, one, path)
            self._made.append(why)
            if len(self._drawn) < _IN_PAGE:
                self._drawn[self._picture(why)] = thumbnail(Image(pixels=overlaid(looked.fine, one)), _THUMBNAIL)

    def finish(self) -> Explained:
        """Write the page. Raises OSError."""
        judged = [why for why in self._made if why.sheet is not None]
        caution = caution_of(len(judged), sum(why.shown for why in judged))
        page = self._out / _PAGE
        text = to_html(self._report(judged, caution), thumbnail=self._drawn.get, made=datetime.now(UTC))
        _write(page, text.encode("utf-8", "backslashreplace"))
        return Explained(page=page, maps=tuple(self._made), caution=caution, kind=self._bundle.kind)

    @property
    def _is_value(self) -> bool:
        return self._bundle.kind == "regress"

    def _picture(self, why: Why) -> Picture:
        said = f"{why.label}: {why.said:.4g}" if self._is_value else f"{why.label}, probability {why.said:.2f}"
        return Picture(
            source=f"{self._sheets:04d} {_brief(why.path)}",
            part=" ".join(one for one in (why.part, why.region) if one),
            caption=said,
            badge=f"score {why.score:.2f}" if why.shown else "no map",
            level="normal" if why.shown else "notice",
        )

    def _report(self, judged: Sequence[Why], caution: str) -> Report:
        bundle, shown = self._bundle, sum(why.shown for why in judged)
        left_out = len(judged) - len(self._drawn)
        figures = (
            Figure(name="pictures", value=self._pictures),
            Figure(name="maps", value=len(judged)),
            Figure(name="maps shown", value=shown, note="better than all rivals"),
            Figure(name="not looked at", value=sum(why.fault for why in self._made)),
        )
        note = f"{left_out} more are on their sheets beside this page." if left_out else ""
        blocks = (
            Figures(figures=figures),
            *((Text(title="Read with care", body=(caution,), level="warning"),) if caution else ()),
            Gallery(title="Where the answers come from", pictures=tuple(self._drawn), note=note),
            self._table(),
            Text(title="How to read this", body=(_ABOUT.format(margin=Gate().margin),)),
        )
        return Report(
            title=f"{bundle.name}: where its answers come from",
            summary=f"{shown} of {len(judged)} maps are shown; the others proved no better than none.",
            blocks=blocks,
            facts={"model": version_of(bundle.name, bundle.digest), "role": bundle.role},
        )

    def _table(self) -> Table:
        columns = (
            Column(name="picture"),
            Column(name="value" if self._is_value else "label"),
            Column(name="score", form="number"),
            Column(name="best rival", form="number"),
            Column(name="why"),
            Column(name="sheet"),
        )
        rows = tuple(
            (
                _brief(why.name),
                why.label,
                round(why.score, 2) if why.sheet else None,
                round(why.rival_score, 2) if why.sheet else None,
                f"{'shown: ' if why.shown else ''}{why.reason}",
                why.sheet.name.partition("-")[0] if why.sheet else None,
            )
            for why in self._made
        )
        return Table(title="All maps", columns=columns, rows=rows)


def _brief(name: str) -> str:
    """A picture's name with its folder's: a whole path leaves no room beside it."""
    return "/".join(Path(name).parts[-2:])


def _why(known: Why, one: Explanation, path: Path) -> Why:
    return replace(
        known,
        label=one.label,
        said=one.said,
        shown=one.shown,
        score=one.score,
        rival=one.rival,
        rival_score=one.rival_score,
        method=one.method,
        reason=one.reason,
        sheet=path,
    )


def _write(path: Path, content: bytes) -> None:
    beside = path.with_name(f".{path.name}")
    beside.write_bytes(content)
    os.replace(beside, path)
