"""What a card says of where a model is better or worse: short, since its page tells it all."""

from __future__ import annotations

from collections.abc import Iterator

from fovea.engine.cards.skill import NAMES, SHARES, plain
from fovea.engine.judging.evaluate import Evaluation
from fovea.engine.judging.sides import FIGURES
from fovea.engine.judging.subgroups import Subgroup

_SHOWN = 8


def everywhere(evaluation: Evaluation) -> Iterator[str]:
    """The gaps that were found between the values of the pictures' attributes, or that none was."""
    compared = [one for one in evaluation.subgroups if one.gap is not None]
    if not compared:
        return
    found = sorted((one for one in compared if one.flagged), key=lambda one: one.p or 0.0)
    figure = FIGURES[evaluation.kind]
    names = ", ".join(dict.fromkeys(plain(one.by) for one in compared))
    yield "## Where it is better or worse"
    yield ""
    yield (
        f"Its {NAMES.get(figure, figure.replace('_', ' '))} was compared with that of the other pictures for "
        f"{len(compared)} values of: {names}. It counts {plain(evaluation.said)}. "
        + (
            f"The range of the gap excludes 0 for {len(found)}, and after Holm's adjustment for so many comparisons "
            f"for {sum(one.stands for one in found)}."
            if found
            else "No gap was found whose range excludes 0."
        )
    )
    if not found:
        return
    yield ""
    yield "| where | pictures | there | gap to the others | after Holm |"
    yield "|---|---|---|---|---|"
    for one in found[:_SHOWN]:
        yield _row(figure, one)


def _row(figure: str, one: Subgroup) -> str:
    form = "{:.1%}" if figure in SHARES else "{:.3f}"
    there = "-" if one.figure is None else form.format(one.figure.value)
    ends = () if one.gap is None else (one.gap.value, one.gap.low, one.gap.high)
    gap = " ".join(form.replace(":", ":+").format(end) for end in ends[:1])
    between = " to ".join(form.replace(":", ":+").format(end) for end in ends[1:])
    stands = "stands" if one.stands else "may be luck"
    return f"| {plain(one.by)}: {plain(one.value)} | {one.pictures} | {there} | {gap} ({between}) | {stands} |"
