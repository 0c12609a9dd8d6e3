"""What the audits found, in words for a person and in plain values for a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from types import MappingProxyType
from typing import Any

from fovea.engine.audits.leaks import Leaks, Pair, across_parts, counted
from fovea.engine.audits.readers import FIGURES
from fovea.engine.audits.shortcuts import Share, Shortcuts
from fovea.engine.cards.skill import plain
from fovea.engine.judging.resampling import Interval
from fovea.engine.pictures.split import Part
from fovea.engine.pictures.survey import Row

_SHOWN = 10
SEEN_BY: Mapping[str, str] = MappingProxyType(
    {
        "border": "8 pixels on the edge",
        "metadata": "what is known beside the pixels",
        "thumbnail": "the whole picture at 32 pixels",
    }
)
"""What each plain reader sees, in words."""


def name_of(row: Row) -> str:
    """A picture as a person knows it: its file, its page or frame, its region."""
    part = f" ({row.part})" if row.part else ""
    return f"{row.source}{part}{f', {row.region}' if row.region else ''}"


def pair_sentence(pair: Pair, rows: Sequence[Row]) -> str:
    """What is wrong with two pictures."""
    first, second = rows[pair.first], rows[pair.second]
    both = f"{name_of(first)} and {name_of(second)}"
    same = "are one picture" if pair.kind != "burst" else "show one subject"
    told = f"{both} {same} ({pair.how})"
    if first.group != second.group:
        told += f", in two groups ({first.group} and {second.group})"
    if first.target != second.target:
        told += f", with two answers ({_answer(first)} and {_answer(second)})"
    return told


def leak_warnings(leaks: Leaks, parts: Sequence[Part], *, grouped: bool) -> Iterator[str]:
    """One sentence for each thing that the leak audit warns of."""
    across = across_parts(leaks, parts)
    if across and not grouped:
        pairs, tests = len(across), counted(leaks, parts)["test_pictures"]
        yield (
            f"{_count(pairs, 'pair')} of pictures that show the same {_verb(pairs, 'lie')} in different parts of the "
            f"split, and {_count(tests, 'test picture')} {_verb(tests, 'have')} a double among those learned from: the "
            "figures may be too good; put such pictures in one group, or train with the recipe leaks=group"
        )
    if leaks.contradictions:
        number = len(leaks.contradictions)
        yield (
            f"{_count(number, 'picture')} {_verb(number, 'come')} twice with two answers: look at "
            f"{'it' if number == 1 else 'them'}, one of the two answers must be wrong"
        )


def shortcut_warnings(found: Shortcuts, of: str = "the model") -> Iterator[str]:
    """One sentence for each plain reader that comes too near to the model, or to what stands for one."""
    for share in found.warnings:
        by = f" (most of it by: {share.by[0]})" if share.by else ""
        yield (
            f"a reader of nothing but {SEEN_BY[share.reader]}{by} reaches {_share(share)} of {of}'s skill: the answers "
            "may be told apart by backdrop, camera, place or day rather than by what should be looked at"
        )


def card_lines(
    *,
    leaks: Leaks | None,
    shortcuts: Shortcuts | None,
    rows: Sequence[Row],
    parts: Sequence[Part],
    grouped: bool = False,
) -> Iterator[str]:
    """The card's section on what a model may have learned instead; nothing where no audit was made.

    Args:
        leaks: of the leak audit.
        shortcuts: of the shortcut audit.
        rows: that the leaks are of.
        parts: of the split, one a row.
        grouped: whether groups that share a picture were made one before the split.
    """
    if leaks is None and shortcuts is None:
        return
    yield "## What it may have learned instead"
    if shortcuts is not None:
        yield ""
        yield from _shares(shortcuts)
    if leaks is not None:
        yield ""
        yield from _leaks(leaks, rows, parts, grouped=grouped)


def figures(
    *, leaks: Leaks | None, shortcuts: Shortcuts | None, rows: Sequence[Row], parts: Sequence[Part], grouped: bool
) -> dict[str, Any]:
    """What goes into the file of the evaluation: shares, counts and warnings."""
    told: dict[str, Any] = {}
    if leaks is not None:
        told["leaks"] = {
            **counted(leaks, parts),
            "contradictions": len(leaks.contradictions),
            "groups_merged": leaks.merged if grouped else 0,
            "warnings": list(leak_warnings(leaks, parts, grouped=grouped)),
            "examples": [plain(pair_sentence(pair, rows)) for pair in (*leaks.contradictions, *leaks.pairs)[:_SHOWN]],
        }
    if shortcuts is not None:
        told["shortcuts"] = {
            "figure": FIGURES[shortcuts.kind],
            "chance": shortcuts.chance,
            "model": asdict(shortcuts.model),
            "shares": [{**asdict(share), "warns": share.warns} for share in shortcuts.shares],
            "warnings": list(shortcut_warnings(shortcuts)),
        }
    return told


def _shares(found: Shortcuts) -> Iterator[str]:
    warned = list(shortcut_warnings(found))
    for sentence in warned:
        yield f"**Warning.** {first_capital(sentence)}."
        yield ""
    if not warned:
        yield "Neither the edge of the pictures nor what is known of the files comes near to its skill."
        yield ""
    yield (
        f"Plain readers learned from the same pictures and answered the same {found.pictures} that it was judged on. "
        f"The share is of its skill, from chance ({found.chance:.2f}) to its own {FIGURES[found.kind]} "
        f"({found.model.value:.3f})."
    )
    yield ""
    yield f"| a reader of | {FIGURES[found.kind]} | share of its skill |"
    yield "|---|---|---|"
    for share in found.shares:
        by = f", most by {plain(share.by[0])}" if share.by else ""
        yield f"| {SEEN_BY[share.reader]}{by} | {_interval(share.figure)} | {_told_share(share)} |"


def _leaks(leaks: Leaks, rows: Sequence[Row], parts: Sequence[Part], *, grouped: bool) -> Iterator[str]:
    warned = list(leak_warnings(leaks, parts, grouped=grouped))
    for sentence in warned:
        yield f"**Warning.** {first_capital(sentence)}."
        yield ""
    merged = f", which made {_count(leaks.merged, 'group')} fewer before the split" if grouped else ""
    yield (
        f"Of {_count(len(rows), 'picture')}, {_count(len(leaks.pairs), 'pair')} in different groups "
        f"{_verb(len(leaks.pairs), 'show')} the same{merged}; {len(across_parts(leaks, parts))} of them in different "
        "parts of the split."
    )
    shown = (*leaks.contradictions, *(leaks.pairs if grouped else across_parts(leaks, parts)))[:_SHOWN]
    if shown:
        yield ""
    for pair in dict.fromkeys(shown):
        yield f"- {plain(pair_sentence(pair, rows))}"


def _told_share(share: Share) -> str:
    return "it has none" if share.share is None else _interval(share.share)


def _share(share: Share) -> str:
    return "none" if share.share is None else f"{share.share.value:.0%}"


def _interval(told: Interval) -> str:
    return f"{told.value:.2f} ({told.low:.2f} to {told.high:.2f})"


def first_capital(sentence: str) -> str:
    """The sentence as it begins a line."""
    return sentence[:1].upper() + sentence[1:]


def _answer(row: Row) -> str:
    return row.target if isinstance(row.target, str) else ", ".join(map(str, row.target)) or "none"


def _count(number: int, one: str) -> str:
    return f"{number:,} {one if number == 1 else f'{one}s'}"


def _verb(number: int, many: str) -> str:
    """The verb as it goes with a number.

    >>> _verb(1, "have"), _verb(2, "have"), _verb(1, "lie")
    ('has', 'have', 'lies')
    """
    return many if number != 1 else {"have": "has"}.get(many, f"{many}s")
