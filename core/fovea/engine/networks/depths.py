"""Where a network can be read: its answers at about five depths, and its parameters in order of depth.

Found by running the network once and watching what it answers where, so that networks of any library are read alike: no
table of layer names has to follow them.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

from torch import Tensor, nn

from fovea.engine.networks.cuts import Call, Cut, observe
from fovea.engine.networks.folding import first_tensor, fold, hooked, is_channels_last, tensor_in, unfold
from fovea.errors import UsageError

__all__ = ["DEPTHS", "Inside", "first_tensor", "fold", "inside", "read"]

DEPTHS = 5
_FEW_LEVELS = 3
_BULK = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """Where a network can be read.

    Args:
        stages: names of the modules whose answers are its depths, shallow to deep, at most DEPTHS.
        channels: of each stage's map.
        groups: names of its parameters in order of depth: those used up to each stage, then the rest, which is the
            head, what comes right before it, and what is not used at all.
    """

    stages: tuple[str, ...]
    channels: tuple[int, ...]
    groups: tuple[tuple[str, ...], ...]


def inside(network: nn.Module, size: int) -> Inside:
    """Look where a network of (n, 3, size, size) can be read.

    Networks that shrink their maps are read where a resolution ends, the deepest five; those that keep it
    (transformers) after even shares of their blocks.

    Raises:
        UsageError: it has no answer that is a map and that everything behind it goes through.
    """
    parameters = dict(network.named_parameters())
    wanted = {name: parameter.requires_grad for name, parameter in parameters.items()}
    was_training = network.training
    try:
        for parameter in parameters.values():
            parameter.requires_grad_(parameter.is_floating_point())
        calls, cuts = observe(network.eval(), size)
    finally:
        network.train(was_training)
        for name, parameter in parameters.items():
            parameter.requires_grad_(wanted[name])
    chosen = _choose(cuts, calls, size)
    if not chosen:
        raise UsageError("this backbone answers no map on the way to its end: choose another")
    return Inside(
        stages=tuple(call.name for _, call in chosen),
        channels=tuple(call.channels for _, call in chosen),
        groups=_groups(parameters, cuts, [place for place, _ in chosen]),
    )


def read(network: nn.Module, stages: Sequence[str], planes: Tensor) -> tuple[tuple[Tensor, ...], Tensor]:
    """Run a network and read it on the way.

    Args:
        network: any that :func:`inside` has looked into.
        stages: names of modules.
        planes: (n, 3, size, size), normalised.

    Returns:
        The map (n, c, h, w) of each stage, and the network's own answer. Where gradients are kept, the answer depends
        on the very maps, so that it can be differentiated by them.
    """
    maps, answer, layouts = _run(network, stages, planes, channels_last=False)
    if {None, True} <= layouts:  # as many channels as rows: the other maps tell which is which
        maps, answer, _ = _run(network, stages, planes, channels_last=True)
    return tuple(maps[stage] for stage in stages), answer


def _run(
    network: nn.Module, stages: Sequence[str], planes: Tensor, *, channels_last: bool
) -> tuple[dict[str, Tensor], Tensor, set[bool | None]]:
    maps: dict[str, Tensor] = {}
    layouts: set[bool | None] = set()
    names = {network.get_submodule(stage): stage for stage in stages}

    def keep(module: nn.Module, _: Any, answer: Any) -> Any:
        tensor, folded = tensor_in(answer), fold(answer, channels_last=channels_last)
        if tensor is None or folded is None:
            return None
        maps[names[module]] = folded
        layouts.add(is_channels_last(tensor))
        if folded is tensor or not tensor.requires_grad:
            return None
        unfolded = unfold(folded, tensor)
        return unfolded if isinstance(answer, Tensor) else type(answer)([unfolded, *answer[1:]])

    with hooked(network, names, keep):
        answer = network(planes)
    return maps, first_tensor(answer), layouts


def _choose(cuts: Sequence[Cut], calls: Sequence[Call], size: int) -> list[tuple[int, Call]]:
    """Places among the cuts of those to read, each with the module to read it from."""
    way = _Way(cuts, _levels(cuts, size), [0, *accumulate(cut.numbers for cut in cuts)])
    parts = way.parts()
    if not parts:
        return []
    ends = [(end, cuts[end].outermost) for part in parts if (end := _end(part, way, calls)) is not None]
    deepest = parts[-1]
    last = deepest[-1], cuts[deepest[-1]].outermost
    blocks = _blocks(deepest, cuts)
    is_bulk = way.numbers(deepest[0], deepest[-1]) > _BULK * way.numbers(0, deepest[-1])
    if len(blocks) < _FEW_LEVELS or (len(ends) >= _FEW_LEVELS and not is_bulk):
        return ends[-DEPTHS:] or [last]
    shares = {math.ceil(len(blocks) * share / DEPTHS) - 1 for share in range(1, DEPTHS)}
    return [*(blocks[share] for share in sorted(shares - {len(blocks) - 1})), last]


@dataclass(frozen=True, slots=True)
class _Way:
    """The cuts in order, the level of each (None: left out), and how many parameters there are before each."""

    cuts: Sequence[Cut]
    levels: Sequence[int | None]
    totals: Sequence[int]

    def parts(self) -> list[list[int]]:
        """Places of the cuts by level, shallow to deep; what only pools is no level."""
        parts = [
            [place for place, one in enumerate(self.levels) if one == level]
            for level in sorted({level for level in self.levels if level is not None})
        ]
        return [part for part in parts if self.numbers(part[0], part[-1])] or parts[-1:]

    def numbers(self, first: int, last: int) -> int:
        """How many parameters are used from one cut to another, both included."""
        return self.totals[last + 1] - self.totals[first]

    def level_at(self, place: int) -> int:
        """The level reached at a cut; that of the picture before the first."""
        return next((level for level in reversed(self.levels[: place + 1]) if level is not None), 0)


def _levels(cuts: Sequence[Cut], size: int) -> list[int | None]:
    """The resolution of each cut, counted from the picture's: each has at most half as many places as the one before.

    Left out are answers larger than one before them, and all after a pooling to a single place.
    """
    levels: list[int | None] = [None] * len(cuts)
    level, first, least = 0, size * size, size * size
    for place, cut in enumerate(cuts):
        if cut.places > least:
            continue
        if 2 * cut.places <= first:
            if cut.places == 1 and (least > 4 or not cut.numbers):  # noqa: PLR2004 - a stride of two
                break
            level, first = level + 1, cut.places
        levels[place], least = level, cut.places
    return levels


def _end(level: Sequence[int], way: _Way, calls: Sequence[Call]) -> int | None:
    """The last cut of a level that is no half-done part of a module which leads to the next.

    What lies inside such a module is whole only if it is the bulk of that module and of its level: the blocks before a
    closing pooling are, the widening before a strided convolution is not.
    """
    times = [cut.time for cut in way.cuts]
    for place in reversed(level):
        for call in calls:
            before, after = bisect_left(times, call.start) - 1, bisect_right(times, call.end) - 1
            if not before < place < after or way.level_at(after) != way.level_at(before) + 1:
                continue
            part = way.numbers(before + 1, place)
            if way.level_at(before) == way.level_at(place) and (
                2 * part <= way.numbers(before + 1, after) or 2 * part <= way.numbers(level[0], level[-1])
            ):
                break
        else:
            return place
    return None


def _blocks(level: Sequence[int], cuts: Sequence[Cut]) -> list[tuple[int, Call]]:
    """The cuts of a level that modules of its most frequent kind answer; a kind without parts is no block."""
    answers = [{call.kind: call for call in reversed(cuts[place].calls) if call.parts} for place in level]
    frequent = Counter(kind for kinds in answers for kind in kinds).most_common(1)
    if not frequent:
        return []
    kind = frequent[0][0]
    return [(place, kinds[kind]) for place, kinds in zip(level, answers, strict=True) if kind in kinds]


def _groups(parameters: Mapping[str, Tensor], cuts: Sequence[Cut], ends: Sequence[int]) -> tuple[tuple[str, ...], ...]:
    """Parameters by the stage they are first used for, in the network's own order."""
    stage = {
        name: number
        for number, (first, end) in enumerate(pairwise([-1, *ends]))
        for cut in cuts[first + 1 : end + 1]
        for name in cut.names
    }
    groups: list[list[str]] = [[] for _ in range(len(ends) + 1)]
    for name in parameters:
        groups[stage.get(name, len(ends))].append(name)
    return tuple(tuple(group) for group in groups)
