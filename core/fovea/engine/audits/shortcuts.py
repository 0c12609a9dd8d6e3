"""The shortcut audit: how much of a model's skill is reached without looking at the subject.

Two readers see what no one should be able to answer from: eight pixels on the picture's edge, and what is known of
the file beside its pixels. Where they come near the model, its figure may be the backdrop's, the camera's or the
clinic's. A third sees the whole picture at 32 pixels: what is beyond it is what the model sees in detail.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fovea.engine.audits.columns import Floats, border, of_facts, of_numbers, thumbnails
from fovea.engine.audits.facts import Fact, facts_of
from fovea.engine.audits.readers import Question, figure, read_out
from fovea.engine.judging.resampling import Interval, interval, numbered, resamplings
from fovea.engine.pictures.survey import Row
from fovea.plugin import Kind

Reader: TypeAlias = Literal["border", "metadata", "thumbnail"]

READERS: tuple[Reader, ...] = ("border", "metadata", "thumbnail")

HALF = 0.5
"""Share of the model's skill from which a reader of border or metadata warns."""

_LEAST_SKILL = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one plain reader reaches.

    Args:
        reader: what it sees.
        figure: balanced accuracy, macro AUROC or R2 on the test pictures.
        share: of the model's skill, 0 (chance) to 1 (as good) and beyond; None where the model has no skill to share.
        chance: figure of who knows nothing.
        by: for ``metadata``, the fact that alone tells most, with its figure.
    """

    reader: Reader
    figure: Interval
    share: Interval | None
    chance: float
    by: tuple[str, float] | None = None

    @property
    def warns(self) -> bool:
        """Whether the model's figure may be due to what this reader sees: half its skill, and surely above chance."""
        near = self.share is not None and self.share.value >= HALF
        return self.reader != "thumbnail" and near and self.figure.low > self.chance


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortcuts:
    """What the shortcut audit found.

    Args:
        kind: of the task.
        chance: figure of who knows nothing.
        model: the model's figure on the same pictures.
        shares: one a reader.
        pictures: judged on.
    """

    kind: Kind
    chance: float
    model: Interval
    shares: tuple[Share, ...]
    pictures: int

    @property
    def warnings(self) -> tuple[Share, ...]:
        """The readers that come too near."""
        return tuple(share for share in self.shares if share.warns)


def audit_shortcuts(
    *,
    pixels: NDArray[np.uint8],
    rows: Sequence[Row],
    asked: Sequence[Question],
    root: Path,
    said: Floats,
    seed: int = 0,
) -> Shortcuts:
    """Let the plain readers learn from what the model learned from, and judge them on the test pictures beside it.

    Args:
        pixels: uint8 (n, size, size, 3).
        rows: n of them.
        asked: what the model was asked, of one split or of several whose tests do not overlap; see
            :func:`fovea.engine.audits.readers.question`.
        root: folder of the pictures, for sizes of files.
        said: the model's probabilities or values for the test pictures of each question in turn, (tests, outputs).
        seed: of the bootstrap over groups.
    """
    facts = facts_of(rows, root)
    told: dict[str, Floats] = {
        "border": _each(asked, lambda one: of_numbers(border(pixels), one.fit)),
        "metadata": _each(asked, lambda one: _together(of_facts(facts, one.fit), len(rows))),
        "thumbnail": _each(asked, lambda one: thumbnails(pixels, one.fit)),
    }
    truth = np.concatenate([one.truth[one.test] for one in asked])
    groups = [rows[place].group for one in asked for place in one.test]
    told["model"] = np.asarray(said, float).reshape(len(truth), -1)
    values, spread = _judged(asked[0], truth, groups, told, seed)
    return Shortcuts(
        kind=asked[0].kind,
        chance=asked[0].chance,
        model=interval(values["model"], spread["model"]),
        shares=tuple(
            Share(
                reader=reader,
                figure=interval(values[reader], spread[reader]),
                share=_share(asked[0], values, spread, reader),
                chance=asked[0].chance,
                by=_strongest(facts, asked, truth) if reader == "metadata" else None,
            )
            for reader in READERS
        ),
        pictures=len(truth),
    )


def _each(asked: Sequence[Question], columns: Callable[[Question], Floats]) -> Floats:
    return np.concatenate([read_out(columns(one), one) for one in asked])


def _together(facts: Mapping[str, Floats], count: int) -> Floats:
    """All columns, (n, ...); one that says nothing where nothing is known that differs."""
    return np.column_stack(list(facts.values())) if facts else np.zeros((count, 1))


def _judged(
    asked: Question, truth: NDArray[Any], groups: Sequence[str], told: Mapping[str, Floats], seed: int
) -> tuple[dict[str, float], dict[str, Floats]]:
    """Each reader's figure, and the same where groups are drawn anew: the same draws for all of them."""
    number, count = numbered(groups)
    once = np.ones((1, len(truth)))
    values = {name: float(figure(asked.kind, truth, said, once)[0]) for name, said in told.items()}
    drawn: dict[str, list[Floats]] = {name: [] for name in told}
    for times in resamplings(count, seed, truth.size):
        often = times[:, number]
        for name, said in told.items():
            drawn[name].append(figure(asked.kind, truth, said, often))
    return values, {name: np.concatenate(parts) for name, parts in drawn.items()}


def _share(asked: Question, values: Mapping[str, float], spread: Mapping[str, Floats], reader: str) -> Interval | None:
    whole, part = (float(asked.skill(np.array(values[name]))) for name in ("model", reader))
    if whole < _LEAST_SKILL:
        return None
    wholes, parts = asked.skill(spread["model"]), asked.skill(spread[reader])
    told = wholes > _LEAST_SKILL
    return interval(max(part, 0.0) / whole, np.maximum(parts[told], 0) / wholes[told])


def _strongest(
    facts: Sequence[Mapping[str, Fact]], asked: Sequence[Question], truth: NDArray[Any]
) -> tuple[str, float] | None:
    """The fact that tells most by itself, with its figure."""
    known = [of_facts(facts, one.fit) for one in asked]
    names = set.intersection(*(set(one) for one in known))
    once, alone = np.ones((1, len(truth))), dict[str, float]()
    for name in names:
        said = np.concatenate([read_out(columns[name], one) for columns, one in zip(known, asked, strict=True)])
        alone[name] = float(figure(asked[0].kind, truth, said, once)[0])
    return max(alone.items(), key=lambda told: (told[1], told[0])) if alone else None
