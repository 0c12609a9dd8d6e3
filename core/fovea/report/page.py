"""A report as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from fovea.plugin import Block, Picture, Report
from fovea.report.markup import Markup, element
from fovea.report.sections import section
from fovea.report.style import style_sheet
from fovea.report.wording import moment, prose

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
_CONTENTS_FROM = 5


def to_html(
    report: Report, *, thumbnail: Callable[[Picture], bytes | None], made: datetime, language: str = "en"
) -> str:
    """The report as one page that needs no script, no network and no other file.

    Args:
        report: what a domain reports.
        thumbnail: a small JPEG of a gallery's picture, or None where the picture is no longer to be had.
        made: when the report was made; shown at the top.
        language: the language of the report's texts, as in BCP 47.

    Returns:
        HTML that can be encoded as UTF-8, whatever the texts in the report are.
    """
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", report.title),
        element("style", Markup(style_sheet())),
    )
    sections = (section(block, f"b{number}", thumbnail) for number, block in enumerate(report.blocks, 1))
    body = element("body", _top(report, made), element("main", *sections), _foot(report.facts, made))
    return f"<!doctype html>\n{element('html', head, body, lang=language).text}\n"


def _top(report: Report, made: datetime) -> Markup:
    return element(
        "header",
        element("h1", report.title),
        element("p", "Made ", element("time", moment(made), datetime=made.isoformat()), class_="made"),
        element("p", prose(report.summary), class_="lead") if report.summary else None,
        _contents(report.blocks),
    )


def _contents(blocks: tuple[Block, ...]) -> Markup | None:
    titled = [(f"b{number}", block.title) for number, block in enumerate(blocks, 1) if block.title]
    if len(titled) < _CONTENTS_FROM:
        return None
    items = (element("li", element("a", title, href=f"#{ident}")) for ident, title in titled)
    return element("nav", element("h2", "Contents", id="contents"), element("ol", *items), aria_labelledby="contents")


def _foot(facts: Mapping[str, str], made: datetime) -> Markup:
    pairs = [part for name, fact in facts.items() for part in (element("dt", name), element("dd", fact))]
    listed = [element("h2", "What produced this report"), element("dl", *pairs)] if pairs else []
    said = element("div", *listed, element("span", f"Made with Fovea, {moment(made)}"))
    return element("footer", said)
