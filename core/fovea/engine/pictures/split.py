"""Which picture is learned from and which is only judged: by group, stratified by label, and then frozen.

A group (a patient, a plant, a camera's run) never straddles two parts, or the figures would count memory as skill.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Literal, TypeAlias

import numpy as np

from fovea.engine.draws import identify, mix
from fovea.errors import DataError

Part: TypeAlias = Literal["train", "validation", "calibration", "test"]
PARTS: tuple[Part, ...] = ("train", "validation", "calibration", "test")
_FEW = 5


def split(
    *,
    groups: Sequence[str],
    labels: Sequence[str | Sequence[str]],
    fractions: Mapping[str, float],
    seed: int,
    frozen: Mapping[str, Part] | None = None,
    unbound: Collection[str] = (),
) -> dict[str, Part]:
    """Give each group a part of the split; every class is in ``train`` and in ``test``.

    Groups are taken in an order that hashes (seed, group), and each goes where it leaves the counts of its labels
    nearest to the fractions wanted (least chi-square). Classes of five groups or fewer are served first, so that
    they are both learned and tested. ``validation`` and ``calibration`` may lack a rare class.

    Args:
        groups: group of each picture.
        labels: label of each picture, or its labels: each of them is then shared out (after Sechidis et al., On the
            stratification of multi-label data, 2011, but by group).
        fractions: share of the pictures by part; they add up to 1.
        seed: another seed, another split.
        frozen: groups whose part is already fixed.
        unbound: labels that are shared out like the others, but need be in no part.

    Raises:
        DataError: a class cannot be in both ``train`` and ``test``; the sentence names it.
    """
    counts = _count(groups, labels)
    _refuse_lone(counts, unbound)
    table = _Table(counts, fractions)
    for group, part in (frozen or {}).items():
        if group in counts:
            table.put(group, part)
    order = _in_order(counts, seed)
    for label in table.rare():
        if label not in unbound:
            _serve(table, label, order)
    for group in order:
        if group not in table.parts:
            table.put(group, table.best(group))
    _check(table, unbound, frozen or {})
    return {group: table.parts[group] for group in counts}


class _Table:
    """How many pictures of which label each part has, and how many it wants."""

    def __init__(self, counts: Mapping[str, Counter[str]], fractions: Mapping[str, float]) -> None:
        self.labels = sorted({label for counter in counts.values() for label in counter})
        self.counts = {group: np.array([float(c[label]) for label in self.labels]) for group, c in counts.items()}
        self.total = np.sum(list(self.counts.values()), axis=0)
        self.fractions = np.array([fractions[part] for part in PARTS])
        self.have = np.zeros((len(PARTS), len(self.labels)))
        self.parts: dict[str, Part] = {}

    def put(self, group: str, part: Part) -> None:
        self.parts[group] = part
        self.have[PARTS.index(part)] += self.counts[group]

    def best(self, group: str) -> Part:
        """The part where this group does least harm; a part of fraction 0 gets nothing."""
        count, fractions = self.counts[group], np.maximum(self.fractions, 1e-9)[:, None]
        excess = self.have - fractions * self.total
        harm = ((2 * count * excess + count**2) / (fractions * self.total**2)).sum(axis=1)
        return PARTS[int(np.argmin(harm))]

    def groups_of(self, label: str) -> list[str]:
        column = self.labels.index(label)
        return [group for group, count in self.counts.items() if count[column]]

    def rare(self) -> list[str]:
        sizes = {label: len(self.groups_of(label)) for label in self.labels}
        return sorted((label for label in self.labels if sizes[label] <= _FEW), key=lambda label: (sizes[label], label))


def _count(groups: Sequence[str], labels: Sequence[str | Sequence[str]]) -> dict[str, Counter[str]]:
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for group, label in zip(groups, labels, strict=True):
        counts[group].update((label,) if isinstance(label, str) else label)
    return dict(counts)


def _refuse_lone(counts: Mapping[str, Counter[str]], unbound: Collection[str]) -> None:
    where: defaultdict[str, list[str]] = defaultdict(list)
    for group, counter in counts.items():
        for label in counter:
            where[label].append(group)
    lone = sorted(label for label, groups in where.items() if len(groups) == 1 and label not in unbound)
    if lone:
        names = ", ".join(f"'{label}'" for label in lone)
        verb = "class {} has" if len(lone) == 1 else "classes {} have each"
        raise DataError(
            f"the {verb.format(names)} pictures of one group only, so that they cannot be both learned and tested: "
            f"add pictures of another group (plant, patient, day), or leave the class out (leave_out)"
        )


def _in_order(counts: Mapping[str, Counter[str]], seed: int) -> list[str]:
    names = sorted(counts, key=lambda name: name.encode("utf-8", "surrogatepass"))
    keys = mix(identify((name,) for name in names), seed)
    return [names[index] for index in np.argsort(keys, kind="stable")]


def _serve(table: _Table, label: str, order: Sequence[str]) -> None:
    """Put one group of a rare class into ``test`` and one into ``train``, where they are not there already."""
    mine = set(table.groups_of(label))
    column = table.labels.index(label)
    wanted = table.total[column] * table.fractions[PARTS.index("test")]
    for part in ("test", "train"):
        if any(table.parts.get(group) == part for group in mine):
            continue
        free = [group for group in order if group in mine and group not in table.parts]
        if part == "test":
            free.sort(key=lambda group: abs(float(table.counts[group][column]) - wanted))
        if free:
            table.put(free[0], part)


def _check(table: _Table, unbound: Collection[str], frozen: Collection[str]) -> None:
    for part in ("train", "test"):
        have = dict(zip(table.labels, table.have[PARTS.index(part)], strict=True))
        empty = [label for label, number in have.items() if not number and label not in unbound]
        if empty:
            raise DataError(_why(table, empty[0], part, frozen))


def _why(table: _Table, label: str, lacking: Part, frozen: Collection[str]) -> str:
    groups = table.groups_of(label)
    if all(group in frozen for group in groups):
        where = " and ".join(part for part in PARTS if any(table.parts[group] == part for group in groups))
        word = "learned" if lacking == "train" else "tested"
        return (
            f"the class '{label}' is only in {where} of the split that was given, so that it cannot be {word}: "
            f"move one of its groups to {lacking}, or leave the class out (leave_out)"
        )
    return (
        f"the class '{label}' cannot be both learned and tested, because its groups are shared with other "
        "classes: add pictures of another group, or leave the class out (leave_out)"
    )
